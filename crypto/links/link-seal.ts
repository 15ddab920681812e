// AEAD encryption and decryption of one DATA record (PROTOCOL §5). Pure: the caller keeps counters and phases, compares the
// counter before opening, and never seals twice with one key and counter (nonce reuse).

import { type Bytes, ascii, concatBytes } from '../../base/bytes.ts'
import { type DataRecord, dataAssociatedData, encodeDataHeader } from '../../protocol/records.ts'
import type { Primitives } from '../primitives/primitives.ts'

export type DataHeader = Pick<DataRecord, 'down' | 'phase' | 'ratcheted' | 'proof' | 'sid' | 'ctr'>

/** The binding a link belongs to; part of what every tag covers. */
export type LinkBinding = { readonly bid: Bytes; readonly generation: number }

/** On the pairing channel bid and generation are zero (PROTOCOL §3). */
export const pairingBinding: LinkBinding = { bid: new Uint8Array(8), generation: 0 }

/** The context in the associated data of every record but AUTH_PROOF, whose context is `rd`. */
export const noContext: Bytes = new Uint8Array(0)

/** Seals `plaintext` (op and fields) into a whole DATA record. `context` is `rd` when `header.proof`, else empty. */
export function sealData(
  primitives: Primitives,
  key: Bytes,
  header: DataHeader,
  binding: LinkBinding,
  context: Bytes,
  plaintext: Bytes,
): Uint8Array<ArrayBuffer> {
  const head = encodeDataHeader(header)
  const aad = dataAssociatedData(head, binding.bid, binding.generation, context)
  return concatBytes(head, primitives.aeadSeal(key, dataNonce(header.ctr), aad, plaintext))
}

/** Opens a decoded DATA record; undefined when the tag does not fit key, header, binding or context. */
export function openData(
  primitives: Primitives,
  key: Bytes,
  record: DataRecord,
  binding: LinkBinding,
  context: Bytes,
): Uint8Array<ArrayBuffer> | undefined {
  const aad = dataAssociatedData(record.header, binding.bid, binding.generation, context)
  return primitives.aeadOpen(key, dataNonce(record.ctr), aad, record.sealed)
}

/** Key ratchet to the next phase: `key(φ+1) = Expand(key(φ), "bnd1 phase")`. */
export function nextPhaseKey(primitives: Primitives, key: Bytes): Uint8Array<ArrayBuffer> {
  return primitives.expand(key, phaseLabel)
}

const phaseLabel = ascii('bnd1 phase')

/** One shared buffer serves all calls: a nonce is no secret, and the AEAD reads it at once. */
const nonce = new Uint8Array(12)

/** AEAD nonce: `00000000 ‖ ctr as u64 little-endian`; ctr is a u32. Borrowed until the next call. */
function dataNonce(ctr: number): Uint8Array<ArrayBuffer> {
  nonce[4] = ctr
  nonce[5] = ctr >>> 8
  nonce[6] = ctr >>> 16
  nonce[7] = ctr >>> 24
  return nonce
}
