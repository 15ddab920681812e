// The life of a phone's session, from the upgrade to the last byte: its actor decides, this file does what it asks.

import { TokenBucket } from '../../base/token-bucket.ts'
import type { SessionEffect, SessionEvent } from '../../machines/session-machine.ts'
import { toHex } from '../../base/bytes.ts'
import { type CloseCode, errorCodes } from '../../protocol/errors.ts'
import {
  decodePhoneFrame,
  idOfAuthorize,
  encodeErrorBorrowed,
  signedOfHello,
} from '../../protocol/messages/frame-codec.ts'
import type { PhoneFrame, PhoneFrameOf } from '../../protocol/messages/frames.ts'
import { hubFrameBytesMax, hubSlotMax, phoneFrameBytesMax, phoneSlotMax } from '../../protocol/limits.ts'
import type { SessionState } from '../../protocol/states.ts'
import { Fault } from '../ports/fault.ts'
import type { Core } from '../core/core.ts'
import { type ReceivedHello, verifyHello } from '../phones/hello.ts'
import { leavePairing } from './pairing.ts'
import type { Connection, ConnectionEvents } from '../ports/connection.ts'
import { serve } from './serve.ts'
import { type Session, type Speaker, answer, refuse } from '../core/session.ts'
import { SessionSlots } from '../core/session-slots.ts'
import { tellWaiting } from './vetoes.ts'
import { resumeKey } from '../core/session-directory.ts'
import { closeSlot } from '../bands/band-link.ts'

/** Takes a new socket: greets it and waits for its hello. */
export function openSession(core: Core, connection: Connection): ConnectionEvents {
  const session: Session = {
    connection,
    actor: core.actors.startSession(),
    challenge: core.random(32),
    slots: new SessionSlots(),
    uvChallenges: new Map(),
    speaker: undefined,
    number: 0,
    resumeToken: '',
    waiting: 0,
    stops: new TokenBucket(stopRate, core.time.monotonicMs()),
    cancelTimer: () => undefined,
  }
  core.sessions.all.add(session)
  core.counters.sessionMoved(undefined, 'connecting')
  if (core.sessions.all.size > core.config.sessionsMax) connection.close('unavailable')
  else tell(core, session, { type: 'session.opened', atMs: core.time.monotonicMs() })
  return {
    receive: (bytes) => receive(core, session, bytes),
    closed: () => tell(core, session, { type: 'socket.closed', atMs: core.time.monotonicMs() }),
  }
}

/** When to ask again what came while the engine was behind. */
const busyRetryMs = 100
/** The same while a view is walked, which takes seconds: about 4 µs a row. */
const unprovenRetryMs = 1_000

function receive(core: Core, session: Session, bytes: Uint8Array): void {
  const atMs = core.time.monotonicMs()
  const retryMs = retryAfterMs(core, atMs)
  if (retryMs > 0 && stateOf(session) === 'live') {
    // Before a byte more of it is looked at than is needed to answer: what is refused costs what is taken its time.
    const id = idOfAuthorize(bytes)
    if (id !== undefined) return session.connection.send(encodeErrorBorrowed(id, errorCodes.busy, retryMs))
  }
  const bytesMax = session.connection.kind === 'hub' ? hubFrameBytesMax : phoneFrameBytesMax
  const frame = decodePhoneFrame(bytes, bytesMax)
  if (frame.type === 'malformed') return session.connection.close('malformed')
  tell(core, session, { type: frame.type === 'hello' ? 'hello.received' : 'frame.received', atMs }, { frame, bytes })
}

/**
 * When to ask again for a decision; 0 = now. An engine that is behind decides nothing new: it would be answered late, and what is
 * answered late is of no use. Nor does one whose view may lack rows: a sum, a reference or a hold that vanished would be believed
 * never to have been there. Both pass, so it is no denial, which would be final for the reference.
 */
