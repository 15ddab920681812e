import { readFileSync } from 'node:fs'
import { EmbeddedJWK, type JWK, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { base64url } from '../base/base64url.ts'
import { nodePrimitives } from '../crypto/primitives/node-primitives.ts'
import { type ReceiptClaims, receiptType, signReceipt } from '../crypto/signed/receipts.ts'
import { ascii, toHex } from '../base/bytes.ts'
import { parsePartnerId } from '../protocol/ids.ts'
import { decodeOffer } from '../protocol/offer.ts'
import { requestDigest } from '../crypto/signed/proof.ts'
import { createPartner } from './offers.ts'
import { type ReceiptExpectation, verifyReceipt } from './receipts.ts'

const primitives = nodePrimitives
const seed = primitives.randomBytes(32)
const publicKey = primitives.ed25519PublicKey(seed)
const partner = parsePartnerId('0a'.repeat(16))
const nowMs = 1_750_000_000_000
const nowS = nowMs / 1_000
const terms = {
  action: 'pay',
  resource: '0b'.repeat(16),
  amountMinor: 450,
  currency: 978,
  label: 'Coffee',
  expiresAtMs: nowMs + 60_000,
} as const
const shop = createPartner({ id: partner, kid: 1, key: new Uint8Array(32).fill(9) })
const offer = shop.offer(terms)

/** The claims that an engine makes of this offer. */
function claimsFor(
  bytes: Uint8Array,
): Pick<ReceiptClaims, 'nonce' | 'rd' | 'action' | 'resource' | 'amountMinor' | 'currency'> {
  const read = decodeOffer(bytes)
  if (read.type === 'malformed') throw new Error(read.expected)
  const { partnerNonce, action, resource, amountMinor, currency } = read.terms
  const rd = toHex(requestDigest(primitives, read.canon, read.labelBytes))
  return { nonce: toHex(partnerNonce), rd, action, resource, amountMinor, currency }
}

const claims: ReceiptClaims = {
  iss: 'https://engine.test',
  aud: partner,
  sub: 'pairwise-name',
  iat: nowS - 10,
  exp: nowS + 600,
  jti: '42',
  ...claimsFor(offer.bytes),
  level: 1,
  ownerEpoch: 3,
}
const engineJwk = { kty: 'OKP', crv: 'Ed25519', kid: 'e1', alg: 'EdDSA', use: 'sig', x: base64url(publicKey) }
const expected: ReceiptExpectation = {
  jwks: { keys: [engineJwk] },
  issuer: 'https://engine.test',
  offer: offer.bytes,
  ownerEpochs: new Map(),
  nowMs,
}
const receipt = signReceipt(primitives, { kid: 'e1', seed }, claims)

function jsonPart(value: object): string {
  return base64url(new TextEncoder().encode(JSON.stringify(value)))
}

/** A token with this header over these claims, signed by `sign`. */
function token(header: object, body: object, sign: (message: Uint8Array) => Uint8Array): string {
  const signed = `${jsonPart(header)}.${jsonPart(body)}`
  return `${signed}.${base64url(sign(ascii(signed)))}`
}

const genuine = (header: object, body: object): string =>
  token(header, body, (message) => primitives.ed25519Sign(seed, message))
const header = { alg: 'EdDSA', typ: receiptType, kid: 'e1' }

async function why(receiptToken: string, changed: Partial<ReceiptExpectation> = {}): Promise<string> {
  const verdict = await verifyReceipt(receiptToken, { ...expected, ...changed })
  return verdict.type === 'valid' ? 'valid' : verdict.why
}

describe('a genuine receipt', () => {
  it('is verified offline and says what was decided', async () => {
    expect(await verifyReceipt(receipt, expected)).toEqual({ type: 'valid', claims })
  })

  it('may be labelled Ed25519, the newer name of the same algorithm, and so may its key', async () => {
    expect(await why(genuine({ ...header, alg: 'Ed25519' }, claims))).toBe('valid')
    const jwks = { keys: [{ ...engineJwk, alg: 'Ed25519' }] }
    expect(await why(receipt, { jwks })).toBe('valid')
    expect(await why(genuine({ ...header, alg: 'Ed25519' }, claims), { jwks })).toBe('valid')
  })

  it('is refused to another partner, for another offer, and after its time', async () => {
    const hotel = createPartner({ id: '0c'.repeat(16), kid: 1, key: new Uint8Array(32).fill(9) })
    expect(await why(receipt, { offer: hotel.offer(terms).bytes })).toBe('not-for-us')
    expect(await why(receipt, { offer: shop.offer(terms).bytes })).toBe('wrong-offer')
    expect(await why(receipt, { nowMs: nowMs + 604_000 })).toBe('valid')
    expect(await why(receipt, { nowMs: nowMs + 606_000 })).toBe('expired')
    expect(await why(receipt, { issuer: 'https://another.test' })).toBe('wrong-issuer')
  })

  it.each([
    ['nonce', { nonce: '00'.repeat(16) }],
    ['digest of the request', { rd: '00'.repeat(32) }],
    ['action', { action: 2 }],
    ['resource', { resource: '00'.repeat(16) }],
    ['amount', { amountMinor: 1 }],
    ['currency', { currency: 840 }],
  ])('is refused when it names another %s than the offer', async (_, other) => {
    expect(await why(genuine(header, { ...claims, ...other }))).toBe('wrong-offer')
  })

  it('is refused for an offer that differs in anything, label, reference and end of life among it', async () => {
    for (let at = 0; at < offer.bytes.length - 20; at++) {
      const other = offer.bytes.slice()
      other[at] = (other[at] ?? 0) ^ 1
      // An amount above the largest is no offer.
      const verdict = await why(receipt, { offer: other }).catch(() => 'no offer')
      expect(['not-for-us', 'wrong-offer', 'no offer'], `byte ${at}`).toContain(verdict)
    }
  })

  it('is measured with an offer or not at all', async () => {
    for (const none of [new Uint8Array(0), offer.bytes.slice(1), new Uint8Array(118)]) {
      await expect(verifyReceipt(receipt, { ...expected, offer: none })).rejects.toThrow('an offer of 117 bytes')
    }
  })

  it('is dead once the owner epoch was raised above it', async () => {
    expect(await why(receipt, { ownerEpochs: new Map([['pairwise-name', 3]]) })).toBe('valid')
    expect(await why(receipt, { ownerEpochs: new Map([['pairwise-name', 4]]) })).toBe('epoch-raised')
    expect(await why(receipt, { ownerEpochs: new Map([['somebody-else', 9]]) })).toBe('valid')
  })

  it('is dead when any character of it is another', async () => {
    const every7th = Array.from({ length: Math.ceil(receipt.length / 7) }, (_, nth) => 7 * nth)
    for (const at of [...every7th, receipt.length - 1]) {
      const other = receipt[at] === 'A' ? 'B' : 'A'
      expect(await why(receipt.slice(0, at) + other + receipt.slice(at + 1)), `character ${at}`).not.toBe('valid')
    }
  })
})

describe('a forged receipt', () => {
  it('is refused under alg none, however it is spelled', async () => {
    for (const alg of ['none', 'None', 'NONE', '', 'noNe']) {
      const unsigned = token({ ...header, alg }, claims, () => new Uint8Array(0))
      expect(await why(unsigned)).not.toBe('valid')
    }
  })

  it('is refused when the public key was used as an HMAC secret', async () => {
    const forged = token({ ...header, alg: 'HS256' }, claims, (message) => primitives.hmac(publicKey, message))
    // A verifier that lets the token choose the algorithm believes it.
    const [signed, mac] = [forged.slice(0, forged.lastIndexOf('.')), forged.slice(forged.lastIndexOf('.') + 1)]
    expect(base64url(primitives.hmac(publicKey, ascii(signed)))).toBe(mac)
    expect(await why(forged)).not.toBe('valid')
  })

  it('is refused when signed with a P-256 key, even one in the engine’s list', async () => {
    const secret = new Uint8Array(32).fill(3)
    const forged = token({ ...header, alg: 'ES256', kid: 'p1' }, claims, (message) =>
      primitives.p256Sign(secret, message),
    )
    const p256 = { kty: 'EC', crv: 'P-256', kid: 'p1', ...p256Coordinates }
    expect(await why(forged, { jwks: { keys: [engineJwk, p256] } })).not.toBe('valid')
  })

  it('is refused when it brings its own key, which a verifier that obeys the header believes', async () => {
    const mine = primitives.randomBytes(32)
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: base64url(primitives.ed25519PublicKey(mine)) }
    const sign = (message: Uint8Array): Uint8Array => primitives.ed25519Sign(mine, message)
    const forged = token({ ...header, jwk }, claims, sign)
    const naive = await jwtVerify(forged, EmbeddedJWK, { currentDate: new Date(nowMs) })
    expect(naive.payload['amountMinor']).toBe(450)
    expect(await why(forged)).toBe('signature')
    expect(await why(token({ ...header, jku: 'https://evil.test/jwks.json' }, claims, sign))).toBe('signature')
    expect(await why(token({ ...header, kid: 'mine', jwk }, claims, sign))).toBe('unknown-key')
  })

  it('is refused under a key of the list that is not for receipts, or has no name', async () => {
    const encrypting = { ...engineJwk, use: 'enc' }
    expect(await why(receipt, { jwks: { keys: [encrypting] } })).toBe('unknown-key')
    const { kid: _, ...nameless } = engineJwk
    expect(await why(receipt, { jwks: { keys: [nameless] } })).toBe('unknown-key')
    expect(await why(receipt, { jwks: { keys: [{ ...engineJwk, alg: 'RS256' }] } })).toBe('unknown-key')
    expect(await why(receipt, { jwks: { keys: [{ ...engineJwk, key_ops: ['encrypt'] }] } })).toBe('unknown-key')
  })

  it('is refused when it does not say under which key it was made, even if there is only one', async () => {
    expect(await why(genuine({ alg: 'EdDSA', typ: receiptType }, claims))).toBe('unknown-key')
  })

  it('is refused when it is another kind of token of the same engine', async () => {
    for (const typ of ['JWT', 'at+jwt', undefined])
      expect(await why(genuine({ ...header, typ }, claims))).not.toBe('valid')
  })

  it('is refused when a claim is missing or of another kind', async () => {
    for (const name of Object.keys(claims)) {
      const { [name as keyof ReceiptClaims]: _, ...rest } = claims
      expect(await why(genuine(header, rest)), `without ${name}`).not.toBe('valid')
      expect(await why(genuine(header, { ...claims, [name]: {} })), `${name} as an object`).not.toBe('valid')
    }
    expect(await why(genuine(header, { ...claims, amountMinor: 4.5 }))).toBe('malformed')
  })

  it('is refused when it is no token at all', async () => {
    for (const text of ['', '.', '..', 'a.b', 'a.b.c', receipt.slice(0, -2), `${receipt}.x`, '{"payload":""}']) {
      expect(await why(text)).not.toBe('valid')
    }
  })
})

