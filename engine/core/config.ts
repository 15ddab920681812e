// Configuration of the engine: what an operator may set about it; server/ validates it whole and fills the defaults.

import type { Delays } from '../../policy/delays.ts'
import type { LimitTable } from '../../policy/limits.ts'

export type EngineConfig = {
  /** Heartbeat of a worn band, seconds; the presence lease is three of them. */
  readonly heartbeatS: number
  /** How long a closed session's slots wait for its resume token, ms. */
  readonly resumeWindowMs: number
  /** Time from the upgrade to a verified hello, ms. */
  readonly authDeadlineMs: number
  /** Awake band actors kept, and how long an unused one stays, ms. */
  readonly awakeBandsMax: number
  readonly awakeIdleMs: number
  /** Links kept in the slab. */
  readonly linksMax: number
  /** Phone sessions and pairing windows kept at once. */
  readonly sessionsMax: number
  readonly pairingWindowsMax: number
  /** Failed pairings an hour: per account and per address. */
  readonly pairingFailuresPerAccount: number
  readonly pairingFailuresPerAddress: number
  /** Frames a second of one account that may reach cryptography, and the burst above it. */
  readonly accountFramesPerSecond: number
  readonly accountFramesBurst: number
  /** Journal records a second that one account may cause beside its approvals, and the burst above it. */
  readonly accountRecordsPerSecond: number
  readonly accountRecordsBurst: number
  /** Answers waiting at the output gate before new work is refused with `busy`. */
  readonly gateDepthMax: number
  /** ... or when the oldest of them has waited this long, ms. */
  readonly gateWaitMaxMs: number
  /** Hellos verified at once; sessions that come back with their resume token are let in first. */
  readonly hellosMax: number
  /** How long armed lasts, ms; at most 24 h. */
  readonly armedMs: number
  /** Security Delays (PROTOCOL §7). */
  readonly delays: Delays
  /** Limits by ISO 4217 numeric currency. */
  readonly limits: ReadonlyMap<number, LimitTable>
  /** How often changed rows leave for the view, ms, and after how many records at the latest. */
  readonly viewFlushMs: number
  readonly viewFlushRecords: number
  /** Approve from a view that was not found whole yet? A row that vanished from it counts as never there. */
  readonly approveBeforeProven: boolean
  /** A wall that is further ahead of the newest record than this is refused at the start, ms. */
  readonly clockAheadMaxMs: number
  /** The lsn of a record that is ahead of the wall, after which journal time may run back to it, once; 0 = none. */
  readonly clockAcceptBehindLsn: number
  /** `iss` of receipts, and how long one is valid, s. */
  readonly issuer: string
  readonly receiptLifeS: number
  /** Greeting: what phones are told. */
  readonly engineVersion: string
  readonly framesPerSecond: number
}
