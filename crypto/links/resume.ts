// Session resumption by symmetric keys: the way back to a live link (PROTOCOL §4). Seven HMACs, no allocation to speak of before
// the mac is known to be right. `root` is R_n, `maced` is RESUME without its mac, `engineNonce` is CHAL's Ne.

import { type Bytes, ascii, concatBytes } from '../../base/bytes.ts'
import { type LinkKeys, sidOf } from './link-keys.ts'
import type { Primitives } from '../primitives/primitives.ts'
import { wipe } from '../primitives/secret.ts'

/** MAC of a RESUME: `HMAC(Expand(R_n, "bnd1 mac"), maced ‖ Ne)[0..15]`; compare with `equalSecret`. */
export function resumeMac(
  primitives: Primitives,
  root: Bytes,
  maced: Bytes,
  engineNonce: Bytes,
): Uint8Array<ArrayBuffer> {
  const key = resumeMacKey(primitives, root)
  const mac = resumeMacWith(primitives, key, maced, engineNonce)
  wipe(key)
  return mac
}

/** MAC key of a root, `Expand(R_n, "bnd1 mac")`: recognizes a RESUME under R_n, but opens no link. */
export function resumeMacKey(primitives: Primitives, root: Bytes): Uint8Array<ArrayBuffer> {
  return primitives.expand(root, macLabel)
}

/** As `resumeMac`, for a caller that kept only the MAC key: a dropped root is still recognized when a clone uses it. */
export function resumeMacWith(
  primitives: Primitives,
  macKey: Bytes,
  maced: Bytes,
  engineNonce: Bytes,
): Uint8Array<ArrayBuffer> {
  return primitives.tag(macKey, concatBytes(maced, engineNonce))
}

/** Session keys of the link, of `PRK = HMAC(R_n, maced ‖ Ne)`. */
export function resumeKeys(primitives: Primitives, root: Bytes, maced: Bytes, engineNonce: Bytes): LinkKeys {
  const prk = primitives.hmac(root, concatBytes(maced, engineNonce))
  const keys = {
    up: primitives.expand(prk, upLabel),
    down: primitives.expand(prk, downLabel),
    sid: sidOf(primitives, prk),
  }
  wipe(prk)
  return keys
}

/** Ratchet of the root key: `R_{n+1} = Expand(R_n, "bnd1 ratchet")`. */
export function nextRoot(primitives: Primitives, root: Bytes): Uint8Array<ArrayBuffer> {
  return primitives.expand(root, ratchetLabel)
}

const macLabel = ascii('bnd1 mac')
const upLabel = ascii('bnd1 b2e')
const downLabel = ascii('bnd1 e2b')
const ratchetLabel = ascii('bnd1 ratchet')