const vectors = new URL('../test/vectors/data/wycheproof/json_web_signature.json', import.meta.url)

describe('Wycheproof’s JWS vectors', () => {
  it('are all refused as receipts, valid or not: none is signed with Ed25519 by an engine', async () => {
    const file = JSON.parse(readFileSync(vectors, 'utf8')) as VectorFile
    let refused = 0
    for (const group of file.testGroups) {
      const own = [group.public, group.private].filter((key) => key !== undefined)
      for (const { jws, tcId } of group.tests) {
        expect(await why(jws, { jwks: { keys: [engineJwk, ...own] } }), `tcId ${tcId}`).not.toBe('valid')
        refused += 1
      }
    }
    expect(refused).toBe(file.numberOfTests)
  })
})

type VectorFile = {
  readonly numberOfTests: number
  readonly testGroups: readonly {
    readonly public?: JWK
    readonly private?: JWK
    readonly tests: readonly { readonly jws: string; readonly tcId: number }[]
  }[]
}

/** The point of the P-256 scalar 03…03, uncompressed, as JWK wants it. */
const p256Coordinates = coordinatesOf(new Uint8Array(32).fill(3))

function coordinatesOf(secret: Uint8Array): { readonly x: string; readonly y: string } {
  const compressed = primitives.p256PublicKey(secret)
  // y from the curve equation y² = x³ - 3x + b; the modulus is 3 mod 4.
  const p = BigInt('0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff')
  const b = BigInt('0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b')
  const x = BigInt(`0x${toHex(compressed.subarray(1))}`)
  const power = (base: bigint, exponent: bigint): bigint => {
    let [result, square] = [1n, base % p]
    for (let rest = exponent; rest > 0n; rest >>= 1n) {
      if ((rest & 1n) === 1n) result = (result * square) % p
      square = (square * square) % p
    }
    return result
  }
  const root = power((((x * x * x - 3n * x + b) % p) + p) % p, (p + 1n) / 4n)
  const y = (root & 1n) === BigInt((compressed[0] ?? 0) & 1) ? root : p - root
  const bytes = Uint8Array.from({ length: 32 }, (_, at) => Number((y >> BigInt(8 * (31 - at))) & 0xffn))
  return { x: base64url(compressed.subarray(1)), y: base64url(bytes) }
}
