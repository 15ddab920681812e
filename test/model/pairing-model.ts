// Pairing and ownership (PROTOCOL §3) as a model: one band, the engine, two accounts whose phones both have the package's secret
// (a thief may), and a network that delivers whatever was ever sent, in any order, any number of times or never. Both ends crash
// between any two messages. Left out: what Noise, BandCert, the package secret and user verification prove (a handshake belongs
// to one window and no other party can speak in it), times (a window or a delay has either ended or has not), limits on failures,
// holds. A RESUME is good once and only for the engine run that drew its Ne: the resume model shows that.
import type { Model, Step } from './checker.ts'
import { at } from './list.ts'
import {
  awaitsTap,
  endBandWindow,
  factoryReset,
  finishTap,
  mayResume,
  reboot,
  receiveCommit,
  receivePair2,
  receiveRelease,
  startHandshake,
  tap,
} from './pairing-band.ts'
import {
  crash,
  deactivate,
  endDeactivation,
  endWindow,
  expireOrphan,
  flushRow,
  receiveAck,
  receivePair1,
  receivePair3,
  receiveResume,
  startPairing,
  veto,
} from './pairing-engine.ts'
import type { PairingInvariant, PairingRule } from './pairing-rules.ts'
import { pairingInvariants, pairingRules } from './pairing-rules.ts'
import type { PairingBounds, PairingState } from './pairing-state.ts'
import { accountsCount, initialState, keyOf, liveRow, none, rowOf, wasSent } from './pairing-state.ts'
import type { Switches } from './rules.ts'
import { switches } from './rules.ts'

type Rules = Switches<PairingRule>

const broken = pairingInvariants

/** The model within `bounds`, with every rule in force but `off`. */
export function pairingModel(bounds: PairingBounds, off?: PairingRule): Model<PairingState> {
  const rules = switches(pairingRules, off)
  return {
    initial: initialState,
    key: keyOf,
    broken: (state) => state.broken ?? brokenBinding(state) ?? brokenBySchedule(state, rules),
    steps: (state) => {
      if (state.broken !== undefined) return []
      const endings = ownerSteps(state, rules, bounds)
      const others = [
        ...engineSteps(state, rules, bounds),
        ...messageSteps(state, rules),
        ...bandSteps(state, rules, bounds),
      ]
      return [
        ...endings.map((step) => watched(state, step, true)),
        ...others.map((step) => watched(state, step, false)),
      ]
    },
  }
}

/** What only time and the owner do: the steps that may end a binding, or bring it back from deactivation. */
function ownerSteps(state: PairingState, rules: Rules, bounds: PairingBounds): readonly Step<PairingState>[] {
  const steps: Step<PairingState>[] = []
  for (const [place, window] of state.windows.entries()) {
    if (!window.isOpen) continue
    steps.push({ label: `engine: window ${place} ends`, next: endWindow(state, rules, place) })
  }
  steps.push({ label: 'engine: expires a pairing whose window is gone', next: expireOrphan(state) })
  const live = liveRow(state)
  if (live === none) return steps
  const { status } = at(state.rows, live)
  if (status === 'bound' && state.deactivationsCount < bounds.deactivationsMax) {
    const next = { ...deactivate(state), deactivationsCount: state.deactivationsCount + 1 }
    steps.push({ label: `owner: deactivates generation ${live + 1}`, next })
  }
  if (status === 'deactivating') {
    steps.push({ label: 'owner: veto', next: veto(state) })
    steps.push({ label: 'engine: the Security Delay is over', next: endDeactivation(state, rules) })
  }
  return steps
}

