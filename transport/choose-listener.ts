// Picks the listener: the newest native one that loads, else the older, else ws with a warning. A machine on which the
// native one silently stopped loading would be several times slower, so the choice always says why.

import { createLoopback } from './listen-loopback.ts'
import { listenUws } from './listen-uws.ts'
import { listenWs } from './listen-ws.ts'
import type { Listen, ListenerName } from './listener.ts'
import { loadUws, uwsPackages } from './uws.ts'
import type { Uws, UwsPackage } from './uws.ts'

/** What configuration may ask for. */
export const listenerNames: readonly (ListenerName | 'auto')[] = ['auto', ...uwsPackages, 'ws', 'loopback']

export type ListenerChoice = {
  readonly name: ListenerName
  readonly listen: Listen
  /** Those tried before it, and what kept each from loading. */
  readonly notLoaded: readonly { readonly name: ListenerName; readonly why: string }[]
  /** To be shown at start: ws was not asked for, yet it is ws. */
  readonly warning?: string
}

/** The listener that was asked for by name does not load here. */
export class ListenerNotLoaded extends Error {
  override readonly name = 'ListenerNotLoaded'
}

/**
 * Chooses and loads a listener; `wanted` forces one by name. Rejects with `ListenerNotLoaded` when a forced one does not
 * load. `load` is for machines where loading must be refused.
 */
export async function chooseListener(
  wanted: ListenerName | 'auto' = 'auto',
  load: (name: UwsPackage) => Promise<Uws> = loadUws,
): Promise<ListenerChoice> {
  if (wanted === 'ws') return { name: 'ws', listen: listenWs, notLoaded: [] }
  if (wanted === 'loopback') return { name: 'loopback', listen: createLoopback(), notLoaded: [] }
  const notLoaded: { name: ListenerName; why: string }[] = []
  for (const name of wanted === 'auto' ? uwsPackages : [wanted]) {
    try {
      // One after the other: the older is not to be loaded when the newer can be.
      const uws = await load(name)
      return { name, listen: listenUws(name, uws), notLoaded }
    } catch (error) {
      if (wanted !== 'auto') throw new ListenerNotLoaded(`${name} does not load: ${whyOf(error)}`, { cause: error })
      notLoaded.push({ name, why: whyOf(error) })
    }
  }
  const reasons = notLoaded.map(({ name, why }) => `${name}: ${why}`).join('; ')
  return {
    name: 'ws',
    listen: listenWs,
    notLoaded,
    warning: `the native listener does not load, falling back to ws, which is slower (${reasons})`,
  }
}

/** The last line is the loader's own reason; what stands before it is the library's list of platforms. */
function whyOf(error: unknown): string {
  const lines = String(error instanceof Error ? error.message : error).split('\n')
  return lines.findLast((line) => line.trim() !== '')?.trim() ?? 'no reason given'
}
