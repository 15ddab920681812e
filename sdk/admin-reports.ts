// What an operator's tools read of a running engine: the last minute, and one band. The shapes are those of the answers; a
// server of another version may leave a member out, so the outermost ones are checked.

/** Milliseconds; percentiles are null when nothing was measured. */
export type RecentTimes = {
  readonly count: number
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  readonly p999Ms: number | null
  readonly maxMs: number
}

/** One second of an engine's life. */
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
  }
}

type ListedHold = { readonly hold: string; readonly surfaces: readonly string[] }

/** GET /admin/bands/<name>, of an account with several bands. */
export type AccountBands = {
  readonly type: 'account'
  readonly account: string
  readonly bands: readonly {
    readonly bandId: string
    readonly bid: string | null
    readonly name: string
    readonly state: string
    readonly holds: readonly ListedHold[]
  }[]
}

/** GET /admin/bands/<name>. Instants are ms since 1970 by the engine's clock, null = never; amounts are minor units. */
export type BandReport = {
  readonly type: 'band'
  readonly nowMs: number
  readonly bandId: string
  readonly bid: string | null
  readonly name: string
  readonly state: string
  readonly holds: readonly ListedHold[]
  readonly holdEndedAtMs: number | null
  readonly awake: boolean
  readonly endedGeneration: number | null
  readonly account: string | null
  readonly generation: number
  readonly generationEnded: number
  readonly pairingUntilMs: number | null
  readonly hardware: {
    readonly vendor: number
    readonly model: number
    readonly batch: number
    readonly standing: string
  }
  readonly arm: {
    readonly untilMs: number | null
    readonly epoch: number
    readonly ownerEpoch: number
    readonly verifiedAtMs: number | null
  }
  readonly ownerEpoch: number
  readonly wearEpoch: number
  readonly session: { readonly kind: string; readonly link: BandLink | null } | null
  readonly proximity: { readonly level: number; readonly atMs: number } | null
  readonly resume: {
    readonly k: number
    readonly resumes: number
    readonly rekeyedAtMs: number
    readonly keepsPrevious: boolean
  } | null
  readonly limits: readonly BandLimits[]
  readonly pending: readonly {
    readonly change: string
    readonly dueAtMs: number
    readonly begunBy: string
    readonly rising?: readonly ({ readonly currency: number } & UseAndDay)[]
  }[]
  readonly decisions: readonly BandDecision[]
  readonly decisionsCut: boolean
}

type UseAndDay = { readonly perUseMinor: number; readonly perDayMinor: number }

type BandLink = {
  readonly wear: string
  readonly wearEpoch: number
  readonly present: boolean
  readonly leaseLeftMs: number
  readonly tick: number
  readonly tickAgeMs: number
  readonly up: { readonly phase: number; readonly ctr: number }
  readonly down: { readonly phase: number; readonly ctr: number }
  readonly badTags: number
}

export type BandLimits = {
  readonly currency: number
  readonly table: (UseAndDay & { readonly receivePerDayMinor: number }) | null
  readonly own: UseAndDay | null
  readonly usedToday: { readonly payMinor: number; readonly receiveMinor: number }
  readonly leftToday: { readonly useMinor: number; readonly payMinor: number; readonly receiveMinor: number }
}

export type BandDecision = {
  readonly lsn: number
  readonly atMs: number
  readonly partner: string
  readonly partnerName: string | null
  readonly resource: string
  readonly reference: string
  readonly action: string
  readonly amountMinor: number
  readonly currency: number
  readonly label: string
  readonly reason: string
  readonly obligation: string | null
  readonly reversedByLsn: number | null
}
