// Observers of the engine: each hears what happened, as it happens; without one it costs a null check.

import type { BandEventType } from '../../machines/band-context.ts'
import type { Reason } from '../../protocol/reasons.ts'
import type { BandId } from '../../protocol/ids.ts'
import type { BandRow } from '../ports/rows.ts'

export type WatchEvent =
  | { readonly type: 'band.moved'; readonly row: BandRow; readonly cause: BandEventType }
  | { readonly type: 'decided'; readonly reason: Reason; readonly tookMs: number }

export class Watch {
  readonly #watchers = new Set<(event: WatchEvent) => void>()
  readonly #bands = new Map<BandId, Set<{ readonly told: () => void }>>()

  /** Calls `watcher` for every event until the returned function is called. */
  subscribe(watcher: (event: WatchEvent) => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  bandMoved(row: BandRow, cause: BandEventType): void {
    if (this.#watchers.size > 0) this.#tell({ type: 'band.moved', row, cause })
  }

  decided(reason: Reason, tookMs: number): void {
    if (this.#watchers.size > 0) this.#tell({ type: 'decided', reason, tookMs })
  }

  /** Calls `told` whenever something happened to this band that is on disk, until the returned function is called. */
  subscribeBand(bandId: BandId, told: () => void): () => void {
    const others = this.#bands.get(bandId)
    // Not the function itself: who watches twice is told twice, and stops one at a time.
    const watcher = { told }
    if (others === undefined) this.#bands.set(bandId, new Set([watcher]))
    else others.add(watcher)
    return () => {
      const left = this.#bands.get(bandId)
      left?.delete(watcher)
      if (left?.size === 0) this.#bands.delete(bandId)
    }
  }

  bandTouched(bandId: BandId): void {
    if (this.#bands.size === 0) return
    for (const { told } of this.#bands.get(bandId) ?? []) told()
  }

  #tell(event: WatchEvent): void {
    for (const watcher of this.#watchers) watcher(event)
  }
}
