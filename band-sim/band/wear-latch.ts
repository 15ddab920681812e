// Wear detection with debouncing, the wrist latch (PROTOCOL §5): decides when a band has left the wrist. A short gap of the sensor is a
// moving arm; more than 1.5 s, an open strap, a charger or a reboot end the wearing, and the next one has a new number.

import type { Wear } from '../../protocol/ops.ts'
import type { BandFlash } from './flash.ts'
import { NamedTimers, type Scheduler } from '../virtual/scheduler.ts'

/** The sensor may be silent this long within one wearing, ms (PROTOCOL §5). */
const sensorGapMaxMs = 1_500

export class WearLatch {
  readonly #flash: BandFlash
  readonly #timers: NamedTimers<'gap'>
  /** Called on every wear edge, after the state has changed. */
  readonly #edge: () => void
  #wear: Wear = 'off'
  #sensorOn = false

  constructor(flash: BandFlash, scheduler: Scheduler, edge: () => void) {
    this.#flash = flash
    this.#timers = new NamedTimers(scheduler)
    this.#edge = edge
  }

  get wear(): Wear {
    return this.#wear
  }

  /** The number of this wearing, or of the last one; 0 before the first. Kept in flash, it never repeats. */
  get wearEpoch(): number {
    return this.#flash.wearEpoch
  }

  sensor(on: boolean): void {
    this.#sensorOn = on
    if (on) {
      this.#timers.cancel('gap')
      if (this.#wear === 'off') this.#begin()
    } else if (this.#wear === 'on' && !this.#timers.isSet('gap')) {
      // "More than 1.5 s": at exactly 1.5 s the band is still worn.
      this.#timers.set('gap', sensorGapMaxMs + 1, () => this.#end('off'))
    }
  }

  strapOpened(): void {
    this.#sensorOn = false
    if (this.#wear === 'on') this.#end('off')
  }

  charger(connected: boolean): void {
    if (connected) this.#sensorOn = false
    if (connected && this.#wear !== 'charging') this.#end('charging')
    if (!connected && this.#wear === 'charging') this.#end('off')
  }

  /** RAM is gone; the sensor keeps what it feels. */
  powerOff(): void {
    this.#timers.cancelAll()
    if (this.#wear === 'on') this.#wear = 'off'
  }

  /** Whatever the sensor says now is the start of a new wearing. */
  powerOn(): void {
    if (this.#wear === 'off' && this.#sensorOn) this.#begin()
  }

  #begin(): void {
    this.#flash.writeWearEpoch(this.#flash.wearEpoch + 1)
    this.#wear = 'on'
    this.#edge()
  }

  #end(wear: 'off' | 'charging'): void {
    this.#timers.cancelAll()
    this.#wear = wear
    this.#edge()
  }
}
