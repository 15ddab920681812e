// One account (PROTOCOL §7, §8) as a model: a thief holds phone A, the owner holds phone B and any browser. Both may do whatever their
// phones let them, in any order: freeze and unfreeze everything, remove the other phone, enrol a new one, pair another band, pay. The
// engine may die at any moment; what is in one group of the journal is there afterwards, or none of it.
// Left out: user verification (the thief knows the code of phone A), several bands, holds of one band, limits.
import type { Model, Step } from './checker.ts'
import type { Rule, Switches } from './rules.ts'
import { switches } from './rules.ts'

export const accountInvariants = {
  frozenPaysNothing:
    'I16: after an acknowledged freeze nothing is approved, nor answered approved, until who may lifts it',
  heldPairsNothing: 'nothing is paired with an account that is held',
  setterLifts: 'a phone lifts no freeze that another surface set',
  delayed: 'no phone has rights before its delay is over',
  unsilenced: 'no phone takes the rights of another for good without the delay in which the owner may veto',
  goneSaysNothing: 'a phone that is suspended or gone gives no right, and has no say in its own removal',
} as const

export type AccountInvariant = (typeof accountInvariants)[keyof typeof accountInvariants]

const { frozenPaysNothing, heldPairsNothing, setterLifts, delayed, unsilenced, goneSaysNothing } = accountInvariants

export const accountRules = {
  holdIsTheAccounts: {
    section: '§7',
    starred: false,
    says: 'a freeze of everything holds what comes to the account afterwards, too',
    breaks: frozenPaysNothing,
  },
  pairingRefused: { section: '§7', starred: false, says: 'a held account pairs nothing', breaks: heldPairsNothing },
  setterOrWebLifts: {
    section: '§7',
    starred: false,
    says: 'the phone that alone set a freeze lifts it, or the web',
    breaks: setterLifts,
  },
  reversedTogether: {
    section: '§8',
    starred: false,
    says: 'what a stop overtakes is reversed in the stop’s own group',
    breaks: frozenPaysNothing,
  },
  newPhoneWaits: { section: '§8', starred: false, says: 'a later phone is pending for the delay', breaks: delayed },
  noSecondFirst: {
    section: '§8',
    starred: true,
    says: 'an account that ever had a phone never has a first one again',
    breaks: delayed,
  },
  removalWaits: {
    section: '§7',
    starred: false,
    says: 'a phone that another asks to remove goes after the delay only',
    breaks: unsilenced,
  },
  suspendedStopsOnly: {
    section: '§7',
    starred: false,
    says: 'a suspended phone stops and reads, nothing else',
    breaks: goneSaysNothing,
  },
  targetHasNoVeto: {
    section: '§7',
    starred: false,
    says: 'the target of a removal does not veto it',
    breaks: goneSaysNothing,
  },
} as const satisfies Record<string, Rule<AccountInvariant>>

export type AccountRule = keyof typeof accountRules
type Rules = Switches<AccountRule>

type Who = 'A' | 'B' | 'C'
type Surface = Who | 'web'
/** `enrolledAt` is the day the phone came: rights need a day more. */
type PhoneState = {
  readonly is: 'none' | 'pending' | 'full' | 'suspended' | 'gone'
  readonly sinceDay: number
}

export type AccountState = {
  readonly day: number
  readonly phones: Readonly<Record<Who, PhoneState>>
  /** Who set the freeze that is in force; empty = none. `acked`: its owner was told. */
  readonly frozenBy: readonly Surface[]
  readonly isAcked: boolean
  /** Bands armed: the first before the freeze, the second one that came afterwards. */
  readonly bands: 'one' | 'two'
  /**
   * The one approval: waiting for the disk; told, once it was there; overtaken by a freeze on the way, with its reversal in the
   * freeze's group or, without that rule, with none.
   */
  readonly approval: 'none' | 'waiting' | 'told' | 'overtaken' | 'reversed'
  readonly crashesLeft: number
  readonly broken: AccountInvariant | undefined
}

const daysMax = 2
const nobody: PhoneState = { is: 'none', sinceDay: 0 }

