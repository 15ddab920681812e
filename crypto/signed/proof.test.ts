import { createHash, createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { ascii, concatBytes, fromHex } from '../../base/bytes.ts'
import { parsePartnerId, parseResourceId, parseRid } from '../../protocol/ids.ts'
import { canonBytes, encodeOfferTerms } from '../../protocol/offer.ts'
import { encodeAuthProofProved } from '../../protocol/ops.ts'
import { decodeData } from '../../protocol/records.ts'
import { noContext, openData, sealData } from '../links/link-seal.ts'
import { noblePrimitives } from '../primitives/noble-primitives.ts'
import { nodePrimitives as node } from '../primitives/node-primitives.ts'
import { armKey, proofTag, requestDigest } from './proof.ts'
import { everyFlip, filled } from '../primitives/test-bytes.ts'

const secret = filled(16, 1)
const bid = fromHex('0102030405060708')
const linkKey = filled(32, 2)
const binding = { bid, generation: 1 }
const [sid, ctr] = [0xabcd, 7]

const asked = encodeOfferTerms({
  partner: parsePartnerId(filled(16, 3)),
  resource: parseResourceId(filled(16, 4)),
  action: 1,
  amountMinor: 1_250,
  currency: 978,
  partnerNonce: filled(16, 5),
  rid: parseRid(filled(8, 6)),
  expiresAtMs: 1_893_456_000_000,
  label: 'Corner Café',
  kid: 1,
})
const canon = asked.subarray(0, canonBytes)
const labelBytes = asked.subarray(canonBytes, canonBytes + 24)
const rd = requestDigest(node, canon, labelBytes)
const proved = encodeAuthProofProved({
  rid: parseRid(filled(8, 6)),
  verdict: 'tap',
  wear: 'on',
  armEpoch: 3,
  tick: 12,
  evidence: filled(16, 8),
})

/** The AUTH_PROOF record of a band that saw `digest`, sealed with or without it as context. */
function proofRecord(digest: Uint8Array, context: Uint8Array) {
  const p = proofTag(node, armKey(node, secret, bid, 3), { rd: digest, sid, ctr, proved })
  const header = { down: false, phase: 0, ratcheted: true, proof: true, sid, ctr }
  const record = decodeData(sealData(node, linkKey, header, binding, context, concatBytes(proved, p)))
  if (record.type !== 'data') throw new Error(record.expected)
  return record
}

describe('the proof of one request', () => {
  it('has the digest, key and tag that PROTOCOL §5 spells, in band and engine', () => {
    const hmac = (key: Uint8Array, ...parts: readonly Uint8Array[]) =>
      new Uint8Array(
        createHmac('sha256', key)
          .update(concatBytes(...parts))
          .digest(),
      )
    const digest = new Uint8Array(createHash('sha256').update('bnd1 req').update(canon).update(labelBytes).digest())
    const key = hmac(secret, ascii('bnd1 arm'), bid, fromHex('0000000301'))
    for (const primitives of [node, noblePrimitives]) {
      expect(requestDigest(primitives, canon, labelBytes)).toEqual(digest)
      expect(armKey(primitives, secret, bid, 3)).toEqual(key)
      expect(proofTag(primitives, key, { rd: digest, sid, ctr, proved })).toEqual(
        hmac(key, ascii('bnd1 proof'), digest, fromHex('abcd'), fromHex('00000007'), proved).slice(0, 16),
      )
    }
  })

  it('without the digest as context, a record for one payment would open for any other', () => {
    const record = proofRecord(rd, noContext)
    expect(openData(node, linkKey, record, binding, noContext)).toBeDefined()
  })

  it.each([
    { part: 'canon', bits: 584, others: () => everyFlip(canon).map((other) => requestDigest(node, other, labelBytes)) },
    { part: 'label', bits: 192, others: () => everyFlip(labelBytes).map((other) => requestDigest(node, canon, other)) },
  ])(
    'opens for none of the $bits requests that differ in one bit of the $part, and its tag fits none',
    ({ bits, others }) => {
      const record = proofRecord(rd, rd)
      expect(openData(node, linkKey, record, binding, rd)).toBeDefined()
      const key = armKey(node, secret, bid, 3)
      const tag = proofTag(node, key, { rd, sid, ctr, proved })
      const digests = others()
      expect(digests).toHaveLength(bits)
      for (const other of digests) {
        expect(openData(node, linkKey, record, binding, other)).toBeUndefined()
        expect(proofTag(node, key, { rd: other, sid, ctr, proved })).not.toEqual(tag)
      }
    },
  )

  it('fits no other arming, binding, link, record or statement of the band', () => {
    const key = armKey(node, secret, bid, 3)
    const tag = proofTag(node, key, { rd, sid, ctr, proved })
    expect(armKey(node, secret, bid, 4)).not.toEqual(key)
    for (const other of everyFlip(secret)) expect(armKey(node, other, bid, 3)).not.toEqual(key)
    for (const other of everyFlip(bid)) expect(armKey(node, secret, other, 3)).not.toEqual(key)
    expect(proofTag(node, key, { rd, sid: sid ^ 1, ctr, proved })).not.toEqual(tag)
    expect(proofTag(node, key, { rd, sid, ctr: ctr + 1, proved })).not.toEqual(tag)
    for (const other of everyFlip(proved)) expect(proofTag(node, key, { rd, sid, ctr, proved: other })).not.toEqual(tag)
  })
})
