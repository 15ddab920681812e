// Rate limit of log lines that strangers cause: so many at once and so many a minute, of all strangers together, and a count of the
// others. A log that fills the disk stops payments.

import type { Clock } from '../../engine/ports/clock.ts'
import { Attempts } from './attempts.ts'

/** Calls `write` with how many were not written before it, when there is room for a line. */
export type BoundedLines = (write: (notLogged: number) => void) => void

export function boundedLines(
  rate: { readonly burst: number; readonly perMinute: number },
  clock: Pick<Clock, 'monotonicMs'>,
): BoundedLines {
  const lines = new Attempts(rate)
  let notLogged = 0
  return (write) => {
    if (!lines.take('everybody', clock.monotonicMs())) {
      notLogged++
      return
    }
    write(notLogged)
    notLogged = 0
  }
}
