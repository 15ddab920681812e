// Enums of a band's states and holds, as the wire, the rows and the counters spell them (docs/architecture.md §5, PROTOCOL §7).

import { finderOf, namesOf } from '../base/names.ts'

/** Wire numbers of a band's state, frames 118 and 121 and record STATE. */
export const bandStates = { unbound: 0, pairing: 1, offWrist: 2, disarmed: 3, armed: 4, deactivating: 5 } as const
export type BandState = keyof typeof bandStates

/** Bit mask of the holds. A band approves only when the set is empty. */
export const holdBits = { 'owner-freeze': 1, 'operator-freeze': 2, 'risk-freeze': 4, lost: 8 } as const
export type Hold = keyof typeof holdBits

/** The holds that an account can be under as a whole, with all its bands. */
export const accountHoldNames = ['owner-freeze', 'operator-freeze'] as const satisfies readonly Hold[]
export type AccountHold = (typeof accountHoldNames)[number]

const stateOfNumber = finderOf(bandStates)

/** The state with this wire number, or undefined for a number this version does not know. */
export function parseBandState(number: number): BandState | undefined {
  return stateOfNumber(number)
}

const holdNames = namesOf(holdBits)
const noHolds: readonly Hold[] = []

/** The holds whose bits are set, in the order of `holdBits`. */
export function holdsOf(bits: number): readonly Hold[] {
  return bits === 0 ? noHolds : holdNames.filter((hold) => (bits & holdBits[hold]) !== 0)
}

/** States of a phone's session (docs/architecture.md §5). */
export const sessionStates = ['connecting', 'authenticating', 'live', 'draining', 'closed'] as const
export type SessionState = (typeof sessionStates)[number]
