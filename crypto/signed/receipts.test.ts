import { describe, expect, it } from 'vitest'
import { ascii } from '../../base/bytes.ts'
import { parseAccountId, parsePartnerId } from '../../protocol/ids.ts'
import { noblePrimitives } from '../primitives/noble-primitives.ts'
import { nodePrimitives as node } from '../primitives/node-primitives.ts'
import { type ReceiptClaims, pairwiseSubject, signReceipt } from './receipts.ts'
import { filled } from '../primitives/test-bytes.ts'

const seed = filled(32, 1)
const claims: ReceiptClaims = {
  iss: 'https://bandpass.example',
  aud: parsePartnerId(filled(16, 2)),
  sub: 'pairwise',
  iat: 1_893_456_000,
  exp: 1_893_456_300,
  jti: '12-345',
  nonce: '04'.repeat(16),
  rd: '05'.repeat(32),
  action: 3,
  resource: '06'.repeat(16),
  amountMinor: 0,
  currency: 978,
  level: 2,
  ownerEpoch: 1,
}

describe('a receipt', () => {
  const token = signReceipt(node, { kid: 'e-1', seed }, claims)
  const [header, payload, signature] = token.split('.').map((part) => Buffer.from(part, 'base64url'))

  it('is a compact JWS of the stated type and algorithm that carries the claims as they are', () => {
    expect(token).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
    expect(JSON.parse(String(header))).toEqual({ alg: 'EdDSA', typ: 'bandpass-receipt+jwt', kid: 'e-1' })
    expect(JSON.parse(String(payload))).toEqual(claims)
  })

  it('is signed over header and payload as they stand in the token', () => {
    const signed = ascii(token.slice(0, token.lastIndexOf('.')))
    expect(signature).toHaveLength(64)
    for (const primitives of [node, noblePrimitives]) {
      expect(primitives.ed25519Verify(node.ed25519PublicKey(seed), signed, signature ?? new Uint8Array())).toBe(true)
      expect(signReceipt(primitives, { kid: 'e-1', seed }, claims)).toBe(token)
    }
  })

  it('keeps names outside ASCII', () => {
    const other = signReceipt(node, { kid: 'é', seed }, { ...claims, iss: 'https://bändpass.example' })
    const [, body] = other.split('.')
    expect(JSON.parse(Buffer.from(String(body), 'base64url').toString('utf8'))).toMatchObject({ iss: 'https://bändpass.example' }) // prettier-ignore
  })
})

describe('the name of a wearer in receipts', () => {
  const pepper = filled(32, 7)
  const [alice, bob] = [parseAccountId('alice'), parseAccountId('bob')]
  const [shop, hotel] = [parsePartnerId(filled(16, 1)), parsePartnerId(filled(16, 2))]

  it('stays the same for one partner and cannot be joined between two', () => {
    const subject = pairwiseSubject(node, pepper, alice, shop)
    expect(pairwiseSubject(noblePrimitives, pepper, alice, shop)).toBe(subject)
    expect(subject).toMatch(/^[\w-]{22}$/)
    const others = [
      pairwiseSubject(node, pepper, alice, hotel),
      pairwiseSubject(node, pepper, bob, shop),
      pairwiseSubject(node, filled(32, 8), alice, shop),
    ]
    expect(new Set([subject, ...others]).size).toBe(4)
  })
})
