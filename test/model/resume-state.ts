// The state of the resume model: one band (and perhaps a copy of its flash), one engine, and a network that remembers
// everything. The one thing to know: the network is not a queue. Every handshake and record ever made can be delivered
// at any time, any number of times or never, so replay, reordering and loss need no steps of their own; what the
// network holds is written in the handshakes, because a RESUME and the records of its link are all that is ever sent.
import { pack } from './list.ts'
import type { ResumeInvariant } from './resume-rules.ts'

/** The budgets of a run: how often each thing may happen. */
export type ResumeBounds = {
  readonly slotsCount: 1 | 2
  readonly challengesMax: number
  readonly handshakesMax: number
  /** per link and direction */
  readonly recordsMax: number
  readonly crashesMax: number
  readonly rebootsMax: number
  readonly rekeysMax: number
  readonly clonesMax: 0 | 1
  /** Backups of the engine's disk, and how often the latest is put back. */
  readonly restoresMax: 0 | 1
}

/** A root key as a term: R_n, and which rekey its chain last passed through (0: none). Equal numbers, equal keys. */
export type Root = number
/** The number of a handshake, in the order they were made; `none` where there is none. */
export type HandshakeNumber = number
export const none = -1

/**
 * A RESUME (or REKEY1) and the link it opens. Its key is the term (root, challenge, its own fresh Nb). `down` and `up`
 * count the records sealed so far: down 1 is HELLO, later ones RATCHET_ACK; up are STATUS. The last three are sets of
 * counters, as bits: which up records carry RATCHETED, and which records were accepted.
 */
export type Handshake = {
  readonly device: number
  readonly rekey: boolean
  readonly root: Root
  readonly challenge: number
  readonly accepted: boolean
  readonly down: number
  readonly up: number
  readonly ratcheted: number
  readonly downAccepted: number
  readonly upAccepted: number
}

/**
 * A device with the band's firmware. Flash: `root`, what it would start from (none: nothing), and `kept`, an older root
 * not erased yet. RAM: whether it is `ratcheting`, between the two flash operations, and to which `target`; the live
 * link with the last down counter, and the pending one.
 */
export type Band = {
  readonly root: Root
  readonly kept: Root
  readonly ratcheting: boolean
  readonly target: Root
  readonly current: HandshakeNumber
  readonly last: number
  readonly pending: HandshakeNumber
}

/**
 * What the engine has on disk. After `dropped` only the mac key of `previous` is left, which tells a clone but opens
 * nothing. `confirmed` is history kept for an invariant: the newest n the band has shown. A drop is persisted as lazily
 * as k, so a crash may forget it: a copy is then let in once more, and caught one resume later.
 */
export type EngineDisk = {
  readonly root: Root
  readonly previous: Root
  readonly dropped: boolean
  readonly confirmed: number
}

/** A slot's Ne: which challenge (0: none); `stale` only where the rule that it expires is off. */
export type Nonce = { readonly challenge: number; readonly stale: boolean }

export type Engine = EngineDisk & {
  readonly disk: EngineDisk
  /** A copy of the disk; undefined before there is one. */
  readonly backup: EngineDisk | undefined
  /** The copy was put back, and the engine knows it. */
  readonly restored: boolean
  readonly nonces: readonly Nonce[]
  /** only where Ne outlives a restart */
  readonly noncesOnDisk: readonly Nonce[]
  /** how many challenges were drawn before this boot */
  readonly challengesBefore: number
  readonly current: HandshakeNumber
  readonly last: number
  readonly pending: HandshakeNumber
  readonly alarm: boolean
}

export type ResumeState = {
  readonly bands: readonly Band[]
  readonly engine: Engine
  readonly handshakes: readonly Handshake[]
  readonly challengesCount: number
  readonly crashesCount: number
  readonly rebootsCount: number
  readonly broken: ResumeInvariant | undefined
}

export const saltsMax = 16
export const noNonce: Nonce = { challenge: 0, stale: false }

