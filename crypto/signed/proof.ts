// Proof of approval, a MAC that the wearer's armed band saw this very request (PROTOCOL §5): `rd` names the request, `p` proves it.

import { type Bytes, allocateBytes, ascii, concatBytes, u32 } from '../../base/bytes.ts'
import type { Primitives } from '../primitives/primitives.ts'

/** Request digest: `rd = SHA-256("bnd1 req" ‖ canon ‖ label)`; canon 73 bytes, label 24. */
export function requestDigest(primitives: Primitives, canon: Bytes, labelBytes: Bytes): Uint8Array<ArrayBuffer> {
  return primitives.sha256(concatBytes(requestLabel, canon, labelBytes))
}

/** MAC key of one arming: `Expand(A, "bnd1 arm" ‖ bid ‖ armEpoch)`; wipe it after use. */
export function armKey(primitives: Primitives, secret: Bytes, bid: Bytes, armEpoch: number): Uint8Array<ArrayBuffer> {
  return primitives.expand(secret, concatBytes(armLabel, bid, u32(armEpoch)))
}

/** MAC input of `p`: the request, the record that carries it, and AUTH_PROOF from op to evidence. */
export type Proved = { readonly rd: Bytes; readonly sid: number; readonly ctr: number; readonly proved: Bytes }

/** Proof MAC: `p = HMAC(armKey, "bnd1 proof" ‖ rd ‖ sid ‖ ctr ‖ op..evidence)[0..15]`; compare with `equalSecret`. */
export function proofTag(primitives: Primitives, key: Bytes, fields: Proved): Uint8Array<ArrayBuffer> {
  const { rd, sid, ctr, proved } = fields
  return primitives.tag(key, concatBytes(proofLabel, rd, place(sid, ctr), proved))
}

/** sid u16 ‖ ctr u32, of the record. */
function place(sid: number, ctr: number): Bytes {
  const bytes = allocateBytes(6)
  bytes[0] = sid >>> 8
  bytes[1] = sid
  bytes[2] = ctr >>> 24
  bytes[3] = ctr >>> 16
  bytes[4] = ctr >>> 8
  bytes[5] = ctr
  return bytes
}

const requestLabel = ascii('bnd1 req')
const armLabel = ascii('bnd1 arm')
const proofLabel = ascii('bnd1 proof')
