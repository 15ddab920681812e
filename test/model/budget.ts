// Bounds of the model checker: how far the models go. The bounds of depth 1 are small enough for every test run; at depth 2 (make
// test-long) the largest worlds are whole. Two environment variables set others:
//   MODEL_DEPTH=3 (4, …)   one more crash, reboot, reset, deactivation and key phase for every step above 2, and one
//                          more handshake, challenge and pairing window for every second step
//   MODEL_STATES=5000000   how many states one run may hold before it stops and says so (1,000,000 take about 400 MB)
// A run that stops at its limit shows only that nothing broke so far. MODEL_TRACES=1 prints the whole counterexample of
// every missing rule, step by step, not only its length; where all rules are in force one is always printed whole.
import type { Verdict } from './checker.ts'
import { describeVerdict } from './checker.ts'
import { boundOf, isOn } from '../support/budgets.ts'

export const modelDepth = boundOf('MODEL_DEPTH')
export const statesMax = boundOf('MODEL_STATES')

/** Only a run of depth 1 or 2 promises to visit every state, and how many there are at least. */
export const isComplete = modelDepth <= 2 && statesMax >= 2_000_000

/** At depth 1 the largest worlds have one fault less: a minute of states that depth 2 visits. */
export const isSmall = modelDepth === 1

/** What MODEL_DEPTH adds to the budgets of crashes and the like, and to those of handshakes and the like. */
export const extraFaults = Math.max(0, modelDepth - 2)
export const extraHandshakes = Math.floor(extraFaults / 2)

/** Prints what a run found: in one line, or with its trace where MODEL_TRACES asks for it. */
export function report(title: string, verdict: Verdict): void {
  const trace = isOn('MODEL_TRACES') ? verdict.trace : []
  console.log(`${title} (MODEL_DEPTH=${modelDepth}): ${describeVerdict({ ...verdict, trace })}`)
}
