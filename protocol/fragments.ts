// BLE fragmentation and reassembly (PROTOCOL §6): one header byte `S E seq6`, then data; the first carries the total length.
// A whole fragment, its header included, fits an ATT value: MTU - 3, and never more than 512 (Core 5.4 Vol 3 Part F §3.2.9).
// One message at a time each way. A gap, a lying length or five seconds of silence drop the message, nothing else.

import { type Bytes, readU16, u16 } from '../base/bytes.ts'
import { fragmentDataBytesMax, fragmentSilenceMs, mtuMax, mtuMin, recordBytesMax } from './limits.ts'

const start = 0x80
const end = 0x40
const sequenceMask = 0x3f
/** ATT header overhead of a write or notification, bytes. */
const attBytes = 3

/** Cuts a message into fragments for a link of this MTU. Throws a RangeError past a named limit. */
export function fragment(message: Bytes, mtu: number): readonly Uint8Array<ArrayBuffer>[] {
  if (!Number.isInteger(mtu) || mtu < mtuMin || mtu > mtuMax) {
    throw new RangeError(`an MTU is a whole number from ${mtuMin} to ${mtuMax}, got ${mtu}`)
  }
  if (message.length === 0 || message.length > recordBytesMax) {
    throw new RangeError(`a message is 1 to ${recordBytesMax} bytes, got ${message.length}`)
  }
  const room = Math.min(mtu - attBytes, fragmentDataBytesMax) - 1
  if (message.length <= room) return [join(start | end, message)]
  const fragments: Uint8Array<ArrayBuffer>[] = []
  let at = room - 2
  fragments.push(join(start, u16(message.length), message.subarray(0, at)))
  for (let sequence = 1; at < message.length; sequence++) {
    const next = Math.min(at + room, message.length)
    fragments.push(join((next === message.length ? end : 0) | (sequence & sequenceMask), message.subarray(at, next)))
    at = next
  }
  return fragments
}

/** Reassembly buffer for one direction of one BLE link. */
export class Reassembler {
  readonly #buffer = new Uint8Array(recordBytesMax)
  #length = 0
  #total = 0
  #sequence = 0
  #lastAtMs = 0

  /** Takes one fragment; returns the message when it is complete (a copy), else undefined. */
  push(bytes: Bytes, nowMs: number): Uint8Array<ArrayBuffer> | undefined {
    const head = bytes[0]
    // A sender that does not count the header among its 512 is understood too.
    if (head === undefined || bytes.length > 1 + fragmentDataBytesMax) return this.#drop()
    const silent = nowMs - this.#lastAtMs > fragmentSilenceMs
    this.#lastAtMs = nowMs
    if ((head & start) !== 0) return this.#begin(head, bytes)
    if (this.#total === 0 || silent || (head & sequenceMask) !== ((this.#sequence + 1) & sequenceMask))
      return this.#drop()
    this.#sequence++
    return this.#append(bytes.subarray(1), (head & end) !== 0)
  }

  #begin(head: number, bytes: Bytes): Uint8Array<ArrayBuffer> | undefined {
    this.#drop()
    if ((head & sequenceMask) !== 0) return undefined
    if ((head & end) !== 0) {
      this.#total = bytes.length - 1
      if (this.#total === 0) return this.#drop()
      return this.#append(bytes.subarray(1), true)
    }
    if (bytes.length < 4) return undefined
    this.#total = readU16(bytes, 1)
    if (this.#total > recordBytesMax) return this.#drop()
    return this.#append(bytes.subarray(3), false)
  }

  #append(data: Bytes, last: boolean): Uint8Array<ArrayBuffer> | undefined {
    const length = this.#length + data.length
    if (length > this.#total || last !== (length === this.#total)) return this.#drop()
    this.#buffer.set(data, this.#length)
    this.#length = length
    if (!last) return undefined
    const message = this.#buffer.slice(0, length)
    this.#drop()
    return message
  }

  #drop(): undefined {
    this.#length = 0
    this.#total = 0
    this.#sequence = 0
    return undefined
  }
}

function join(head: number, ...parts: readonly Bytes[]): Uint8Array<ArrayBuffer> {
  let length = 1
  for (const part of parts) length += part.length
  const joined = new Uint8Array(length)
  joined[0] = head
  let at = 1
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}
