// The view on a disk that loses power: LMDB's own writes and syncs are recorded as they happen (write-trace.c, LD_PRELOAD),
// then the file is put together as a cut at any moment may leave it, opened, and compared with what was acknowledged.
//   POWER_CUTS=10000   makes that many images (default 400)
//   POWER_SEED=1       draws them from this seed
// Skipped where there is no Linux with a C compiler.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'

const cuts = process.env['POWER_CUTS'] ?? '400'
const seed = process.env['POWER_SEED'] ?? '1'
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

function check(trace: string, ...more: readonly string[]): Verdict {
  const run = spawnSync(process.execPath, [here('view-checker.ts'), trace, seed, cuts, ...more], { encoding: 'utf8' })
  if (run.status !== 0) return { checked: 0, harm: `the process that opened it died: ${run.signal ?? run.stderr}` }
  return JSON.parse(run.stdout) as Verdict
}

describe.skipIf(!canTrace)('a power cut', () => {
  it(`at any of ${cuts} moments leaves a view that opens, holds every acknowledged write, and no half of one`, () => {
    const verdict = check(record('store'))
    console.log(`power cuts of the view: ${verdict.checked}, seed ${seed}`)
    expect(verdict).toEqual({ checked: Number(cuts), harm: null })
  }, 600_000)

  it('shows the harm of a disk that says it synced and did not', () => {
    expect(check(record('store'), 'no-sync-counts').harm).toBeTypeOf('string')
  })

  it.for(['no-sync', 'overlapping-sync'] as const)('shows the harm of LMDB opened with %s', (variant) => {
    const { harm } = check(record(variant))
    console.log(`LMDB opened with ${variant}: ${harm}`)
    expect(harm).toBeTypeOf('string')
  })
})
