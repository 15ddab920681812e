import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { ascii, concatBytes, fromHex } from '../protocol/bytes.ts'
import { parsePhoneId } from '../protocol/ids.ts'
import { noblePrimitives } from './noble-primitives.ts'
import { nodePrimitives as node } from './node-primitives.ts'
import { helloMessage, uvMessage, verifyPhoneSignature } from './phone-auth.ts'
import { everyFlip, filled } from './test-bytes.ts'

const challenge = filled(32, 1)
const phoneId = parsePhoneId(filled(16, 2))
const secret = filled(32, 3)

describe('what a phone signs', () => {
  it('is spelled as PROTOCOL §8 does', () => {
    expect(helloMessage(challenge, phoneId, 'pay.example.com')).toEqual(
      concatBytes(ascii('bnd1 hello'), challenge, filled(16, 2), ascii('pay.example.com')),
    )
    const fields = fromHex('930501c3')
    const hashed = new Uint8Array(createHash('sha256').update(fields).digest())
    for (const primitives of [node, noblePrimitives]) {
      expect(uvMessage(primitives, { purpose: 5, challenge, fields })).toEqual(
        concatBytes(ascii('bnd1 uv'), fromHex('05'), challenge, hashed),
      )
    }
    expect(() => helloMessage(filled(31, 1), phoneId, 'a')).toThrow('a challenge is 32 bytes, got 31')
    expect(() => uvMessage(node, { purpose: 5, challenge: filled(33, 1), fields })).toThrow(RangeError)
  })

  it('differs for another purpose, challenge or content, so one verification serves one act', () => {
    const fields = fromHex('930501c3')
    const messages = [
      uvMessage(node, { purpose: 5, challenge, fields }),
      uvMessage(node, { purpose: 8, challenge, fields }),
      ...everyFlip(challenge).map((other) => uvMessage(node, { purpose: 5, challenge: other, fields })),
      ...everyFlip(fields).map((other) => uvMessage(node, { purpose: 5, challenge, fields: other })),
    ]
    expect(new Set(messages.map((message) => message.join())).size).toBe(messages.length)
  })
})

describe('a phone’s signature', () => {
  const message = helloMessage(challenge, phoneId, 'pay.example.com')
  const kinds = [
    { kind: 'P-256', publicKey: node.p256PublicKey(secret), signature: node.p256Sign(secret, message) },
    { kind: 'Ed25519', publicKey: node.ed25519PublicKey(secret), signature: node.ed25519Sign(secret, message) },
  ]

  it.each(kinds)('by a $kind key verifies for its message and no other', ({ publicKey, signature }) => {
    for (const primitives of [node, noblePrimitives]) {
      expect(verifyPhoneSignature(primitives, publicKey, message, signature)).toBe(true)
      const elsewhere = helloMessage(challenge, phoneId, 'evil.example.com')
      expect(verifyPhoneSignature(primitives, publicKey, elsewhere, signature)).toBe(false)
    }
    for (const forged of everyFlip(signature)) {
      expect(verifyPhoneSignature(node, publicKey, message, forged)).toBe(false)
    }
  })

  it('is refused under a key of any other length', () => {
    for (const length of [0, 31, 34, 64, 65]) {
      expect(verifyPhoneSignature(node, filled(length, 4), message, filled(64, 0))).toBe(false)
    }
  })
})
