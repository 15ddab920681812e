// Runs vitest and ends with one plain line of counts, for people and for CI. The exit status is vitest's, except that a run
// without a report, or in which no test ran, fails.
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const reportPath = `${root}.build/vitest.json`

type Counts = { readonly passed: number; readonly failed: number; readonly skipped: number }

rmSync(reportPath, { force: true })
const vitest = spawnSync(
  process.execPath,
  [
    `${root}node_modules/vitest/vitest.mjs`,
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${reportPath}`,
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: 'inherit' },
)
const counts = readCounts()
console.log(closingLine(counts))
process.exit(vitest.status === 0 && (counts.passed === 0 || counts.failed > 0) ? 1 : (vitest.status ?? 1))

function closingLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

/** Counts tests; a file that did not even load counts as one failure. */
function readCounts(): Counts {
  const report = parseReport()
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 }
  const unloaded = arrayField(report, 'testResults').filter(
    (file) => isObject(file) && file['status'] === 'failed' && arrayField(file, 'assertionResults').length === 0,
  )
  return {
    passed: numberField(report, 'numPassedTests'),
    failed: numberField(report, 'numFailedTests') + unloaded.length,
    skipped: numberField(report, 'numPendingTests') + numberField(report, 'numTodoTests'),
  }
}

function parseReport(): Readonly<Record<string, unknown>> | undefined {
  try {
    const report: unknown = JSON.parse(readFileSync(reportPath, 'utf8'))
    return isObject(report) ? report : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function numberField(report: Readonly<Record<string, unknown>>, name: string): number {
  const value = report[name]
  return typeof value === 'number' ? value : 0
}

function arrayField(report: Readonly<Record<string, unknown>>, name: string): readonly unknown[] {
  const value = report[name]
  return Array.isArray(value) ? value : []
}
