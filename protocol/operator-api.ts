// HTTP API of the operators' page: paths, roles and types of the JSON bodies under /api/. The binary feed beside it is in
// operator-feed.ts. Instants are engine time, ms since 1970; amounts are minor units of an ISO 4217 numeric currency; an
// account's id is shortened (`abcd…`) unless it was opened, which is an act of its own.

/** Roles of role-based access control; each role may also do what the ones before it may. */
export const operatorRoles = ['viewer', 'operator', 'admin'] as const
export type OperatorRole = (typeof operatorRoles)[number]

/** Routes of the API. A page asks with the method that stands beside each. */
export const operatorPaths = {
  /** GET → SessionAnswer. Asking does not keep a session from growing idle. */
  session: '/api/session',
  /** POST {name, token} → SessionAnswer. */
  signInByToken: '/api/session/token',
  /** POST {} → the request options of WebAuthn, as JSON; then POST {response} of navigator.credentials.get → SessionAnswer. */
  beginPasskey: '/api/session/passkey/begin',
  signInByPasskey: '/api/session/passkey',
  /** GET, by going there: leads to the provider, and from there back to `/`, or to `/?error=…` with a code. */
  oidc: '/api/session/oidc',
  oidcBack: '/api/session/oidc/back',
  /** POST {} → SessionAnswer. */
  signOut: '/api/session/end',
  /** POST {} → the creation options of WebAuthn, as JSON; then POST {response} of navigator.credentials.create → SessionAnswer. */
  beginNewPasskey: '/api/passkeys/begin',
  addPasskey: '/api/passkeys',
  fleet: '/api/fleet',
  bands: '/api/bands',
  band: '/api/bands/:bandId',
  timeline: '/api/bands/:bandId/timeline',
  decisions: '/api/decisions',
  decision: '/api/decisions/:lsn',
  /** GET ?format=csv|jsonl and a DecisionFilter → a stream. An act: the journal has who took what. */
  export: '/api/export',
  replay: '/api/replay',
  preview: '/api/acts/preview',
  acts: '/api/acts',
  proposals: '/api/proposals',
  agree: '/api/proposals/:id/agree',
  withdraw: '/api/proposals/:id/withdraw',
  partners: '/api/partners',
  vendors: '/api/vendors',
  settings: '/api/settings',
  operators: '/api/operators',
  /** The WebSocket of operator-feed.ts. */
  feed: '/api/feed',
} as const

/** The least role that may export decisions. */
export const exportRole: OperatorRole = 'operator'

/** Header against CSRF that every POST bears: a page of another origin cannot set it without a CORS preflight. */
export const operatorHeader = 'x-bandpass-operator'

/** Error body of every refusal: a stable code, and a message for people that says what was expected. */
export type ApiRefusal = { readonly error: string; readonly message: string; readonly retryAfterMs?: number }

/** GET /api/session. */
export type SessionAnswer =
  | {
      readonly signedIn: false
      readonly methods: {
        readonly token: boolean
        readonly passkey: boolean
        /** The provider's name for the button; null = not configured. */
        readonly oidc: string | null
      }
      /** False while no local operator exists: the page then says how to add one. */
      readonly hasOperators: boolean
    }
  | {
      readonly signedIn: true
      readonly name: string
      readonly role: OperatorRole
      readonly expiresAtMs: number
      readonly passkeys: number
    }

/** GET /api/fleet: static facts, which stand still while the feed moves. */
export type FleetAnswer = {
  readonly version: string
  readonly startedAtMs: number
  readonly nowMs: number
  readonly listener: string
  readonly durability: string
  readonly heartbeatS: number
  /** Latency budget: the line in the picture of latencies. */
  readonly budget: { readonly p99Ms: number; readonly p999Ms: number }
  readonly alarms: readonly AlarmRule[]
  readonly history: FleetHistory
}

/**
 * Metrics history of the last five minutes, or since the engine started, so that a page that opens has its pictures and its alarms at
 * once: of each second, oldest first, the values of these fields of the feed. Null: not measured.
 */
export type FleetHistory = {
  readonly fields: readonly string[]
  readonly seconds: readonly { readonly atMs: number; readonly values: readonly (number | null)[] }[]
}

