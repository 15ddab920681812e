// Resource limits of the operators' listener, each by name. They are tight: its users are few, and one of them who is stuck or
// hostile must not be felt by those who pay.

const second = 1_000
const minute = 60 * second

export const operatorLimits = {
  /** Connections whose last request had a live session, sockets of the feed among them: the longest unused gives way. */
  signedIn: { max: 384, perOwnerMax: 48 },
  /** All others, by address (IPv6 by /64): beyond this the longest unused gives way. */
  strangers: { max: 1_024, perOwnerMax: 768 },
  /**
   * With more strangers than this a new one has this long for its whole head: a silent one goes before it takes another's place,
   * and comes back no faster than that.
   */
  crowded: { max: 256, perOwnerMax: 128 },
  crowdedHeadMs: second / 2,
  /** All of them, and as many as may begin in one turn of the loop before the oldest give way. */
  connectionsMax: 2_048,
  /** ... while nearly no open files are left. */
  connectionsWhenScarce: 8,
  /** A request's head: whole within this, and no longer than that (D3). */
  headersTimeoutMs: 5 * second,
  requestTimeoutMs: 5 * second,
  timeoutsCheckedEveryMs: second,
  headerBytesMax: 8_192,
  headersMax: 64,
  keepAliveMs: 5 * second,
  /** A connection on which nothing moves this long is cut: a stalled download, too. */
  stalledMs: 2 * minute,
  bodyBytesMax: 16_384,
  /** Requests of one operator, and those of all strangers of one address: a page that asks in a loop shares its thread with payments. */
  requests: { burst: 600, perMinute: 6_000 },
  /** A query of an address, characters. */
  queryMax: 2_048,

  /** Sessions at once; of one operator the oldest makes room. */
  sessionsMax: 1_000,
  sessionsPerOperatorMax: 16,
  /** Wrong sign-ins of one name, or of one address: so many at once, then so many a minute. */
  wrongPerName: { burst: 5, perMinute: 5 },
  wrongPerAddress: { burst: 20, perMinute: 20 },
  /** Lines of the log about requests that are not of our own page: so many at once, then so many a minute. */
  foreignLogged: { burst: 20, perMinute: 20 },
  /** Lines of the log about sign-ins that were refused, of all addresses together. */
  refusedLogged: { burst: 200, perMinute: 60 },
  /** Sign-ins begun (a passkey's challenge, a way to the provider) from one address. */
  begunPerAddress: { burst: 30, perMinute: 30 },
  /** Names and addresses that are remembered for it; the oldest is forgotten first. */
  rememberedMax: 10_000,
  /** How long a challenge, or a way to the provider, may take to come back; those that came are remembered so that each comes once. */
  waitingMs: 5 * minute,
  ticketsSpentMax: 10_000,
  /** What the provider says of itself is read again after this. */
  providerReadEveryMs: 10 * minute,
  passkeysPerOperatorMax: 10,
  /** After its sign-in a session may ask for a new passkey this long: a session that was stolen later leaves none behind. */
  newPasskeyWithinMs: 10 * minute,
  /** A passkey's public key and name are far shorter. */
  passkeyBytesMax: 2_048,
  /** Answers of passkeys judged at once, for how long each, and what their thread may have, and when it ends unused. */
  passkeysJudgedMax: 8,
  passkeyJudgedMs: 20 * second,
  passkeyThreadMb: 128,
  passkeyThreadIdleMs: minute,

  /** Acts of one operator, and exports: far more than hands do, so that a stolen session cannot fill the journal. */
  actsPerOperator: { burst: 300, perMinute: 120 },
  exportsPerOperator: { burst: 30, perMinute: 30 },
  /** Questions by an account, each of which the journal has: a guess that is right tells whose band it is. */
  lookupsPerOperator: { burst: 60, perMinute: 30 },
  proposalsMax: 100,
  proposalsPerOperatorMax: 20,
  proposalLifeMs: 60 * minute,
  /** Decisions of one answer. */
  decisionsDefault: 50,
  decisionsMax: 200,
  /** Exports and searches at once, and those of one operator: each has a thread while it lasts. */
  exports: { max: 3, perOwnerMax: 1 },
  searches: { max: 6, perOwnerMax: 2 },
  /** A reader of an export has taken each batch within this, or is cut off: what it keeps open is a search of the journal. */
  exportTakenMs: 30 * second,
  timelineDefault: 50,
  timelineMax: 200,

  /** Sockets of the feed at once, and those of one operator. */
  viewersMax: 200,
  viewersPerOperatorMax: 20,
  feedEveryMs: second,
  /** Send buffer of a viewer, bytes: a page that has not taken this much is closed; it comes back and begins anew. */
  feedBufferedBytesMax: 65_536,
  feedFragmentsMax: 4,
  feedBufferedChunksMax: 16,
  feedCloseTimeoutMs: 2 * second,
  feedAsksPerSecond: 10,
  /** Steps of a watched band that one message tells; the newest. */
  feedStepsMax: 50,
} as const

/** How long a session lasts. */
export type SessionTimes = {
  /** Idle timeout: without a request. */
  readonly idleMs: number
  /** Absolute timeout: whatever happens. */
  readonly absoluteMs: number
}
