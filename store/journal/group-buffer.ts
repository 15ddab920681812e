// Group buffer of the journal. The group that is being collected: records are copied in, one behind the other, where the disk will get them
// from.

import { chainBytes, groupHeaderBytes, recordHeaderBytes, sectorsUp } from './journal-format.ts'

export class GroupBuffer {
  /** A spare to turn into the segment this group begins; undefined: it goes behind the group before it. */
  spare: string | undefined
  offset = 0
  firstLsn = 0
  recordCount = 0
  bodyBytes = 0
  bytes: Buffer<ArrayBuffer> = Buffer.allocUnsafeSlow(16_384)
  /** Made when someone waits for this group. */
  waiting: Waiting | undefined

  begin(place: { readonly firstLsn: number; readonly offset: number; readonly spare: string | undefined }): void {
    this.firstLsn = place.firstLsn
    this.offset = place.offset
    this.spare = place.spare
    this.recordCount = 0
    this.bodyBytes = 0
    this.waiting = undefined
  }

  get lastLsn(): number {
    return this.firstLsn + this.recordCount - 1
  }

  /** Copies `body` in. */
  add(body: Uint8Array): void {
    const at = groupHeaderBytes + this.bodyBytes
    const end = at + recordHeaderBytes + body.length
    if (sectorsUp(end + chainBytes) > this.bytes.length) this.#grow(sectorsUp(2 * end + chainBytes))
    this.bytes.writeUInt32BE(body.length, at)
    this.bytes.set(body, at + recordHeaderBytes)
    this.bodyBytes = end - groupHeaderBytes
    this.recordCount++
  }

  #grow(length: number): void {
    const larger = Buffer.allocUnsafeSlow(length)
    larger.set(this.bytes.subarray(0, groupHeaderBytes + this.bodyBytes))
    this.bytes = larger
  }
}

/** The promise that everyone who waits for one group shares. */
export type Waiting = {
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (why: Error) => void
}

export function makeWaiting(): Waiting {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  return { promise, resolve, reject }
}
