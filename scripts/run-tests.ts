// Runs vitest and ends with one plain line of counts, for people and for CI. Fails when vitest does, and when nothing ran.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { closingLine, countTests } from './test-counts.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const vitest = `${root}node_modules/vitest/vitest.mjs`
const report = `${root}.build/vitest.json`

rmSync(report, { force: true })
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
const run = spawnSync(process.execPath, [vitest, 'run', ...reporters, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
})

const counts = countTests(existsSync(report) ? readFileSync(report, 'utf8') : undefined)
console.log(closingLine(counts))
process.exitCode = run.status === 0 && counts.failed === 0 && counts.passed > 0 ? 0 : (run.status ?? 1) || 1
