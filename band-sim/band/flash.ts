// Non-volatile storage of a band, atomic on power loss: what survives a reboot. The root lies in two slots with a CRC, so that a
// battery that comes out in the middle of a write costs the new root and never the old one (PROTOCOL §1, §4).

import { type Bytes, concatBytes, readU32, u32 } from '../../base/bytes.ts'
import type { Bid } from '../../protocol/ids.ts'

/** The tie to an account as the band keeps it; `confirmed` only after the wearer's tap (PROTOCOL §3). */
export type StoredBinding = {
  readonly bid: Bid
  readonly generation: number
  readonly acctTag: Bytes
  readonly confirmed: boolean
}
export type StoredRoot = { readonly n: number; readonly root: Bytes }
export type PinnedKey = { readonly id: number; readonly publicKey: Bytes }

/** Simulated power loss: the battery comes out in the middle of what the band does. A radio that meets it reboots the band. */
export class PowerCut extends Error {
  override readonly name = 'PowerCut'
}

/** Write operations, for fault injection: a hook that throws `PowerCut` is a battery that comes out. */
export type FlashOperation = 'root' | 'root-erase' | 'binding' | 'wear-epoch' | 'engine-keys'

const slotBytes = 40

export class BandFlash {
  /** Called in the middle of every write. Throwing leaves a torn slot, or the old value. */
  beforeWrite: ((operation: FlashOperation) => void) | undefined
  readonly #slots: readonly [Uint8Array, Uint8Array] = [erased(), erased()]
  #binding: StoredBinding | undefined
  #wearEpoch = 0
  #engineKeys: readonly PinnedKey[]

  /** `engineKeys`: the public halves of `S_E` the maker pinned, current and next. */
  constructor(engineKeys: readonly PinnedKey[]) {
    this.#engineKeys = engineKeys
  }

  get binding(): StoredBinding | undefined {
    return this.#binding
  }

  get wearEpoch(): number {
    return this.#wearEpoch
  }

  get engineKeys(): readonly PinnedKey[] {
    return this.#engineKeys
  }

  /** The newest root whose slot is whole. */
  get root(): StoredRoot | undefined {
    const [a, b] = this.#slots.map(readSlot)
    if (a === undefined || b === undefined) return a ?? b
    return a.n > b.n ? a : b
  }

  /** Writes a root into the slot that does not hold the newest one. */
  writeRoot(n: number, root: Bytes): void {
    const slot = this.#slots[this.#newestSlot() === 0 ? 1 : 0]
    const head = concatBytes(u32(n), root)
    slot.fill(0xff)
    slot.set(head.subarray(0, 17))
    this.beforeWrite?.('root')
    slot.set(concatBytes(head, u32(crc32(head))))
  }

  /** Overwrites every root older than the newest. */
  eraseOlderRoots(): void {
    this.beforeWrite?.('root-erase')
    this.#slots[this.#newestSlot() === 0 ? 1 : 0].fill(0)
  }

  writeBinding(binding: StoredBinding): void {
    this.beforeWrite?.('binding')
    this.#binding = binding
  }

  /** Forgets binding and roots. `ps`, the device key and the wear epoch stay. */
  eraseBinding(): void {
    this.beforeWrite?.('binding')
    this.#binding = undefined
    for (const slot of this.#slots) slot.fill(0)
  }

  writeWearEpoch(wearEpoch: number): void {
    this.beforeWrite?.('wear-epoch')
    this.#wearEpoch = wearEpoch
  }

  writeEngineKeys(keys: readonly PinnedKey[]): void {
    this.beforeWrite?.('engine-keys')
    this.#engineKeys = keys
  }

  /** Every byte of the root slots, as a thief with a programmer reads them. */
  get image(): Uint8Array {
    return concatBytes(...this.#slots)
  }

  /** What a thief with a programmer gets: the flash of a second, identical device. */
  copy(): BandFlash {
    const copy = new BandFlash(this.#engineKeys)
    copy.#binding = this.#binding
    copy.#wearEpoch = this.#wearEpoch
    for (const [index, slot] of this.#slots.entries()) copy.#slots[index]?.set(slot)
    return copy
  }

  #newestSlot(): 0 | 1 {
    const [a, b] = this.#slots.map(readSlot)
    if (a === undefined) return 1
    return b === undefined || a.n > b.n ? 0 : 1
  }
}

function erased(): Uint8Array {
  return new Uint8Array(slotBytes)
}

function readSlot(slot: Uint8Array): StoredRoot | undefined {
  const head = slot.subarray(0, 36)
  if (crc32(head) !== readU32(slot, 36)) return undefined
  // All zero is erased: the CRC-32 of zeros is not zero, so an erased slot never gets here.
  return { n: readU32(head, 0), root: head.slice(4) }
}

/** CRC-32 (ISO 3309), bit by bit: a slot is 36 bytes. */
export function crc32(bytes: Bytes): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 1 ? 0xedb8_8320 : 0)
  }
  return (crc ^ 0xffff_ffff) >>> 0
}
