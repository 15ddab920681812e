// The explanation of a decision, for people: every rule of the policy with what it found, in order. It decides nothing.

import type { DenialReason, Reason } from '../protocol/reasons.ts'
import type { DecisionFacts } from './facts.ts'
import { roomOf } from './room.ts'
import { rules } from './rules.ts'

export type ExplainedFact = {
  readonly fact: string
  readonly value: string
  /** Whether it spoke for approval; null = it could not be judged, because what it is measured by is missing. */
  readonly holds: boolean | null
  /** What it denies for when it does not hold. */
  readonly denies: DenialReason
}

/** The facts in the order in which they are looked at. */
export function explainFacts(facts: DecisionFacts): readonly ExplainedFact[] {
  const room = roomOf(facts, facts)
  return rules.map((rule) => {
    const { fact, denials } = rule
    if (rule.of === 'facts') {
      return { fact, value: rule.value(facts), holds: rule.holds(facts), denies: rule.denies(facts).reason }
    }
    if (room === undefined) return { fact, value: 'no limit table', holds: null, denies: denials[0].reason }
    const { reason } = rule.denies(facts, room)
    return { fact, value: rule.value(facts, room), holds: rule.holds(facts, room), denies: reason }
  })
}

/** What is no rule's: the approval, and what is found before the policy is asked. */
const otherWords: Readonly<Partial<Record<Reason, string>>> = {
  approved: 'Every condition held.',
  'offer-not-authentic': 'The offer must be of a partner who is listed, with its MAC.',
  'reference-conflict': 'A reference is decided once, for one content and one account.',
}

/** The condition of the policy behind a reason: a sentence for each rule that denies for it. Throws a RangeError for a reason without any. */
export function ruleOf(reason: Reason): string {
  const said = rules.flatMap(({ denials }) => denials).filter((one) => one.reason === reason)
  const words = [otherWords[reason] ?? [], ...new Set(said.map(({ says }) => says))].flat()
  if (words.length === 0) throw new RangeError(`a rule that denies for ${reason} expected`)
  return words.join(' ')
}
