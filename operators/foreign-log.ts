// What the log says of requests that are not of our own page. Any page that an operator's browser shows can send them without end,
// and a log that fills the disk stops payments: so there is a handful of lines a minute, whoever sends, and a count of the others.

import type { Clock } from '../engine/ports/clock.ts'
import { Attempts } from './attempts.ts'
import { operatorLimits } from './limits.ts'
import type { OperatorLog } from './ports.ts'

export type ForeignLog = (request: {
  readonly address: string | undefined
  readonly path: string
  readonly message: string
}) => void

export function foreignLog(log: OperatorLog, clock: Pick<Clock, 'monotonicMs'>): ForeignLog {
  const lines = new Attempts(operatorLimits.foreignLogged)
  let notLogged = 0
  return ({ address, path, message }) => {
    if (!lines.take('everybody', clock.monotonicMs())) {
      notLogged++
      return
    }
    log('warning', 'operator.foreign-request', { address, path: path.slice(0, pathMax), message, notLogged })
    notLogged = 0
  }
}

/** Of a path, characters: ours are shorter. */
const pathMax = 200
