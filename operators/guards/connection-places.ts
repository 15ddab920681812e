// Connection limits of the operators' listener, with LRU eviction, against slow-header attacks. Connections whose last request had a
// live session have places of their own, so that no stranger takes them. In a crowd of strangers a new one must send its head at once,
// and the longest unused gives way, so that half heads keep no operator from signing in.

import type { Duplex } from 'node:stream'
import { operatorLimits } from '../ports/limits.ts'
import type { OperatorPorts } from '../ports/ports.ts'
import { type PlaceLimits, Places } from './places.ts'

export type ConnectionPlaces = {
  /** A connection began. */
  readonly began: (connection: Duplex, addressKey: string) => void
  /** A whole head came on it: of an operator by name, or of a stranger by address. */
  readonly asked: (connection: Duplex, by: { readonly operator: string } | { readonly addressKey: string }) => void
}

/** `connectionsMax`: where there may be fewer in all, each kind has as much less. */
export function connectionPlaces(
  { clock, pause }: Pick<OperatorPorts, 'clock' | 'pause'>,
  connectionsMax: number = operatorLimits.connectionsMax,
): ConnectionPlaces {
  const share = Math.min(1, connectionsMax / operatorLimits.connectionsMax)
  const strangers = new Places<Duplex>(partOf(operatorLimits.strangers, share))
  const operators = new Places<Duplex>(partOf(operatorLimits.signedIn, share))
  const crowded = partOf(operatorLimits.crowded, share)
  /** Those that began in a crowd and have not said their whole head yet. */
  const hurried = new Map<Duplex, () => void>()
  let isSettling = false

  /**
   * Later: many connections begin in one turn of the loop, and what they say is read in the next. Taken away at once, the place of
   * one that has its whole head on the way would go to those that came with it.
   */
  async function settle(): Promise<void> {
    if (isSettling) return
    isSettling = true
    await pause()
    await pause()
    isSettling = false
    for (const connection of [...strangers.tooMany(), ...operators.tooMany()]) connection.destroy()
  }

  function hurry(connection: Duplex): void {
    const cancel = clock.after(operatorLimits.crowdedHeadMs, () => connection.destroy())
    hurried.set(connection, cancel)
  }

  function calm(connection: Duplex): void {
    hurried.get(connection)?.()
    hurried.delete(connection)
  }

  return {
    began(connection, addressKey) {
      strangers.use(connection, addressKey)
      if (strangers.isBeyond(addressKey, crowded)) hurry(connection)
      connection.once('close', () => {
        strangers.leave(connection)
        operators.leave(connection)
        calm(connection)
      })
      void settle()
    },
    asked(connection, by) {
      if (connection.destroyed) return
      calm(connection)
      if ('operator' in by) {
        strangers.leave(connection)
        operators.use(connection, by.operator)
      } else {
        operators.leave(connection)
        strangers.use(connection, by.addressKey)
      }
      void settle()
    },
  }
}

/** At least one place each, or there were none to sign in with. */
function partOf({ max, perOwnerMax }: PlaceLimits, share: number): PlaceLimits {
  return { max: Math.max(1, Math.floor(max * share)), perOwnerMax: Math.max(1, Math.floor(perOwnerMax * share)) }
}
