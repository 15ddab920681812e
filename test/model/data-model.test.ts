// The counter rule of DATA, checked exhaustively for a few key phases, and once more with each rule missing.
import { describe, expect, it } from 'vitest'
import { extraFaults, isComplete, report, statesMax } from './budget.ts'
import { check, describeVerdict } from './checker.ts'
import { dataModel, dataRules } from './data-model.ts'
import { ruleNames } from './rules.ts'

const phasesCount = 4 + extraFaults

describe('the records of a link', () => {
  it('are each accepted at most once, in order, whatever the network and a forger do', { timeout: 600_000 }, () => {
    const verdict = check(dataModel(phasesCount), statesMax)
    report(`data, ${phasesCount} key phases`, verdict)
    expect(describeVerdict(verdict)).not.toContain('breaks')
    if (!isComplete) return
    expect(verdict.complete).toBe(true)
    expect(verdict.statesCount).toBeGreaterThan(4_000)
  })

  it.each(ruleNames(dataRules).map((name) => ({ name, ...dataRules[name] })))(
    'lose a promise without the rule that $says',
    ({ name, breaks }) => {
      const verdict = check(dataModel(phasesCount, name), statesMax)
      report(`data without ${name}`, verdict)
      expect(verdict.broken).toBe(breaks)
    },
  )
})