function engineSteps(state: PairingState, rules: Rules, bounds: PairingBounds): readonly Step<PairingState>[] {
  const steps: Step<PairingState>[] = []
  if (state.windows.length < bounds.windowsMax) {
    for (let account = 0; account < accountsCount; account += 1) {
      const label = `phone of ${nameOf(account)}: pair.start, window ${state.windows.length}`
      steps.push({ label, next: startPairing(state, rules, account) })
    }
  }
  if (state.crashesCount < bounds.crashesMax) {
    steps.push({ label: 'engine: crash', next: { ...crash(state), crashesCount: state.crashesCount + 1 } })
  }
  for (const place of state.windows.keys()) {
    steps.push({ label: `engine: the row of window ${place} reaches the disk`, next: flushRow(state, rules, place) })
  }
  return steps
}

/** Everything that was ever sent may arrive now. */
function messageSteps(state: PairingState, rules: Rules): readonly Step<PairingState>[] {
  const steps: Step<PairingState>[] = []
  for (const [number, handshake] of state.handshakes.entries()) {
    const of = `of handshake ${number}`
    steps.push({ label: `engine: receives PAIR1 ${of}`, next: receivePair1(state, number) })
    if (!wasSent(handshake, 'PAIR2')) continue
    steps.push({ label: `band: receives PAIR2 ${of}`, next: receivePair2(state, number) })
    if (!wasSent(handshake, 'PAIR3')) continue
    steps.push({ label: `engine: receives PAIR3 ${of}`, next: receivePair3(state, rules, number) })
    if (!wasSent(handshake, 'COMMIT')) continue
    steps.push({
      label: `band: receives COMMIT ${of}, generation ${handshake.generation}`,
      next: receiveCommit(state, number),
    })
    if (!wasSent(handshake, 'COMMIT_ACK')) continue
    steps.push({ label: `engine: receives COMMIT_ACK ${of}`, next: receiveAck(state, rules, number) })
  }
  if (state.resume !== none) {
    const label = `engine: receives RESUME under R_0 of handshake ${state.resume}`
    steps.push({ label, next: receiveResume(state, rules) })
  }
  for (let generation = 1; generation <= state.rows.length; generation += 1) {
    if ((state.releases & (1 << generation)) === 0) continue
    steps.push({ label: `band: receives RELEASE(${generation})`, next: receiveRelease(state, rules, generation) })
  }
  return steps
}

function bandSteps(state: PairingState, rules: Rules, bounds: PairingBounds): readonly Step<PairingState>[] {
  const steps: Step<PairingState>[] = []
  if (state.band.stored === none && state.handshakes.length < bounds.handshakesMax) {
    for (const place of state.windows.keys()) {
      const label = `band: answers PAIR0 of window ${place} with PAIR1 of handshake ${state.handshakes.length}`
      steps.push({ label, next: startHandshake(state, place) })
    }
  }
  if (awaitsTap(state, rules)) steps.push({ label: 'wearer: taps to confirm', next: tap(state, rules) })
  steps.push({ label: 'band: the tap is done', next: finishTap(state, rules) })
  steps.push({ label: 'band: its window ends', next: endBandWindow(state) })
  if (mayResume(state, rules)) {
    steps.push({
      label: `band: sends RESUME under R_0 of handshake ${state.band.stored}`,
      next: { ...state, resume: state.band.stored },
    })
  }
  if (state.rebootsCount < bounds.rebootsMax) {
    steps.push({ label: 'band: battery out', next: { ...reboot(state), rebootsCount: state.rebootsCount + 1 } })
  }
  if (state.resetsCount < bounds.resetsMax) {
    steps.push({ label: 'band: factory reset', next: { ...factoryReset(state), resetsCount: state.resetsCount + 1 } })
  }
  return steps
}

/** A step with the verdict of history on it: rows only change as I2 and I3 allow. */
function watched(before: PairingState, step: Step<PairingState>, mayEnd: boolean): Step<PairingState> {
  const failure = brokenByStep(before, step.next, mayEnd)
  return failure === undefined ? step : { ...step, next: { ...step.next, broken: failure } }
}

