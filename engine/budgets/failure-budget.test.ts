import { expect, it } from 'vitest'
import { FailureBudget } from './failure-budget.ts'

function budget() {
  const clock = { nowMs: 1_000 }
  return { clock, failures: new FailureBudget({ perSecond: 1 / 60, burst: 4, monotonicMs: () => clock.nowMs }) }
}

it('lets each fail as often as its burst says, and once more when its time has passed', () => {
  const { clock, failures } = budget()
  for (let failure = 0; failure < 4; failure++) {
    expect(failures.isLeft('band')).toBe(true)
    failures.failed('band')
  }
  expect(failures.isLeft('band')).toBe(false)
  expect(failures.isLeft('another')).toBe(true)
  clock.nowMs += 59_999
  expect(failures.isLeft('band')).toBe(false)
  clock.nowMs += 1
  expect(failures.isLeft('band')).toBe(true)
})

it('takes nothing for being asked: who succeeds is never made to wait', () => {
  const { failures } = budget()
  for (let asked = 0; asked < 1_000; asked++) expect(failures.isLeft('band')).toBe(true)
})
