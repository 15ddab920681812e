// On a real terminal (a pseudo-terminal of `script`), where people read, and beside it in a pipe, where programs do.
import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { testFolder } from '../../server/log/test-folder.ts'
import { commands } from '../commands.ts'
import { armedBand, bandpass, bandpassProcess, testEngine } from '../test-engine.ts'

const launcher = join(import.meta.dirname, '..', '..', 'bin', 'bandpass')
const hasScript = spawnSync('script', ['--version']).status === 0

function onTerminal(...args: readonly string[]): string {
  const command = [launcher, ...args].map((one) => `'${one}'`).join(' ')
  return spawnSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8' }).stdout.replaceAll('\r', '')
}

describe.skipIf(!hasScript)('a command that makes something', () => {
  it.for([
    ['operator', 'add', 'ada', '--role', 'admin'],
    ['operator', 'token', 'ada'],
    ['partner', 'add', '--name', 'Corner shop'],
  ] as const)('tells people in sentences and programs in JSON: %s %s', (args) => {
    const place = ['--data', testFolder(onTestFinished)]
    spawnSync(launcher, ['operator', 'add', 'ada', '--role', 'admin', ...place])
    const again = args[1] === 'add' && args[0] === 'operator' ? ['operator', 'add', 'bob', '--role', 'admin'] : args
    const said = onTerminal(...again, ...place)
    expect(said).toMatch(/this once/)
    expect(said).not.toContain('{')
    const data = ['--data', testFolder(onTestFinished)]
    spawnSync(launcher, ['operator', 'add', 'ada', '--role', 'viewer', ...data])
    const piped = spawnSync(launcher, [...again, ...data], { encoding: 'utf8' }).stdout
    expect(Object.keys(JSON.parse(piped))).toContain('name')
    const other = ['--data', testFolder(onTestFinished)]
    spawnSync(launcher, ['operator', 'add', 'ada', '--role', 'viewer', ...other])
    const line = onTerminal(...again, ...other, '--json')
      .split('\n')
      .find((one) => one.startsWith('{'))
    expect(Object.keys(JSON.parse(line ?? ''))).toContain('name')
  })
})

/** Without a running engine, in this order on one data folder; `{…}` is filled in. */
const alone: Readonly<Record<string, readonly string[]>> = {
  keys: [],
  'operator add': ['ada', '--role', 'admin'],
  'operator token': ['ada'],
  'operator list': [],
  'operator remove': ['ada'],
  'partner add': ['--name', 'Corner shop'],
  'partner rotate': ['--id', '{partner}'],
  'partner list': [],
  'partner remove': ['--id', '{partner}'],
  'vendor add': ['--vendor', '7', '--name', 'Band Works', '--root', 'ab'.repeat(32)],
  'vendor revoke': ['--vendor', '7', '--model', '2'],
  'vendor restore': ['--vendor', '7', '--model', '2'],
  'vendor list': [],
  token: ['--account', 'alice', '--key', 'ab'.repeat(32)],
  'keys rotate': ['receipt'],
  backup: ['--to', '{backup}'],
  restore: ['--from', '{backup}', '--to', '{restored}', '--master-key-file', '{master-key}'],
  'audit verify': [],
  'keys rotate-master': [],
}

/** With one. */
const besideAnEngine: Readonly<Record<string, readonly string[]>> = {
  inspect: ['{bid}'],
  top: [],
  import: ['-'],
}

/** In a test of its own, which is long: test/end-to-end/loadtest.test.ts. */
const elsewhereTried = ['loadtest']

/** They start an engine. */
const starting: Readonly<Record<string, readonly string[]>> = {
  serve: ['--port', '0', '--operators-port', '0'],
  demo: ['--bands', '8', '--seconds', '3'],
}

