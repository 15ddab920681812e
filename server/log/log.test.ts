import { createPrivateKey, generateKeyPairSync, webcrypto } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../crypto/primitives/secret.ts'
import { type LogLevel, createLog } from './log.ts'
import { depthMax, entriesMax, textMax } from './redact.ts'

function logged(fields: Readonly<Record<string, unknown>>, level: LogLevel = 'error', from: LogLevel = 'info'): string {
  const lines: string[] = []
  createLog((line) => lines.push(line), { nowMs: () => 0, level: from })(level, 'it.happened', fields)
  return lines.join('')
}

function parsed(fields: Readonly<Record<string, unknown>>) {
  return JSON.parse(logged(fields))
}

const canary = 'c0ffee00c0ffee00'
const bytes = Buffer.from(canary, 'hex')

/** Every way in which these bytes could stand in a line. */
function spellings(one: Uint8Array): readonly string[] {
  const buffer = Buffer.from(one)
  const hex = buffer.toString('hex')
  const spaced = hex.replaceAll(/..(?=.)/g, '$& ')
  const indexed = [...buffer].map((byte, at) => `"${at}":${byte}`).join()
  return [hex, hex.toUpperCase(), spaced, buffer.toString('base64url').slice(0, 10), [...buffer].join(), indexed]
}

function expectHidden(line: string): void {
  for (const spelling of spellings(bytes)) expect(line).not.toContain(spelling)
}

