// The list of operators as it stands on disk, for a running engine: who is removed there is signed out here within a second.

import type { Chores } from '../../engine/ports/chores.ts'
import { Fault } from '../../engine/ports/fault.ts'
import type { ListedOperator, OperatorList, Passkey } from '../../operators/ports/ports.ts'
import { equalBytes } from '../../base/bytes.ts'
import type { Log } from '../log/log.ts'
import { keepPasskey, readOperators } from './operator-list.ts'
import type { ReadLists } from '../files/read-lists.ts'
import { ReloadedFile } from '../files/reloaded-file.ts'
import type { DocumentPlace } from './sealed-document.ts'

export type FollowedOperators = OperatorList & { readonly reload: () => void; readonly stop: () => void }

/** Throws a Fault `file-damaged` when the list is not what we wrote. `readLists` hears what was read of it. */
export function followOperators(
  place: DocumentPlace,
  chores: Chores,
  log: Log,
  readLists?: ReadLists,
): FollowedOperators {
  const listeners = new Set<() => void>()
  const { path } = place
  const file: ReloadedFile<readonly ListedOperator[]> = new ReloadedFile(
    path,
    () => readOperators(place),
    (error) => {
      if (error === undefined) log('info', 'file.reloaded', { path })
      else log('error', 'file.not-reloaded', { path, kept: 'what was read before', error })
      for (const told of listeners) told()
      readLists?.tell(path, file.version, error === undefined)
    },
  )
  readLists?.tell(path, file.version, true)
  file.follow(chores)
  const counters = new UnwrittenCounters()
  return {
    all: () => counters.over(file.content),
    onChange(told) {
      listeners.add(told)
      return () => listeners.delete(told)
    },
    keepPasskey(name, passkey) {
      try {
        keepPasskey(place, name, passkey)
        counters.written(passkey.id)
      } catch (error) {
        const isKnown = counters.isKnown(file.content, name, passkey)
        if (!isKnown || !(error instanceof Fault) || error.code !== 'not-written') throw error
        if (counters.keep(name, passkey)) {
          log('warning', 'operators.counter-not-kept', { error, kept: 'in memory, and written when that works again' })
        }
      }
      file.look()
    },
    reload: () => file.look(),
    stop() {
      file.stop()
      for (const { name, passkey } of counters.of(file.content)) {
        try {
          keepPasskey(place, name, passkey)
        } catch (error) {
          log('warning', 'operators.counter-not-kept', {
            error,
            kept: 'nowhere: a copy of the passkey may be used once',
          })
        }
      }
    },
  }
}

type Counted = { readonly name: string; readonly passkey: Passkey }

/** Signature counts of passkeys that the disk did not take: an operator must get in all the more when it is full. */
class UnwrittenCounters {
  readonly #counted = new Map<string, Counted>()

  /** Keeps one that is known to the list; true when it is the first. */
  keep(name: string, passkey: Passkey): boolean {
    const isFirst = this.#counted.size === 0
    this.#counted.set(passkey.id, { name, passkey })
    return isFirst
  }

  written(id: string): void {
    this.#counted.delete(id)
  }

  /** Whether the list has this passkey of this operator already, with whatever count. */
  isKnown(listed: readonly ListedOperator[], name: string, { id, publicKey }: Passkey): boolean {
    const known = listed.find((one) => one.name === name)?.passkeys.find((one) => one.id === id)
    return known !== undefined && equalBytes(known.publicKey, publicKey)
  }

  /** The list with the counts that are newer here. */
  over(listed: readonly ListedOperator[]): readonly ListedOperator[] {
    if (this.#counted.size === 0) return listed
    return listed.map((operator) => ({
      ...operator,
      passkeys: operator.passkeys.map((one) => {
        const counted = this.#counted.get(one.id)?.passkey.counter ?? 0
        return counted > one.counter ? { ...one, counter: counted } : one
      }),
    }))
  }

  /** Those whose passkey the list still has. */
  of(listed: readonly ListedOperator[]): readonly Counted[] {
    return [...this.#counted.values()].filter(({ name, passkey }) => this.isKnown(listed, name, passkey))
  }
}