export function accountModel(crashes: number, off?: AccountRule): Model<AccountState> {
  const rules = switches(accountRules, off)
  const full: PhoneState = { is: 'full', sinceDay: 0 }
  return {
    initial: {
      day: 0,
      phones: { A: full, B: full, C: nobody },
      frozenBy: [],
      isAcked: false,
      bands: 'one',
      approval: 'none',
      crashesLeft: crashes,
      broken: undefined,
    },
    key: (state) => JSON.stringify(state),
    broken: (state) => state.broken,
    steps: (state) => (state.broken === undefined ? accountSteps(state, rules) : []),
  }
}

function accountSteps(state: AccountState, rules: Rules): readonly Step<AccountState>[] {
  const steps: Step<AccountState>[] = []
  const surfaces: readonly Surface[] = ['A', 'B', 'C', 'web']
  for (const by of surfaces) {
    if (!maySpeak(state, by)) continue
    steps.push({ label: `${by}: freezes everything`, next: freeze(state, rules, by) })
    if (state.frozenBy.length > 0 && hasRights(state, rules, by))
      steps.push({ label: `${by}: unfreezes`, next: unfreeze(state, rules, by) })
    for (const target of ['A', 'B', 'C'] as const) steps.push(...removals(state, rules, by, target))
    if (by !== 'web' && hasRights(state, rules, by)) steps.push(...payments(state, rules, by))
  }
  if (state.phones.C.is === 'none') steps.push({ label: 'C: enrols', next: enrol(state, rules) })
  if (!state.isAcked && state.frozenBy.length > 0)
    steps.push({ label: 'the freeze is on disk, and told', next: { ...state, isAcked: true } })
  if (state.approval === 'waiting')
    steps.push({ label: 'the approval is on disk, and told', next: { ...state, approval: 'told' } })
  if (state.approval !== 'none' && state.approval !== 'waiting')
    steps.push({ label: 'the same offer is asked for again', next: answered(state) })
  if (state.crashesLeft > 0) steps.push({ label: 'the engine dies and starts again', next: crash(state) })
  if (state.day < daysMax) steps.push({ label: 'a day passes', next: pass(state) })
  return steps
}

/** A phone that is enrolled in whatever way may stop and read; the web always. */
function maySpeak({ phones }: AccountState, by: Surface): boolean {
  return by === 'web' || (phones[by].is !== 'none' && phones[by].is !== 'gone')
}

function hasRights({ phones }: AccountState, rules: Rules, by: Surface): boolean {
  if (by === 'web' || phones[by].is === 'full') return true
  return phones[by].is === 'suspended' && !rules.suspendedStopsOnly
}

/** Something that gives a right is done by this surface: what the rules let through must still be its right. */
function judged(state: AccountState, by: Surface): AccountInvariant | undefined {
  if (by === 'web') return undefined
  const { is, sinceDay } = state.phones[by]
  if (is === 'suspended' || is === 'gone') return goneSaysNothing
  return by === 'C' && state.day - sinceDay < 1 ? delayed : undefined
}

function freeze(state: AccountState, rules: Rules, by: Surface): AccountState {
  if (state.frozenBy.includes(by)) return state
  const overtaken = rules.reversedTogether ? 'reversed' : 'overtaken'
  const approval = state.approval === 'waiting' ? overtaken : state.approval
  return { ...state, frozenBy: [...state.frozenBy, by].toSorted(), isAcked: false, approval }
}

function unfreeze(state: AccountState, rules: Rules, by: Surface): AccountState {
  const isTheirs = by === 'web' || state.frozenBy.every((one) => one === by)
  if (rules.setterOrWebLifts && !isTheirs) return state
  const broken = judged(state, by) ?? (isTheirs ? undefined : setterLifts)
  // Lifting disarms nothing that was not disarmed; what was approved before stays what it was.
  return { ...state, frozenBy: [], isAcked: false, broken }
}

