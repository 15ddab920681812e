// Turns vitest's JSON report into the counts of the closing line. What cannot be counted as passed counts as failed.

export type TestCounts = { readonly passed: number; readonly failed: number; readonly skipped: number }

/** A report that is missing or broken is one failure; so is each file that failed without running a test. */
export function countTests(reportJson: string | undefined): TestCounts {
  const report = parse(reportJson)
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 }
  const unloaded = arrayField(report, 'testResults').filter(
    (file) => isRecord(file) && file['status'] === 'failed' && !arrayField(file, 'assertionResults').some(hasFailed),
  )
  return {
    passed: numberField(report, 'numPassedTests'),
    failed: numberField(report, 'numFailedTests') + unloaded.length,
    skipped: numberField(report, 'numPendingTests') + numberField(report, 'numTodoTests'),
  }
}

/** `12 passed, 0 failed`, and how many were skipped when any were. */
export function closingLine({ passed, failed, skipped }: TestCounts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

type JsonRecord = Readonly<Record<string, unknown>>

function parse(reportJson: string | undefined): JsonRecord | undefined {
  if (reportJson === undefined) return undefined
  try {
    const report: unknown = JSON.parse(reportJson)
    return isRecord(report) ? report : undefined
  } catch {
    return undefined
  }
}

function hasFailed(test: unknown): boolean {
  return isRecord(test) && test['status'] === 'failed'
}

function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function numberField(report: JsonRecord, name: string): number {
  const value = report[name]
  return typeof value === 'number' ? value : 0
}

function arrayField(report: JsonRecord, name: string): readonly unknown[] {
  const value = report[name]
  return Array.isArray(value) ? value : []
}
