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

  it.for([
    ['::ffff:192.0.2.7', '::ffff:c000:207', 'mapped (RFC 4291 §2.5.5.2)'],
    ['::ffff:0:192.0.2.7', '::ffff:0:c000:207', 'translated (RFC 2765 §2.1)'],
    ['64:ff9b::192.0.2.7', '64:ff9b::c000:207', 'behind NAT64 (RFC 6052 §2.1)'],
    ['64:ff9b:1::192.0.2.7', '64:ff9b:1:2:3:4:c000:207', 'behind a NAT64 of its own network (RFC 8215)'],
    ['2002:c000:207::1', '2002:c000:207:ffff::1', 'of 6to4 (RFC 3056 §2)'],
  ] as const)('that holds an IPv4 address shares the limits of that one: %s and %s, %s', ([one, other]) => {
    expect(addressKey(canonicalAddress(one))).toBe('192.0.2.7')
    expect(addressKey(canonicalAddress(other))).toBe('192.0.2.7')
  })

  it('behind NAT64 has limits of its own, although all of them share one /64', () => {
    fc.assert(
      fc.property(fc.constantFrom('64:ff9b::', '64:ff9b:1::'), fc.ipV4(), fc.ipV4(), (prefix, one, other) => {
        const key = (host: string): string => addressKey(canonicalAddress(`${prefix}${host}`))
        expect(key(one) === key(other)).toBe(one === other)
      }),
    )
  })

  it('behind a NAT64 with a shorter prefix has limits of its own, wherever the IPv4 address stands in it', () => {
    // 192.0.2.7 and 192.0.2.8 after a prefix of 48, 56 and 64 bits (RFC 6052 §2.2).
    const pairs = [
      ['64:ff9b:1:c000:2:700::', '64:ff9b:1:c000:2:800::'],
      ['64:ff9b:1:c0:0:207::', '64:ff9b:1:c0:0:208::'],
      ['64:ff9b:1:5:c0:2:700:0', '64:ff9b:1:5:c0:2:800:0'],
    ] as const
    for (const [one, other] of pairs) {
      expect(addressKey(canonicalAddress(one))).not.toBe(addressKey(canonicalAddress(other)))
    }
  })

  it('is no IPv4 address only because it looks nearly like one', () => {
    for (const text of ['64:ff9c::192.0.2.7', '64:ff9b:0:1::192.0.2.7', '::fffe:192.0.2.7', '2003:c000:207::1']) {
      expect(addressKey(canonicalAddress(text))).toMatch(/::\/64$/)
    }
  })

  it('of a link counts by its /64, whatever interface it came by', () => {
    expect(addressKey(canonicalAddress('fe80::1%eth0'))).toBe(addressKey(canonicalAddress('fe80::2')))
  })
})