function retryAfterMs({ gate, ledger, config }: Core, atMs: number): number {
  if (!ledger.isViewProven && !config.approveBeforeProven) return unprovenRetryMs
  return gate.isLate(atMs, config.gateWaitMaxMs) || ledger.isViewBehind ? busyRetryMs : 0
}

/** Ends all sessions gently: no new work, what is under way is answered, then the sockets close. */
export async function drainSessions(core: Core, withinMs: number): Promise<void> {
  const atMs = core.time.monotonicMs()
  for (const session of core.sessions.all) tell(core, session, { type: 'session.drain', atMs })
  const untilMs = core.time.monotonicMs() + withinMs
  while (isAnyWaiting(core) && core.time.monotonicMs() < untilMs) {
    await new Promise<void>((resolve) => core.time.clock.after(5, resolve))
  }
  for (const session of core.sessions.all) tell(core, session, { type: 'drain.done', atMs: core.time.monotonicMs() })
}

function isAnyWaiting(core: Core): boolean {
  for (const session of core.sessions.all) if (session.waiting > 0) return true
  return false
}

/** Frames that only stop something. */
const stops: ReadonlySet<PhoneFrame['type']> = new Set(['freeze', 'lost', 'veto'])
/** How often a session may send one. */
const stopRate = { perSecond: 2, burst: 10 }

type Arrived = { readonly frame: PhoneFrame; readonly bytes: Uint8Array }

function tell(core: Core, session: Session, event: SessionEvent, arrived?: Arrived): void {
  const { actor } = session
  const before = actor.getSnapshot()
  if (before.status !== 'active') return
  const effects = core.actors.tellSession(actor, event)
  const after = actor.getSnapshot()
  if (after.status === 'error') return giveUp(core, session, after)
  if (before.value !== after.value) core.counters.sessionMoved(before.value, after.value)
  for (const effect of effects) perform(core, session, effect, arrived)
}

/** Its actor threw: a bug. Nothing of the session is left. */
function giveUp(
  core: Core,
  session: Session,
  { value, error }: { readonly value: SessionState; readonly error: unknown },
): void {
  core.failed(error)
  session.connection.close('unavailable')
  core.counters.sessionMoved(value, 'closed')
  release(core, session)
}

function stateOf(session: Session): SessionState {
  return session.actor.getSnapshot().value
}

function perform(core: Core, session: Session, effect: SessionEffect, arrived: Arrived | undefined): void {
  switch (effect.type) {
    case 'greet':
      return greet(core, session)
    case 'awaitHello':
      return setTimer(core, session, core.config.authDeadlineMs, () => {
        tell(core, session, { type: 'auth.timeout', atMs: core.time.monotonicMs() })
      })
    case 'verify':
      if (arrived?.frame.type === 'hello') {
        void verify(core, session, { frame: copied(arrived.frame), signed: signedOfHello(arrived.bytes) })
      }
      return
    case 'admit':
      if (arrived?.frame.type === 'hello') admit(core, session, arrived.frame)
      return
    case 'serve':
      if (arrived !== undefined) serveFrame(core, session, arrived)
      return
    case 'refuse':
      return refuse(session, arrived?.frame.id ?? 0, effect.error)
    case 'close':
      return session.connection.close(effect.code)
    case 'release':
      return release(core, session)
    case 'unexpected':
      core.counters.unexpected++
  }
}

function greet(core: Core, session: Session): void {
  const isHub = session.connection.kind === 'hub'
  answer(session, {
    type: 'greeting',
    id: 0,
    challenge: session.challenge,
    engineVersion: core.config.engineVersion,
    frameBytesMax: isHub ? hubFrameBytesMax : phoneFrameBytesMax,
    slotMax: isHub ? hubSlotMax : phoneSlotMax,
    framesPerSecond: core.config.framesPerSecond,
  })
}

