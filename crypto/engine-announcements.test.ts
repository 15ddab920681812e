// What the engine says to every band under `V_R`: RELEASE in the open, KEYSET inside a link.
import { describe, expect, it } from 'vitest'
import { ascii, concatBytes } from '../base/bytes.ts'
import { parseBandId } from '../protocol/ids.ts'
import { decodeDownOp } from '../protocol/ops.ts'
import { decodeRecord } from '../protocol/records.ts'
import { type KeysetOp, signKeyset, verifyKeyset } from './signed/keyset.ts'
import { noblePrimitives } from './primitives/noble-primitives.ts'
import { nodePrimitives as node } from './primitives/node-primitives.ts'
import { type ReleaseRecord, signRelease, verifyRelease } from './signed/release.ts'
import { everyFlip, filled } from './primitives/test-bytes.ts'

const seed = filled(32, 1)
const publicKey = node.ed25519PublicKey(seed)
const bandId = parseBandId(filled(16, 2))

function releaseOf(bytes: Uint8Array): ReleaseRecord | undefined {
  const record = decodeRecord(bytes)
  return record.type === 'release' ? record : undefined
}

function keysetOf(bytes: Uint8Array): KeysetOp | undefined {
  const op = decodeDownOp(bytes)
  return op.type === 'keyset' ? op : undefined
}

describe('RELEASE', () => {
  const bytes = signRelease(node, seed, { rkid: 3, bandId, generationMax: 4 })
  const record = releaseOf(bytes)

  it('is obeyed by the band it names, under the pinned key', () => {
    if (record === undefined) throw new Error('not a RELEASE')
    expect(record).toMatchObject({ rkid: 3, generationMax: 4, bandTag: node.sha256(filled(16, 2)).slice(0, 8) })
    expect(verifyRelease(noblePrimitives, publicKey, record, bandId)).toBe(true)
    expect(verifyRelease(node, publicKey, record, bandId)).toBe(true)
  })

  it('is not obeyed by another band, or under another key', () => {
    if (record === undefined) throw new Error('not a RELEASE')
    expect(verifyRelease(node, publicKey, record, parseBandId(filled(16, 9)))).toBe(false)
    expect(verifyRelease(node, node.ed25519PublicKey(filled(32, 9)), record, bandId)).toBe(false)
  })

  it('is not obeyed with any bit changed, a higher generation above all', () => {
    for (const forged of everyFlip(bytes)) {
      const other = releaseOf(forged)
      if (other !== undefined) expect(verifyRelease(node, publicKey, other, bandId)).toBe(false)
    }
  })

  it('is not a signature over its bytes alone: what V_R signs starts with its label', () => {
    if (record === undefined) throw new Error('not a RELEASE')
    expect(node.ed25519Verify(publicKey, record.signed, record.signature)).toBe(false)
    expect(node.ed25519Verify(publicKey, concatBytes(ascii('bnd1 release'), record.signed), record.signature)).toBe(
      true,
    )
  })
})

describe('KEYSET', () => {
  const fields = { ekid: 2, engineKey: filled(32, 5), notBeforeS: 1_893_456_000 }
  const bytes = signKeyset(node, seed, fields)

  it('tells bands the next engine key, under the pinned key', () => {
    const keyset = keysetOf(bytes)
    if (keyset === undefined) throw new Error('not a KEYSET')
    expect(keyset).toMatchObject(fields)
    expect(verifyKeyset(noblePrimitives, publicKey, keyset)).toBe(true)
    expect(verifyKeyset(node, node.ed25519PublicKey(filled(32, 9)), keyset)).toBe(false)
  })

  it('is not believed with any bit changed', () => {
    for (const forged of everyFlip(bytes)) {
      const keyset = keysetOf(forged)
      if (keyset !== undefined) expect(verifyKeyset(node, publicKey, keyset)).toBe(false)
    }
  })

  it('cannot pass for a RELEASE, nor a RELEASE for it', () => {
    const keyset = keysetOf(bytes)
    const release = releaseOf(signRelease(node, seed, { rkid: 3, bandId, generationMax: 4 }))
    if (keyset === undefined || release === undefined) throw new Error('not both')
    expect(verifyKeyset(node, publicKey, { ...keyset, signed: release.signed, signature: release.signature })).toBe(
      false,
    )
    expect(verifyRelease(node, publicKey, { ...release, signed: keyset.signed, signature: keyset.signature }, bandId)).toBe(false) // prettier-ignore
  })
})