describe('every command', () => {
  it.for(commands.map((one) => [one.name, one] as const))('%s knows --json, and says so in its help', ([, command]) => {
    expect(command.options.filter(({ name }) => name === 'json')).toEqual([
      expect.not.objectContaining({ value: expect.anything() }),
    ])
  })

  it('is in one of the lists that the tests below go through', () => {
    const tried = [...[alone, besideAnEngine, starting].flatMap((list) => Object.keys(list)), ...elsewhereTried]
    expect(tried.toSorted()).toEqual(commands.map(({ name }) => name).toSorted())
  })

  it('that needs the data folder alone prints one line of JSON with --json', async () => {
    const data = testFolder(onTestFinished)
    const engine = await testEngine(onTestFinished, data)
    await engine.server.stop()
    const elsewhere = testFolder(onTestFinished)
    const filled = new Map([
      ['{backup}', join(elsewhere, 'backup')],
      ['{restored}', join(elsewhere, 'restored')],
      ['{master-key}', join(data, 'master.key')],
    ])
    for (const [name, args] of Object.entries(alone)) {
      const place = name === 'restore' ? [] : ['--data', data]
      const given = args.map((one) => filled.get(one) ?? one)
      const { status, stdout, stderr } = bandpass(...name.split(' '), ...given, ...place, '--json')
      expect(status, `${name}: ${stderr}`).toBe(0)
      const made = oneLineOfJson(name, stdout)
      if (name === 'partner add') filled.set('{partner}', String(made['id']))
    }
  })

  it('that asks a running engine prints one line of JSON with --json', async () => {
    const data = testFolder(onTestFinished)
    const engine = await testEngine(onTestFinished, data)
    const { band } = await armedBand(onTestFinished, engine)
    for (const [name, args] of Object.entries(besideAnEngine)) {
      const given = args.map((one) => (one === '{bid}' ? band.bid : one))
      const where = ['--url', engine.server.url, '--admin-token', join(data, 'admin-token')]
      const { status, stdout, stderr } = await bandpassProcess(onTestFinished, name, ...given, ...where, '--json').ended
      expect(status, `${name}: ${stderr}`).toBe(0)
      oneLineOfJson(name, stdout)
    }
  })

  it('that starts an engine prints one line of JSON with --json', async () => {
    for (const [name, args] of Object.entries(starting)) {
      const { child, firstLine, ended } = bandpassProcess(
        onTestFinished,
        name,
        ...args,
        '--data',
        testFolder(onTestFinished),
        '--json',
      )
      await Promise.race([firstLine, ended])
      if (name === 'serve') child.kill('SIGTERM')
      const { status, stdout, stderr } = await ended
      expect(status, `${name}: ${stderr}`).toBe(0)
      oneLineOfJson(name, stdout)
    }
  })
})

function oneLineOfJson(name: string, stdout: string): Record<string, unknown> {
  expect(stdout.endsWith('\n') && stdout.split('\n').length === 2, `${name} printed ${stdout}`).toBe(true)
  return JSON.parse(stdout)
}

describe.skipIf(!hasScript)('serve', () => {
  it('tells people on a terminal that it is ready, and where the page of operators is', async () => {
    const data = testFolder(onTestFinished)
    const command = [launcher, 'serve', '--port', '0', '--operators-port', '0', '--data', data].join(' ')
    const said = { stdout: '' }
    // `exec`: the terminal's end and Ctrl-C reach the engine itself.
    const child = spawn('script', ['-qec', `exec ${command} 2>/dev/null`, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    const ended = new Promise<number | null>((resolve) => void child.once('close', resolve))
    await new Promise<void>((resolve) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said.stdout += text
        if (said.stdout.includes('What follows here is the log.')) resolve()
      })
      void ended.then(() => resolve())
    })
    child.stdin.write('\u0003')
    await ended
    expect(said.stdout).toMatch(
      /^Ready: phones connect to ws:\/\/\S+:\d+\/phone; answers leave when they are on disk\.\r\n/,
    )
    expect(said.stdout).toMatch(
      /Operators open http:\/\/\S+:\d+\/? and sign in; bandpass operator add NAME --role admin/,
    )
    expect(said.stdout).not.toContain('{')
    expect(bandpass('audit', 'verify', '--data', data)).toMatchObject({ status: 0 })
  })
})
