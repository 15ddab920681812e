// Waits until the running engine knows what a command changed in a list, and says which it was: known, or that none runs.

import { setTimeout as wait } from 'node:timers/promises'
import { type Known, knownWithinMs, whenKnown } from '../../server/files/read-lists.ts'

/** On stderr, so that what programs read stays alone. The exit code: 1 when the engine cannot read what was written. */
export async function tellWhenKnown(
  { path: data }: { readonly path: string },
  place: { readonly path: string },
): Promise<number> {
  const known = await whenKnown(data, place.path, { nowMs: () => performance.now(), wait: (ms) => wait(ms) })
  process.stderr.write(`bandpass: ${sentences[known](data)}\n`)
  return known === 'not-read' ? 1 : 0
}

const sentences: Readonly<Record<Known, (data: string) => string>> = {
  known: () => 'the running engine knows',
  'no-engine': (data) => `no engine runs on ${data}; the next one reads it at its start`,
  'not-followed': (data) => `written; the engine that runs on ${data} does not use this list, its next start may`,
  late: (data) =>
    `written; the engine that runs on ${data} has not read it within ${knownWithinMs / 1_000} s: see its log for file.reloaded`,
  'not-read': (data) =>
    `written, but the engine that runs on ${data} cannot read it and goes on with what it had: see file.not-reloaded in its log`,
}
