// What one arming pays (PROTOCOL §8) as a model: a thief holds a band that is armed and asks for payments in two currencies, while
// days end, the engine dies, stops overtake what is on its way to the disk, and the owner verifies now and then. Small numbers stand
// for large ones: the limit of a day is 2 payments in one currency and 3 in the other, so that they take 3 and 2 sixths of it.
// Left out: evidence levels (each has a sum like this one), amounts, and what the owner pays with a verification of its own.
import type { Model, Step } from './checker.ts'
import { pack } from './list.ts'
import type { Rule, Switches } from './rules.ts'
import { switches } from './rules.ts'

const shares = [3, 2] as const
const whole = 6
type Currency = 0 | 1
const currencies: readonly Currency[] = [0, 1]

export const armingInvariants = {
  oneDay: 'I20: between two verifications of the owner a band pays no more than one day of limits, over all currencies',
} as const

export type ArmingInvariant = (typeof armingInvariants)[keyof typeof armingInvariants]

const { oneDay } = armingInvariants

export const armingRules = {
  allCurrencies: { section: '§8', starred: false, says: 'the shares of all currencies add up', breaks: oneDay },
  acrossMidnight: { section: '§8', starred: false, says: 'midnight gives an arming nothing back', breaks: oneDay },
  durableWithApproval: {
    section: '§8',
    starred: false,
    says: 'what was paid is on disk with the approval (instead of in memory)',
    breaks: oneDay,
  },
  givenBackToItsOwn: {
    section: '§8',
    starred: false,
    says: 'a reversal gives back to the arming that the approval counted in, and to no later one',
    breaks: oneDay,
  },
  onlyOwnerArms: { section: '§8', starred: false, says: 'only the owner’s verification arms anew', breaks: oneDay },
} as const satisfies Readonly<Record<string, Rule<ArmingInvariant>>>

export type ArmingRule = keyof typeof armingRules

/**
 * `paid` are the payments of the present arming by currency as the engine knows them, `onDisk` as its disk does, `day` those of the day.
 * `got` are the sixths that were answered since the owner verified last. `waiting` is on its way to the disk, `earlier` as well, but of an
 * arming before.
 */
type ArmingState = {
  readonly isArmed: boolean
  readonly paid: readonly [number, number]
  readonly onDisk: readonly [number, number]
  readonly day: readonly [number, number]
  readonly got: number
  readonly waiting: Currency | undefined
  readonly earlier: Currency | undefined
  readonly armings: number
  readonly midnights: number
  readonly crashes: number
}

export function armingModel(faults: number, off?: ArmingRule): Model<ArmingState> {
  const rules = switches(armingRules, off)
  const none = [0, 0] as const
  return {
    initial: {
      isArmed: true,
      paid: none,
      onDisk: none,
      day: none,
      got: 0,
      waiting: undefined,
      earlier: undefined,
      armings: 0,
      midnights: 0,
      crashes: 0,
    },
    key: (state) => {
      const { paid, onDisk, day, got, armings, midnights, crashes } = state
      const numbers = [...paid, ...onDisk, ...day, got, armings, midnights, crashes]
      return `${pack(numbers)}${state.isArmed ? 'a' : '-'}${state.waiting ?? '-'}${state.earlier ?? '-'}`
    },
    broken: ({ got }) => (got > whole ? oneDay : undefined),
    steps: (state) => armingSteps(state, rules, faults),
  }
}

function armingSteps(state: ArmingState, rules: Switches<ArmingRule>, faults: number): readonly Step<ArmingState>[] {
  const steps: Step<ArmingState>[] = []
  for (const currency of currencies) {
    if (mayPay(state, rules, currency)) steps.push({ label: `thief: pays in ${currency}`, next: pay(state, currency) })
  }
  if (state.waiting !== undefined) {
    steps.push({ label: 'disk: the approval is on it, and answered', next: answer(state, state.waiting) })
    const next = { ...givenBack(state, state.waiting), waiting: undefined }
    steps.push({ label: 'a stop reverses it, and is vetoed', next })
  }
  if (state.earlier !== undefined) {
    const settled = { ...state, earlier: undefined }
    steps.push({ label: 'disk: an approval of the arming before is on it', next: settled })
    const next = rules.givenBackToItsOwn ? settled : givenBack(settled, state.earlier)
    steps.push({ label: 'a stop reverses an approval of the arming before', next })
  }
  if (state.crashes < faults) {
    const crashed = { ...state, crashes: state.crashes + 1, waiting: undefined, earlier: undefined }
    steps.push({ label: 'engine: dies', next: { ...crashed, paid: rules.durableWithApproval ? state.onDisk : [0, 0] } })
  }
  if (state.midnights < faults) {
    const next = { ...state, midnights: state.midnights + 1, day: [0, 0] } as const
    const kept = rules.acrossMidnight ? {} : ({ paid: [0, 0], onDisk: [0, 0] } as const)
    steps.push({ label: 'the UTC day ends', next: { ...next, ...kept } })
  }
  if (state.isArmed) steps.push({ label: 'thief: takes the band off', next: { ...state, isArmed: false } })
  if (state.armings < faults) {
    steps.push({ label: 'owner: verifies and arms', next: { ...armed(state), got: 0 } })
    if (!rules.onlyOwnerArms) steps.push({ label: 'thief: arms', next: armed(state) })
  }
  return steps
}

function mayPay(state: ArmingState, rules: Switches<ArmingRule>, currency: Currency): boolean {
  if (!state.isArmed || state.waiting !== undefined) return false
  let spent = 0
  for (const one of currencies) if (rules.allCurrencies || one === currency) spent += state.paid[one] * shares[one]
  return (state.day[currency] + 1) * shares[currency] <= whole && spent + shares[currency] <= whole
}

function pay(state: ArmingState, currency: Currency): ArmingState {
  const { paid, day } = state
  return { ...state, paid: changed(paid, currency, 1), day: changed(day, currency, 1), waiting: currency }
}

function answer(state: ArmingState, currency: Currency): ArmingState {
  const onDisk = changed(state.onDisk, currency, 1)
  return { ...state, onDisk, got: state.got + shares[currency], waiting: undefined }
}

function givenBack(state: ArmingState, currency: Currency): ArmingState {
  return { ...state, paid: changed(state.paid, currency, -1), day: changed(state.day, currency, -1) }
}

function armed(state: ArmingState): ArmingState {
  const next = { ...state, isArmed: true, paid: [0, 0], onDisk: [0, 0], armings: state.armings + 1 } as const
  return { ...next, waiting: undefined, earlier: state.waiting ?? state.earlier }
}

function changed(sums: readonly [number, number], currency: Currency, by: number): readonly [number, number] {
  const next = Math.max(0, sums[currency] + by)
  return currency === 0 ? [next, sums[1]] : [sums[0], next]
}
