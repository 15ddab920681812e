// The resume protocol (PROTOCOL §4) as a model: a band, perhaps a copy of its flash, the engine, and a network that delivers
// whatever was ever sent, in any order, any number of times or never. Left out: bytes and times (a Ne either has expired or has
// not), the contents of records (only their counters, HELLO, RATCHET_ACK and RATCHETED), pairing, key phases, more than one band;
// a REKEY handshake is a RESUME whose next root no other party can compute. A clone runs the band's firmware; its owner does no
// more with the copied root than that. After a clone alarm a run ends.
import type { Model, Step } from './checker.ts'
import { at } from './list.ts'
import { answerChallenge, copyFlash, finishRatchet, haveSameKeys, reboot, receiveDown, sendUp } from './resume-band.ts'
import {
  attach,
  backup,
  crash,
  expireNonce,
  mayAck,
  persist,
  receiveForgery,
  receiveResume,
  receiveUp,
  restore,
  sendAck,
} from './resume-engine.ts'
import type { ResumeRule } from './resume-rules.ts'
import { resumeInvariants, resumeRules } from './resume-rules.ts'
import type { ResumeBounds, ResumeState } from './resume-state.ts'
import { givesRoot, initialState, isRootKnown, keyOf, nOf, none } from './resume-state.ts'
import type { Switches } from './rules.ts'
import { switches } from './rules.ts'

type Rules = Switches<ResumeRule>

/** The model within `bounds`, with every rule in force but `off`. */
export function resumeModel(bounds: ResumeBounds, off?: ResumeRule): Model<ResumeState> {
  const rules = switches(resumeRules, off)
  return {
    initial: initialState(bounds),
    key: keyOf,
    broken: (state) => brokenInvariant(state, rules),
    steps: (state) =>
      state.engine.alarm || state.broken !== undefined
        ? []
        : [
            ...engineSteps(state, rules, bounds),
            ...networkSteps(state, rules, bounds),
            ...state.bands.flatMap((_, device) => bandSteps(state, rules, bounds, device)),
          ],
  }
}

function engineSteps(state: ResumeState, rules: Rules, bounds: ResumeBounds): readonly Step<ResumeState>[] {
  const { engine } = state
  const steps: Step<ResumeState>[] = []
  for (const [slot, nonce] of engine.nonces.entries()) {
    if (state.challengesCount < bounds.challengesMax) {
      const next = attach(state, rules, slot)
      steps.push({ label: `engine: CHAL Ne${at(next.engine.nonces, slot).challenge} on slot ${slot}`, next })
    }
    if (nonce.challenge !== 0 && !nonce.stale) {
      steps.push({ label: `ten seconds pass on slot ${slot}`, next: expireNonce(state, rules, slot) })
    }
  }
  if (mayAck(state, rules) && at(state.handshakes, engine.current).down < bounds.recordsMax) {
    steps.push({ label: `engine: RATCHET_ACK on link ${engine.current}`, next: sendAck(state, rules) })
  }
  steps.push({ label: `engine: k = ${nOf(engine.root)} reaches the disk`, next: persist(state) })
  if (state.crashesCount < bounds.crashesMax) {
    const next = { ...crash(state, rules), crashesCount: state.crashesCount + 1 }
    steps.push({ label: `engine: crash, back with k = ${nOf(next.engine.root)}`, next })
  }
  if (bounds.restoresMax === 1 && !engine.restored) {
    if (engine.backup === undefined) {
      steps.push({ label: `engine: backup with k = ${nOf(engine.disk.root)}`, next: backup(state) })
    } else {
      const next = restore(state, rules)
      steps.push({ label: `engine: restore of the backup, k = ${nOf(next.engine.root)}`, next })
    }
  }
  return steps
}

