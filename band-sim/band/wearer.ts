// Simulated user, the person around the wrist: puts the band on, taps, takes it off, presses long, and answers when it buzzes.

import type { OfferTerms } from '../../protocol/offer.ts'
import type { BandBody, BandEvent } from './band-body.ts'
import { Band, type BandParts } from './firmware.ts'
import type { Answer } from './request-prover.ts'

/** Behaviour of the wearer when asked: undefined is to do nothing, which leaves the band waiting for a tap. */
export type Habit = (terms: OfferTerms, by: 'phone' | 'engine') => Answer | undefined

/** Agrees by wearing the band; when the engine wants a tap, taps after a moment. */
export const agrees: Habit = (_, by) =>
  by === 'phone' ? { verdict: 'worn', afterMs: 0 } : { verdict: 'tap', afterMs: 600 }
/** Taps for everything. */
export const taps: Habit = () => ({ verdict: 'tap', afterMs: 600 })
/** Says no to everything. */
export const refuses: Habit = () => ({ verdict: 'refused', afterMs: 600 })

export class Wearer {
  readonly band: Band
  /** Everything the band showed or did, in order. */
  readonly events: BandEvent[] = []
  /** How requests are answered from now on. */
  habit: Habit = agrees
  /** Does the wearer tap when the band asks to confirm a pairing? */
  confirmsPairing = true

  constructor(parts: BandParts) {
    const body = parts.body ?? {}
    this.band = new Band({
      ...parts,
      body: { ...body, asked: (terms, by) => this.habit(terms, by), told: (event) => this.#told(event, body) },
    })
  }

  putsOn(): void {
    this.band.sensor(true)
  }

  takesOff(): void {
    this.band.strapOpened()
  }

  taps(): void {
    this.band.tap()
  }

  pressesLong(): void {
    this.band.longPress()
  }

  /** How often the band told of this kind of event. */
  count(type: BandEvent['type']): number {
    return this.events.filter((event) => event.type === type).length
  }

  #told(event: BandEvent, body: BandBody): void {
    this.events.push(event)
    body.told?.(event)
    if (event.type === 'pairing.confirm' && this.confirmsPairing) this.band.tap()
  }
}
