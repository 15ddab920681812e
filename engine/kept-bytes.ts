// Bytes that stay in rows until the view has them, seconds: copies among others that live as long, so that they do not
// keep the slabs of everything else that a request made.

import { type Bytes, createCopier } from '../protocol/bytes.ts'

/** A copy to keep. */
export const keepBytes: (bytes: Bytes) => Uint8Array<ArrayBuffer> = createCopier()
