// Send buffer of one socket, with batched writes: WebSocket frames side by side in one buffer, so that a turn's messages leave in
// one write. Records of a hub share messages of up to 16 KB; an authorize frame closes the open one, so that each band's counters
// arrive in order. A test holds the bytes equal to protocol/'s own encoder.

import { phoneFrames } from '../../protocol/messages/frames.ts'
import { frameItemsMax, hubFrameBytesMax } from '../../protocol/limits.ts'
import { offerBytes } from '../../protocol/offer.ts'

const finalBinary = 0x82
const isMasked = 0x80
/** First bytes, length of 16 bits, mask. */
const longHead = 8
const shortHead = 6
const shortMax = 125
const recordOverheadMax = 3 + 3

export class Outbox {
  readonly #write: (frames: Uint8Array) => void
  readonly #chunkBytes: number
  readonly #recordsMax: number
  #chunk: Buffer
  /** What was written to the socket ends here, what waits ends at `end`. */
  #start = 0
  #end = 0
  /** Where the open message of records begins; -1: none is open. */
  #open = -1
  #openItems = 0

  constructor(kind: 'phone' | 'hub', write: (frames: Uint8Array) => void) {
    this.#write = write
    this.#chunkBytes = kind === 'hub' ? 65_536 : 1_024
    this.#recordsMax = kind === 'hub' ? Math.floor((frameItemsMax - 2) / 2) : 1
    this.#chunk = Buffer.allocUnsafe(this.#chunkBytes)
  }

  get isEmpty(): boolean {
    return this.#start === this.#end
  }

  /** Frame 3: a record of the band in `slot`. */
  record(slot: number, bytes: Uint8Array, length: number): void {
    const size = this.#end - this.#open - longHead
    const isFull = this.#openItems >= this.#recordsMax || size + recordOverheadMax + length > hubFrameBytesMax
    if (this.#open === -1 || isFull || !this.#fits(recordOverheadMax + length)) {
      this.#closeRecords()
      this.#room(longHead + 5 + recordOverheadMax + length)
      this.#open = this.#end
      this.#openItems = 0
      this.#end += longHead
      // An array of 16 bits of length, which is known when the message is closed.
      this.#byte(0xdc)
      this.#end += 2
      this.#byte(phoneFrames.record.number)
      this.#byte(0)
    }
    this.#unsigned(slot)
    this.#binary(bytes, 0, length)
    this.#openItems++
  }

  /** Frame 5, without user verification and receipt. */
  authorize(id: number, slot: number, offers: Uint8Array, offerAt: number, record: Uint8Array, length: number): void {
    const at = this.#begin(offerBytes + length + 24)
    this.#byte(0x96)
    this.#byte(phoneFrames.authorize.number)
    this.#unsigned(id)
    this.#unsigned(slot)
    this.#binary(offers, offerAt, offerBytes)
    this.#binary(record, 0, length)
    this.#byte(0xc0)
    this.#finish(at)
  }

  /** Frame 2; hubs name the account, of ASCII. */
  attach(id: number, slot: number, bid: Uint8Array, account: string | null): void {
    const at = this.#begin(32 + (account?.length ?? 0))
    this.#byte(account === null ? 0x94 : 0x95)
    this.#byte(phoneFrames.attach.number)
    this.#unsigned(id)
    this.#unsigned(slot)
    this.#binary(bid, 0, bid.length)
    if (account !== null) {
      if (account.length > 31) this.#byte(0xd9)
      this.#byte(account.length > 31 ? account.length : 0xa0 | account.length)
      this.#end += this.#chunk.write(account, this.#end, 'latin1')
    }
    this.#finish(at)
  }

  /** Any other message. */
  message(bytes: Uint8Array): void {
    const at = this.#begin(bytes.length)
    this.#chunk.set(bytes, this.#end)
    this.#end += bytes.length
    this.#finish(at)
  }

  flush(): void {
    this.#closeRecords()
    if (this.#start === this.#end) return
    this.#write(this.#chunk.subarray(this.#start, this.#end))
    this.#start = this.#end
  }

  /** The socket is gone, and what waited for it. */
  drop(): void {
    this.#open = -1
    this.#start = this.#end
  }

  #begin(bytesMax: number): number {
    this.#closeRecords()
    this.#room(longHead + bytesMax)
    const at = this.#end
    this.#end += longHead
    return at
  }

  #closeRecords(): void {
    if (this.#open === -1) return
    const items = 2 + 2 * this.#openItems
    this.#chunk[this.#open + longHead + 1] = items >>> 8
    this.#chunk[this.#open + longHead + 2] = items
    const at = this.#open
    this.#open = -1
    this.#finish(at)
  }

  /** Writes the head of the frame at `at`; a short one has a shorter head (RFC 6455 §5.2), so its payload moves up. */
  #finish(at: number): void {
    const chunk = this.#chunk
    const length = this.#end - at - longHead
    chunk[at] = finalBinary
    if (length <= shortMax) {
      chunk[at + 1] = isMasked | length
      chunk.fill(0, at + 2, at + shortHead)
      chunk.copyWithin(at + shortHead, at + longHead, this.#end)
      this.#end -= longHead - shortHead
      return
    }
    chunk[at + 1] = isMasked | 126
    chunk[at + 2] = length >>> 8
    chunk[at + 3] = length
    chunk.fill(0, at + 4, at + longHead)
  }

  #fits(bytes: number): boolean {
    return this.#end + bytes <= this.#chunk.length
  }

  // What was written belongs to the socket until it left, so a full chunk is not used again.
  #room(bytes: number): void {
    if (this.#fits(bytes)) return
    this.flush()
    this.#chunk = Buffer.allocUnsafe(Math.max(this.#chunkBytes, bytes))
    this.#start = 0
    this.#end = 0
  }

  #byte(value: number): void {
    this.#chunk[this.#end++] = value
  }

  #unsigned(value: number): void {
    if (value <= 0x7f) return this.#byte(value)
    const width = value <= 0xff ? 1 : value <= 0xffff ? 2 : 4
    this.#byte(width === 1 ? 0xcc : width === 2 ? 0xcd : 0xce)
    for (let shift = 8 * (width - 1); shift >= 0; shift -= 8) this.#byte(value >>> shift)
  }

  #binary(bytes: Uint8Array, at: number, length: number): void {
    this.#byte(0xc4)
    this.#byte(length)
    const chunk = this.#chunk
    const end = this.#end
    for (let i = 0; i < length; i++) chunk[end + i] = bytes[at + i] ?? 0
    this.#end = end + length
  }
}
