import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { toHex } from '../../base/bytes.ts'
import { noblePrimitives } from './noble-primitives.ts'
import { createKeyring } from '../at-rest.ts'
import { createHandshake } from '../links/noise.ts'
import { pairingBinding } from '../links/link-seal.ts'
import { SealedChannel } from '../links/sealed-channel.ts'
import { Secret, equalSecret, wipe } from './secret.ts'
import { everyFlip, filled } from './test-bytes.ts'

describe('a secret', () => {
  const canary = Uint8Array.from({ length: 16 }, (_, i) => 0xc0 + i)

  it('never prints: not by String, a template, JSON, inspect or the console, and not inside other things', () => {
    const secret = new Secret(canary.slice())
    const printed = [
      String(secret),
      // oxlint-disable-next-line typescript/restrict-template-expressions -- the slip that must not leak
      `${secret}`,
      JSON.stringify(secret),
      JSON.stringify({ deep: [secret] }),
      inspect(secret),
      inspect(secret, { showHidden: true, depth: null, getters: true }),
      inspect({ deep: [secret] }, { depth: null }),
      Object.entries(secret).join(),
    ]
    // What a bare array would have said, so that the test can fail.
    expect(leaks(inspect(canary))).toBe(true)
    expect(leaks(JSON.stringify(canary))).toBe(true)
    for (const text of printed) expect(leaks(text)).toBe(false)
    expect(inspect({ key: secret })).toBe('{ key: [secret] }')
  })

  it('can be used until it is wiped, and its bytes are zero after', () => {
    const bytes = canary.slice()
    const secret = new Secret(bytes)
    expect(secret.use((held) => toHex(held))).toBe(toHex(canary))
    secret.wipe()
    expect(bytes).toEqual(new Uint8Array(16))
    expect(() => secret.bytes).toThrow('this secret was wiped')
    expect(() => secret.use(() => 1)).toThrow('this secret was wiped')
  })

  it('does not print from what holds keys: a keyring, a channel, a handshake', () => {
    const key = filled(32, 0xc7)
    const holders = [
      createKeyring(noblePrimitives, [{ id: 1, key }]),
      new SealedChannel(noblePrimitives, {
        end: 'band',
        keys: { up: key, down: key, sid: 1 },
        binding: pairingBinding,
        monotonicMs: () => 0,
      }),
      createHandshake(noblePrimitives, {
        pattern: 'KKpsk0',
        role: 'initiator',
        prologue: new Uint8Array(0),
        staticSecret: key,
        remoteStatic: noblePrimitives.x25519PublicKey(filled(32, 1)),
        psk: key,
      }),
    ]
    for (const holder of holders) {
      expect(inspect(holder, { showHidden: true, depth: null })).not.toMatch(/199, 199|c7c7|c7 c7/)
      expect(JSON.stringify(holder)).not.toMatch(/199,199|"0":199|c7c7/)
    }
  })

  function leaks(text: string): boolean {
    return /c0c1c2|192,\s*193|"0":192|c0 c1/.test(text)
  }
})

describe('comparing secrets', () => {
  it('says equal for equal bytes and different for each single changed bit or another length', () => {
    const tag = Uint8Array.from({ length: 16 }, (_, i) => 17 * i)
    expect(equalSecret(tag, tag.slice())).toBe(true)
    expect(equalSecret(new Uint8Array(0), new Uint8Array(0))).toBe(true)
    for (const other of everyFlip(tag)) expect(equalSecret(tag, other)).toBe(false)
    expect(equalSecret(tag, tag.subarray(0, 15))).toBe(false)
    expect(equalSecret(tag.subarray(0, 15), tag)).toBe(false)
  })

  it('looks at every byte, wherever the first difference is', () => {
    const reads = { first: 0, last: 0 }
    for (const [place, at] of [
      ['first', 0],
      ['last', 31],
    ] as const) {
      const watched = new Proxy(flippedAt(at), {
        get(target, name) {
          if (typeof name === 'string' && /^\d+$/.test(name)) reads[place] += 1
          const value: unknown = Reflect.get(target, name, target)
          return value
        },
      })
      expect(equalSecret(watched, filled(32, 1))).toBe(false)
    }
    expect(reads).toEqual({ first: 32, last: 32 })
  })

  function flippedAt(at: number): Uint8Array {
    const bytes = filled(32, 1)
    bytes[at] = 2
    return bytes
  }
})

describe('wiping', () => {
  it('overwrites all it is given and skips what is not there', () => {
    const [one, two] = [filled(3, 1), filled(4, 2)]
    wipe(one, undefined, two)
    expect([one, two]).toEqual([new Uint8Array(3), new Uint8Array(4)])
  })
})
