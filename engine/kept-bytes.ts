// Bytes that stay in rows until the view has them, seconds: copies among others that live as long, so that they do not
// keep the slabs of everything else that a request made.

import { type Bytes, createSlabs } from '../protocol/bytes.ts'

const allocate = createSlabs()

/** A copy to keep. */
export function keepBytes(bytes: Bytes): Uint8Array<ArrayBuffer> {
  const copy = allocate(bytes.length)
  copy.set(bytes)
  return copy
}
