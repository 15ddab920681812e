// The policy decision (docs/architecture.md §6): facts in, approval or denial out. Default deny: the first rule that does not hold gives the
// reason, and none is left out.

import type { Decision, DecisionFacts } from './facts.ts'
import { type Room, leftOf, roomOf, spentAfter } from './room.ts'
import { type Denial, rules } from './rules.ts'

/**
 * Decides one request. Approved only when the band is bound, free of holds and armed, its proof good, its wearer present
 * and willing, and the amount within every limit.
 */
export function decide(facts: DecisionFacts): Decision {
  const room = roomOf(facts, facts)
  const denial = firstDenial(facts, room)
  const { level } = facts
  if (denial === undefined) return { approved: true, level, ...leftOf(roomOf(facts, spentAfter(facts)), level) }
  return { approved: false, reason: denial.reason, obligation: denial.helps, level, ...leftOf(room, level) }
}

function firstDenial(facts: DecisionFacts, room: Room | undefined): Denial | undefined {
  for (const rule of rules) {
    if (rule.of === 'facts') {
      if (!rule.holds(facts)) return rule.denies(facts)
    } else if (room === undefined) return rule.denials[0]
    else if (!rule.holds(facts, room)) return rule.denies(facts, room)
  }
  return undefined
}
