// Rate-limited log of cross-origin requests, which are not of our own page. Any page that an operator's browser shows can send them
// without end, so there is a handful of lines a minute.

import type { Clock } from '../../engine/ports/clock.ts'
import { boundedLines } from './bounded-lines.ts'
import { operatorLimits } from '../ports/limits.ts'
import type { OperatorLog } from '../ports/ports.ts'

export type ForeignLog = (request: {
  readonly address: string | undefined
  readonly path: string
  readonly message: string
}) => void

export function foreignLog(log: OperatorLog, clock: Pick<Clock, 'monotonicMs'>): ForeignLog {
  const lines = boundedLines(operatorLimits.foreignLogged, clock)
  return ({ address, path, message }) =>
    lines((notLogged) =>
      log('warning', 'operator.foreign-request', { address, path: path.slice(0, pathMax), message, notLogged }),
    )
}

/** Longest part of a path that is logged, characters: ours are shorter. */
const pathMax = 200
