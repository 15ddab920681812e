// Protocol limits: every limit of the wire has its name here; a test stands at each and one past it.

/** Largest WebSocket message of a phone, bytes (docs/architecture.md §8). */
export const phoneFrameBytesMax = 4_096
/** Largest WebSocket message of a hub, bytes. */
export const hubFrameBytesMax = 16_384
/** Largest band record or BLE message, bytes. */
export const recordBytesMax = 1_024
/** Arrays may nest this deep in a phone frame. */
export const frameDepthMax = 2
/** Items of one array in a phone frame. */
export const frameItemsMax = 1_024
/** Longest account token, bytes. */
export const tokenBytesMax = 2_048
/** A phone session's slots, 0 to 255; a hub's, 0 to 65,535. */
export const phoneSlotMax = 0xff
export const hubSlotMax = 0xffff
/** Replay window: how far a counter may jump ahead; accept iff last < ctr ≤ last + this. */
export const counterJumpMax = 65_536
/** Records under one key phase. */
export const phaseRecordsMax = 1 << 20
/** Age of one key phase, ms. */
export const phaseAgeMaxMs = 24 * 3_600_000
/** The last key phase; a link ends after it. */
export const phaseMax = 7
/** Bad tags within `badTagsWindowMs` that end a link. */
export const badTagsMax = 8
export const badTagsWindowMs = 60_000
/** Life of a CHAL's `Ne`, ms. */
export const challengeLifeMs = 10_000
/** A slot gets at most one CHAL in this time, ms. */
export const challengeIntervalMs = 1_000
/** Life of a user-verification challenge (frame 119), ms. */
export const uvChallengeLifeMs = 60_000
/** Outstanding user-verification challenges of one session. */
export const uvChallengesMax = 8
/** The pairing window, from pair.start, ms, and the failures it bears. */
export const pairingWindowMs = 180_000
export const pairingFailuresMax = 5
/** How long a refused pairing waits before it says so, ms. */
export const pairRefusedDelayMs = 3_000
/** A physical gesture on an unpaired band opens it for pairing this long, ms. */
export const pairingGestureMs = 30_000
/** Resumes after which a link is asked to rekey. */
export const resumesBeforeRekeyMax = 1_000
/** Ratchet steps that the engine takes to catch up with a band that is ahead after a restore: what a rekey in time leaves, and some more. */
export const resumeForwardMax = 1_024
/** An alert's text, bytes of UTF-8. */
export const alertTextBytesMax = 96
/** An offer's label, bytes of UTF-8. */
export const offerLabelBytesMax = 24
/** Longest time a band stays armed, ms. */
export const armedMaxMs = 24 * 3_600_000
/** The presence lease is this many heartbeats. */
export const leaseHeartbeats = 3
/** Longest reuse of one tick by the engine, ms; also at most a heartbeat divided by `tickShareOfHeartbeat`. */
export const tickServesMaxMs = 5_000
export const tickShareOfHeartbeat = 4
/** BLE: bytes of one fragment, and the silence that drops a partial message. */
export const fragmentDataBytesMax = 512
export const fragmentSilenceMs = 5_000
export const mtuMin = 23
export const mtuMax = 517
/** Entries of one page of history or bands. */
export const pageEntriesMax = 32
/** Largest amount, minor units: every sum stays a safe integer. */
export const amountMinorMax = 1_000_000_000_000
/** The longest an offer may still have to live when it is decided, ms. */
export const offerLifeMaxMs = 15 * 60_000

/** Phones one account may have. */
export const phonesPerAccountMax = 16
/** A phone's last hello is noted again when it was noted this long ago, ms. */
export const seenAgainMs = 7 * 86_400_000
/** A phone that was not seen for this long gives way to a new one of a full account, ms. */
export const phoneUnusedMs = 180 * 86_400_000