function brokenByStep(before: PairingState, after: PairingState, mayEnd: boolean): PairingInvariant | undefined {
  for (const [index, row] of before.rows.entries()) {
    const now = at(after.rows, index)
    if (row.status === 'tombstoned' && now.status !== 'tombstoned') return broken.tombstoneStays
    if (row.status !== 'tombstoned' && row.account !== now.account) return broken.ownerOnly
    const isEnded = row.status !== 'tombstoned' && now.status === 'tombstoned'
    const isUndone = row.status === 'deactivating' && now.status === 'bound'
    if ((isEnded || isUndone) && !mayEnd) return broken.ownerOnly
  }
  return undefined
}

function brokenBinding(state: PairingState): PairingInvariant | undefined {
  if (state.rows.filter((row) => row.status !== 'tombstoned').length > 1) return broken.oneBinding
  const live = liveRow(state)
  if (live === none) return undefined
  if (state.releases >> (live + 1) !== 0) return broken.noRelease
  const { status, handshake } = at(state.rows, live)
  if (status === 'pairing') return undefined
  if ((state.tapped & (1 << handshake)) === 0) return broken.wearerConfirmed
  return agrees(state, handshake) || (state.wiped & (1 << handshake)) !== 0 ? undefined : broken.agreement
}

function agrees({ band }: PairingState, handshake: number): boolean {
  return band.stored === handshake && band.isConfirmed
}

/** From every state, once nothing more fails: a lost ack is made up for, and a band let go of can be had again. */
function brokenBySchedule(state: PairingState, rules: Rules): PairingInvariant | undefined {
  const { stored, isConfirmed } = state.band
  const row = stored === none ? none : rowOf(state, stored)
  if (isConfirmed && row !== none && at(state.rows, row).status === 'pairing') {
    const resumed = resumeFairly(state, rules)
    if (at(resumed.rows, row).status !== 'bound') return broken.lostAckRecovered
  }
  const quiet = settle(state, rules)
  if (liveRow(quiet) !== none) return undefined
  if (quiet.band.stored !== none) {
    const resumed = resumeFairly(quiet, rules)
    if (liveRow(resumed) !== none) return broken.tombstoneStays
    if (releaseFairly(resumed, rules).band.stored !== none) return broken.freedByOldPhone
  }
  return isPairedFairly(quiet, rules) ? undefined : broken.freedByNewPhone
}

/** Every window ends, at both ends; an owner whose band was reset, or who is deactivating it, sees that through. */
function settle(state: PairingState, rules: Rules): PairingState {
  const crashed = crash(state)
  const expired = endBandWindow(expireOrphan(crashed))
  const live = liveRow(expired)
  if (live === none) return expired
  const { status, handshake } = at(expired.rows, live)
  if (status === 'bound' && agrees(expired, handshake)) return expired
  return endDeactivation(deactivate(expired), rules)
}

function resumeFairly(state: PairingState, rules: Rules): PairingState {
  return receiveResume({ ...state, resume: state.band.stored }, rules)
}

/** The newest RELEASE, if there is any, arrives. */
function releaseFairly(state: PairingState, rules: Rules): PairingState {
  const newest = 31 - Math.clz32(state.releases | 1)
  return newest === 0 ? state : receiveRelease(state, rules, newest)
}

function isPairedFairly(state: PairingState, rules: Rules): boolean {
  const started = releaseFairly(startPairing(state, rules, 1), rules)
  if (started.band.stored !== none) return false
  const [number, place] = [started.handshakes.length, started.windows.length - 1]
  const met = receivePair2(receivePair1(startHandshake(started, place), number), number)
  const committed = receiveCommit(flushRow(receivePair3(met, rules, number), rules, place), number)
  if (committed.band.stored !== number) return false
  const paired = receiveAck(finishTap(tap(committed, rules), rules), rules, number)
  const live = liveRow(paired)
  return live !== none && at(paired.rows, live).status === 'bound' && agrees(paired, number)
}

function nameOf(account: number): string {
  return account === 0 ? 'Ada' : 'Ben'
}
