// Session keys of a link, left by a handshake or a resume: a key per direction and the two bytes that name the link on the air.

import { type Bytes, ascii, readU16 } from '../../base/bytes.ts'
import type { Primitives } from '../primitives/primitives.ts'

/** Keys of one link: `up` from band to engine, `down` from engine to band, 32 bytes each; `sid` is a u16. */
export type LinkKeys = { readonly up: Bytes; readonly down: Bytes; readonly sid: number }

/** Session id: `Expand(secret, "bnd1 sid")[0..1]`, of `ask` (PROTOCOL §3, §4 rekey) or of a resume's PRK. */
export function sidOf(primitives: Primitives, secret: Bytes): number {
  return readU16(primitives.expand(secret, sidLabel), 0)
}

const sidLabel = ascii('bnd1 sid')