/** Everything that was ever sent to the engine or to a device may arrive now. */
function networkSteps(state: ResumeState, rules: Rules, bounds: ResumeBounds): readonly Step<ResumeState>[] {
  const steps: Step<ResumeState>[] = []
  for (let slot = 0; slot < bounds.slotsCount; slot += 1) {
    steps.push({ label: `network: forged RESUME on slot ${slot}`, next: receiveForgery(state, rules, slot) })
    for (const number of state.handshakes.keys()) {
      steps.push({
        label: `engine: receives RESUME ${number} on slot ${slot}`,
        next: receiveResume(state, rules, slot, number),
      })
    }
  }
  for (const [number, handshake] of state.handshakes.entries()) {
    for (let counter = 1; counter <= handshake.up; counter += 1) {
      const next = receiveUp(state, rules, number, counter)
      steps.push({ label: `engine: receives up ${counter} of link ${number}`, next })
    }
    for (let counter = 1; counter <= handshake.down; counter += 1) {
      for (const device of state.bands.keys()) {
        const next = receiveDown(state, rules, { device, number, counter })
        const record = counter === 1 ? 'HELLO' : 'RATCHET_ACK'
        steps.push({ label: `${nameOf(device)}: receives ${record} (down ${counter}) of link ${number}`, next })
      }
    }
  }
  return steps
}

function bandSteps(
  state: ResumeState,
  rules: Rules,
  bounds: ResumeBounds,
  device: number,
): readonly Step<ResumeState>[] {
  const band = at(state.bands, device)
  const steps: Step<ResumeState>[] = []
  if (band.ratcheting) {
    const next = finishRatchet(state, rules, device)
    steps.push({ label: `${nameOf(device)}: second flash operation, n = ${nOf(band.target)}`, next })
  } else if (band.root !== none) {
    steps.push(...answers(state, rules, bounds, device))
    if (state.bands.length === 1 && bounds.clonesMax === 1) {
      steps.push({ label: `someone copies the band's flash, n = ${nOf(band.root)}`, next: copyFlash(state) })
    }
  }
  if (band.current !== none && at(state.handshakes, band.current).up < bounds.recordsMax) {
    const next = sendUp(state, rules, device)
    const sent = at(next.handshakes, band.current)
    const flag = (sent.ratcheted & (1 << sent.up)) === 0 ? '' : ' with RATCHETED'
    steps.push({ label: `${nameOf(device)}: sends up ${sent.up} of link ${band.current}${flag}`, next })
  }
  if (state.rebootsCount < bounds.rebootsMax) {
    const next = { ...reboot(state, rules, device), rebootsCount: state.rebootsCount + 1 }
    steps.push({ label: `${nameOf(device)}: battery out, back with n = ${nOf(band.root)}`, next })
  }
  return steps
}

function answers(state: ResumeState, rules: Rules, bounds: ResumeBounds, device: number): readonly Step<ResumeState>[] {
  const number = state.handshakes.length
  if (number >= bounds.handshakesMax) return []
  const rekeysLeft = bounds.rekeysMax - state.handshakes.filter((handshake) => handshake.rekey).length
  const steps: Step<ResumeState>[] = []
  for (let challenge = 1; challenge <= state.challengesCount; challenge += 1) {
    for (const rekey of rekeysLeft > 0 ? [false, true] : [false]) {
      const next = answerChallenge(state, rules, { device, challenge, rekey })
      const name = `${rekey ? 'REKEY' : 'RESUME'} ${number} (n = ${nOf(at(next.handshakes, number).root)})`
      steps.push({ label: `${nameOf(device)}: answers Ne${challenge} with ${name}`, next })
    }
  }
  return steps
}

function nameOf(device: number): string {
  return device === 0 ? 'band' : 'clone'
}

function brokenInvariant(state: ResumeState, rules: Rules): string | undefined {
  const { engine } = state
  if (state.broken !== undefined) return state.broken
  const isCloned = state.bands.length > 1
  if (engine.alarm && !isCloned) return resumeInvariants.noFalseAlarm
  if (engine.alarm) return engine.current === none ? undefined : resumeInvariants.alarmCuts
  const isAheadOfDisk = state.bands.some((band) => nOf(band.root) > nOf(engine.disk.root))
  if (isAheadOfDisk && !engine.restored) return resumeInvariants.notAhead
  if (isCloned) return undefined
  if (opensOldLink(state)) return resumeInvariants.forwardSecret
  const broken = brokenLink(state, rules)
  if (broken !== undefined) return broken
  const outcome = playFairly(state, rules)
  if (outcome === 'alarm') return resumeInvariants.noFalseAlarm
  if (outcome === 'nothing' && isBeyondRekey(state)) return undefined
  return outcome === 'link' ? undefined : resumeInvariants.noBrick
}

