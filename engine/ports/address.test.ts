import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressKey, canonicalAddress } from './address.ts'

describe("a peer's address", () => {
  it.for([
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['0000:0000:0000:0000:0000:ffff:c000:0207', '192.0.2.7'],
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['2001:DB8::1', '2001:db8::1'],
    ['0000:0000:0000:0000:0000:0000:0000:0001', '::1'],
    ['', 'unknown'],
    ['evil, 10.0.0.1', 'unknown'],
  ] as const)('%s is written %s, whichever listener read it', ([text, expected]) => {
    expect(canonicalAddress(text)).toBe(expected)
  })

  it('is written the same however it was spelled', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const canonical = canonicalAddress(text)
        expect(canonicalAddress(canonical)).toBe(canonical)
        expect(canonicalAddress(text.toUpperCase())).toBe(canonical)
      }),
    )
  })

  it('shares the limits of its /64 when it is IPv6, because one subscriber has the whole /64', () => {
    const groups = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 4, maxLength: 4 })
    const spell = (parts: readonly number[]): string => parts.map((part) => part.toString(16)).join(':')
    // Mapped IPv4 aside, which is IPv4.
    const networks = groups.filter((parts) => parts.some((part) => part !== 0))
    fc.assert(
      fc.property(networks, networks, groups, groups, (network, other, host, host2) => {
        const key = (parts: readonly number[], rest: readonly number[]): string =>
          addressKey(canonicalAddress(`${spell(parts)}:${spell(rest)}`))
        expect(key(network, host)).toBe(key(network, host2))
        expect(key(network, host) === key(other, host2)).toBe(spell(network) === spell(other))
      }),
    )
  })

  it('has limits of its own when it is IPv4', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), (one, other) => {
        expect(addressKey(one) === addressKey(other)).toBe(one === other)
      }),
    )
  })
})
