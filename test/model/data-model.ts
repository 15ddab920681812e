// One direction of a live link (PROTOCOL §5) as a model: a sender, a receiver, and a network that delivers whatever was
// ever sent, in any order, any number of times or never, and forgeries besides. Small numbers stand for large ones: a
// key phase is 3 records instead of 2^20, the window 2 instead of 65,536 (what matters is that it is the smaller), the
// last phase 2 instead of 7, and 2 bad tags end the link instead of 8.
// Left out: bytes, contents, the other direction (it has keys of its own), and the phase step after 24 hours.
import type { Model, Step } from './checker.ts'
import { pack } from './list.ts'
import type { Rule, Switches } from './rules.ts'
import { switches } from './rules.ts'

const recordsPerPhase = 3
const windowSize = 2
const badTagsMax = 2

export const dataInvariants = {
  recordOnce: 'I10: a record is accepted at most once, ever',
  sealedOnce: 'I11: nobody seals twice with one key and counter',
  noFalseBadTag: 'a genuine record, however late or often it comes, is never counted as a bad tag',
  nextOpens: 'a genuine record within the window of the last one accepted always opens',
} as const

export type DataInvariant = (typeof dataInvariants)[keyof typeof dataInvariants]

const { recordOnce, sealedOnce, noFalseBadTag, nextOpens } = dataInvariants

export const dataRules = {
  counterRises: { section: '§5', starred: true, says: 'ctr strictly rises: last < ctr', breaks: recordOnce },
  counterInWindow: { section: '§5', starred: true, says: 'ctr ≤ last + 65,536', breaks: noFalseBadTag },
  comparedFirst: { section: '§5', starred: true, says: 'ctr is compared before decryption', breaks: noFalseBadTag },
  senderNeverResets: { section: '§5', starred: true, says: 'the sender never resets ctr', breaks: sealedOnce },
  receiverNeverResets: { section: '§5', starred: true, says: 'the receiver never resets ctr', breaks: recordOnce },
  advancedAfterTag: {
    section: '§5',
    starred: false,
    says: 'last moves only when the tag is good: a forgery costs nobody a record',
    breaks: nextOpens,
  },
  nextPhaseAccepted: {
    section: '§5',
    starred: false,
    says: 'the receiver accepts key phase φ or φ + 1',
    breaks: nextOpens,
  },
} as const satisfies Record<string, Rule<DataInvariant>>

export type DataRule = keyof typeof dataRules

type Rules = Switches<DataRule>

/**
 * `sent` records exist, counters 1 to `sent`; `next` is the counter the sender uses next. `accepted` is the set of
 * counters accepted, as bits; `last`, `phase` and `badTags` are the receiver's.
 */
export type DataState = {
  readonly sent: number
  readonly next: number
  readonly last: number
  readonly phase: number
  readonly badTags: number
  readonly accepted: number
  readonly broken: DataInvariant | undefined
}

/** A link that may run through `phasesCount` key phases, with every rule in force but `off`. */
export function dataModel(phasesCount: number, off?: DataRule): Model<DataState> {
  const rules = switches(dataRules, off)
  return {
    initial: { sent: 0, next: 1, last: 0, phase: 0, badTags: 0, accepted: 0, broken: undefined },
    key: ({ sent, next, last, phase, badTags, accepted, broken }) =>
      `${pack([sent, next, last, phase, badTags])}${accepted}${broken ?? ''}`,
    broken: (state) => state.broken ?? (opensNext(state, rules) ? undefined : nextOpens),
    steps: (state) => (hasEnded(state) ? [] : dataSteps(state, rules, phasesCount)),
  }
}

function dataSteps(state: DataState, rules: Rules, phasesCount: number): readonly Step<DataState>[] {
  const steps: Step<DataState>[] = []
  const recordsMax = phasesCount * recordsPerPhase
  if (state.next <= recordsMax) steps.push({ label: `sender: seals ${state.next}`, next: send(state) })
  for (let counter = 1; counter <= state.sent; counter += 1) {
    steps.push({ label: `receiver: gets record ${counter}`, next: receive(state, rules, counter) })
  }
  for (let counter = 1; counter <= recordsMax; counter += 1) {
    steps.push({ label: `receiver: gets a forgery with ctr ${counter}`, next: receiveForgery(state, rules, counter) })
  }
  steps.push({ label: 'the phone changes under the link', next: move(state, rules) })
  return steps
}

function send(state: DataState): DataState {
  const broken = state.next <= state.sent ? sealedOnce : state.broken
  return { ...state, sent: Math.max(state.sent, state.next), next: state.next + 1, broken }
}

function receive(state: DataState, rules: Rules, counter: number): DataState {
  const phase = phaseOf(counter)
  if (rules.comparedFirst && !isNext(state, rules, counter)) return state
  if (phase !== state.phase && !(rules.nextPhaseAccepted && phase === state.phase + 1)) {
    return { ...state, badTags: state.badTags + 1, broken: noFalseBadTag }
  }
  if (!isNext(state, rules, counter)) return state
  const bit = 1 << counter
  return {
    ...state,
    phase,
    last: counter,
    badTags: 0,
    accepted: state.accepted | bit,
    broken: (state.accepted & bit) === 0 ? state.broken : recordOnce,
  }
}

function isNext(state: DataState, rules: Rules, counter: number): boolean {
  const risen = !rules.counterRises || counter > state.last
  return risen && (!rules.counterInWindow || counter <= state.last + windowSize)
}

function receiveForgery(state: DataState, rules: Rules, counter: number): DataState {
  if (!isNext(state, rules, counter)) return state
  const last = rules.advancedAfterTag ? state.last : counter
  return { ...state, last, badTags: state.badTags + 1 }
}

/** The band is attached in another slot, which must leave the counters of a live link alone. */
function move(state: DataState, rules: Rules): DataState {
  const next = rules.senderNeverResets ? state.next : 1
  return { ...state, next, last: rules.receiverNeverResets ? state.last : 0 }
}

/** Would every record sent since the last one accepted, within the window, be accepted now? */
function opensNext(state: DataState, rules: Rules): boolean {
  if (hasEnded(state)) return true
  const newest = 31 - Math.clz32(state.accepted | 1)
  for (let counter = newest + 1; counter <= Math.min(state.sent, newest + windowSize); counter += 1) {
    if (receive(state, rules, counter).accepted === state.accepted) return false
  }
  return true
}

function hasEnded(state: DataState): boolean {
  return state.broken !== undefined || state.badTags >= badTagsMax
}

function phaseOf(counter: number): number {
  return Math.floor((counter - 1) / recordsPerPhase)
}
