// What one arming pays, checked exhaustively for two currencies, and once more with each rule missing.
import { describe, expect, it } from 'vitest'
import { armingModel, armingRules } from './arming-model.ts'
import { extraFaults, isComplete, report, statesMax } from './budget.ts'
import { check, describeVerdict } from './checker.ts'
import { ruleNames } from './rules.ts'

const faults = 2 + extraFaults

describe('a band that is snatched while armed', () => {
  it(
    'pays one day of limits at most, whatever its thief asks and the engine lives through',
    { timeout: 600_000 },
    () => {
      const verdict = check(armingModel(faults), statesMax)
      report(`arming, ${faults} of each fault`, verdict)
      expect(describeVerdict(verdict)).not.toContain('breaks')
      if (!isComplete) return
      expect(verdict.complete).toBe(true)
      expect(verdict.statesCount).toBeGreaterThan(1_000)
    },
  )

  it.each(ruleNames(armingRules).map((name) => ({ name, ...armingRules[name] })))(
    'pays more without the rule that $says',
    ({ name, breaks }) => {
      const verdict = check(armingModel(faults, name), statesMax)
      report(`arming without ${name}`, verdict)
      expect(verdict.broken).toBe(breaks)
    },
  )
})
