// Transitions of the engine's side in the pairing model: windows in RAM, rows on disk. Every change of a row is durable before
// anything that tells of it leaves, so a row changes and its message comes to exist in one step.
import { at, withAt } from './list.ts'
import { withSent } from './pairing-band.ts'
import type { PairingRule } from './pairing-rules.ts'
import type { PairingState, Row, Status, Window } from './pairing-state.ts'
import { liveRow, none, rowOf } from './pairing-state.ts'
import type { Switches } from './rules.ts'

type Rules = Switches<PairingRule>

/** A phone that has the package's secret starts pairing: a window opens, and PAIR0 is on the network. */
export function startPairing(state: PairingState, rules: Rules, account: number): PairingState {
  const window: Window = { account, isOpen: true, handshake: none, undurable: false }
  const started = { ...state, windows: [...state.windows, window] }
  if (liveRow(state) !== none) return rules.boundOnlyFromUnbound ? started : state
  return rules.releaseAtPairStart ? withRelease(started, state.rows.length) : started
}

/** PAIR1: the window answers PAIR2, and from now on to this handshake only. */
export function receivePair1(state: PairingState, number: number): PairingState {
  const place = at(state.handshakes, number).window
  const window = at(state.windows, place)
  if (!window.isOpen || window.undurable || rowOf(state, window.handshake) !== none) return state
  const answering = { ...state, windows: withAt(state.windows, place, { ...window, handshake: number }) }
  return withSent(answering, number, 'PAIR2')
}

/** PAIR3 proves the band: compare-and-set unbound → pairing, then COMMIT. A band that is not unbound is refused. */
export function receivePair3(state: PairingState, rules: Rules, number: number): PairingState {
  const place = at(state.handshakes, number).window
  const window = at(state.windows, place)
  if (!window.isOpen || window.undurable || window.handshake !== number) return state
  if (rowOf(state, number) !== none || !mayTake(state, rules)) return state
  const live = liveRow(state)
  const unlocked = live !== none && !rules.resetKeepsLock ? withStatus(state, live, 'tombstoned') : state
  if (rules.durableBeforeCommit) return commit(unlocked, rules, number)
  const windows = withAt(state.windows, place, { ...window, undurable: true })
  return withGeneration({ ...unlocked, windows }, number, unlocked.rows.length + 1)
}

function mayTake(state: PairingState, rules: Rules): boolean {
  const live = liveRow(state)
  if (live === none || !rules.boundOnlyFromUnbound) return true
  // An unpaired band is speaking, so it was reset: off, that is taken as a release of the lock.
  return !rules.resetKeepsLock && at(state.rows, live).status !== 'pairing'
}

/** Only where COMMIT may leave first: the row reaches the disk. */
export function flushRow(state: PairingState, rules: Rules, place: number): PairingState {
  const window = at(state.windows, place)
  if (!window.undurable) return state
  const flushed = { ...state, windows: withAt(state.windows, place, { ...window, undurable: false }) }
  return liveRow(state) === none ? commit(flushed, rules, window.handshake) : flushed
}

function commit(state: PairingState, rules: Rules, number: number): PairingState {
  const { account } = at(state.windows, at(state.handshakes, number).window)
  const row: Row = { account, handshake: number, status: 'pairing' }
  const newest = state.rows.at(-1)
  const isReused = !rules.generationRises && newest?.status === 'tombstoned'
  const rows = isReused ? [...state.rows.slice(0, -1), row] : [...state.rows, row]
  return withGeneration({ ...state, rows }, number, rows.length)
}

/** COMMIT_ACK: pairing → bound, while the window is open. Late, or again, it changes nothing. */
export function receiveAck(state: PairingState, rules: Rules, number: number): PairingState {
  const index = rowOf(state, number)
  if (index === none) return state
  const { status } = at(state.rows, index)
  const isInTime = at(state.windows, at(state.handshakes, number).window).isOpen && status === 'pairing'
  if (rules.lateAckChangesNothing ? !isInTime : status === 'tombstoned') return state
  return withStatus(state, index, 'bound')
}

/** RESUME under a handshake's root: it counts as the ack, or is answered with RELEASE when the generation is dead. */
export function receiveResume(state: PairingState, rules: Rules): PairingState {
  const index = rowOf(state, state.resume)
  const received = { ...state, resume: none }
  if (index === none) return received
  const { status } = at(state.rows, index)
  if (status === 'pairing') return rules.resumeCountsAsAck ? withStatus(received, index, 'bound') : received
  if (status !== 'tombstoned') return received
  if (!rules.tombstonedNeverBound) return withStatus(received, index, 'bound')
  if (!rules.releaseAnswersResume) return received
  return withRelease(received, rules.releaseNamesItsOwn ? index + 1 : state.rows.length)
}

/** Three minutes are over: the keys of the window die, and what it began to pair is tombstoned. */
export function endWindow(state: PairingState, rules: Rules, place: number): PairingState {
  const window = at(state.windows, place)
  const closed = { ...window, isOpen: false, undurable: false }
  const ended = { ...state, windows: withAt(state.windows, place, closed) }
  const index = rowOf(state, window.handshake)
  return index === none || at(state.rows, index).status !== 'pairing' ? ended : bury(ended, rules, index)
}

/** A row in pairing without a window, as a crash leaves it, expires too. */
export function expireOrphan(state: PairingState): PairingState {
  const index = liveRow(state)
  return index !== none && isOrphan(state, index) ? withStatus(state, index, 'tombstoned') : state
}

function isOrphan(state: PairingState, index: number): boolean {
  const { status, handshake } = at(state.rows, index)
  return status === 'pairing' && !at(state.windows, at(state.handshakes, handshake).window).isOpen
}

/** The owner asks for deactivation; nothing approves from here on, and a veto is possible. */
export function deactivate(state: PairingState): PairingState {
  return withStatus(state, liveRow(state), 'deactivating')
}

export function veto(state: PairingState): PairingState {
  return withStatus(state, liveRow(state), 'bound')
}

/** The Security Delay is over. */
export function endDeactivation(state: PairingState, rules: Rules): PairingState {
  return bury(state, rules, liveRow(state))
}

/** Tombstones a row. Only afterwards may a RELEASE for it be signed; off, the RELEASE comes first and the write later. */
function bury(state: PairingState, rules: Rules, index: number): PairingState {
  return rules.tombstoneBeforeRelease ? withStatus(state, index, 'tombstoned') : withRelease(state, index + 1)
}

/** Crash and restart: windows and their keys are gone, and so is every Ne. */
export function crash(state: PairingState): PairingState {
  const windows = state.windows.map((window) => ({ ...window, isOpen: false, undurable: false }))
  return { ...state, windows, resume: none }
}

function withStatus(state: PairingState, index: number, status: Status): PairingState {
  return { ...state, rows: withAt(state.rows, index, { ...at(state.rows, index), status }) }
}

function withRelease(state: PairingState, generationMax: number): PairingState {
  return generationMax === 0 ? state : { ...state, releases: state.releases | (1 << generationMax) }
}

function withGeneration(state: PairingState, number: number, generation: number): PairingState {
  const numbered = withAt(state.handshakes, number, { ...at(state.handshakes, number), generation })
  return withSent({ ...state, handshakes: numbered }, number, 'COMMIT')
}
