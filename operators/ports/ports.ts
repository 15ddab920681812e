// Port interfaces (dependency injection) of the operators' listener to the process around it. Everything it shows and does comes in
// here, so that it can be tested without a fleet, and so that it cannot do more than this.

import type { OperatorPort } from '../../engine/operators/port.ts'
import type { Chores } from '../../engine/ports/chores.ts'
import type { Clock, RandomBytes } from '../../engine/ports/clock.ts'
import type { FeedValue } from '../../protocol/messages/operator-feed.ts'
import type {
  DecisionEntry,
  DecisionFilter,
  DecisionsAnswer,
  FleetAnswer,
  OperatorAct,
  OperatorRole,
  PartnersAnswer,
  SettingsAnswer,
  VendorsAnswer,
} from '../../protocol/operator-api.ts'

/** Read access to the decisions in the engine's journal, without its thread. */
export type Decisions = {
  /** Newest first. Accounts are whole: the caller shortens them before it shows them. */
  readonly search: (
    filter: DecisionFilter,
    wanted: { readonly limit: number; readonly signal: AbortSignal },
  ) => Promise<DecisionsAnswer>
  /** All of them, in batches: the next is looked for when the one before was taken. Throws when the signal is aborted. */
  readonly all: (filter: DecisionFilter, signal: AbortSignal) => AsyncIterable<readonly DecisionEntry[]>
  /** The oldest and the newest position that a search can see. */
  readonly span: () => { readonly oldestLsn: number; readonly newestLsn: number }
}

/** Acts that the server carries out itself, after the journal has them. */
export type ServerActs = {
  readonly changeVendor: (
    act: VendorAct,
  ) => { readonly type: 'done' } | { readonly type: 'refused'; readonly message: string }
  /** Why it cannot be done as the lists stand; undefined = it can. */
  readonly vendorBlocked: (act: VendorAct) => string | undefined
  /** Begins to drain; the page stays. */
  readonly drain: () => void
  readonly isDraining: () => boolean
}
export type VendorAct = Extract<OperatorAct, { readonly act: 'revoke-vendor' | 'restore-vendor' }>

/** Values of the feed that the page's listener itself knows. */
export type OwnFigures = {
  readonly viewers: number
  /** How many wait for a second operator. */
  readonly proposals: number
  /** How often each list changed. */
  readonly changes: Readonly<Record<'proposals' | 'operators', number>>
}

/** Static facts of the engine, and the values of the feed. */
type Figures = {
  readonly fleet: () => FleetAnswer
  /** One value for each of `feedFields`, as they stand now. */
  readonly values: (own: OwnFigures) => readonly FeedValue[]
}

type Lists = {
  readonly partners: () => PartnersAnswer
  readonly vendors: () => VendorsAnswer
  readonly settings: () => SettingsAnswer
}

/** A passkey of an operator: what WebAuthn gave when it was added. */
export type Passkey = {
  /** base64url, as the authenticator named it. */
  readonly id: string
  readonly publicKey: Uint8Array<ArrayBuffer>
  /** The highest signature count it has shown. */
  readonly counter: number
  readonly addedAtMs: number
}

/** An operator of the list: SHA-256 of salt and token, both 32 bytes. */
export type ListedOperator = {
  readonly name: string
  readonly role: OperatorRole
  readonly token: { readonly salt: Uint8Array; readonly hash: Uint8Array }
  readonly passkeys: readonly Passkey[]
}

export type OperatorList = {
  readonly all: () => readonly ListedOperator[]
  /** Calls `told` after every change, until the returned function is called. */
  readonly onChange: (told: () => void) => () => void
  /**
   * Keeps a passkey of an operator, new or with a new counter, on disk when it returns. Throws a Fault `data-in-use` when another process
   * changes the list, and `not-written` when the disk does not take a new one; the counter of a known one is then kept in memory.
   */
  readonly keepPasskey: (name: string, passkey: Passkey) => void
}

/** Persisted session, which outlives the process: nothing of it can be used to sign in. Instants are wall time, ms. */
export type KeptSession = {
  /** SHA-256 of the cookie, hex. */
  readonly key: string
  readonly name: string
  readonly role: OperatorRole
  readonly method: 'token' | 'passkey' | 'oidc'
  readonly beganAtMs: number
  readonly idleAtMs: number
  /** Hash of the list's token when it began; null for an operator who is not on the list. */
  readonly tokenHash: string | null
}

/** Session persistence over restarts. Neither throws: what cannot be kept is forgotten, and its operator signs in again. */
export type SessionKeeper = {
  readonly read: () => readonly KeptSession[]
  /** All there are, on disk when it returns. */
  readonly write: (sessions: readonly KeptSession[]) => void
}

export type OperatorLog = (
  level: 'info' | 'warning' | 'error',
  event: string,
  fields?: Readonly<Record<string, unknown>>,
) => void

/** Client authentication methods at a provider (RFC 6749 §2.3.1); `auto` is what the provider says it takes. */
export const oidcClientAuths = ['auto', 'basic', 'post'] as const
export type OidcClientAuth = (typeof oidcClientAuths)[number]

/** A way to sign in through a provider; see oidc.ts. */
export type OidcSettings = {
  readonly issuer: string
  readonly clientId: string
  /** As it is now: it may be changed at the provider and in its file. */
  readonly clientSecret: () => string
  readonly clientAuth: OidcClientAuth
  readonly scopes: string
  /** The claim that has the roles; dots lead into objects. */
  readonly rolesClaim: string
  /** What a value of that claim is worth here. */
  readonly roles: ReadonlyMap<string, OperatorRole>
  /** What people call the provider. */
  readonly name: string
}

export type OperatorPorts = {
  readonly clock: Clock
  readonly chores: Chores
  readonly random: RandomBytes
  readonly log: OperatorLog
  readonly operators: OperatorList
  readonly sessions: SessionKeeper
  readonly engine: OperatorPort
  readonly decisions: Decisions
  readonly acts: ServerActs
  /** Yields to the event loop: lets everything else of this thread go on. */
  readonly pause: () => Promise<void>
  readonly figures: Figures
  readonly lists: Lists
}
