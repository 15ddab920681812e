// What the log says of chores: the first failure in a row, and that it works again.

import { type ChoreTold, Chores } from '../../engine/ports/chores.ts'
import type { Clock } from '../../engine/ports/clock.ts'
import type { Log } from './log.ts'

/** Chores on this clock that tell this log. */
export function loggedChores(clock: Pick<Clock, 'after'>, log: Log): Chores {
  return new Chores({ clock, told: choreLog(log) })
}

/** Chores of a program without a log, such as a command: `failed` hears of the first failure in a row of each. */
export function toldChores(clock: Pick<Clock, 'after'>, failed: (error: unknown) => void): Chores {
  return new Chores({
    clock,
    told: (_chore, error) => {
      if (error !== undefined) failed(error)
    },
  })
}

function choreLog(log: Log): ChoreTold {
  return (chore, error, item) => {
    const which = item === '' ? { chore } : { chore, item }
    if (error === undefined) log('info', 'chore.works-again', which)
    else log('error', 'chore.failed', { ...which, error, does: 'keeps what it had, and tries again' })
  }
}
