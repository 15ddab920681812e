// Crash-consistency checker: cuts the power at many moments of a trace and opens the view each time. Runs in a process of its
// own, since LMDB may crash on an image that a broken way of writing left.
//   node view-checker.ts TRACE SEED [no-sync-counts]
// With the last word the disk is one that says it synced and did not.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tables } from '../../engine/ports/view.ts'
import { seededChance } from '../../store/journal/test-disk.ts'
import { viewFileName } from '../../store/view/view-state.ts'
import { openView } from '../../store/view/view.ts'
import { Budget } from '../support/budget.ts'
import { type Survival, type TraceStep, imageAfter, readTrace } from './view-images.ts'
import { rowsAfter, workloadKeyring } from './view-workload.ts'

const [tracePath = '', seed = '', lies] = process.argv.slice(2)
const survivals: readonly Survival[] = ['nothing', 'everything', 'some writes', 'some sectors', 'all but one write']
const chance = seededChance(Number(seed))
const steps = readTrace(readFileSync(tracePath)).map((step) => (lies === undefined ? step : unsyncedStep(step)))
const viewName = `/view/${viewFileName}`
const folder = mkdtempSync(join(tmpdir(), 'bandpass-images-'))
const firstAck = steps.findIndex((step) => step.name === '/acks')
let harm: string | undefined
let checked = 0
const goesOn = new Budget('VIEW_POWER_CUTS').start()
for (; harm === undefined && goesOn(checked); checked++) {
  // Before the first acknowledged write there is nothing to lose: a view that does not open is wiped.
  const count = firstAck + 1 + Math.floor(chance() * (steps.length - firstAck))
  const survival = survivals[Math.floor(chance() * survivals.length)] ?? 'nothing'
  harm = await check(count, survival).catch((error: unknown) => String(error))
  if (harm !== undefined) harm = `cut behind step ${count}, ${survival} of what was not synced: ${harm}`
}
rmSync(folder, { recursive: true })
process.stdout.write(JSON.stringify({ checked, harm: harm ?? null }))

/** What is wrong with the view after this cut, or undefined. */
async function check(count: number, survival: Survival): Promise<string | undefined> {
  rmSync(folder, { recursive: true })
  mkdirSync(folder)
  writeFileSync(join(folder, viewFileName), imageAfter(steps, count, { name: viewName, survival, chance }))
  const acked = steps.slice(0, count).findLast((step) => step.name === '/acks' && step.kind === 'write')
  const ackedLsn = acked?.bytes.readUInt16BE(0) ?? 0
  const view = await openView({ folder, keyring: workloadKeyring, check: 'never' })
  try {
    const { appliedLsn } = view
    if (appliedLsn < ackedLsn) return `write ${ackedLsn} was acknowledged, the view is at ${appliedLsn}`
    const expected = rowsAfter(appliedLsn)
    for (const table of tables) {
      const found = view.range(table, { from: ' ', to: '~', limit: 100_000 })
      const wanted = expected.get(table)
      if (found.length !== wanted?.size)
        return `${wanted?.size} rows of ${table} expected at ${appliedLsn}, got ${found.length}`
      const wrong = found.find(({ key, bytes }) => Buffer.compare(bytes, wanted.get(key) ?? new Uint8Array()) !== 0)
      if (wrong !== undefined) return `the ${table} row ${wrong.key} is not as it was at ${appliedLsn}`
    }
    return undefined
  } finally {
    await view.close()
  }
}

function unsyncedStep(step: TraceStep): TraceStep {
  return step.kind === 'sync' ? { ...step, name: '' } : { ...step, isDurable: false }
}
