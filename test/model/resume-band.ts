// Transitions of the band's firmware in the resume model. Each function is one step and is atomic, except the ratchet: its two
// flash operations are two steps, because the battery can come out between them.
import { at, withAt } from './list.ts'
import type { ResumeRule } from './resume-rules.ts'
import { resumeInvariants } from './resume-rules.ts'
import type { Band, HandshakeNumber, ResumeState, Root } from './resume-state.ts'
import { nOf, none, rootAfter, startedBand } from './resume-state.ts'
import type { Switches } from './rules.ts'

type Rules = Switches<ResumeRule>

/** Answers a CHAL with RESUME, or with REKEY1. Any radio can send a CHAL, also one recorded long ago. */
export function answerChallenge(
  state: ResumeState,
  rules: Rules,
  asked: { readonly device: number; readonly challenge: number; readonly rekey: boolean },
): ResumeState {
  const band = at(state.bands, asked.device)
  const number = state.handshakes.length
  const made = { ...asked, root: band.root, accepted: false, down: 0, up: 0, ratcheted: 0 }
  const links = rules.bandKeepsOldLink ? { pending: number } : { current: number, last: 0, pending: none }
  return {
    ...state,
    handshakes: [...state.handshakes, { ...made, downAccepted: 0, upAccepted: 0 }],
    bands: withAt(state.bands, asked.device, { ...band, ...links }),
  }
}

/** Receives a record from the engine: HELLO (counter 1) or RATCHET_ACK (later ones). */
export function receiveDown(
  state: ResumeState,
  rules: Rules,
  record: { readonly device: number; readonly number: HandshakeNumber; readonly counter: number },
): ResumeState {
  const band = at(state.bands, record.device)
  const link = [band.current, band.pending].find((candidate) => haveSameKeys(state, rules, record.number, candidate))
  if (link === undefined || (link === band.current && record.counter <= band.last)) return state
  const handshake = at(state.handshakes, record.number)
  const bit = 1 << record.counter
  const broken = (handshake.downAccepted & bit) === 0 ? state.broken : resumeInvariants.recordOnce
  const adopted = link === band.current ? band : { ...band, current: link, pending: none }
  return {
    ...state,
    broken,
    handshakes: withAt(state.handshakes, record.number, {
      ...handshake,
      downAccepted: handshake.downAccepted | bit,
    }),
    bands: withAt(state.bands, record.device, {
      ...(record.counter === 1 ? adopted : beginRatchet(state, rules, adopted)),
      last: record.counter,
    }),
  }
}

/** The first of the two flash operations. */
function beginRatchet(state: ResumeState, rules: Rules, band: Band): Band {
  const target = rootAfter(at(state.handshakes, band.current), band.current)
  if (nOf(target) !== nOf(band.root) + 1) return band
  const pending = rules.ratchetCancelsPending ? none : band.pending
  const started = { ...band, pending, ratcheting: true, target }
  if (!rules.writeBeforeErase) return { ...started, root: none }
  return rules.writeBeforeFlag ? { ...started, root: target, kept: band.root } : started
}

/** The second flash operation; from here on records carry RATCHETED. */
export function finishRatchet(state: ResumeState, rules: Rules, device: number): ResumeState {
  const band = at(state.bands, device)
  const finished = { ...band, root: band.target, kept: keptAfter(rules, band), ratcheting: false, target: none }
  return { ...state, bands: withAt(state.bands, device, finished) }
}

function keptAfter(rules: Rules, band: Band): Root {
  return rules.bandErasesOldRoot ? none : band.kept
}

/** Seals a STATUS on the live link, with RATCHETED when flash is past the root of the link. */
export function sendUp(state: ResumeState, rules: Rules, device: number): ResumeState {
  const band = at(state.bands, device)
  const handshake = at(state.handshakes, band.current)
  const counter = handshake.up + 1
  const written = !band.ratcheting && nOf(band.root) > nOf(handshake.root)
  const flagged = written || (band.ratcheting && !rules.writeBeforeFlag)
  const twice =
    state.handshakes.some(
      (other, number) =>
        number !== band.current && other.up >= counter && haveSameKeys(state, rules, number, band.current),
    ) ||
    (!rules.keyPerDirection && handshake.down >= counter)
  return {
    ...state,
    broken: twice ? resumeInvariants.sealedOnce : state.broken,
    handshakes: withAt(state.handshakes, band.current, {
      ...handshake,
      up: counter,
      ratcheted: flagged ? handshake.ratcheted | (1 << counter) : handshake.ratcheted,
    }),
  }
}

/** Power loss: RAM is lost, flash stays as it was. A start with two roots takes the newer, erases the older. */
export function reboot(state: ResumeState, rules: Rules, device: number): ResumeState {
  const band = at(state.bands, device)
  return { ...state, bands: withAt(state.bands, device, startedBand(band.root, keptAfter(rules, band))) }
}

/** Cloning: the band's flash is copied into a second device. */
export function copyFlash(state: ResumeState): ResumeState {
  const { root, kept } = at(state.bands, 0)
  return { ...state, bands: [...state.bands, startedBand(root, kept)] }
}

/** Do records of handshake `a` open under the keys of `b`? Only for the same one, unless Nb is not fresh. */
export function haveSameKeys(state: ResumeState, rules: Rules, a: HandshakeNumber, b: HandshakeNumber): boolean {
  if (b === none) return false
  if (a === b || rules.nbIsFresh) return a === b
  const [one, other] = [at(state.handshakes, a), at(state.handshakes, b)]
  return one.root === other.root && one.challenge === other.challenge && one.rekey === other.rekey
}
