// One pairing window (PROTOCOL §3): three minutes, five failures, and either both ends commit or nothing is left.
// It reads no clock: time comes in the event, and what is to be done leaves in `context.effects`.

import { assign, setup } from 'xstate'
import type { ErrorCode } from '../protocol/errors.ts'
import type { PairingId } from '../protocol/ids.ts'
import { pairRefusedDelayMs, pairingFailuresMax, pairingWindowMs } from '../protocol/limits.ts'

export const pairingStates = [
  'waiting',
  'proving',
  'committing',
  'committed',
  'acknowledged',
  'bound',
  'refused',
  'expired',
  'cancelled',
] as const
export type PairingState = (typeof pairingStates)[number]

export type PairingEvent =
  /** PAIR1 opened: the band holds the package's secret. Again when the band starts over. */
  | { readonly type: 'pair1.opened'; readonly atMs: number }
  /** A PAIR1 or PAIR3 did not open. */
  | { readonly type: 'proof.failed'; readonly atMs: number }
  /** PAIR3 opened, its BandCert holds and vouches for the key that spoke. */
  | { readonly type: 'pair3.opened'; readonly atMs: number }
  /** PAIR3 opened, but the certificate, its vendor or its status does not hold. */
  | { readonly type: 'pair3.refused'; readonly atMs: number }
  /** The band's compare-and-set is on disk. */
  | { readonly type: 'commit.durable'; readonly atMs: number }
  /** The band was not free. */
  | { readonly type: 'commit.refused'; readonly atMs: number }
  /** COMMIT_ACK, or a RESUME under the new root. */
  | { readonly type: 'ack.received'; readonly atMs: number }
  /** `pairing → bound` is on disk. */
  | { readonly type: 'ack.durable'; readonly atMs: number }
  | { readonly type: 'window.expired'; readonly atMs: number }
  | { readonly type: 'pairing.cancel'; readonly atMs: number }

export type PairingEffect =
  | { readonly type: 'sendPair0' }
  | { readonly type: 'sendPair2' }
  /** Ask the band for `pairing.commit`. */
  | { readonly type: 'commit' }
  | { readonly type: 'sendCommit' }
  /** Tell the band `pairing.acked`. */
  | { readonly type: 'bind' }
  /** Tell the band `pairing.expired`: the generation is tombstoned. */
  | { readonly type: 'rollback' }
  /** Answer pair.start with this error, not before `atMs`; the band hears nothing. */
  | { readonly type: 'refuse'; readonly error: ErrorCode; readonly atMs: number }
  /** Wipe `ps`, the handshake and the channel's keys. */
  | { readonly type: 'eraseSecrets' }
  /** Answer pair.start with 106. */
  | { readonly type: 'bound' }
  | { readonly type: 'alarm'; readonly name: 'window.expired'; readonly atMs: number }
  | { readonly type: 'unexpected'; readonly event: PairingEvent['type']; readonly state: PairingState }

export type PairingContext = {
  readonly pairingId: PairingId
  readonly untilMs: number
  readonly failures: number
  /** When PAIR3 opened, to refuse at the same distance from it whatever the reason; 0 before. */
  readonly pair3AtMs: number
  /** Replaced at every event. */
  readonly effects: readonly PairingEffect[]
}

type PairingInput = { readonly pairingId: PairingId; readonly startedAtMs: number }
type Happened = { readonly context: PairingContext; readonly event: PairingEvent }
type Change = Partial<PairingContext> & { readonly effects: readonly PairingEffect[] }

const types: {
  readonly context?: PairingContext
  readonly events?: PairingEvent
  readonly input?: PairingInput
} = {}

const pairing = setup({
  types,
  actions: {
    ignore: assign(() => ({ effects: [] })),
    answer: assign((_, params: { readonly effect: PairingEffect['type'] & ('sendPair2' | 'sendCommit' | 'bind') }) => ({
      effects: [{ type: params.effect }],
    })),
    unexpected: assign(({ event }, params: { readonly state: PairingState }) => ({
      effects: [{ type: 'unexpected', event: event.type, state: params.state }],
    })),
  },
})
/** Named actions of the machine, with their parameters. */
const answer = (effect: 'sendPair2' | 'sendCommit' | 'bind') => ({ type: 'answer', params: { effect } }) as const
const unexpected = (state: PairingState) => ({ type: 'unexpected', params: { state } }) as const

