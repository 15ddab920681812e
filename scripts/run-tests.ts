// Runs vitest and ends with one plain line of counts, for people and for CI. Fails when vitest does, when no test ran, and when the
// checks that ran beside it failed (`--with-check`: they fill what the tests leave of the machine). Other arguments name the folders.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { closingLine, countTests } from './test-counts.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const vitest = `${root}node_modules/vitest/vitest.mjs`
const report = `${root}.build/vitest.json`

const { values, positionals } = parseArgs({
  options: { 'with-check': { type: 'boolean', default: false } },
  allowPositionals: true,
})

rmSync(report, { force: true })
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
const check = values['with-check'] ? checked() : undefined
const status = await ended(
  spawn(process.execPath, [vitest, 'run', ...reporters, ...positionals], { cwd: root, stdio: 'inherit' }),
)
const found = await check
const counts = countTests(existsSync(report) ? readFileSync(report, 'utf8') : undefined)
const succeeded = status === 0 && counts.failed === 0 && counts.passed > 0

if (found !== undefined) process.stdout.write(found.said)
if (found !== undefined && found.status !== 0) console.log('make check failed; what it found is above')
console.log(closingLine(counts))
process.exitCode = succeeded && (found?.status ?? 0) === 0 ? 0 : 1

/** What `make check` says is kept until the tests are done, so that neither is lost among the lines of the other. */
async function checked(): Promise<{ readonly status: number | null; readonly said: string }> {
  const args = ['--no-print-directory', '--keep-going', 'check']
  const child = spawn(process.env['MAKE'] ?? 'make', args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  return { status: await ended(child), said }
}

/** Its exit code; null when a signal ended it, or when it could not start. */
function ended(child: ReturnType<typeof spawn>): Promise<number | null> {
  return new Promise((resolve) => {
    child.once('error', () => resolve(null))
    child.once('close', (code) => resolve(code))
  })
}
