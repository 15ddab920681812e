// Permission rules of holds. Who may set and lift each hold (PROTOCOL §7): stopping is cheap, restoring is dear.

import { type Hold, holdBits } from '../protocol/states.ts'

/** Where an act came from. `phone:` is followed by the phone's id, `operator:` and `rule:` by a name. */
export type Surface = `phone:${string}` | 'band' | 'web' | 'recovery' | `operator:${string}` | `rule:${string}`

/** The rule that saw two bands with one root; only `rekey.cleared` or a new binding lifts what it set. */
export const cloneRule = 'rule:clone' satisfies Surface

/** Is this one of the account owner's own surfaces? */
export function isOwners(surface: string): boolean {
  return surface === 'band' || surface === 'web' || surface === 'recovery' || surface.startsWith('phone:')
}

/** May this surface set this hold? */
export function maySetHold(hold: Hold, by: Surface): boolean {
  switch (hold) {
    case 'owner-freeze':
      return isOwners(by)
    case 'operator-freeze':
      return by.startsWith('operator:')
    case 'risk-freeze':
      return by.startsWith('rule:')
    case 'lost':
      return isOwners(by) && by !== 'band'
  }
}

/**
 * May this surface lift this hold? `setBy` lists who set the owner freeze and the risk freeze; `also` is the second
 * operator. An owner freeze is lifted from the web, or by the phone that alone set it; `lost` never by a lift.
 */
export function mayLiftHold(lift: {
  readonly hold: Hold
  readonly by: Surface
  readonly also?: Surface
  readonly setBy: readonly string[]
}): boolean {
  const { hold, by, also, setBy } = lift
  switch (hold) {
    case 'owner-freeze': {
      if (by === 'web') return true
      const owners = setBy.filter(isOwners)
      return by.startsWith('phone:') && owners.length > 0 && owners.every((surface) => surface === by)
    }
    case 'operator-freeze':
      return by.startsWith('operator:') && also !== undefined && also.startsWith('operator:') && also !== by
    case 'risk-freeze':
      return by.startsWith('rule:') && by !== cloneRule && setBy.includes(by)
    case 'lost':
      return false
  }
}

/**
 * The holds that outlive a binding. The owner's own and the clone rule's end with it ("lifted by deactivation", "or by
 * pairing anew"); an operator's stays until operators lift it, so a frozen band cannot be paired meanwhile.
 */
export function holdsAfterUnbinding(bits: number): number {
  return bits & holdBits['operator-freeze']
}

/**
 * The list of who set a hold, with one surface more; the same list when it is on it. Two owner surfaces are as many as lifting
 * ever asks about, so the list stays short whatever happens.
 */
export function surfacesWith(surfaces: readonly string[], hold: Hold, by: string): readonly string[] {
  if (hold !== 'owner-freeze' && hold !== 'risk-freeze') return surfaces
  if (surfaces.includes(by)) return surfaces
  if (hold === 'owner-freeze' && surfaces.filter(isOwners).length >= 2) return surfaces
  return [...surfaces, by]
}