describe('a log line', () => {
  it('is one JSON object with level, time and event', () => {
    const line = logged({ count: 3, text: 'two\nlines' })
    expect(line.endsWith('}\n')).toBe(true)
    expect(line.split('\n')).toHaveLength(2)
    expect(JSON.parse(line)).toEqual({
      at: '1970-01-01T00:00:00.000Z',
      level: 'error',
      event: 'it.happened',
      count: 3,
      text: 'two\nlines',
    })
    expect(line).toMatch(/^\{"level":"error","at":"[^"]+","event":"it\.happened",/)
  })

  it('is not written below the level that was chosen', () => {
    expect(logged({}, 'info', 'info')).toContain('"level":"info"')
    expect(logged({}, 'info', 'warning')).toBe('')
    expect(logged({}, 'warning', 'warning')).toContain('"level":"warning"')
    expect(logged({}, 'warning', 'error')).toBe('')
    expect(logged({}, 'error', 'error')).toContain('"level":"error"')
  })

  it('never shows a secret, however it is wrapped', () => {
    const line = logged({
      seed: canary,
      token: canary,
      masterKey: canary,
      key: bytes,
      held: new Secret(bytes),
      nested: { list: [{ apiSecret: canary, bytes }] },
      map: new Map([['psk', canary]]),
      error: new Error('failed', { cause: { releaseSeed: canary } }),
    })
    expectHidden(line)
  })

  it('would show them all, were it written as it came', () => {
    const naive = JSON.stringify({ seed: canary, key: new Uint8Array(bytes), list: [...bytes] })
    const shown = spellings(bytes).filter((spelling) => naive.includes(spelling))
    expect(shown).toEqual([canary, [...bytes].join(), expect.stringContaining('"0":192')])
  })

  it('knows secrets by their type, whatever they are called and wherever they are', () => {
    const { privateKey } = generateKeyPairSync('ed25519')
    const { buffer } = new Uint8Array(bytes)
    class Holder {
      readonly inside = canary
    }
    const kinds = {
      buffer: bytes,
      words: new Uint16Array(buffer),
      view: new DataView(buffer),
      raw: buffer,
      shared: new SharedArrayBuffer(8),
      keyObject: createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' })),
      held: new Secret(new Uint8Array(bytes)),
      holder: new Holder(),
      tells: { toJSON: () => ({ inside: bytes }) },
      set: new Set([bytes]),
      map: new Map([[bytes, bytes]]),
      work: () => canary,
    }
    const error = new AggregateError([new Error('one', { cause: kinds })], 'all', {
      cause: new Error('x', { cause: kinds }),
    })
    const line = logged({ ...kinds, list: [kinds], error })
    expectHidden(line)
    expect(line).not.toContain('PRIVATE KEY')
    expect(JSON.parse(line)).toMatchObject({
      buffer: '[8 bytes]',
      words: '[8 bytes]',
      view: '[8 bytes]',
      raw: '[8 bytes]',
      shared: '[8 bytes]',
      keyObject: '[PrivateKeyObject]',
      held: '[secret]',
      holder: '[Holder]',
      set: ['[8 bytes]'],
      map: { '[object]': '[8 bytes]' },
      work: '[function]',
    })
  })

  it('shows no key of the platform, also under a harmless name', async () => {
    const pair = await webcrypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, true, ['sign'])
    const { privateKey } = generateKeyPairSync('ed25519')
    expect(parsed({ one: pair, two: privateKey })).toMatchObject({ one: '[CryptoKey]', two: '[PrivateKeyObject]' })
  })

  it('knows secrets by the names of their fields', () => {
    const hidden = {
      pairingSecret: 1,
      releaseSeed: 1,
      psk: 1,
      pepper: 1,
      password: 1,
      passwd: 1,
      privateKey: 'x',
      masterKey: 'x',
      credentials: 1,
      cookie: 1,
      'set-cookie': 1,
      Authorization: 1,
      bearer: 1,
      jwt: 1,
      token: 1,
      adminToken: 1,
      refreshTokens: [1],
      key: 'x',
      keys: ['x'],
      apiKey: 'x',
    }
    expect(new Set(Object.values(parsed(hidden)).slice(3))).toEqual(new Set(['[secret]']))
    const shown = {
      publicKey: 'abc',
      keys: 3,
      adminTokenIn: '/x/admin-token',
      tokenIssuers: ['me'],
      secret: true,
      psk: null,
    }
    expect(parsed(shown)).toMatchObject(shown)
  })

  it('shows no text of 43 letters and more that could be a key, in messages neither', () => {
    const key = 'a1'.repeat(32)
    const short = 'a1'.repeat(21)
    const line = logged({
      note: `got ${key}`,
      error: new Error(`wrong: ${key}\nand ${key}`),
      url: new URL(`http://u:p@h/?t=${key}`),
    })
    expect(line).not.toContain(key)
    expect(parsed({ note: `got ${short}.` })).toMatchObject({ note: `got ${short}.` })
    expect(parsed({ note: `got ${short}b.` })).toMatchObject({ note: 'got [secret].' })
    expect(parsed({ at: 'https://user:word@host/path' })).toMatchObject({ at_: 'https://[secret]@host/path' })
    expect(line).toContain('"url":"http://h/"')
  })

  it('shows nothing that commands a terminal or turns text around', () => {
    const line = logged({ name: '\u001b[2J\u009b2J\u202egnp.exe\u2028' })
    for (const one of '\u001b\u009b\u202e\u2028') expect(line).not.toContain(one)
  })

  it('cannot be made to say another level, time or event than its own', () => {
    const line = logged({ level: 'info', at: 'never', event: 'other' })
    expect(line.match(/"(level|at|event)":/g)).toHaveLength(3)
    expect(JSON.parse(line)).toMatchObject({ level: 'error', event: 'it.happened', level_: 'info', at_: 'never' })
  })

  it('shows an error with its code, its cause and where it was made', () => {
    const cause = Object.assign(new Error('no room'), { code: 'ENOSPC' })
    const { error } = parsed({ error: new TypeError('failed', { cause }) })
    expect(error).toMatchObject({ name: 'TypeError', message: 'failed', cause: { message: 'no room', code: 'ENOSPC' } })
    expect(error.stack[0]).toContain('log.test.ts')
  })

  it('ends with what is deep or goes round in circles', () => {
    const round: Record<string, unknown> = {}
    round['self'] = round
    expect(logged({ round })).toContain('[deeper]')
    const nested = (levels: number): unknown => (levels === 0 ? 'bottom' : { in: nested(levels - 1) })
    expect(logged({ value: nested(depthMax - 1) })).toContain('bottom')
    expect(logged({ value: nested(depthMax) })).not.toContain('bottom')
  })

  it('ends with what is long, and says how much there was more', () => {
    const { list, text } = parsed({ list: Array(entriesMax).fill(0), text: '. '.repeat(textMax / 2) })
    expect(list).toHaveLength(entriesMax)
    expect(text).toHaveLength(textMax)
    const longer = parsed({ list: Array(entriesMax + 1).fill(0), text: `${'. '.repeat(textMax / 2)}!` })
    expect(longer.list.at(-1)).toBe('[1 more]')
    expect(longer.text.endsWith('[1 more]')).toBe(true)
    const many = Object.fromEntries(Array.from({ length: entriesMax + 1 }, (_, at) => [`f${at}`, at]))
    expect(parsed({ many }).many).toMatchObject({ more: 1 })
  })

  it('is written although what it should show cannot be read', () => {
    const trap = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('trap')
        },
      },
    )
    const line = parsed({ trap, big: 2n ** 70n, nothing: undefined, no: Number.NaN })
    expect(line).toMatchObject({ event: 'it.happened', trap: '[unreadable]', big: '1180591620717411303424' })
  })
})
