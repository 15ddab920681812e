// Key rotation by KEYSET: the engine announces its next static key `S_E` to bands, signed by `V_R` (PROTOCOL §1, §5).

import { type Bytes, ascii, concatBytes } from '../../base/bytes.ts'
import { type DownOp, encodeDownOp, encodeKeysetSigned } from '../../protocol/ops.ts'
import type { Primitives } from '../primitives/primitives.ts'

export type KeysetOp = Extract<DownOp, { readonly type: 'keyset' }>

/** The KEYSET plaintext (op and fields, 105 bytes), signed by `V_R` (Ed25519 seed). `engineKey` is the public `S_E`. */
export function signKeyset(
  primitives: Primitives,
  seed: Bytes,
  fields: { readonly ekid: number; readonly engineKey: Bytes; readonly notBeforeS: number },
): Uint8Array<ArrayBuffer> {
  const signed = encodeKeysetSigned(fields)
  const signature = primitives.ed25519Sign(seed, concatBytes(keysetLabel, signed))
  return encodeDownOp({ type: 'keyset', ...fields, signature, signed })
}

/** Verifies that this KEYSET is signed by the pinned `V_R`. */
export function verifyKeyset(primitives: Primitives, publicKey: Bytes, keyset: KeysetOp): boolean {
  return primitives.ed25519Verify(publicKey, concatBytes(keysetLabel, keyset.signed), keyset.signature)
}

const keysetLabel = ascii('bnd1 keyset')
