// Signed revocation by RELEASE: the engine's public word that a band's bindings up to a generation are over (PROTOCOL §2, §3).
// Replayable and harmless: a band obeys it only if its own generation is not above generationMax.

import { type Bytes, ascii, concatBytes, equalBytes } from '../../base/bytes.ts'
import { type BandId, idBytes } from '../../protocol/ids.ts'
import { type BandRecord, encodeReleaseSigned } from '../../protocol/records.ts'
import type { Primitives } from '../primitives/primitives.ts'

export type ReleaseRecord = Extract<BandRecord, { readonly type: 'release' }>

/** The whole RELEASE record, signed by `V_R` (Ed25519 seed). */
export function signRelease(
  primitives: Primitives,
  seed: Bytes,
  fields: { readonly rkid: number; readonly bandId: BandId; readonly generationMax: number },
): Uint8Array<ArrayBuffer> {
  const signed = encodeReleaseSigned({
    rkid: fields.rkid,
    bandTag: bandTagOf(primitives, fields.bandId),
    generationMax: fields.generationMax,
  })
  return concatBytes(signed, primitives.ed25519Sign(seed, concatBytes(releaseLabel, signed)))
}

/** Verifies that this RELEASE is for this band and signed by `V_R`. `publicKey` is the pinned key that its rkid names. */
export function verifyRelease(
  primitives: Primitives,
  publicKey: Bytes,
  record: ReleaseRecord,
  bandId: BandId,
): boolean {
  if (!equalBytes(record.bandTag, bandTagOf(primitives, bandId))) return false
  return primitives.ed25519Verify(publicKey, concatBytes(releaseLabel, record.signed), record.signature)
}

function bandTagOf(primitives: Primitives, bandId: BandId): Uint8Array<ArrayBuffer> {
  return primitives.sha256(idBytes(bandId)).slice(0, 8)
}

const releaseLabel = ascii('bnd1 release')
