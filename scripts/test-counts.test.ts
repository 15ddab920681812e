import { describe, expect, it } from 'vitest'
import { closingLine, countTests } from './test-counts.ts'

const file = (status: string, ...tests: readonly string[]) => ({
  status,
  assertionResults: tests.map((one) => ({ status: one })),
})
const report = (passed: number, failed: number, pending: number, files: readonly unknown[]): string =>
  JSON.stringify({
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: pending,
    numTodoTests: 0,
    testResults: files,
  })

describe('the closing line of make test', () => {
  it('counts what passed and what failed', () => {
    const files = [file('passed', 'passed', 'passed'), file('failed', 'failed', 'passed')]
    expect(closingLine(countTests(report(3, 1, 0, files)))).toBe('3 passed, 1 failed')
  })

  it('names skipped tests only when there are some', () => {
    expect(closingLine(countTests(report(1, 0, 2, [file('passed', 'passed')])))).toBe('1 passed, 0 failed, 2 skipped')
  })

  it('counts a test file that did not even load as a failure', () => {
    const files = [file('passed', 'passed'), file('failed')]
    expect(closingLine(countTests(report(1, 0, 0, files)))).toBe('1 passed, 1 failed')
  })

  it('counts a file whose tests passed but whose clean-up failed as a failure', () => {
    expect(closingLine(countTests(report(1, 0, 0, [file('failed', 'passed')])))).toBe('1 passed, 1 failed')
  })

  it.for([undefined, '', 'null', '[]', '{"num'])('never calls a missing or broken report a success: %j', (json) => {
    expect(countTests(json)).toEqual({ passed: 0, failed: 1, skipped: 0 })
  })
})