export const pairingMachine = pairing.createMachine({
  id: 'pairing',
  context: ({ input }) => open(input),
  initial: 'waiting',
  states: {
    waiting: {
      on: {
        'pair1.opened': { target: 'proving', actions: answer('sendPair2') },
        'proof.failed': [
          { guard: isLastFailure, target: 'refused', actions: assign(refuseAfterDelay) },
          { actions: assign(countFailure) },
        ],
        'pairing.cancel': { target: 'cancelled', actions: assign(cancel) },
        'window.expired': [{ guard: isOver, target: 'expired', actions: assign(expire) }, { actions: 'ignore' }],
        '*': { actions: unexpected('waiting') },
      },
    },
    proving: {
      on: {
        'pair1.opened': { actions: answer('sendPair2') },
        'pair3.opened': { target: 'committing', actions: assign(askCommit) },
        'pair3.refused': { target: 'refused', actions: assign(refuseAfterDelay) },
        'proof.failed': [
          { guard: isLastFailure, target: 'refused', actions: assign(refuseAfterDelay) },
          { actions: assign(countFailure) },
        ],
        'pairing.cancel': { target: 'cancelled', actions: assign(cancel) },
        'window.expired': [{ guard: isOver, target: 'expired', actions: assign(expire) }, { actions: 'ignore' }],
        '*': { actions: unexpected('proving') },
      },
    },
    committing: {
      on: {
        'commit.durable': { target: 'committed', actions: answer('sendCommit') },
        'commit.refused': { target: 'refused', actions: assign(refuseAfterDelay) },
        'pairing.cancel': { target: 'cancelled', actions: assign(cancelCommitted) },
        'window.expired': [
          { guard: isOver, target: 'expired', actions: assign(expireCommitted) },
          { actions: 'ignore' },
        ],
        'pair3.opened': { actions: 'ignore' },
        'proof.failed': { actions: 'ignore' },
        '*': { actions: unexpected('committing') },
      },
    },
    committed: {
      on: {
        'ack.received': [
          { guard: isOver, actions: 'ignore' },
          { target: 'acknowledged', actions: answer('bind') },
        ],
        'pair3.opened': { actions: answer('sendCommit') },
        'proof.failed': { actions: 'ignore' },
        'pairing.cancel': { target: 'cancelled', actions: assign(cancelCommitted) },
        'window.expired': [
          { guard: isOver, target: 'expired', actions: assign(expireCommitted) },
          { actions: 'ignore' },
        ],
        '*': { actions: unexpected('committed') },
      },
    },
    acknowledged: {
      on: {
        'ack.durable': { target: 'bound', actions: assign(finish) },
        'ack.received': { actions: 'ignore' },
        'window.expired': { actions: 'ignore' },
        'pairing.cancel': { actions: 'ignore' },
        'proof.failed': { actions: 'ignore' },
        '*': { actions: unexpected('acknowledged') },
      },
    },
    bound: ended('bound'),
    refused: ended('refused'),
    expired: ended('expired'),
    cancelled: ended('cancelled'),
  },
})

/** A late frame changes nothing in a window that has ended; a late COMMIT_ACK least of all. */
function ended(state: 'bound' | 'refused' | 'expired' | 'cancelled') {
  return {
    on: {
      'commit.durable': { actions: 'ignore' },
      'commit.refused': { actions: 'ignore' },
      'ack.received': { actions: 'ignore' },
      'ack.durable': { actions: 'ignore' },
      'proof.failed': { actions: 'ignore' },
      'window.expired': { actions: 'ignore' },
      'pairing.cancel': { actions: 'ignore' },
      '*': { actions: unexpected(state) },
    },
  } as const
}

function open({ pairingId, startedAtMs }: PairingInput): PairingContext {
  const untilMs = startedAtMs + pairingWindowMs
  const effects: readonly PairingEffect[] = [
    { type: 'sendPair0' },
    { type: 'alarm', name: 'window.expired', atMs: untilMs },
  ]
  return { pairingId, untilMs, failures: 0, pair3AtMs: 0, effects }
}

function isOver({ context, event }: Happened): boolean {
  return event.atMs >= context.untilMs
}

function isLastFailure({ context }: Happened): boolean {
  return context.failures + 1 >= pairingFailuresMax
}

function countFailure({ context }: Happened): Change {
  return { failures: context.failures + 1, effects: [] }
}

function askCommit({ event }: Happened): Change {
  return { pair3AtMs: event.atMs, effects: [{ type: 'commit' }] }
}

/** Three seconds after PAIR3, or after the failure when there was none: the wait tells no reason from another. */
function refuseAfterDelay({ context, event }: Happened): Change {
  const fromMs = context.pair3AtMs > 0 ? context.pair3AtMs : event.atMs
  const atMs = Math.max(event.atMs, fromMs + pairRefusedDelayMs)
  return {
    failures: event.type === 'proof.failed' ? context.failures + 1 : context.failures,
    effects: [{ type: 'refuse', error: 'pair-refused', atMs }, { type: 'eraseSecrets' }],
  }
}

function cancel({ event }: Happened): Change {
  return { effects: [{ type: 'refuse', error: 'pair-cancelled', atMs: event.atMs }, { type: 'eraseSecrets' }] }
}

function cancelCommitted(happened: Happened): Change {
  return { effects: [{ type: 'rollback' }, ...cancel(happened).effects] }
}

function expire({ event }: Happened): Change {
  return { effects: [{ type: 'refuse', error: 'pair-refused', atMs: event.atMs }, { type: 'eraseSecrets' }] }
}

/** The band actor hears of the end after the commit it may still be writing, so the tombstone comes last. */
function expireCommitted(happened: Happened): Change {
  return { effects: [{ type: 'rollback' }, ...expire(happened).effects] }
}

function finish(): Change {
  return { effects: [{ type: 'bound' }, { type: 'eraseSecrets' }] }
}
