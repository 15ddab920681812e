import { describe, expect, it } from 'vitest'
import {
  idBytes,
  parseAccountId,
  parseBandId,
  parseBid,
  parsePairingId,
  parsePartnerId,
  parsePhoneId,
  parseResourceId,
  parseRid,
} from './ids.ts'

describe('binary ids', () => {
  it.for([
    ['a band', parseBandId, 16],
    ['a phone', parsePhoneId, 16],
    ['a partner', parsePartnerId, 16],
    ['a resource', parseResourceId, 16],
    ['a pairing', parsePairingId, 16],
    ['a binding’s name on the air', parseBid, 8],
    ['a reference', parseRid, 8],
  ] as const)('of %s have one length and one spelling', ([, parse, length]) => {
    const bytes = Uint8Array.from({ length }, (_, index) => 0xa0 + index)
    const id = parse(bytes)
    expect(id).toBe(Buffer.from(bytes).toString('hex'))
    expect(parse(id)).toBe(id)
    expect(idBytes(id)).toEqual(bytes)
    for (const wrong of [id.toUpperCase(), id.slice(2), `${id}00`, ` ${id.slice(1)}`, '', `${id}\n`]) {
      expect(() => parse(wrong), wrong).toThrow(RangeError)
    }
    expect(() => parse(new Uint8Array(length - 1))).toThrow(RangeError)
    expect(() => parse(new Uint8Array(length + 1))).toThrow(RangeError)
  })
})

describe('an account id', () => {
  it.for(['a', 'alice', 'A-Z.a_z:0-9', 'x'.repeat(64)])('may be "%s"', (id) => {
    expect(parseAccountId(id)).toBe(id)
  })

  it.for(['', 'x'.repeat(65), 'alice@example.org', 'a b', 'a|b', 'ä', 'a\n', 'a}'])('may not be "%s"', (id) => {
    expect(() => parseAccountId(id)).toThrow(RangeError)
  })
})
