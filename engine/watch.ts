// Who watches the engine hears what happened, as it happens; with nobody watching it costs a null check.

import type { BandEventType } from '../machines/band-context.ts'
import type { Reason } from '../protocol/reasons.ts'
import type { BandRow } from './ports/rows.ts'

export type WatchEvent =
  | { readonly type: 'band.moved'; readonly row: BandRow; readonly cause: BandEventType }
  | { readonly type: 'decided'; readonly reason: Reason; readonly tookMs: number }

export class Watch {
  private readonly watchers = new Set<(event: WatchEvent) => void>()

  /** Calls `watcher` for every event until the returned function is called. */
  subscribe(watcher: (event: WatchEvent) => void): () => void {
    this.watchers.add(watcher)
    return () => this.watchers.delete(watcher)
  }

  bandMoved(row: BandRow, cause: BandEventType): void {
    if (this.watchers.size > 0) this.tell({ type: 'band.moved', row, cause })
  }

  decided(reason: Reason, tookMs: number): void {
    if (this.watchers.size > 0) this.tell({ type: 'decided', reason, tookMs })
  }

  private tell(event: WatchEvent): void {
    for (const watcher of this.watchers) watcher(event)
  }
}
