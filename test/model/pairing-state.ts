// The state of the pairing model: one band, the engine's durable rows for it, the pairing windows in its RAM, two
// accounts' phones, and a network that remembers everything. The one thing to know: like in the resume model, nothing
// that was ever sent is taken off the network; a handshake's `sent` says how far its messages have got.
import { pack } from './list.ts'
import type { PairingInvariant } from './pairing-rules.ts'

/** The budgets of a run: how often each thing may happen. */
export type PairingBounds = {
  readonly windowsMax: number
  readonly handshakesMax: number
  readonly crashesMax: number
  readonly rebootsMax: number
  readonly resetsMax: number
  readonly deactivationsMax: number
}

export const accountsCount = 2
/** The number of a handshake, window or row; `none` where there is none. */
export const none = -1

/** The messages of a handshake in the order in which they can come to exist. */
export const messages = ['PAIR1', 'PAIR2', 'PAIR3', 'COMMIT', 'COMMIT_ACK'] as const
export type Message = (typeof messages)[number]

/** A Noise handshake, made by the band in answer to a window's PAIR0; its keys, R_0 and bid are its own. */
export type Handshake = { readonly window: number; readonly sent: Message; readonly generation: number }

/**
 * A pairing machine, from pair.start: RAM of the engine, gone at its end or at a crash. `handshake` is the one it
 * answered. `undurable` is set only where COMMIT may leave before its row is durable.
 */
export type Window = {
  readonly account: number
  readonly isOpen: boolean
  readonly handshake: number
  readonly undurable: boolean
}

export const statuses = ['pairing', 'bound', 'deactivating', 'tombstoned'] as const
export type Status = (typeof statuses)[number]

/** A durable row of the engine; its generation is its place in the list, from 1. */
export type Row = { readonly account: number; readonly handshake: number; readonly status: Status }

/** RAM: the handshake under way and how far it is. Flash: the handshake whose COMMIT is stored, and CONFIRMED. */
export type Band = {
  readonly handshake: number
  readonly last: Message
  readonly stored: number
  readonly isConfirmed: boolean
}

/**
 * `releases` is the set of generationMax of every RELEASE signed, as bits. `resume` is the RESUME under way: its Ne
 * makes it good once, and only for the engine run that drew it. `tapped` and `wiped` are history, sets of handshakes
 * as bits: confirmed by the wearer, erased by a factory reset.
 */
export type PairingState = {
  readonly rows: readonly Row[]
  readonly windows: readonly Window[]
  readonly handshakes: readonly Handshake[]
  readonly band: Band
  readonly resume: number
  readonly releases: number
  readonly tapped: number
  readonly wiped: number
  readonly crashesCount: number
  readonly rebootsCount: number
  readonly resetsCount: number
  readonly deactivationsCount: number
  readonly broken: PairingInvariant | undefined
}

export const blankBand: Band = { handshake: none, last: 'PAIR1', stored: none, isConfirmed: false }

/** As delivered: a band without an owner. */
export const initialState: PairingState = {
  rows: [],
  windows: [],
  handshakes: [],
  band: blankBand,
  resume: none,
  releases: 0,
  tapped: 0,
  wiped: 0,
  crashesCount: 0,
  rebootsCount: 0,
  resetsCount: 0,
  deactivationsCount: 0,
  broken: undefined,
}

/** Has the message come to exist in this handshake? */
export function wasSent(handshake: Handshake, message: Message): boolean {
  return messages.indexOf(handshake.sent) >= messages.indexOf(message)
}

/** The index of the row that is not tombstoned, or `none`. */
export function liveRow(state: PairingState): number {
  return state.rows.findIndex((row) => row.status !== 'tombstoned')
}

/** The index of the row of a handshake, or `none`. */
export function rowOf(state: PairingState, handshake: number): number {
  return state.rows.findIndex((row) => row.handshake === handshake)
}

/** Canonical key of a state for deduplication: every field, one byte each. */
export function keyOf(state: PairingState): string {
  const { band } = state
  const numbers = [state.rows.length, state.windows.length, state.handshakes.length]
  for (const row of state.rows) numbers.push(row.account, row.handshake, statuses.indexOf(row.status))
  for (const window of state.windows) {
    numbers.push(window.account * 4 + Number(window.isOpen) * 2 + Number(window.undurable), window.handshake)
  }
  for (const { window, sent, generation } of state.handshakes) {
    numbers.push(window, messages.indexOf(sent), generation)
  }
  numbers.push(band.handshake, messages.indexOf(band.last), band.stored, Number(band.isConfirmed))
  numbers.push(state.resume, state.releases, state.tapped, state.wiped)
  numbers.push(state.crashesCount, state.rebootsCount, state.resetsCount, state.deactivationsCount)
  return pack(numbers) + (state.broken ?? '')
}