function serveFrame(core: Core, session: Session, { frame, bytes }: Arrived): void {
  const { speaker } = session
  if (speaker === undefined) return
  if (core.time.nowMs() >= speaker.tokenExpiresAtMs) return session.connection.close('token-expired')
  if (stops.has(frame.type)) {
    // Whatever else floods the account or the gate: each surface can always stop, a few times a second.
    if (!session.stops.take(1, core.time.monotonicMs())) return refuse(session, frame.id, 'rate-limited', 1_000)
  } else {
    if (speaker.type === 'phone' && !core.admission.admit(speaker.account)) {
      return refuse(session, frame.id, 'rate-limited', Math.ceil(1_000 / core.config.accountFramesPerSecond))
    }
    const waitMs = speaker.type === 'phone' ? core.records.waitOfMs(speaker.account, frame.type) : 0
    if (waitMs > 0) return refuse(session, frame.id, 'rate-limited', waitMs)
    if (core.gate.waiting >= core.config.gateDepthMax) return refuse(session, frame.id, 'busy', busyRetryMs)
  }
  const before = core.ledger.appendedLsn - core.underWay.count
  const served = serve(core, session, frame, bytes)
  if (speaker.type === 'phone')
    core.records.charge(speaker.account, core.ledger.appendedLsn - core.underWay.count - before)
  if (served === undefined) return
  const place = core.gate.take(session)
  void served
    .catch((error: unknown) => {
      core.failed(error)
      refuse(session, frame.id, 'unavailable')
    })
    .finally(() => place.done())
}

/** Room kept for sessions that come back: newcomers do not take it. */
const comingBackFactor = 4

async function verify(core: Core, session: Session, hello: ReceivedHello): Promise<void> {
  const { frame } = hello
  const comesBack = frame.resumeToken !== null && core.sessions.ofResumeToken.has(resumeKey(frame.resumeToken))
  const helloRoom = core.config.hellosMax * (comesBack ? comingBackFactor : 1)
  if (core.hellosUnderWay >= helloRoom) {
    refuse(session, frame.id, 'busy', busyRetryMs)
    return closeAs(core, session, 'unavailable')
  }
  core.hellosUnderWay++
  try {
    const outcome = await verifyHello(core, session, hello)
    const atMs = core.time.monotonicMs()
    if (outcome.type === 'refused') {
      if (stateOf(session) === 'authenticating') refuse(session, frame.id, outcome.error)
      return tell(core, session, { type: 'hello.refused', atMs, close: outcome.close })
    }
    if (stateOf(session) !== 'authenticating') return
    // Its row once more, in the run that admits it: between the two others were served.
    if (!isEnrolled(core, outcome.speaker)) {
      refuse(session, frame.id, 'phone-unknown')
      return closeAs(core, session, 'auth-failed')
    }
    session.speaker = outcome.speaker
    session.number = core.sessions.nextNumber(core.epoch)
    const { pendingUntilMs } = outcome
    const verified = { type: 'hello.verified', atMs, sessionNumber: session.number, pendingUntilMs } as const
    tell(core, session, verified, { frame, bytes: hello.signed })
    endWithToken(core, session, outcome.speaker.tokenExpiresAtMs)
  } catch (error) {
    // Keys that cannot be had now: whose they are tells once, not for each hello, and the phone that it may try again.
    const isKeysAway = error instanceof Fault && error.code === 'issuer-unreachable' && error.retry
    if (!isKeysAway) core.failed(error)
    if (stateOf(session) === 'authenticating') refuse(session, frame.id, 'unavailable')
    closeAs(core, session, 'unavailable')
  } finally {
    core.hellosUnderWay--
  }
}

/** A web session is no phone, and a hub carries those of others. */
function isEnrolled(core: Core, speaker: Speaker): boolean {
  if (speaker.type !== 'phone' || !speaker.surface.startsWith('phone:')) return true
  return core.ledger.get('phone', speaker.key) !== undefined
}

function closeAs(core: Core, session: Session, close: CloseCode): void {
  tell(core, session, { type: 'hello.refused', atMs: core.time.monotonicMs(), close })
}

