import { homedir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ConfigError, type ConfigProblem, type ConfigSources, readConfig } from './config.ts'
import { hostsMax } from './host-list.ts'
import { startingLimits } from './limit-tables.ts'
import { serviceVariables } from './service-variables.ts'
import { namedSettings } from './settings.ts'

function problemsOf(sources: ConfigSources): readonly ConfigProblem[] {
  try {
    readConfig(sources)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

function file(content: unknown): ConfigSources {
  return { file: { path: 'bandpass.json', text: JSON.stringify(content) } }
}

const table = {
  perUseMinor: 100,
  perDayMinor: 1_000,
  perClassDayMinor: { pay: 1_000, receive: 1_000 },
  perLevelUseMinor: [0, 10, 20, 30, 40],
  perLevelDayMinor: [0, 100, 200, 300, 400],
  verification: [{ aboveMinor: 50, withinMs: 60_000 }],
  restrictedPerUseMinor: 5,
  tapAboveMinor: 10,
}

describe('a configuration', () => {
  it('needs nothing: every setting has a default that is valid', () => {
    const config = readConfig()
    expect(config).toMatchObject({ host: '127.0.0.1', port: 8484, durability: 'disk', heartbeatS: 30, demo: false })
    expect([...config.limits.keys()]).toEqual([978, 840, 156])
  })

  it('takes flags over the environment, that over the file, and that over the defaults', () => {
    const sources = {
      ...file({ port: 1, heartbeatS: 11, drainMs: 111 }),
      environment: { BANDPASS_PORT: '2', BANDPASS_HEARTBEAT_S: '22' },
      flags: { port: '3' },
    }
    expect(readConfig(sources)).toMatchObject({ port: 3, heartbeatS: 22, drainMs: 111, host: '127.0.0.1' })
  })

  it('gives each setting one name in the environment and one as a flag', () => {
    expect(new Set(namedSettings.map((one) => one.environment)).size).toBe(namedSettings.length)
    expect(new Set(namedSettings.map((one) => one.flag)).size).toBe(namedSettings.length)
    const named = namedSettings.find((one) => one.path === 'pairing.failuresPerAccount')
    expect(named).toMatchObject({
      environment: 'BANDPASS_PAIRING_FAILURES_PER_ACCOUNT',
      flag: 'pairing-failures-per-account',
    })
  })

  it('accepts every default when it is written out, in each of the three places', () => {
    for (const { path, environment, flag, setting } of namedSettings) {
      const text = setting.sign === 'JSON' ? JSON.stringify(asJson(setting.default)) : setting.defaultText
      if (setting.default === undefined) continue
      expect(problemsOf({ environment: { [environment]: text } }), path).toEqual([])
      expect(problemsOf({ flags: { [flag]: text } }), path).toEqual([])
    }
  })

  it('tells every mistake at once, each with where it stands, what was expected and what came', () => {
    const problems = problemsOf({
      ...file({ port: 70_000, durability: 'maybe', pairing: { windowsMax: '10' }, hots: 'x', bands: 3 }),
      environment: { BANDPASS_HEARTBEAT_S: 'often', BANDPASS_PROT: '1', HOME: '/root' },
      flags: { 'drain-ms': '-1', lisener: 'ws', listener: 'fast' },
    })
    const told = problems.map(({ path, source, got }) => [path, source, got])
    expect(told).toEqual([
      ['port', 'bandpass.json', '70000'],
      ['durability', 'bandpass.json', '"maybe"'],
      ['pairing.windowsMax', 'bandpass.json', '"10"'],
      ['hots', 'bandpass.json', '"hots"'],
      ['bands', 'bandpass.json', '3'],
      ['heartbeatS', 'environment BANDPASS_HEARTBEAT_S', '"often"'],
      ['BANDPASS_PROT', 'environment', 'BANDPASS_PROT'],
      ['drainMs', 'flag --drain-ms', '"-1"'],
      ['--lisener', 'flag', '--lisener'],
      ['listener', 'flag --listener', '"fast"'],
    ])
    expect(problems.every((one) => one.expected !== '')).toBe(true)
  })

  it('says what was probably meant by a name that does not exist', () => {
    const [inFile, inEnvironment, asFlag] = problemsOf({
      ...file({ pairing: { windowMax: 3 } }),
      environment: { BANDPASS_DURABILTY: 'disk' },
      flags: { 'hearbeat-s': '3' },
    })
    expect(inFile?.hint).toBe('did you mean pairing.windowsMax?')
    expect(inEnvironment?.hint).toBe('did you mean BANDPASS_DURABILITY?')
    expect(asFlag?.hint).toBe('did you mean --heartbeat-s?')
  })

  it('finds a setting that was written outside its group', () => {
    expect(problemsOf(file({ segmentBytes: 1_048_576 }))[0]?.hint).toBe('did you mean journal.segmentBytes?')
  })

  it('shows all mistakes in its message, one to a line', () => {
    const message = (() => {
      try {
        readConfig({ flags: { port: 'x', durability: 'y' } })
        return ''
      } catch (error) {
        return error instanceof Error ? error.message : ''
      }
    })()
    expect(message.split('\n')).toEqual([
      'The configuration has 2 mistakes:',
      '  port (flag --port): expected a whole number from 0 to 65535, got "x"',
      '  durability (flag --durability): expected one of disk, process, got "y"',
    ])
  })

  it('passes over what Kubernetes sets for a Service of our name, and takes the settings beside it', () => {
    const environment = {
      BANDPASS_SERVICE_HOST: '10.96.0.7',
      BANDPASS_SERVICE_PORT: '8484',
      BANDPASS_SERVICE_PORT_HTTP: '8484',
      BANDPASS_PORT: 'tcp://10.96.0.7:8484',
      BANDPASS_PORT_8484_TCP: 'tcp://10.96.0.7:8484',
      BANDPASS_PORT_8484_TCP_PROTO: 'tcp',
      BANDPASS_PORT_8484_TCP_PORT: '8484',
      BANDPASS_PORT_8484_TCP_ADDR: '10.96.0.7',
      BANDPASS_OPERATORS_SERVICE_HOST: '10.96.0.8',
      BANDPASS_OPERATORS_PORT: 'tcp://[fd00::8]:8485',
      BANDPASS_METRICS_PORT_53_UDP: 'udp://10.96.0.9:53',
      BANDPASS_HEARTBEAT_S: '22',
    }
    expect(readConfig({ environment })).toMatchObject({ port: 8_484, operators: { port: 'auto' }, heartbeatS: 22 })
    expect(serviceVariables({ ...environment, HOME: '/root' })).toEqual(
      Object.keys(environment)
        .filter((name) => name !== 'BANDPASS_HEARTBEAT_S')
        .toSorted(),
    )
    for (const port of ['http://10.96.0.7', 'tcp:', '70000']) {
      expect(problemsOf({ environment: { BANDPASS_PORT: port } }), port).toHaveLength(1)
    }
    expect(problemsOf({ environment: { BANDPASS_SERVICE: '1' } })).toHaveLength(1)
  })

  it('takes an empty variable for one that is not set, and spaces around a value for nothing', () => {
    const environment = {
      BANDPASS_OPERATORS_ORIGIN: '',
      BANDPASS_PORT: ' ',
      BANDPASS_HOSTS: '\n',
      BANDPASS_NO_SETTING: '',
    }
    expect(readConfig({ environment })).toEqual(readConfig())
    const padded = {
      BANDPASS_PORT: ' 5 ',
      BANDPASS_DEMO: 'true\n',
      BANDPASS_DURABILITY: ' Process ',
      BANDPASS_DATA: '/d\r\n',
    }
    expect(readConfig({ environment: padded })).toMatchObject({
      port: 5,
      demo: true,
      durability: 'process',
      data: '/d',
    })
    expect(readConfig({ environment: { BANDPASS_LIMITS: ` ${JSON.stringify({ EUR: table })}\n` } }).limits.size).toBe(1)
  })

  it('takes numbers and truth values as other programs write them, and refuses those with a unit', () => {
    const portOf = (port: string) => readConfig({ environment: { BANDPASS_PORT: port } }).port
    expect(['1_000', '1e3', '+7', '8484.0', '0'].map(portOf)).toEqual([1_000, 1_000, 7, 8_484, 0])
    expect(readConfig({ flags: { 'journal-segment-bytes': '6.7108864e+07' } }).journal.segmentBytes).toBe(67_108_864)
    for (const port of ['0x10', '1__0', '_1', '1,000', '1.5', '1e9', 'Infinity', 'NaN', '٣', '--1', '1e']) {
      expect(problemsOf({ environment: { BANDPASS_PORT: port } }), port).toHaveLength(1)
    }
    expect(problemsOf({ flags: { 'drain-ms': '10s' } })[0]?.hint).toBe(
      'digits alone: the unit is in the name of the setting',
    )
    const isDemo = (demo: string) => readConfig({ environment: { BANDPASS_DEMO: demo } }).demo
    expect(['True', '1', 'yes', 'ON'].map(isDemo)).toEqual([true, true, true, true])
    expect(['FALSE', '0', 'No', 'off'].map(isDemo)).toEqual([false, false, false, false])
    for (const demo of ['maybe', '2', 'y']) expect(problemsOf({ environment: { BANDPASS_DEMO: demo } })).toHaveLength(1)
    // YAML makes a truth value of off.
    expect(readConfig(file({ operators: { port: false }, tokens: { local: true } }))).toMatchObject({
      operators: { port: 'off' },
      tokens: { local: 'on' },
    })
    expect(problemsOf({ environment: { BANDPASS_HOST: '"127.0.0.1"' } })[0]?.hint).toBe('without quotes')
  })

  it('takes hosts as people list them', () => {
    const hostsOf = (hosts: string) => readConfig({ environment: { BANDPASS_HOSTS: hosts } }).hosts
    expect(hostsOf(' a.example, b.example:8443 ,,\nc.example, ')).toEqual(['a.example', 'b.example:8443', 'c.example'])
    expect(hostsOf('bücher.example:8443')).toEqual(['xn--bcher-kva.example:8443'])
    expect(hostsOf('2001:db8::1')).toEqual(['[2001:db8::1]'])
    expect(readConfig({ flags: { host: '[::1]', 'operators-host': '[::1]' } })).toMatchObject({
      host: '::1',
      operators: { host: '::1' },
    })
    expect(problemsOf({ flags: { hosts: ' , ' } })).toHaveLength(1)
  })

  it('takes ~ for the home folder where no shell has read it, and no home of another user', () => {
    const dataOf = (data: string) => readConfig({ environment: { BANDPASS_DATA: data } }).data
    expect([dataOf('~/bands'), dataOf('~'), dataOf('./~x'), dataOf('a/~/b')]).toEqual([
      join(homedir(), 'bands'),
      homedir(),
      './~x',
      'a/~/b',
    ])
    expect(problemsOf({ flags: { 'master-key-file': '~root/key' } })[0]?.hint).toMatch(/in full/)
  })

  it('judges only what a command needs, when that is not all', () => {
    const only = ['data', 'masterKeyFile']
    const sources = { ...file({ port: -1, heartbeats: 3, data: '/d' }), environment: { BANDPASS_PORT: 'x' } }
    expect(problemsOf(sources)).toHaveLength(3)
    expect(readConfig({ ...sources, only })).toMatchObject({ data: '/d', port: 8_484 })
    expect(problemsOf({ environment: { BANDPASS_DTA: '/d' }, only })[0]?.hint).toBe('did you mean BANDPASS_DATA?')
    expect(problemsOf({ ...file({ dta: '/d' }), only })).toHaveLength(1)
    expect(problemsOf({ file: { path: 'a.json', text: '{' }, only })).toHaveLength(1)
  })

  it('refuses a file that is no JSON, or no object', () => {
    expect(problemsOf({ file: { path: 'a.json', text: '{port: 1}' } })).toMatchObject([{ expected: 'JSON' }])
    expect(problemsOf(file([1]))).toMatchObject([{ expected: 'an object of settings' }])
  })

  it('does not take a number as text, or text as a number, in JSON', () => {
    expect(problemsOf(file({ port: '8484' }))[0]?.hint).toBe('without quotes')
    expect(problemsOf(file({ demo: 'true' }))[0]?.hint).toBe('without quotes')
    expect(problemsOf(file({ host: 1 }))).toHaveLength(1)
  })

  it('takes a number at either end of its range, and none past it', () => {
    for (const { path, flag, setting } of namedSettings) {
      const range = /from (\d+) to (\d+)$/.exec(setting.expected)
      if (range === null) continue
      const [min, max] = [Number(range[1]), Number(range[2])]
      const isRange = (value: number) =>
        problemsOf({ flags: { [flag]: String(value) } }).filter((one) => one.source !== 'together').length === 0
      expect([isRange(min), isRange(max), isRange(min - 1), isRange(max + 1)], path).toEqual([true, true, false, false])
    }
  })

  it('refuses settings that do not fit one another', () => {
    const paths = (sources: ConfigSources) => problemsOf(sources).map((one) => one.path)
    const jwksUrl = 'https://issuer.test/jwks'
    expect(paths(file({ tokens: { issuer: 'me', jwksUrl, jwksFile: 'keys.json' } }))).toEqual(['tokens.jwksUrl'])
    expect(paths(file({ tokens: { jwksUrl } }))).toEqual(['tokens.issuer'])
    expect(paths(file({ tokens: { issuer: 'me' } }))).toEqual(['tokens.jwksFile'])
    expect(paths(file({ tokens: { local: 'off' } }))).toEqual(['tokens.local'])
    expect(paths(file({ journal: { segmentBytes: 1_000_001 } }))).toEqual(['journal.segmentBytes'])
    expect(paths(file({ network: { phone: { bytes: { burst: 4_095 } } } }))).toEqual(['network.phone.bytes.burst'])
    expect(paths(file({ network: { hub: { bytes: { burst: 16_383 } } } }))).toEqual(['network.hub.bytes.burst'])
    expect(paths(file({ limits: {} }))).toEqual(['limits'])
  })

  it('lets others than this machine come only when it knows the hosts that phones connect by', () => {
    const paths = (config: object) => problemsOf(file(config)).map((one) => one.path)
    for (const host of ['127.0.0.1', '127.1.2.3', 'localhost', '::1']) expect(paths({ host })).toEqual([])
    for (const host of ['0.0.0.0', '::', '192.0.2.7', 'localhost.example']) {
      expect(paths({ host })).toEqual(['hosts'])
      expect(paths({ host, hosts: ['engine.example', '192.0.2.7:8484'] })).toEqual([])
    }
    for (const hosts of [[], ['https://engine.example'], ['engine.example/phone'], ['*'], [7], 'engine.example']) {
      expect(paths({ hosts })[0]).toMatch(/^hosts/)
    }
    const many = (count: number) => Array.from({ length: count }, (_, at) => `h${at}.example`)
    expect(paths({ hosts: many(hostsMax) })).toEqual([])
    expect(paths({ hosts: many(hostsMax + 1) })).toEqual(['hosts'])
    const flags = { flags: { hosts: 'engine.example, [2001:db8::1]:9000' } }
    expect(readConfig({ ...file({}), ...flags }).hosts).toEqual(['engine.example', '[2001:db8::1]:9000'])
  })

  it("lets others than this machine come to the operators' page only with an origin that browsers trust", () => {
    const paths = (operators: object) => problemsOf(file({ operators })).map((one) => one.path)
    for (const host of ['127.0.0.1', '127.1.2.3', 'localhost', '::1']) expect(paths({ host })).toEqual([])
    for (const host of ['0.0.0.0', '::', '192.0.2.7']) {
      expect(paths({ host })).toEqual(['operators.origin'])
      expect(paths({ host, origin: 'https://bands.example' })).toEqual([])
      // Without TLS, and for this machine: the others would come all the same.
      expect(paths({ host, origin: 'http://localhost:8485' })).toEqual(['operators.origin'])
      expect(paths({ host, port: 'off' })).toEqual([])
    }
    for (const origin of [
      'http://bands.example',
      'https://bands.example/',
      'https://bands.example/x',
      'bands.example',
    ]) {
      expect(paths({ origin })).toEqual(['operators.origin'])
    }
    for (const origin of ['https://bands.example:8443', 'http://localhost:9', 'http://127.0.0.1:9']) {
      expect(paths({ origin })).toEqual([])
    }
  })

  it('takes a provider whole, and roles that there are', () => {
    const paths = (oidc: object) => problemsOf(file({ operators: { oidc } })).map((one) => one.path)
    const whole = { issuer: 'https://login.example', clientId: 'b', clientSecretFile: 's' }
    expect(paths(whole)).toEqual([])
    expect(paths({ issuer: whole.issuer })).toEqual(['operators.oidc'])
    expect(paths({ ...whole, issuer: 'http://login.example' })).toContain('operators.oidc.issuer')
    expect(paths({ ...whole, scopes: 'profile' })).toEqual(['operators.oidc.scopes'])
    expect(paths({ ...whole, roles: { staff: 'admin' } })).toEqual([])
    expect(paths({ ...whole, roles: { staff: 'king' } })).toEqual(['operators.oidc.roles.staff'])
    expect(paths({ ...whole, roles: ['admin'] })).toEqual(['operators.oidc.roles'])
    expect(problemsOf(file({ operators: { sessions: { idleMs: 120_000, absoluteMs: 60_000 } } }))).toHaveLength(1)
  })

  it('takes an origin as it may be written, and keeps it as browsers write it', () => {
    const originOf = (origin: string) => readConfig(file({ operators: { origin } })).operators.origin
    const written: readonly (readonly [string, string])[] = [
      ['https://bands.example.com:443', 'https://bands.example.com'],
      ['HTTPS://Bands.Example.com', 'https://bands.example.com'],
      ['https://bands.example.com.', 'https://bands.example.com'],
      ['https://bücher.example', 'https://xn--bcher-kva.example'],
      ['https://[2001:DB8:0:0::1]:8443', 'https://[2001:db8::1]:8443'],
      ['http://LOCALHOST:80', 'http://localhost'],
      ['  https://bands.example\n', 'https://bands.example'],
    ]
    for (const [one, meant] of written) expect(originOf(one), one).toBe(meant)
    for (const origin of [
      'https://*.example',
      'https://a:b@c.example',
      'https://',
      'https://bands.example?x',
      'wss://x',
    ]) {
      expect(problemsOf(file({ operators: { origin } })), origin).toHaveLength(1)
    }
    expect(problemsOf(file({ operators: { origin: 'https://Bands.example/' } }))[0]?.hint).toBe(
      'did you mean https://bands.example?',
    )
  })

  it('takes a port by its number or one of its words', () => {
    const ports = ['auto', 'off', 0, 65_535].map((port) => readConfig(file({ operators: { port } })).operators.port)
    expect(ports).toEqual(['auto', 'off', 0, 65_535])
    expect(readConfig({ flags: { 'operators-port': '9000' } }).operators.port).toBe(9_000)
    for (const port of ['on', -1, 65_536, '9000']) expect(problemsOf(file({ operators: { port } }))).toHaveLength(1)
  })

  it('fetches token keys over TLS only, or from this machine', () => {
    const isTaken = (jwksUrl: string) => problemsOf(file({ tokens: { issuer: 'me', jwksUrl } })).length === 0
    expect(isTaken('https://issuer.test/.well-known/jwks.json')).toBe(true)
    expect(isTaken('http://127.0.0.1:9000/jwks')).toBe(true)
    expect(isTaken('http://issuer.test/jwks')).toBe(false)
    expect(isTaken('http://127.0.0.1.issuer.test/jwks')).toBe(false)
    expect(isTaken('file:///etc/jwks')).toBe(false)
  })
})

describe('the limits of a configuration', () => {
  it('replace the defaults, so that a currency left out is not allowed', () => {
    const { limits } = readConfig(file({ limits: { CHF: table, '999': table } }))
    expect(new Set(limits.keys())).toEqual(new Set([756, 999]))
    expect(limits.get(756)).toEqual(table)
  })

  it('may come as JSON text from environment and flags', () => {
    const { limits } = readConfig({ environment: { BANDPASS_LIMITS: JSON.stringify({ EUR: table }) } })
    expect([...limits.keys()]).toEqual([978])
  })

  it('tell every mistake of every table, by path', () => {
    const problems = problemsOf(
      file({
        limits: {
          EUR: { ...table, perUseMinor: 1.5, perUsMinor: 3, perLevelUseMinor: [1, 2, 3], tapAboveMinor: undefined },
          ERU: table,
          USD: { ...table, perLevelDayMinor: [0, 5, 4, 6, 7], verification: [{ aboveMinor: 1, withinMs: -1 }] },
          CNY: 3,
        },
      }),
    )
    expect(problems.map((one) => one.path)).toEqual(
      expect.arrayContaining([
        'limits.EUR.perUsMinor',
        'limits.EUR.perUseMinor',
        'limits.EUR.perLevelUseMinor',
        'limits.EUR.tapAboveMinor',
        'limits.ERU',
        'limits.USD.perLevelDayMinor',
        'limits.USD.verification[0].withinMs',
        'limits.CNY',
      ]),
    )
    expect(problems.find((one) => one.path === 'limits.ERU')?.hint).toBe('did you mean EUR?')
    expect(problems.find((one) => one.path === 'limits.EUR.perUsMinor')?.hint).toBe('did you mean perUseMinor?')
  })

  it('of the defaults let nothing pass without evidence, and want a new verification for large amounts', () => {
    for (const [, one] of startingLimits) {
      expect(one.perLevelUseMinor[0]).toBe(0)
      expect(one.verification.at(-1)?.withinMs).toBe(0)
      expect(one.restrictedPerUseMinor).toBeLessThan(one.perUseMinor)
    }
  })
})

/** As it would be written in the file: numbers of currencies have three digits. */
function asJson(value: unknown): unknown {
  if (!(value instanceof Map)) return value
  const entries: readonly (readonly [unknown, unknown])[] = [...value]
  return Object.fromEntries(entries.map(([key, one]) => [String(key).padStart(3, '0'), one]))
}
