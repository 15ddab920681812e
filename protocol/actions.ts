// Action codes: what an offer asks for. The class comes from the partner's authenticated offer, never from a phone or reader.

import { finderOf } from '../base/names.ts'

/** Wire numbers of PROTOCOL §5; 128 to 255 are a partner's own. */
export const actions = { pay: 1, receive: 2, unlock: 3, admit: 4, redeem: 5, identify: 6, ride: 7 } as const
export type NamedAction = keyof typeof actions
export type Action = NamedAction | 'partner-own'

const namedAction = finderOf(actions)

/** The action with this wire number; undefined for 0 and for numbers 8 to 127, which mean nothing yet. */
export function parseAction(number: number): Action | undefined {
  return number >= 128 && number <= 255 ? 'partner-own' : namedAction(number)
}
