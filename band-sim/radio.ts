// Network simulator of Bluetooth between a phone and a band, as bad as a seed makes it: delay, loss, duplicates, disconnection. Each
// direction keeps its order, as a GATT connection does; fragments are cut and joined by PROTOCOL §6.

import { Reassembler, fragment } from '../protocol/fragments.ts'
import type { BandRadio } from '../sdk/phone/radio-writer.ts'
import type { Band } from './band/firmware.ts'
import { PowerCut } from './band/flash.ts'
import type { Scheduler } from './virtual/scheduler.ts'
import type { SeededRandom } from './virtual/seeded-random.ts'

/** Channel model: `loss` and `duplicates` are probabilities per fragment, 0 to 1; a delay of 0 delivers at once. */
export type Air = {
  readonly mtu: number
  readonly delayMs: number
  /** Jitter, ms: added at random, up to this. */
  readonly jitterMs: number
  readonly loss: number
  readonly duplicates: number
}

/** A good connection: what phones get with a band on the wrist. */
export const clearAir: Air = { mtu: 247, delayMs: 0, jitterMs: 0, loss: 0, duplicates: 0 }
/** A bad one: a small MTU, a crowd around, and something lost now and then. */
export const crowdedAir: Air = { mtu: 23, delayMs: 8, jitterMs: 30, loss: 0.01, duplicates: 0.005 }

/** One BLE connection. `phone` is what the sdk takes. */
export class Radio {
  readonly phone: BandRadio
  /** May be changed while it runs: the weather of the air. */
  air: Air
  readonly #scheduler: Scheduler
  readonly #random: SeededRandom
  readonly #band: Band
  readonly #listeners = new Set<(bytes: Uint8Array) => void>()
  readonly #reassembler = new Reassembler()
  #lastUpAtMs = 0
  #lastDownAtMs = 0
  #disconnect: (() => void) | undefined

  constructor(band: Band, parts: { readonly scheduler: Scheduler; readonly random: SeededRandom; readonly air?: Air }) {
    const air = parts.air ?? clearAir
    this.#band = band
    this.#scheduler = parts.scheduler
    this.#random = parts.random
    this.air = air
    const currentMtu = (): number => this.air.mtu
    this.phone = {
      get mtu() {
        return currentMtu()
      },
      send: (bytes) => this.#down(bytes),
      onFragment: (listener) => {
        this.#listeners.add(listener)
        return () => this.#listeners.delete(listener)
      },
    }
    this.connect()
  }

  get isConnected(): boolean {
    return this.#disconnect !== undefined
  }

  connect(): void {
    this.#disconnect ??= this.#band.connect((record) => this.#send(record))
  }

  /** Out of range: whatever is on the way is lost, both ways. */
  disconnect(): void {
    this.#disconnect?.()
    this.#disconnect = undefined
  }

  #send(record: Uint8Array<ArrayBuffer>): void {
    for (const one of fragment(record, this.air.mtu)) {
      this.#carry(
        one,
        this.#lastUpAtMs,
        (atMs) => (this.#lastUpAtMs = atMs),
        (bytes) => {
          for (const listener of this.#listeners) listener(bytes)
        },
      )
    }
  }

  #down(bytes: Uint8Array<ArrayBuffer>): void {
    this.#carry(
      bytes,
      this.#lastDownAtMs,
      (atMs) => (this.#lastDownAtMs = atMs),
      (arrived) => {
        const record = this.#reassembler.push(arrived, this.#scheduler.nowMs())
        if (record !== undefined) this.#toBand(record)
      },
    )
  }

  #toBand(record: Uint8Array): void {
    try {
      this.#band.receive(record)
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error
      this.#band.reboot()
    }
  }

  #carry(
    bytes: Uint8Array<ArrayBuffer>,
    lastAtMs: number,
    sent: (atMs: number) => void,
    arrive: (bytes: Uint8Array) => void,
  ): void {
    const { loss, duplicates, delayMs, jitterMs } = this.air
    const connection = this.#disconnect
    if (connection === undefined || (loss > 0 && this.#random.fraction() < loss)) return
    const copies = duplicates > 0 && this.#random.fraction() < duplicates ? 2 : 1
    const deliver = (): void => {
      for (let copy = 0; copy < copies; copy++) if (this.#disconnect === connection) arrive(bytes)
    }
    if (delayMs === 0 && jitterMs === 0) return deliver()
    const nowMs = this.#scheduler.nowMs()
    const atMs = Math.max(lastAtMs, nowMs + delayMs + this.#random.fraction() * jitterMs)
    sent(atMs)
    this.#scheduler.after(atMs - nowMs, deliver)
  }
}