// A session lives no longer than its token, also one that says nothing.
function endWithToken(core: Core, session: Session, expiresAtMs: number): void {
  const leftMs = expiresAtMs - core.time.nowMs()
  if (leftMs <= 0) return session.connection.close('token-expired')
  setTimer(core, session, Math.min(leftMs, timerMaxMs), () => endWithToken(core, session, expiresAtMs))
}

/** A session has one timer: what it waited for before is over when it waits for the next thing, or ends. */
function setTimer(core: Core, session: Session, afterMs: number, work: () => void): void {
  session.cancelTimer()
  session.cancelTimer = core.time.clock.after(Math.max(0, afterMs), work)
}

/** Longer timers overflow. */
const timerMaxMs = 2_000_000_000

// Registers the session, fences the older one of this phone, takes over the slots that a resume token names.
function admit(core: Core, session: Session, frame: PhoneFrameOf<'hello'>): void {
  const { sessions } = core
  const { pendingUntilMs } = session.actor.getSnapshot().context
  const { speaker } = session
  const older = frame.resumeToken === null ? undefined : sessions.ofResumeToken.get(resumeKey(frame.resumeToken))
  const isResumed = older !== undefined && older !== session && isSameSpeaker(older, session)
  if (isResumed) adoptSlots(core, older, session)
  if (speaker?.type === 'phone') {
    const fenced = sessions.ofPhone.get(speaker.key)
    sessions.add(session, speaker)
    if (fenced !== undefined && fenced !== session) {
      tell(core, fenced, { type: 'session.fenced', atMs: core.time.monotonicMs(), sessionNumber: session.number })
    }
  }
  const resumeToken = core.random(32)
  session.resumeToken = toHex(resumeToken)
  sessions.ofResumeToken.set(session.resumeToken, session)
  answer(session, {
    type: 'helloAnswer',
    id: frame.id,
    sessionNumber: session.number,
    resumeToken,
    pendingUntilMs,
    resumed: isResumed,
    timeMs: core.time.nowMs(),
    heartbeatS: core.config.heartbeatS,
  })
  tellWaiting(core, session)
}

function isSameSpeaker(older: Session, newer: Session): boolean {
  const [before, now] = [older.speaker, newer.speaker]
  if (before?.type === 'phone' && now?.type === 'phone') return before.key === now.key
  return (
    before?.type === 'hub' && now?.type === 'hub' && [...before.accounts].every((account) => now.accounts.has(account))
  )
}

function adoptSlots(core: Core, older: Session, session: Session): void {
  // Nothing is left to wait for: a session that has given its slots away is over for good once it is closed.
  if (!older.connection.isOpen) older.cancelTimer()
  core.sessions.ofResumeToken.delete(older.resumeToken)
  for (const [number, place] of older.slots.bands()) core.slots.move(core.slots.at(place), session, number)
}

// The slots wait for the phone to come back with its resume token, then they are given up.
function release(core: Core, session: Session): void {
  core.sessions.remove(session)
  core.actors.stop(session.actor)
  core.counters.sessionMoved('closed', undefined)
  session.cancelTimer()
  const window = core.windows.ofSession(session)
  if (window !== undefined) leavePairing(core, window)
  // Without bands there is nothing to come back for.
  if (session.slots.bandsCount === 0) return forget(core, session)
  setTimer(core, session, core.config.resumeWindowMs, () => {
    forget(core, session)
    for (const [, place] of session.slots.bands()) closeSlot(core, core.slots.at(place))
  })
}

function forget(core: Core, session: Session): void {
  core.sessions.ofResumeToken.delete(session.resumeToken)
}

function copied(frame: PhoneFrameOf<'hello'>): PhoneFrameOf<'hello'> {
  return {
    ...frame,
    phoneId: frame.phoneId.slice(),
    sessionKey: frame.sessionKey.slice(),
    verifyKey: frame.verifyKey.slice(),
    signature: frame.signature.slice(),
    resumeToken: frame.resumeToken?.slice() ?? null,
  }
}
