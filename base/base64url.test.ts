import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ascii } from './bytes.ts'
import { base64url } from './base64url.ts'

describe('base64url', () => {
  it.each([
    ['', ''],
    ['f', 'Zg'],
    ['fo', 'Zm8'],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg'],
    ['fooba', 'Zm9vYmE'],
    ['foobar', 'Zm9vYmFy'],
  ])('writes %o as RFC 4648 §10 does, without padding', (text, expected) => {
    expect(base64url(ascii(text))).toBe(expected)
  })

  it('writes any bytes as Node does', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(base64url(bytes)).toBe(Buffer.from(bytes).toString('base64url'))
      }),
    )
  })
})
