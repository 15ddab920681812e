// Transitions of the band's firmware in the pairing model. Each function is one step, and atomic.
import { at, withAt } from './list.ts'
import type { PairingRule } from './pairing-rules.ts'
import type { Band, Handshake, Message, PairingState } from './pairing-state.ts'
import { blankBand, none, wasSent } from './pairing-state.ts'
import type { Switches } from './rules.ts'

type Rules = Switches<PairingRule>

/** Answers a PAIR0, also one recorded long ago, with PAIR1: only when unpaired (and after a gesture of the wearer). */
export function startHandshake(state: PairingState, window: number): PairingState {
  const handshake: Handshake = { window, sent: 'PAIR1', generation: 0 }
  const band: Band = { ...state.band, handshake: state.handshakes.length, last: 'PAIR1' }
  return { ...state, handshakes: [...state.handshakes, handshake], band }
}

/** PAIR2 proves the engine; the band shows itself. */
export function receivePair2(state: PairingState, number: number): PairingState {
  const { band } = state
  if (band.handshake !== number || band.last !== 'PAIR1') return state
  return { ...withSent(state, number, 'PAIR3'), band: { ...band, last: 'PAIR3' } }
}

/** COMMIT is stored, not yet confirmed. */
export function receiveCommit(state: PairingState, number: number): PairingState {
  const { band } = state
  if (band.handshake !== number || band.last !== 'PAIR3' || band.stored !== none) return state
  return { ...state, band: { ...band, last: 'COMMIT', stored: number, isConfirmed: false } }
}

/** May the wearer's tap be asked for: a COMMIT is stored and nothing was confirmed yet? */
export function awaitsTap({ band, tapped }: PairingState, rules: Rules): boolean {
  return band.stored !== none && !band.isConfirmed && (rules.confirmedBeforeAck || (tapped & (1 << band.stored)) === 0)
}

/** The wearer taps: CONFIRMED goes to flash. */
export function tap(state: PairingState, rules: Rules): PairingState {
  const { band } = state
  const tapped = { ...state, tapped: state.tapped | (1 << band.stored) }
  if (rules.confirmedBeforeAck) return { ...tapped, band: { ...band, isConfirmed: true } }
  return band.handshake === band.stored ? withSent(tapped, band.stored, 'COMMIT_ACK') : tapped
}

/** The second half of a tap: COMMIT_ACK leaves, while the keys of the pairing channel are still in RAM. */
export function finishTap(state: PairingState, rules: Rules): PairingState {
  const { band } = state
  if (!rules.confirmedBeforeAck) {
    const wasTapped = band.stored !== none && (state.tapped & (1 << band.stored)) !== 0
    return wasTapped && band.handshake === band.stored ? { ...state, band: { ...band, isConfirmed: true } } : state
  }
  if (!band.isConfirmed || band.handshake !== band.stored) return state
  return withSent(state, band.stored, 'COMMIT_ACK')
}

/** The band's own window ends: what was not confirmed is erased. */
export function endBandWindow(state: PairingState): PairingState {
  const { band } = state
  return { ...state, band: band.isConfirmed ? { ...band, handshake: none, last: 'PAIR1' } : blankBand }
}

/** Power loss: RAM is lost, flash stays. */
export function reboot(state: PairingState): PairingState {
  return { ...state, band: { ...state.band, handshake: none, last: 'PAIR1' } }
}

/** Factory reset by the band's holder: flash and RAM are blank; only the package secret stays. */
export function factoryReset(state: PairingState): PairingState {
  const wiped = state.band.stored === none ? state.wiped : state.wiped | (1 << state.band.stored)
  return { ...state, band: blankBand, wiped }
}

/** May the band send a RESUME under R_0? */
export function mayResume({ band }: PairingState, rules: Rules): boolean {
  return band.stored !== none && (band.isConfirmed || !rules.resumesOnlyIfConfirmed)
}

/** A RELEASE arrives, new or replayed: the band becomes unpaired. */
export function receiveRelease(state: PairingState, rules: Rules, generationMax: number): PairingState {
  const { stored } = state.band
  if (stored === none) return state
  const obeys = !rules.bandChecksGeneration || at(state.handshakes, stored).generation <= generationMax
  return obeys ? { ...state, band: blankBand } : state
}

/** The message of a handshake is now on the network. */
export function withSent(state: PairingState, number: number, sent: Message): PairingState {
  const handshake = at(state.handshakes, number)
  if (wasSent(handshake, sent)) return state
  return { ...state, handshakes: withAt(state.handshakes, number, { ...handshake, sent }) }
}