/** With a copy about, is the wearer's own band refused, without an alarm? */
export function isLockedOutSilently(state: ResumeState): boolean {
  return !state.engine.alarm && playFairly(state, switches(resumeRules)) === 'nothing'
}

/** After a restore a rekey cannot be followed: the band is given up and paired anew, and until then no alarm is raised. */
function isBeyondRekey(state: ResumeState): boolean {
  const { engine } = state
  const { root, ratcheting, target } = at(state.bands, 0)
  // Once they have linked since, every promise holds as before.
  const hasLinked = engine.root !== engine.backup?.root || engine.previous !== engine.backup.previous
  return engine.restored && !hasLinked && !isRootKnown(state, ratcheting ? target : root)
}

/** Would the flash, taken now, give the keys of a link whose ratchet the band has shown to the engine? */
function opensOldLink({ bands, handshakes }: ResumeState): boolean {
  const { root, kept } = at(bands, 0)
  return handshakes.some(
    (link) => (link.ratcheted & link.upAccepted) !== 0 && (givesRoot(root, link.root) || givesRoot(kept, link.root)),
  )
}

/** The band may be a link ahead of the engine, never behind, and only on a link that the engine opened. */
function brokenLink(state: ResumeState, rules: Rules): string | undefined {
  const { current } = at(state.bands, 0)
  if (current === none) return undefined
  const agreed = state.handshakes.some(
    ({ accepted }, number) => accepted && haveSameKeys(state, rules, number, current),
  )
  if (!agreed) return resumeInvariants.linkAgreed
  return state.engine.current > current ? resumeInvariants.linkSurvives : undefined
}

/**
 * The fair schedule: from here on nothing fails and what is sent arrives, though all that was under way is lost and a
 * forger is still at work. Two round trips must open a link (CHAL, RESUME, HELLO, STATUS) and one more its ratchet.
 */
function playFairly(state: ResumeState, rules: Rules): 'link' | 'alarm' | 'nothing' {
  const rested = at(state.bands, 0).ratcheting ? finishRatchet(state, rules, 0) : state
  const attached = attach(rested, rules, 0)
  const { challenge } = at(attached.engine.nonces, 0)
  const forged = receiveForgery(attached, rules, 0)
  if (forged.engine.alarm) return 'alarm'
  if (at(forged.bands, 0).root === none) return 'nothing'
  const answered = answerChallenge(forged, rules, { device: 0, challenge, rekey: false })
  const resumed = receiveResume(answered, rules, 0, forged.handshakes.length)
  if (resumed.engine.alarm) return 'alarm'
  return opensLink(resumed, rules) ? 'link' : 'nothing'
}

/** Does the newest RESUME, which the engine has just received, become a link that ratchets? */
function opensLink(state: ResumeState, rules: Rules): boolean {
  const number = state.handshakes.length - 1
  if (!at(state.handshakes, number).accepted) return false
  const open = exchange(receiveDown(state, rules, { device: 0, number, counter: 1 }), rules)
  if (open.engine.current !== number || at(open.bands, 0).current !== number) return false
  return completesRatchet(persist(open), rules)
}

function completesRatchet(state: ResumeState, rules: Rules): boolean {
  const number = state.engine.current
  if (!mayAck(state, rules)) return false
  const acked = sendAck(state, rules)
  const told = receiveDown(acked, rules, { device: 0, number, counter: at(acked.handshakes, number).down })
  const written = at(told.bands, 0).ratcheting ? finishRatchet(told, rules, 0) : told
  const { engine } = exchange(written, rules)
  return engine.dropped && at(written.bands, 0).root === engine.root
}

/** The band sends a STATUS and the engine receives it. */
function exchange(state: ResumeState, rules: Rules): ResumeState {
  const { current } = at(state.bands, 0)
  if (current === none) return state
  const sent = sendUp(state, rules, 0)
  return receiveUp(sent, rules, current, at(sent.handshakes, current).up)
}
