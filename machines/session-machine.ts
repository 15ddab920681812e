// A phone's session (docs/architecture.md §5): connecting → authenticating → live → draining → closed. It reads no clock: time comes
// in the event, and what is to be done leaves in `context.effects`. Its slots are released exactly once.

import { assign, setup } from 'xstate'
import type { CloseCode, ErrorCode } from '../protocol/errors.ts'
import type { SessionState } from '../protocol/states.ts'

export type SessionEvent =
  | { readonly type: 'session.opened'; readonly atMs: number }
  | { readonly type: 'hello.received'; readonly atMs: number }
  /** The hello holds and its enrolment is durable. `pendingUntilMs`: end of the phone's Security Delay, 0 = none. */
  | {
      readonly type: 'hello.verified'
      readonly atMs: number
      readonly sessionNumber: number
      readonly pendingUntilMs: number
    }
  | { readonly type: 'hello.refused'; readonly atMs: number; readonly close: CloseCode }
  | { readonly type: 'auth.timeout'; readonly atMs: number }
  /** A newer session of the same (account, phone) is live. */
  | { readonly type: 'session.fenced'; readonly atMs: number; readonly sessionNumber: number }
  | { readonly type: 'session.drain'; readonly atMs: number }
  | { readonly type: 'drain.done'; readonly atMs: number }
  | { readonly type: 'socket.closed'; readonly atMs: number }
  /** Any frame but hello. */
  | { readonly type: 'frame.received'; readonly atMs: number }

export type SessionEffect =
  /** Send frame 100. */
  | { readonly type: 'greet' }
  | { readonly type: 'verify' }
  /** Register the session, fence the older one, send frame 101. */
  | { readonly type: 'admit' }
  | { readonly type: 'serve' }
  | { readonly type: 'refuse'; readonly error: ErrorCode }
  | { readonly type: 'close'; readonly code: CloseCode }
  /** Give up the slots and the place in the registry. */
  | { readonly type: 'release' }
  /** Send `auth.timeout` when the time for a hello is over (`sessions.authDeadlineMs`). */
  | { readonly type: 'awaitHello' }
  | { readonly type: 'unexpected'; readonly event: SessionEvent['type']; readonly state: SessionState }

export type SessionContext = {
  /** Rises with each session of this (account, phone); 0 before it is live. */
  readonly sessionNumber: number
  /** The phone may only stop and read until then; 0 = not pending. */
  readonly pendingUntilMs: number
  readonly isVerifying: boolean
  /** Replaced at every event. */
  readonly effects: readonly SessionEffect[]
}

type Happened<Type extends SessionEvent['type'] = SessionEvent['type']> = {
  readonly context: SessionContext
  readonly event: Extract<SessionEvent, { readonly type: Type }>
}
type Change = Partial<SessionContext> & { readonly effects: readonly SessionEffect[] }

const types: { readonly context?: SessionContext; readonly events?: SessionEvent } = {}

const session = setup({
  types,
  actions: {
    ignore: assign(() => ({ effects: [] })),
    greet: assign(() => ({ effects: [{ type: 'greet' }, { type: 'awaitHello' }] })),
    serve: assign(() => ({ effects: serve })),
    release: assign(() => ({ effects: [{ type: 'release' }] })),
    refuse: assign((_, params: { readonly error: ErrorCode }) => ({
      effects: [{ type: 'refuse', error: params.error }],
    })),
    close: assign((_, params: { readonly code: CloseCode }) => closing(params.code)),
    unexpected: assign(({ event }, params: { readonly state: SessionState }) => ({
      effects: [{ type: 'unexpected', event: event.type, state: params.state }],
    })),
  },
})
/** Named actions of the machine, with their parameters. */
const refuse = (error: ErrorCode) => ({ type: 'refuse', params: { error } }) as const
const close = (code: CloseCode) => ({ type: 'close', params: { code } }) as const
const unexpected = (state: SessionState) => ({ type: 'unexpected', params: { state } }) as const

const serve: readonly SessionEffect[] = [{ type: 'serve' }]

export const sessionMachine = session.createMachine({
  id: 'session',
  context: { sessionNumber: 0, pendingUntilMs: 0, isVerifying: false, effects: [] },
  initial: 'connecting',
  states: {
    connecting: {
      on: {
        'session.opened': { target: 'authenticating', actions: 'greet' },
        'session.drain': { target: 'closed', actions: close('draining') },
        'socket.closed': { target: 'closed', actions: 'release' },
        'frame.received': { actions: refuse('not-authenticated') },
        '*': { actions: unexpected('connecting') },
      },
    },
    authenticating: {
      on: {
        'hello.received': [
          { guard: isVerifying, actions: refuse('busy') },
          { actions: assign({ isVerifying: true, effects: [{ type: 'verify' }] }) },
        ],
        'hello.verified': [
          { guard: isVerifying, target: 'live', actions: assign(admit) },
          { actions: unexpected('authenticating') },
        ],
        'hello.refused': { target: 'closed', actions: assign(refuseHello) },
        'auth.timeout': { target: 'closed', actions: close('auth-timeout') },
        'session.drain': { target: 'closed', actions: close('draining') },
        'socket.closed': { target: 'closed', actions: 'release' },
        'frame.received': { actions: refuse('not-authenticated') },
        '*': { actions: unexpected('authenticating') },
      },
    },
    live: {
      on: {
        'frame.received': { actions: 'serve' },
        'hello.received': { actions: refuse('wrong-state') },
        'session.fenced': [{ guard: isNewer, target: 'closed', actions: close('fenced') }, { actions: 'ignore' }],
        'session.drain': { target: 'draining', actions: 'ignore' },
        'socket.closed': { target: 'closed', actions: 'release' },
        'auth.timeout': { actions: 'ignore' },
        '*': { actions: unexpected('live') },
      },
    },
    draining: {
      on: {
        'frame.received': { actions: refuse('draining') },
        'hello.received': { actions: refuse('draining') },
        'session.fenced': [{ guard: isNewer, target: 'closed', actions: close('fenced') }, { actions: 'ignore' }],
        'drain.done': { target: 'closed', actions: close('draining') },
        'socket.closed': { target: 'closed', actions: 'release' },
        'session.drain': { actions: 'ignore' },
        'auth.timeout': { actions: 'ignore' },
        '*': { actions: unexpected('draining') },
      },
    },
    closed: {
      on: {
        // What was under way when it closed arrives late and changes nothing.
        'hello.verified': { actions: 'ignore' },
        'hello.refused': { actions: 'ignore' },
        'auth.timeout': { actions: 'ignore' },
        'session.fenced': { actions: 'ignore' },
        'session.drain': { actions: 'ignore' },
        'drain.done': { actions: 'ignore' },
        'socket.closed': { actions: 'ignore' },
        'frame.received': { actions: 'ignore' },
        'hello.received': { actions: 'ignore' },
        '*': { actions: unexpected('closed') },
      },
    },
  },
})

function isVerifying({ context }: { readonly context: SessionContext }): boolean {
  return context.isVerifying
}

function admit({ event }: Happened<'hello.verified'>): Change {
  const { sessionNumber, pendingUntilMs } = event
  return { sessionNumber, pendingUntilMs, isVerifying: false, effects: [{ type: 'admit' }] }
}

function refuseHello({ event }: Happened<'hello.refused'>): Change {
  return closing(event.close)
}

function isNewer({ context, event }: Happened<'session.fenced'>): boolean {
  return event.sessionNumber > context.sessionNumber
}

function closing(code: CloseCode): Change {
  return { isVerifying: false, effects: [{ type: 'close', code }, { type: 'release' }] }
}
