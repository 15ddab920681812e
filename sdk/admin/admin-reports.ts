// Response types and validators of the admin API: the last minute, and one band. The shapes are those of the answers; a
// server of another version may leave a member out, so the outermost ones are checked.

import type { BandAnswer } from '../../protocol/operator-api.ts'

/** Milliseconds; percentiles are null when nothing was measured. */
export type RecentTimes = {
  readonly count: number
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  readonly p999Ms: number | null
  readonly maxMs: number
}

/** Metrics of one second. */
export type RecentSecond = {
  /** When it ended, ms since 1970. */
  readonly atMs: number
  /** How long it was, ms. */
  readonly forMs: number
  /** Answered in it, by reason. */
  readonly decisions: Readonly<Record<string, number>>
  readonly reversals: number
  readonly answered: RecentTimes
  readonly gate: RecentTimes
  readonly loopDelay: { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number }
  readonly gc: { readonly count: number; readonly totalMs: number; readonly maxMs: number }
  readonly cpu: { readonly userMs: number; readonly systemMs: number }
}

/** GET /admin/last-minute. */
export type LastMinute = {
  readonly upMs: number
  /** Oldest first. */
  readonly seconds: readonly RecentSecond[]
  readonly minute: { readonly answered: RecentTimes; readonly gate: RecentTimes }
  /** Why new work is not served; empty when it is. */
  readonly notReady: readonly string[]
  readonly memory: {
    readonly rssMb: number
    readonly anonRssMb: number | null
    readonly mappedMb: number | null
    readonly heapUsedMb: number
    readonly externalMb: number
    readonly arrayBuffersMb: number
  }
  readonly status: {
    readonly bands: Readonly<Record<string, number>>
    readonly sessions: Readonly<Record<string, number>>
    readonly decisions: Readonly<Record<string, number>>
    readonly reversals: number
    readonly unexpected: number
    readonly actorErrors: number
    readonly bandsAwake: number
    readonly links: number
    readonly pairingWindows: number
    readonly gateDepth: number
    readonly alarmsWaiting: number
    readonly journal: string
    readonly appendedLsn: number
    readonly durableLsn: number
    readonly appliedLsn: number
    readonly clockCertain: boolean
    readonly view: string
  }
}

/** GET /admin/bands/<name>, of an account with several bands. */
export type AccountBands = {
  readonly type: 'account'
  readonly account: string
  readonly bands: readonly {
    readonly bandId: string
    readonly bid: string | null
    readonly name: string
    readonly state: string
    readonly holds: BandAnswer['holds']
  }[]
}

/** GET /admin/bands/<name>, of the beginning of several ids. */
export type SeveralBands = {
  readonly type: 'several'
  readonly bands: AccountBands['bands']
  /** There are more than are listed. */
  readonly isCut: boolean
}

/** GET /admin/bands/<name>. */
export type BandReport = BandAnswer
export type BandLimits = BandAnswer['limits'][number]
export type BandDecision = BandAnswer['decisions'][number]
