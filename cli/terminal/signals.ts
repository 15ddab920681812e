// Signals of this process, as bin/early.cjs has kept them since its first instant. SIGHUP never ends anything. SIGTERM and SIGINT end a
// command at once, unless it ends in an order of its own: that one listens to them, or follows them.

import { createRequire } from 'node:module'
import { constants } from 'node:os'

export type Signal = 'SIGTERM' | 'SIGINT' | 'SIGHUP'

type Follow = (obey: (signal: Signal) => void) => void

/** Tells `obey` of each signal from now on, in place of what was told before; first of those that came before anything listened. */
export const followSignals: Follow = found(createRequire(import.meta.url)('../../bin/early.cjs'))

/** What a signal means for a command that does not follow it. */
export function endAtOnce(signal: Signal): void {
  if (signal === 'SIGHUP') return
  // Ours is the first; with another the command ends in its own order.
  if (process.listenerCount(signal) === 1) process.exit(exitAfter(signal))
}

/** As shells have it. */
function exitAfter(signal: Signal | 'SIGPIPE'): number {
  return 128 + constants.signals[signal]
}

/** Ends a command whose reader went away, as in `bandpass ... | head -1`, without a word: one in an order of its own as by Ctrl-C. */
export function endWithReader(): void {
  process.stdout.on('error', () => {
    // An engine goes on without readers.
    if (process.stdout.listenerCount('error') > 1) return
    if (process.listenerCount('SIGINT') > 1 && !isEnding) {
      isEnding = true
      process.emit('SIGINT')
    } else if (!isEnding) process.exit(exitAfter('SIGPIPE'))
  })
  // Nothing more can be said there.
  process.stderr.on('error', () => undefined)
}

let isEnding = false

function found(early: unknown): Follow {
  if (typeof early === 'object' && early !== null && 'follow' in early) {
    const { follow } = early
    if (typeof follow === 'function') return (obey) => void Reflect.apply(follow, early, [obey])
  }
  throw new Error('bin/early.cjs gives `follow`')
}
