// Holds of an account and its phones, checked exhaustively for a thief with one of two phones, and once more with each rule missing.
import { describe, expect, it } from 'vitest'
import { accountModel, accountRules } from './account-model.ts'
import { extraFaults, isComplete, report, statesMax } from './budget.ts'
import { check, describeVerdict } from './checker.ts'
import { ruleNames } from './rules.ts'

const crashes = 1 + extraFaults

describe('an account whose owner and a thief hold a phone each', () => {
  it('keeps every promise whatever the two do, and whenever the engine dies', { timeout: 600_000 }, () => {
    const verdict = check(accountModel(crashes), statesMax)
    report(`account, ${crashes} crashes`, verdict)
    expect(describeVerdict(verdict)).not.toContain('breaks')
    if (!isComplete) return
    expect(verdict.complete).toBe(true)
    expect(verdict.statesCount).toBeGreaterThan(4_000)
  })

  it.each(ruleNames(accountRules).map((name) => ({ name, ...accountRules[name] })))(
    'loses a promise without the rule that $says',
    ({ name, breaks }) => {
      const verdict = check(accountModel(crashes, name), statesMax)
      report(`account without ${name}`, verdict)
      expect(verdict.broken).toBe(breaks)
    },
  )
})