/** How many seconds an engine keeps of its history: as many as the page's pictures show. */
export const historySeconds = 300

/**
 * Threshold alarm: on when the feed's field has been above `above`, or below `below` where there is one, for `forS` seconds. A rule about
 * a percentile also says of how many: a second in which `of`, another field, was less than `ofAtLeast` is none.
 */
export type AlarmRule = {
  readonly name: string
  /** A name of `feedFields`. */
  readonly field: string
  readonly above: number
  readonly below?: number
  readonly forS: number
  /** A name of `feedFields` that counts what `field` was made of; together with `ofAtLeast`. */
  readonly of?: string
  readonly ofAtLeast?: number
  readonly says: string
}

/** GET /api/bands?name=…: by band id, bid, account or phone id. */
export type BandsAnswer = { readonly bands: readonly FoundBand[]; readonly isCut: boolean }
export type FoundBand = {
  readonly bandId: string
  readonly bid: string | null
  readonly name: string
  readonly state: string
  readonly holds: readonly string[]
  readonly account: string | null
}

/** GET /api/bands/<bandId>, and of an operator's tools: one band as it stands. Null instants = never. */
export type BandAnswer = {
  readonly type: 'band'
  readonly nowMs: number
  readonly bandId: string
  readonly bid: string | null
  readonly name: string
  readonly state: string
  /** Those in force: of the band itself, and of its account as a whole. */
  readonly holds: readonly {
    readonly hold: string
    readonly of: 'band' | 'account'
    readonly surfaces: readonly string[]
  }[]
  /** When a hold of it, or of its account, was last set or lifted. */
  readonly holdsChangedAtMs: number | null
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
  /** Of its account; null for a band that belongs to none. */
  readonly ownerEpoch: number | null
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
  /** Of its account, those enrolled now; none for a band that belongs to no account. */
  readonly phones: readonly AccountPhone[]
  readonly pending: readonly {
    readonly change: string
    readonly dueAtMs: number
    readonly begunBy: string
    readonly rising?: readonly ({ readonly currency: number } & UseAndDay)[]
  }[]
  readonly decisions: readonly BandDecision[]
  readonly decisionsCut: boolean
}