/** n of R_n; -1 for no root. */
export function nOf(root: Root): number {
  return root === none ? -1 : Math.floor(root / saltsMax)
}

/** The root after a link: the ratchet of its own, or for a rekey one that only this handshake can give. */
export function rootAfter(handshake: Handshake, number: HandshakeNumber): Root {
  return handshake.rekey ? (nOf(handshake.root) + 1) * saltsMax + number + 1 : handshake.root + saltsMax
}

/** A device that has just started with `root` in flash. */
export function startedBand(root: Root, kept: Root): Band {
  return { root, kept, ratcheting: false, target: none, current: none, last: 0, pending: none }
}

/** Does the root `known` suffice to compute `wanted`, by ratcheting on? A rekey cannot be followed. */
export function givesRoot(known: Root, wanted: Root): boolean {
  return known !== none && known <= wanted && known % saltsMax === wanted % saltsMax
}

/** Does the engine know this root: k, or k - 1 while it is kept, or after a restore what it reaches from one of them? */
export function isRootKnown({ engine }: Pick<ResumeState, 'engine'>, wanted: Root): boolean {
  const previous = engine.dropped ? none : engine.previous
  if (wanted === engine.root || (wanted !== none && wanted === previous)) return true
  return engine.restored && isAhead(engine, wanted)
}

/** Is it a root that the ratchet leads to, from one that the engine holds? */
export function isAhead({ root, previous, dropped }: EngineDisk, wanted: Root): boolean {
  if (nOf(wanted) < nOf(root) || wanted === root) return false
  return givesRoot(root, wanted) || (!dropped && givesRoot(previous, wanted))
}

/** Just paired: both ends hold R_0, there is no previous root, and no link. */
export function initialState(bounds: ResumeBounds): ResumeState {
  const disk: EngineDisk = { root: 0, previous: none, dropped: false, confirmed: 0 }
  const nonces = Array.from({ length: bounds.slotsCount }, () => noNonce)
  return {
    bands: [startedBand(0, none)],
    engine: {
      ...disk,
      disk,
      backup: undefined,
      restored: false,
      nonces,
      noncesOnDisk: nonces,
      challengesBefore: 0,
      current: none,
      last: 0,
      pending: none,
      alarm: false,
    },
    handshakes: [],
    challengesCount: 0,
    crashesCount: 0,
    rebootsCount: 0,
    broken: undefined,
  }
}

/** Canonical key of a state for deduplication: every field, one byte each. */
export function keyOf(state: ResumeState): string {
  const { engine } = state
  const numbers = [state.bands.length, state.challengesCount, state.crashesCount, state.rebootsCount]
  for (const band of state.bands) {
    numbers.push(band.root, band.kept, Number(band.ratcheting), band.target)
    numbers.push(band.current, band.last, band.pending)
  }
  pushDisk(numbers, engine)
  pushDisk(numbers, engine.disk)
  numbers.push(Number(engine.restored) * 2 + Number(engine.backup !== undefined))
  if (engine.backup !== undefined) pushDisk(numbers, engine.backup)
  numbers.push(engine.challengesBefore, engine.current, engine.last, engine.pending, Number(engine.alarm))
  for (const nonce of [...engine.nonces, ...engine.noncesOnDisk]) {
    numbers.push(nonce.challenge * 2 + Number(nonce.stale))
  }
  for (const handshake of state.handshakes) {
    const flags = handshake.device * 4 + Number(handshake.rekey) * 2 + Number(handshake.accepted)
    numbers.push(flags, handshake.root, handshake.challenge, handshake.down * 8 + handshake.up)
    numbers.push(handshake.ratcheted, handshake.downAccepted, handshake.upAccepted)
  }
  return pack(numbers) + (state.broken ?? '')
}

function pushDisk(numbers: number[], disk: EngineDisk): void {
  numbers.push(disk.root, disk.previous, disk.confirmed * 2 + Number(disk.dropped))
}
