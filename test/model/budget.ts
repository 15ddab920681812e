// How far a run goes. By default the bounds are small enough for every test run; two environment variables raise them:
//   MODEL_DEPTH=2 (3, …)   one more crash, reboot, reset, deactivation and key phase for every step above 1, and one
//                          more handshake, challenge and pairing window for every second step
//   MODEL_STATES=5000000   how many states one run may hold before it stops and says so (default 2,000,000; 1,000,000
//                          take about 400 MB)
// A run that stops at its limit shows only that nothing broke so far. MODEL_TRACES=1 prints the whole counterexample of
// every missing rule, step by step, not only its length; where all rules are in force one is always printed whole.
import type { Verdict } from './checker.ts'
import { describeVerdict } from './checker.ts'

export const modelDepth = readCount('MODEL_DEPTH', 1)
export const statesMax = readCount('MODEL_STATES', 2_000_000)

/** Only a default run promises to visit every state, and how many there are at least. */
export const isDefaultRun = modelDepth === 1 && statesMax >= 2_000_000

/** What MODEL_DEPTH adds to the budgets of crashes and the like, and to those of handshakes and the like. */
export const extraFaults = modelDepth - 1
export const extraHandshakes = Math.floor((modelDepth - 1) / 2)

/** Prints what a run found: in one line, or with its trace where MODEL_TRACES asks for it. */
export function report(title: string, verdict: Verdict): void {
  const trace = process.env['MODEL_TRACES'] === '1' ? verdict.trace : []
  console.log(`${title} (MODEL_DEPTH=${modelDepth}): ${describeVerdict({ ...verdict, trace })}`)
}

function readCount(name: string, otherwise: number): number {
  const text = process.env[name]
  if (text === undefined || text === '') return otherwise
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 1) throw new Error(`${name} must be a whole number from 1, not "${text}"`)
  return count
}
