// Transitions of the engine's side in the resume model. RAM is ahead of disk (k is persisted lazily), and a crash throws RAM
// away.
import { at, withAt } from './list.ts'
import { haveSameKeys } from './resume-band.ts'
import type { ResumeInvariant, ResumeRule } from './resume-rules.ts'
import { resumeInvariants } from './resume-rules.ts'
import type { Engine, EngineDisk, Handshake, HandshakeNumber, ResumeState, Root } from './resume-state.ts'
import { isAhead, nOf, noNonce, none, rootAfter, saltsMax } from './resume-state.ts'
import type { Switches } from './rules.ts'

type Rules = Switches<ResumeRule>

/** A phone attaches the band in a slot, or asks again: the engine draws a new Ne and sends CHAL. */
export function attach(state: ResumeState, rules: Rules, slot: number): ResumeState {
  const { engine } = state
  const drawn = state.challengesCount + 1
  const nonce = { challenge: rules.neIsRandom ? drawn : drawn - engine.challengesBefore, stale: false }
  const nonces = rules.neBelongsToSlot ? withAt(engine.nonces, slot, nonce) : engine.nonces.map(() => nonce)
  const noncesOnDisk = rules.neLivesInRam ? engine.noncesOnDisk : nonces
  return { ...state, challengesCount: drawn, engine: { ...engine, nonces, noncesOnDisk } }
}

/** Ten seconds pass for the Ne of a slot. */
export function expireNonce(state: ResumeState, rules: Rules, slot: number): ResumeState {
  const nonce = at(state.engine.nonces, slot)
  return withNonce(state, slot, rules.neExpires ? noNonce : { ...nonce, stale: nonce.challenge !== 0 })
}

/** Forgery: an attacker without the root sends RESUMEs with made-up macs: with n = k − 1, with n = k + 1, and with an n far ahead. */
export function receiveForgery(state: ResumeState, rules: Rules, slot: number): ResumeState {
  const burned = rules.forgeryBurnsNothing ? state : withNonce(state, slot, noNonce)
  if (!rules.alarmNeedsMac && state.engine.dropped) return raiseAlarm(burned, rules)
  if (!state.engine.restored) return burned
  if (!rules.aheadIsBounded) return noted(burned, resumeInvariants.forgeryIsCheap)
  if (rules.aheadNeedsMac) return burned
  const { engine } = burned
  return { ...burned, engine: { ...engine, root: engine.root + 2 * saltsMax, previous: none, dropped: true } }
}

/** Receives a RESUME (or REKEY1) that some device with a root has made. */
export function receiveResume(state: ResumeState, rules: Rules, slot: number, number: HandshakeNumber): ResumeState {
  const { engine } = state
  const handshake = at(state.handshakes, number)
  if (at(engine.nonces, slot).challenge !== handshake.challenge) return state
  if (handshake.root === engine.root) return accept(state, rules, slot, number)
  if (handshake.root !== engine.previous) return receiveAhead(state, rules, slot, number)
  if (!engine.dropped) return rules.previousIsAccepted ? accept(state, rules, slot, number) : state
  if (!rules.droppedRootIsRefused) return accept(state, rules, slot, number)
  return rules.staleRootRaisesAlarm ? raiseAlarm(state, rules) : noted(state, resumeInvariants.cloneNoticed)
}

/** Receives a RESUME under a root that is neither k nor k − 1: after a restore the band may be ahead. */
function receiveAhead(state: ResumeState, rules: Rules, slot: number, number: HandshakeNumber): ResumeState {
  const { engine } = state
  const handshake = at(state.handshakes, number)
  if (!isFollowed(engine, rules, handshake.root)) return state
  if (!rules.aheadIsNoClone) return raiseAlarm(state, rules)
  const accepted = accept(state, rules, slot, number)
  if (rules.aheadKeepsRoots) return accepted
  const moved = { root: rootAfter(handshake, number), previous: none, dropped: true }
  return { ...accepted, engine: { ...accepted.engine, ...moved } }
}

function isFollowed(engine: Engine, rules: Rules, root: Root): boolean {
  if (!rules.restoreFollowsRatchet || !engine.restored) return false
  return isAhead(rules.restoreFollowsPrevious ? engine : { ...engine, dropped: true }, root)
}

/** The link is pending and HELLO is sealed; nothing else changes until its first record arrives. */
function accept(state: ResumeState, rules: Rules, slot: number, number: HandshakeNumber): ResumeState {
  const { engine } = state
  const handshake = at(state.handshakes, number)
  const burned = rules.neIsUsedOnce ? withNonce(state, slot, noNonce).engine : engine
  const links = rules.engineKeepsOldLink ? { pending: number } : { current: number, last: 0, pending: none }
  const accepted = { ...handshake, accepted: true, down: Math.max(handshake.down, 1) }
  return {
    ...state,
    broken: brokenByAccepting(state, rules, slot, handshake) ?? state.broken,
    handshakes: withAt(state.handshakes, number, accepted),
    engine: { ...burned, ...links },
  }
}

function brokenByAccepting(
  { engine }: ResumeState,
  rules: Rules,
  slot: number,
  handshake: Handshake,
): ResumeInvariant | undefined {
  if (at(engine.nonces, slot).stale) return resumeInvariants.resumeFresh
  // Where Ne is a counter, its number no longer tells the boot; there the acceptance itself repeats.
  if (rules.neIsRandom && handshake.challenge <= engine.challengesBefore) return resumeInvariants.challengeDies
  if (handshake.accepted) return resumeInvariants.resumeOnce
  if (nOf(handshake.root) < engine.confirmed) return resumeInvariants.staleRootRefused
  return undefined
}

