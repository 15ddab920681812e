import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { ascii, concatBytes, fromHex } from '../../base/bytes.ts'
import { noblePrimitives } from '../primitives/noble-primitives.ts'
import { nodePrimitives as node } from '../primitives/node-primitives.ts'
import { helloMessage, uvMessage, verifyPhoneSignature } from './phone-auth.ts'
import { everyFlip, filled } from '../primitives/test-bytes.ts'

const challenge = filled(32, 1)
const secret = filled(32, 3)
const fields = fromHex('930501c3')
const host = 'pay.example.com'
const uv = { purpose: 5, challenge, fields, host }

describe('what a phone signs', () => {
  it('is spelled as PROTOCOL §8 does', () => {
    const hashed = new Uint8Array(createHash('sha256').update(fields).digest())
    for (const primitives of [node, noblePrimitives]) {
      expect(helloMessage(primitives, { challenge, fields, host })).toEqual(
        concatBytes(ascii('bnd1 hello 2'), challenge, hashed, ascii('pay.example.com')),
      )
      expect(uvMessage(primitives, uv)).toEqual(
        concatBytes(ascii('bnd1 uv 2'), fromHex('05'), challenge, hashed, ascii('pay.example.com')),
      )
    }
    const short = filled(31, 1)
    expect(() => helloMessage(node, { challenge: short, fields, host })).toThrow('a challenge is 32 bytes, got 31')
    expect(() => uvMessage(node, { ...uv, challenge: filled(33, 1) })).toThrow(RangeError)
  })

  it('differs for another purpose, challenge, content or host, so one signature serves one act on one engine', () => {
    const messages = [
      uvMessage(node, uv),
      uvMessage(node, { ...uv, purpose: 8 }),
      uvMessage(node, { ...uv, host: 'evil.example.com' }),
      ...everyFlip(challenge).map((other) => uvMessage(node, { ...uv, challenge: other })),
      ...everyFlip(fields).map((other) => uvMessage(node, { ...uv, fields: other })),
      helloMessage(node, { challenge, fields, host }),
      helloMessage(node, { challenge, fields, host: 'evil.example.com' }),
      ...everyFlip(challenge).map((other) => helloMessage(node, { challenge: other, fields, host })),
      ...everyFlip(fields).map((other) => helloMessage(node, { challenge, fields: other, host })),
    ]
    expect(new Set(messages.map((message) => message.join())).size).toBe(messages.length)
  })
})

describe('a phone’s signature', () => {
  const message = helloMessage(node, { challenge, fields, host })
  const kinds = [
    { kind: 'P-256', publicKey: node.p256PublicKey(secret), signature: node.p256Sign(secret, message) },
    { kind: 'Ed25519', publicKey: node.ed25519PublicKey(secret), signature: node.ed25519Sign(secret, message) },
  ]

  it.each(kinds)('by a $kind key verifies for its message and no other', ({ publicKey, signature }) => {
    for (const primitives of [node, noblePrimitives]) {
      expect(verifyPhoneSignature(primitives, publicKey, message, signature)).toBe(true)
      const elsewhere = helloMessage(node, { challenge, fields, host: 'evil.example.com' })
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
