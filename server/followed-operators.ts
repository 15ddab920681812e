// The list of operators as it stands on disk, for a running engine: who is removed there is signed out here within a second.

import type { Clock } from '../engine/ports/clock.ts'
import type { OperatorList } from '../operators/ports.ts'
import type { Log } from './log.ts'
import { keepPasskey, readOperators } from './operator-list.ts'
import { ReloadedFile } from './reloaded-file.ts'
import type { DocumentPlace } from './sealed-document.ts'

export type FollowedOperators = OperatorList & { readonly reload: () => void; readonly stop: () => void }

/** Throws a Fault `keys-missing` when the list is not what we wrote. */
export function followOperators(place: DocumentPlace, clock: Pick<Clock, 'after'>, log: Log): FollowedOperators {
  const listeners = new Set<() => void>()
  const { path } = place
  const file = new ReloadedFile(
    path,
    () => readOperators(place),
    (error) => {
      if (error === undefined) log('info', 'file.reloaded', { path })
      else log('error', 'file.not-reloaded', { path, kept: 'what was read before', error })
      for (const told of listeners) told()
    },
  )
  file.follow(clock)
  return {
    all: () => file.content,
    onChange(told) {
      listeners.add(told)
      return () => listeners.delete(told)
    },
    keepPasskey(name, passkey) {
      keepPasskey(place, name, passkey)
      file.look()
    },
    reload: () => file.look(),
    stop: () => file.stop(),
  }
}
