// Runs vitest and ends with one plain line of counts, for people and for CI. Fails when vitest does, when no test ran, and
// when told (`--check=failed`) that the checks before it failed. Other arguments name the folders to test.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { closingLine, countTests } from './test-counts.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const vitest = `${root}node_modules/vitest/vitest.mjs`
const report = `${root}.build/vitest.json`

const { values, positionals } = parseArgs({
  options: { check: { type: 'string', default: 'passed' } },
  allowPositionals: true,
})

rmSync(report, { force: true })
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
const run = spawnSync(process.execPath, [vitest, 'run', ...reporters, ...positionals], { cwd: root, stdio: 'inherit' })
const counts = countTests(existsSync(report) ? readFileSync(report, 'utf8') : undefined)
const succeeded = run.status === 0 && counts.failed === 0 && counts.passed > 0

if (values.check !== 'passed') console.log('make check failed; what it found is above the tests')
console.log(closingLine(counts))
process.exitCode = succeeded && values.check === 'passed' ? 0 : 1
