// The view on a disk that loses power: LMDB's own writes and syncs are recorded as they happen (write-trace.c, LD_PRELOAD),
// then the file is put together as a cut at any moment may leave it, opened, and compared with what was acknowledged.
//   VIEW_POWER_CUTS=10000   makes that many images, VIEW_POWER_CUTS=10m as many as it can in that time
//   POWER_SEED=1            draws them from this seed
// Skipped where there is no Linux with a C compiler.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { Budget } from '../support/budget.ts'
import { seedOf } from '../support/budgets.ts'

const cuts = new Budget('VIEW_POWER_CUTS')
const seed = seedOf('POWER_SEED') ?? 1
const writes = 60
const folder = mkdtempSync(join(tmpdir(), 'bandpass-power-'))
const shim = join(folder, 'write-trace.so')
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A program of the system, not of a package. */
const compiler = 'cc'
const compiled =
  process.platform === 'linux'
    ? spawnSync(compiler, ['-shared', '-fPIC', '-O2', '-o', shim, here('write-trace.c'), '-ldl', '-lpthread'])
    : undefined
const canTrace = compiled?.status === 0
if (!canTrace)
  console.log(
    `skipped: power cuts of the view need Linux and a C compiler (${String(compiled?.error ?? compiled?.stderr)})`,
  )

type Verdict = { readonly checked: number; readonly harm: string | null }

/** Runs the writer under the shim; returns where the trace is. */
function record(variant: 'store' | 'no-sync' | 'overlapping-sync'): string {
  const data = join(folder, variant)
  const trace = join(folder, `${variant}.trace`)
  const env = { ...process.env, LD_PRELOAD: shim, TRACE_FOLDER: data, TRACE_FILE: trace }
  const run = spawnSync(process.execPath, [here('view-writer.ts'), data, variant, String(writes)], {
    env,
    encoding: 'utf8',
  })
  expect([run.signal, run.stderr]).toEqual(['SIGKILL', ''])
  return trace
}

/** The images, in a process of its own: one that a broken way of writing left may end it. How far it is, it tells itself. */
async function check(trace: string, way: 'promise' | 'harm' = 'promise', ...more: readonly string[]): Promise<Verdict> {
  // A harm is found soon, and then it ends; how soon is no matter of the budget.
  const env = way === 'harm' ? { ...process.env, VIEW_POWER_CUTS: '400' } : process.env
  const stdio = ['ignore', 'pipe', 'inherit'] as const
  const child = spawn(process.execPath, [here('view-checker.ts'), trace, `${seed}`, ...more], {
    stdio: [...stdio],
    env,
  })
  let said = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (said += text))
  const [status, signal] = await once(child, 'close')
  if (status !== 0) return { checked: 0, harm: `the process that opened it died: ${signal ?? status}` }
  return JSON.parse(said) as Verdict
}

describe.skipIf(!canTrace)('a power cut', () => {
  it(
    `at any of ${cuts.text} moments leaves a view that opens, holds every acknowledged write, and no half of one`,
    async () => {
      const verdict = await check(record('store'))
      console.log(`power cuts of the view: ${verdict.checked}, seed ${seed}`)
      expect(verdict.harm).toBeNull()
      expect(verdict.checked).toBeGreaterThanOrEqual(cuts.size.type === 'count' ? cuts.size.count : 1)
    },
    cuts.timeoutMs,
  )

  it(
    'shows the harm of a disk that says it synced and did not',
    async () => {
      expect((await check(record('store'), 'harm', 'no-sync-counts')).harm).toBeTypeOf('string')
    },
    cuts.timeoutMs,
  )

  it.for(['no-sync', 'overlapping-sync'] as const)(
    'shows the harm of LMDB opened with %s',
    { timeout: cuts.timeoutMs },
    async (variant) => {
      const { harm } = await check(record(variant), 'harm')
      console.log(`LMDB opened with ${variant}: ${harm}`)
      expect(harm).toBeTypeOf('string')
    },
  )
})