/** A phone as its row says. `seenAtMs` is written down once a week, so it may be that much older than the truth. */
export type AccountPhone = {
  readonly phoneId: string
  readonly enrolledAtMs: number
  readonly seenAtMs: number
  /** A session of it is open now. */
  readonly live: boolean
  /** It only stops and reads until then. */
  readonly pendingUntilMs: number | null
  /** Another phone asked to remove it: it only stops and reads, and is removed at `removeAtMs` unless that is vetoed. */
  readonly suspendedAtMs: number | null
  readonly removeAtMs: number | null
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

type BandLimits = {
  readonly currency: number
  readonly table: (UseAndDay & { readonly receivePerDayMinor: number }) | null
  readonly own: UseAndDay | null
  readonly usedToday: { readonly payMinor: number; readonly receiveMinor: number }
  readonly leftToday: { readonly useMinor: number; readonly payMinor: number; readonly receiveMinor: number }
}

type BandDecision = {
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

/** GET /api/bands/<bandId>/timeline?beforeLsn=…&limit=…: newest first. */
export type TimelineAnswer = {
  readonly entries: readonly TimelineEntry[]
  /** Ask again with it; null = that was all. */
  readonly nextBeforeLsn: number | null
}
export type TimelineEntry =
  | {
      readonly type: 'moved'
      readonly lsn: number
      readonly atMs: number
      /** The event that moved it, such as `band.worn` or `hold.set`. */
      readonly cause: string
      /** `phone:…`, `band`, `web`, `operator:…`, `rule:…`, `engine`. */
      readonly by: string
      readonly state: string
      readonly holds: readonly string[]
      readonly generation: number
    }
  | ({ readonly type: 'decision' } & DecisionEntry)
  | {
      readonly type: 'act'
      readonly lsn: number
      readonly atMs: number
      readonly act: string
      readonly by: string
      readonly also: string | null
      readonly reason: string
    }

/** One decision in a list. */
export type DecisionEntry = {
  readonly lsn: number
  readonly atMs: number
  readonly bandId: string
  /** Shortened. */
  readonly account: string
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
  readonly level: number
  /** The record that took an approval back; null = it stands, or it is not known here (a list from the journal alone). */
  readonly reversedByLsn: number | null
}

/** Filter of GET /api/decisions and its export; all optional, all must hold. */
export type DecisionFilter = {
  readonly fromMs?: number
  readonly toMs?: number
  readonly partner?: string
  /** A name of the closed list, or `denied` for all but `approved`. */
  readonly reason?: string
  readonly minMinor?: number
  readonly maxMinor?: number
  readonly currency?: number
  readonly action?: string
  /** A whole account id: an operator who has only the shortened one must open it first. */
  readonly account?: string
  readonly bandId?: string
  /** What the partner calls the offer (`rid`), or the beginning of it. */
  readonly reference?: string
  /** Older than this position: the next page. */
  readonly beforeLsn?: number
}

/** GET /api/decisions?…&limit=…: newest first. */
export type DecisionsAnswer = {
  readonly decisions: readonly DecisionEntry[]
  /** Ask again with it as `beforeLsn`; null = the journal was searched to its end. */
  readonly nextBeforeLsn: number | null
  /** How much of the journal was looked at for this page. */
  readonly searched: { readonly records: number; readonly fromLsn: number; readonly toLsn: number }
}

/** Columns of an export, both as the CSV head and as members of a JSON line, in this order. */
export const exportColumns = [
  'lsn',
  'at',
  'bandId',
  'account',
  'partner',
  'partnerName',
  'resource',
  'reference',
  'action',
  'amountMinor',
  'currency',
  'label',
  'reason',
  'obligation',
  'level',
  'reversedByLsn',
] as const

/** Headers of an export, so that the page can show how far it is: rows come from the newest position down. */
export const exportFromHeader = 'x-bandpass-from-lsn'
export const exportToHeader = 'x-bandpass-to-lsn'

/** GET /api/decisions/<lsn>: why. */
export type ExplanationAnswer = {
  readonly decision: DecisionEntry
  /** Every fact the decision was made from, in the order it was looked at: a name, what it was, and whether it spoke for approval. */
  readonly facts: readonly { readonly fact: string; readonly value: string; readonly holds: boolean | null }[]
  /** The rule that decided: a condition of the policy, in words. */
  readonly rule: string
  readonly obligation: string | null
  /** As it would be signed for this decision now; null when none can be (a denial). Claims only, never the token. */
  readonly receipt: Readonly<Record<string, string | number>> | null
  /** What was left after it. */
  readonly useLeftMinor: number
  readonly dayLeftMinor: number
}

/** POST /api/replay {lsn}: the same facts, judged by the code that is running. */
export type ReplayAnswer = {
  readonly lsn: number
  readonly same: boolean
  readonly then: ReplayedDecision
  readonly now: ReplayedDecision
  readonly differences: readonly { readonly field: string; readonly then: string; readonly now: string }[]
  /** What the journal does not keep and the running configuration says instead, such as limits, so that a reader knows what may have changed. */
  readonly takenFromNow: readonly string[]
}
export type ReplayedDecision = {
  readonly reason: string
  readonly obligation: string | null
  readonly level: number
  readonly useLeftMinor: number
  readonly dayLeftMinor: number
}

/** Acts that an operator can do to the fleet. */
export type OperatorAct =
  | { readonly act: 'freeze-band'; readonly bandId: string }
  | { readonly act: 'unfreeze-band'; readonly bandId: string }
  /** By one of its bands: an operator need not know the account's id. */
  | { readonly act: 'freeze-account'; readonly bandId: string }
  | { readonly act: 'unfreeze-account'; readonly bandId: string }
  | { readonly act: 'raise-epoch'; readonly bandId: string }
  /** The session that carries this band. */
  | { readonly act: 'end-session'; readonly bandId: string }
  /** A phone of the account of this band. */
  | { readonly act: 'remove-phone'; readonly bandId: string; readonly phoneId: string }
  | { readonly act: 'revoke-vendor'; readonly vendor: number; readonly model?: number }
  | { readonly act: 'restore-vendor'; readonly vendor: number; readonly model?: number }
  | { readonly act: 'drain' }
  | { readonly act: 'open-account'; readonly bandId: string }
export type OperatorActName = OperatorAct['act']

/** Permission table of acts: the least role, and whether a second operator must agree (four-eyes principle). */
export const operatorActs = {
  'freeze-band': { role: 'operator', second: false },
  'unfreeze-band': { role: 'operator', second: true },
  'freeze-account': { role: 'operator', second: false },
  'unfreeze-account': { role: 'operator', second: true },
  'raise-epoch': { role: 'operator', second: false },
  'end-session': { role: 'operator', second: false },
  // It takes a veto of the owner's away: two must agree.
  'remove-phone': { role: 'operator', second: true },
  'revoke-vendor': { role: 'admin', second: true },
  'restore-vendor': { role: 'admin', second: true },
  drain: { role: 'admin', second: false },
  'open-account': { role: 'operator', second: false },
} as const satisfies Record<OperatorActName, { readonly role: OperatorRole; readonly second: boolean }>

/** Kinds of target that an act may touch, in the order they are shown. */
export const touchedKinds = ['bands', 'armed', 'links', 'sessions'] as const
export type TouchCounts = Readonly<Partial<Record<(typeof touchedKinds)[number], number>>>

/** POST /api/acts/preview <OperatorAct>: dry run, what it will touch before it acts. */
export type PreviewAnswer = {
  /** In words, such as `Freezes band 5a…: nothing is approved with it until two operators unfreeze it.` */
  readonly says: string
  /** What was counted, and nothing else: a number that is not there is not known, and is none. */
  readonly touches: TouchCounts
  /** Why it cannot be done now, in words; null = it can. */
  readonly blocked: string | null
  readonly needsSecond: boolean
}

/** POST /api/acts {act…, reason}: acts, or asks for a second operator. */
export type ActAnswer =
  | { readonly type: 'done'; readonly lsn: number; readonly outcome: ActOutcome }
  | { readonly type: 'proposed'; readonly proposal: Proposal }

export type ActOutcome = {
  /** In words. */
  readonly says: string
  /** Of a freeze; null for other acts. */
  readonly fanOut: {
    /** Approvals whose answers it overtook: reversed, never told. */
    readonly reversed: number
    /** The last approval before it that stands; null = there was none among the account's last 1,024 decisions. */
    readonly lastApproval: { readonly lsn: number; readonly atMs: number } | null
    /** From the request to the record on disk, and to the last session told. */
    readonly durableMs: number
    readonly toldMs: number
    readonly sessionsTold: number
  } | null
  /** The whole id, of `open-account`. */
  readonly account?: string
}

/** GET /api/proposals: what waits for a second operator. They end after an hour, and when the engine stops. */
export type ProposalsAnswer = { readonly proposals: readonly Proposal[] }
export type Proposal = {
  readonly id: string
  readonly act: OperatorAct
  readonly says: string
  readonly by: string
  readonly reason: string
  readonly atMs: number
  readonly endsAtMs: number
}
// POST /api/proposals/<id>/agree → ActAnswer; POST /api/proposals/<id>/withdraw → {}

/** GET /api/partners. */
export type PartnersAnswer = {
  readonly partners: readonly { readonly id: string; readonly name: string; readonly kids: readonly number[] }[]
}

/** GET /api/vendors. Models and batches are those that are revoked; a batch without a model is one of whatever model. */
export type VendorsAnswer = {
  readonly vendors: readonly {
    readonly vendor: number
    readonly name: string
    readonly standing: string
    readonly models: readonly { readonly model: number; readonly standing: string }[]
    readonly batches: readonly { readonly model: number | null; readonly batch: number; readonly standing: string }[]
  }[]
}

/** GET /api/settings: every setting as it is in force; secrets and paths of key files are left out. */
export type SettingsAnswer = {
  readonly settings: readonly {
    readonly path: string
    readonly value: string
    readonly default: string
    readonly help: string
  }[]
}

/** GET /api/operators (admin): who may sign in. */
export type OperatorsAnswer = {
  readonly operators: readonly {
    readonly name: string
    readonly role: OperatorRole
    readonly passkeys: number
    readonly sessions: number
  }[]
}