function payments(state: AccountState, rules: Rules, by: Who): readonly Step<AccountState>[] {
  const isHeld = state.frozenBy.length > 0
  const steps: Step<AccountState>[] = []
  const mayPair = state.bands === 'one' && !(isHeld && rules.pairingRefused)
  if (mayPair) {
    const broken = judged(state, by) ?? (isHeld && state.isAcked ? heldPairsNothing : undefined)
    // Without the rule pairing itself is the harm; where the hold is of single bands it is what comes of it.
    const isHarm = rules.holdIsTheAccounts || !isHeld
    steps.push({
      label: `${by}: pairs a second band`,
      next: { ...state, bands: 'two', broken: isHarm ? broken : undefined },
    })
  }
  // An import asks no one: a band is in the account, armed, whatever holds.
  if (state.bands === 'one') steps.push({ label: 'an import brings a second band', next: { ...state, bands: 'two' } })
  const isNewFree = state.bands === 'two' && !rules.holdIsTheAccounts
  if (state.approval === 'none' && (!isHeld || isNewFree)) {
    const broken = judged(state, by) ?? (isHeld && state.isAcked ? frozenPaysNothing : undefined)
    steps.push({
      label: `${by}: a payment is approved, not yet on disk`,
      next: { ...state, approval: 'waiting', broken },
    })
  }
  return steps
}

function removals(state: AccountState, rules: Rules, by: Surface, target: Who): readonly Step<AccountState>[] {
  const { is, sinceDay } = state.phones[target]
  if (is === 'none' || is === 'gone') return []
  const become = (next: PhoneState['is'], broken?: AccountInvariant): AccountState => {
    return { ...state, phones: { ...state.phones, [target]: { is: next, sinceDay } }, broken }
  }
  const steps: Step<AccountState>[] = []
  if (by === 'web' || by === target) steps.push({ label: `${by}: removes ${target}`, next: become('gone') })
  else if (hasRights(state, rules, by)) {
    const broken = judged(state, by)
    if (is === 'pending') steps.push({ label: `${by}: vetoes ${target}`, next: become('gone', broken) })
    if (is === 'full' && rules.removalWaits)
      steps.push({ label: `${by}: asks to remove ${target}, which is suspended`, next: become('suspended', broken) })
    if (is === 'full' && !rules.removalWaits)
      steps.push({ label: `${by}: removes ${target} at once`, next: become('gone', unsilenced) })
  }
  if (is === 'suspended') {
    const isOwn = by === target
    const mayVeto = isOwn ? !rules.targetHasNoVeto : hasRights(state, rules, by)
    const kept = { ...state, phones: { ...state.phones, [target]: { is: 'full', sinceDay } } } as const
    if (mayVeto)
      steps.push({
        label: `${by}: vetoes the removal of ${target}`,
        next: { ...kept, broken: isOwn ? goneSaysNothing : judged(state, by) },
      })
  }
  return steps
}

function enrol(state: AccountState, rules: Rules): AccountState {
  const { A, B } = state.phones
  const isAlone = (A.is === 'gone' || A.is === 'none') && (B.is === 'gone' || B.is === 'none')
  const hasRightsNow = (!rules.noSecondFirst && isAlone) || !rules.newPhoneWaits
  return { ...state, phones: { ...state.phones, C: { is: hasRightsNow ? 'full' : 'pending', sinceDay: state.day } } }
}

/** An approval that was told stands. One that a freeze overtook must not be told as one, once the freeze was. */
function answered(state: AccountState): AccountState {
  const isWrong = state.approval === 'overtaken' && state.isAcked && state.frozenBy.length > 0
  return { ...state, broken: isWrong ? frozenPaysNothing : state.broken, approval: 'none' }
}

/** What was not on disk is gone: a freeze that was not told yet, with what stands in its group, and an approval that waited. */
function crash(state: AccountState): AccountState {
  const lost = state.isAcked ? {} : { frozenBy: [] as readonly Surface[] }
  const isLost = state.approval === 'waiting' || (!state.isAcked && state.approval !== 'told')
  return { ...state, ...lost, approval: isLost ? 'none' : state.approval, crashesLeft: state.crashesLeft - 1 }
}

/** A delay is over: a pending phone has rights, a suspended one goes. */
function pass(state: AccountState): AccountState {
  const later = ({ is, sinceDay }: PhoneState): PhoneState => {
    if (is === 'pending') return { is: 'full', sinceDay }
    return is === 'suspended' ? { is: 'gone', sinceDay } : { is, sinceDay }
  }
  const { A, B, C } = state.phones
  return { ...state, day: state.day + 1, phones: { A: later(A), B: later(B), C: later(C) } }
}
