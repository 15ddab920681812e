// Hardware abstraction around the firmware: what it shows, what it asks the wearer, what it measures.

import type { OfferTerms } from '../../protocol/offer.ts'
import type { Verdict } from '../../protocol/ops.ts'
import type { PairingEvent } from './pairing-window.ts'
import type { Answer, Measured } from './request-prover.ts'

/** Events in and on a band, for its lights, its motor, its display, and for an observer of a simulation. */
export type BandEvent =
  | PairingEvent
  | { readonly type: 'worn'; readonly wearEpoch: number }
  | { readonly type: 'removed'; readonly charging: boolean }
  | { readonly type: 'linked' }
  | { readonly type: 'unlinked' }
  | { readonly type: 'armed'; readonly armEpoch: number }
  | { readonly type: 'disarmed'; readonly why: 'removed' | 'locked' | 'expired' | 'frozen-by-wearer' | 'released' }
  | { readonly type: 'asked'; readonly terms: OfferTerms; readonly by: 'phone' | 'engine' }
  | { readonly type: 'proved'; readonly verdict: Verdict; readonly armed: boolean }
  | { readonly type: 'result'; readonly outcome: number; readonly pattern: number }
  | { readonly type: 'alert'; readonly pattern: number; readonly text: string }
  | { readonly type: 'released' }
  | { readonly type: 'rekeyed' }

/** Hardware abstraction of a band. Everything has a default: a worn band near its phone, whose wearer just agrees. */
export type BandBody = {
  /**
   * The band buzzes and shows the request: what the wearer does, and after how long; undefined to wait for a tap. The
   * engine asks by itself when it wants a tap.
   */
  readonly asked?: (terms: OfferTerms, by: 'phone' | 'engine') => Answer | undefined
  readonly measured?: () => Measured
  /** Charge in percent and motion 0 to 255, for STATUS. */
  readonly battery?: () => number
  readonly motion?: () => number
  readonly told?: (event: BandEvent) => void
}
