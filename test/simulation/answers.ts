// Test oracle for what leaves the engine: nothing that was approved and not yet answered when a stop was acknowledged is answered
// as approved afterwards, by the engine that acknowledged it or by the next one.

import { decodeRecord } from '../../engine/ports/records.ts'
import { decodeEngineFrame } from '../../protocol/messages/frame-codec.ts'
import { reasons } from '../../protocol/reasons.ts'
import type { MemoryDisk } from '../support/memory-ports.ts'

/** A stop that was acknowledged: of one band, or of a whole account. */
type Acknowledged = {
  readonly what: string
  readonly account: string
  readonly bandId: string | undefined
  /** The records of this life of the engine that were on disk when it was acknowledged. */
  readonly fromLsn: number
  readonly throughLsn: number
  /** Approvals that had been answered by then: they stand. */
  readonly answered: ReadonlySet<number>
}

export class Answers {
  readonly #disk: MemoryDisk
  readonly #answered = new Set<number>()
  readonly #stops: Acknowledged[] = []
  readonly violations: string[] = []
  #lifeFromLsn = 1

  constructor(disk: MemoryDisk) {
    this.#disk = disk
  }

  get stopsCount(): number {
    return this.#stops.length
  }

  /** An engine begins: what an earlier one had on disk and did not answer, it may have answered as far as this oracle can tell. */
  began(): void {
    this.#lifeFromLsn = this.#disk.records.length + 1
  }

  /** A message on its way to a phone. */
  sent(bytes: Uint8Array): void {
    const frame = decodeEngineFrame(bytes)
    if (frame.type !== 'decision' || !frame.approved) return
    for (const stop of this.#stops) this.#judge(stop, frame.lsn)
    this.#answered.add(frame.lsn)
  }

  acknowledged(stop: Pick<Acknowledged, 'what' | 'account' | 'bandId'>): void {
    const throughLsn = this.#disk.records.length
    this.#stops.push({ ...stop, fromLsn: this.#lifeFromLsn, throughLsn, answered: new Set(this.#answered) })
  }

  #judge(stop: Acknowledged, lsn: number): void {
    if (lsn < stop.fromLsn || lsn > stop.throughLsn || stop.answered.has(lsn)) return
    const body = this.#disk.records[lsn - 1]
    const record = body === undefined ? undefined : decodeRecord(body)
    if (record?.type !== 'decision' || record.account !== stop.account) return
    if (stop.bandId !== undefined && record.bandId !== stop.bandId) return
    const reason = record.reason === reasons.approved ? 'approved' : 'denied'
    this.violations.push(`decision ${lsn}, ${reason}, is answered approved after ${stop.what} was acknowledged (I16)`)
  }
}