/** Both links end, and the band gets a risk hold: the end of this model. */
function raiseAlarm(state: ResumeState, rules: Rules): ResumeState {
  const links = rules.alarmEndsLinks ? { current: none, last: 0, pending: none } : {}
  return { ...state, engine: { ...state.engine, ...links, alarm: true } }
}

/** Receives a STATUS. The first one of a pending link makes that link the live one and moves k. */
export function receiveUp(state: ResumeState, rules: Rules, number: HandshakeNumber, counter: number): ResumeState {
  const { engine } = state
  const link = [engine.current, engine.pending].find((candidate) => haveSameKeys(state, rules, number, candidate))
  if (link === undefined || (link === engine.current && counter <= engine.last)) return state
  const handshake = at(state.handshakes, number)
  const isFirst = link === engine.pending || engine.last === 0
  const live = isFirst ? promote(engine, rules, handshake, link) : engine
  if (live === undefined) return state
  const bit = 1 << counter
  const flagged = (handshake.ratcheted & bit) !== 0 && live.root === rootAfter(handshake, number)
  const stale = isFirst && nOf(handshake.root) < engine.confirmed
  return {
    ...state,
    broken:
      (stale ? resumeInvariants.staleRootRefused : undefined) ??
      ((handshake.upAccepted & bit) === 0 ? state.broken : resumeInvariants.recordOnce),
    handshakes: withAt(state.handshakes, number, { ...handshake, upAccepted: handshake.upAccepted | bit }),
    engine: { ...(flagged ? dropPrevious(live, state, rules) : live), last: counter },
  }
}

/** k becomes n + 1; undefined when the link's root is no longer one of the two that count. */
function promote(engine: Engine, rules: Rules, handshake: Handshake, number: HandshakeNumber): Engine | undefined {
  const links = { current: number, pending: none, root: rootAfter(handshake, number) }
  if (handshake.root === engine.root) return { ...engine, ...links, previous: handshake.root, dropped: false }
  if (handshake.root === engine.previous) return { ...engine, ...links }
  if (!isFollowed(engine, rules, handshake.root)) return undefined
  const previous = rules.aheadKeepsPrevious ? handshake.root : engine.root
  return { ...engine, ...links, previous, dropped: false }
}

/** The band has erased the previous root, so what was begun under it must not be taken for a clone, nor for the band. */
function dropPrevious(engine: Engine, state: ResumeState, rules: Rules): Engine {
  const pendingRoot = engine.pending === none ? none : at(state.handshakes, engine.pending).root
  const ends = rules.dropEndsPending && pendingRoot === engine.previous
  return {
    ...engine,
    dropped: true,
    confirmed: Math.max(engine.confirmed, nOf(engine.root)),
    pending: ends ? none : engine.pending,
    nonces: rules.dropBurnsChallenges ? engine.nonces.map(() => noNonce) : engine.nonces,
  }
}

/** Is RATCHET_ACK(n + 1) allowed on the live link? */
export function mayAck(state: ResumeState, rules: Rules): boolean {
  const { engine } = state
  if (engine.current === none || engine.alarm) return false
  const root = rootAfter(at(state.handshakes, engine.current), engine.current)
  if (!rules.ackAfterDisk) return engine.root === root
  return rules.ackMeansThisRoot ? engine.disk.root === root : nOf(engine.disk.root) >= nOf(root)
}

/** Seals RATCHET_ACK on the live link. */
export function sendAck(state: ResumeState, rules: Rules): ResumeState {
  const { engine } = state
  const handshake = at(state.handshakes, engine.current)
  const sent = {
    ...state,
    handshakes: withAt(state.handshakes, engine.current, { ...handshake, down: handshake.down + 1 }),
  }
  return rules.dropOnRatcheted ? sent : { ...sent, engine: { ...engine, dropped: true } }
}

/** The lazy write reaches the disk. */
export function persist(state: ResumeState): ResumeState {
  return { ...state, engine: { ...state.engine, disk: diskOf(state.engine) } }
}

/** Backup: the disk is copied, beside the running engine. */
export function backup(state: ResumeState): ResumeState {
  return { ...state, engine: { ...state.engine, backup: state.engine.disk } }
}

/** Restore: the process dies, the copy is put back, and the engine starts knowing that. */
export function restore(state: ResumeState, rules: Rules): ResumeState {
  const { engine } = state
  const disk = engine.backup ?? engine.disk
  return crash({ ...state, engine: { ...engine, disk, restored: true } }, rules)
}

/** Crash and restart: the process dies and starts again from disk. */
export function crash(state: ResumeState, rules: Rules): ResumeState {
  const { engine } = state
  const nonces = rules.neLivesInRam ? engine.nonces.map(() => noNonce) : engine.noncesOnDisk
  return {
    ...state,
    engine: {
      ...engine,
      ...engine.disk,
      nonces,
      challengesBefore: state.challengesCount,
      current: none,
      last: 0,
      pending: none,
    },
  }
}

function diskOf({ root, previous, dropped, confirmed }: EngineDisk): EngineDisk {
  return { root, previous, dropped, confirmed }
}

function withNonce(state: ResumeState, slot: number, nonce: Engine['nonces'][number]): ResumeState {
  return { ...state, engine: { ...state.engine, nonces: withAt(state.engine.nonces, slot, nonce) } }
}

function noted(state: ResumeState, broken: ResumeInvariant): ResumeState {
  return { ...state, broken }
}
