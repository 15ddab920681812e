// Test budgets: the environment variables that say how far the tests go that could go on for ever. One table of them, and one
// reader. `make test` keeps to the short budget of each and `make test-long` to the long one; a variable sets its own.

/** How much of something is done, or for how long: a whole number, or a time such as `10m`. */
type Amount = {
  readonly type: 'amount'
  readonly test: string
  readonly says: string
  readonly short: number
  readonly long: number
  /** What one may take on a busy machine: the time limit of a test grows with its budget by this. */
  readonly msEach: number
}
/** A whole number from 1 that is no amount of work. */
type Bound = {
  readonly type: 'bound'
  readonly test: string
  readonly says: string
  readonly short: number
  readonly long: number
}
/** What repeats a run: a whole number from 0. Left out, the test takes one of its own and prints it. */
type Seed = { readonly type: 'seed'; readonly test: string; readonly says: string }
/** 1 for yes, 0 for no, which it is when left out. */
type Switch = { readonly type: 'switch'; readonly test: string; readonly says: string }

type Variable = Amount | Bound | Seed | Switch

/** Environment variables of the test budgets, all of them but CHROMIUM, which is a path. CONTRIBUTING.md shows them; a test compares. */
export const variables = {
  SIMULATION_RUNS: {
    type: 'amount',
    test: 'test/simulation/random-days.test.ts',
    says: 'random days',
    short: 50,
    long: 1_000,
    msEach: 2_000,
  },
  SIMULATION_SEED: { type: 'seed', test: 'test/simulation/random-days.test.ts', says: 'the first of its days' },
  SIMULATION_SHRINK: {
    type: 'switch',
    test: 'test/simulation/random-days.test.ts',
    says: 'looks for the shortest day that fails, which takes minutes',
  },
  MODEL_DEPTH: {
    type: 'bound',
    test: 'test/model/budget.ts',
    says: 'how far the models go; 3 takes minutes',
    short: 1,
    long: 2,
  },
  MODEL_STATES: {
    type: 'bound',
    test: 'test/model/budget.ts',
    says: 'states that one run may hold; 1,000,000 take about 400 MB',
    short: 2_000_000,
    long: 2_000_000,
  },
  MODEL_TRACES: { type: 'switch', test: 'test/model/budget.ts', says: 'prints every counterexample step by step' },
  KILLS: {
    type: 'amount',
    test: 'test/end-to-end/kill.test.ts',
    says: 'kills of an engine under load',
    short: 6,
    long: 60,
    msEach: 20_000,
  },
  HOSTILE_FRAMES: {
    type: 'amount',
    test: 'test/end-to-end/hostile.test.ts',
    says: 'hostile frames that a real listener gets',
    short: 5_000,
    long: 100_000,
    msEach: 30,
  },
  HOSTILE_SEED: { type: 'seed', test: 'test/end-to-end/hostile.test.ts', says: 'what they are made from' },
  POWER_CUTS: {
    type: 'amount',
    test: 'test/power/journal-power-cut.test.ts',
    says: 'moments at which the power of a journal goes',
    short: 200,
    long: 10_000,
    msEach: 150,
  },
  ENGINE_POWER_CUTS: {
    type: 'amount',
    test: 'test/power/engine-power-cut.test.ts',
    says: 'the same, for a whole engine',
    short: 200,
    long: 5_000,
    msEach: 500,
  },
  VIEW_POWER_CUTS: {
    type: 'amount',
    test: 'test/power/view-power-cut.test.ts',
    says: 'the same, for a view',
    short: 100,
    long: 2_000,
    msEach: 500,
  },
  POWER_SEED: {
    type: 'seed',
    test: 'test/power/journal-power-cut.test.ts',
    says: 'the first of its cuts, and of those of an engine and of a view',
  },
  VIEW_FLIPS: {
    type: 'amount',
    test: 'test/power/view-flips.test.ts',
    says: 'views with flipped bytes; those that a crash left are ten times fewer',
    short: 150,
    long: 4_000,
    msEach: 500,
  },
} as const satisfies Readonly<Record<string, Variable>>

export type VariableName = keyof typeof variables
type NameOf<Type extends Variable['type']> = {
  [Name in VariableName]: (typeof variables)[Name]['type'] extends Type ? Name : never
}[VariableName]

/** The tests of `make test-long`, the longest first: those that have a budget. */
export const longTests: readonly string[] = [
  'test/power/engine-power-cut.test.ts',
  'test/simulation/random-days.test.ts',
  'test/end-to-end/kill.test.ts',
  'test/power/view-power-cut.test.ts',
  'test/power/journal-power-cut.test.ts',
  'test/power/view-flips.test.ts',
  'test/end-to-end/hostile.test.ts',
  'test/model/resume-model.test.ts',
  'test/model/pairing-model.test.ts',
  'test/model/account-model.test.ts',
  'test/model/data-model.test.ts',
  'test/model/arming-model.test.ts',
]

type Environment = Readonly<Record<string, string | undefined>>

/** Which of the two budgets stands where a variable says nothing: `BUDGETS` is `short` or `long`. */
const sizeName = 'BUDGETS'

/** Is this the run of `make test-long`? Throws when BUDGETS is neither `short` nor `long`. */
export function isLongRun(environment: Environment = process.env): boolean {
  const size = environment[sizeName] ?? 'short'
  if (size !== 'short' && size !== 'long') throw refusal(sizeName, 'short or long', size)
  return size === 'long'
}

/** So many, or for so long. */
export type BudgetSize =
  { readonly type: 'count'; readonly count: number } | { readonly type: 'time'; readonly ms: number }

/** What the environment, or else the table, gives for an amount. Throws when it is no such thing. */
export function sizeOf(name: NameOf<'amount'>, environment: Environment = process.env): BudgetSize {
  const text = environment[name]
  const { short, long } = variables[name]
  if (text === undefined) return { type: 'count', count: isLongRun(environment) ? long : short }
  const time = /^(?<number>[1-9]\d{0,5})(?<unit>[smh])$/.exec(text)?.groups
  const unitsMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 }
  if (time !== undefined) return { type: 'time', ms: Number(time['number']) * (unitsMs[time['unit'] ?? ''] ?? 0) }
  const count = wholeNumber(text)
  if (count === undefined || count < 1)
    throw refusal(name, 'a whole number from 1, or a time such as 90s, 10m or 2h', text)
  return { type: 'count', count }
}

/** Throws when it is no whole number from 1. */
export function boundOf(name: NameOf<'bound'>, environment: Environment = process.env): number {
  const text = environment[name]
  if (text === undefined) return isLongRun(environment) ? variables[name].long : variables[name].short
  const bound = wholeNumber(text)
  if (bound === undefined || bound < 1) throw refusal(name, 'a whole number from 1', text)
  return bound
}

/** Undefined when it was left out. Throws when it is no whole number below 2³¹. */
export function seedOf(name: NameOf<'seed'>, environment: Environment = process.env): number | undefined {
  const text = environment[name]
  if (text === undefined) return undefined
  const seed = wholeNumber(text)
  if (seed === undefined || seed >= 2 ** 31) throw refusal(name, 'a whole number below 2147483648', text)
  return seed
}

/** Throws when it is neither 0 nor 1. */
export function isOn(name: NameOf<'switch'>, environment: Environment = process.env): boolean {
  const text = environment[name] ?? '0'
  if (text !== '0' && text !== '1') throw refusal(name, '0 or 1', text)
  return text === '1'
}

/** Reads every variable, so that a run with one that does not fit ends before it begins. Throws for the first of them. */
export function checkVariables(environment: Environment = process.env): void {
  isLongRun(environment)
  for (const name of namesOf('amount')) sizeOf(name, environment)
  for (const name of namesOf('bound')) boundOf(name, environment)
  for (const name of namesOf('seed')) seedOf(name, environment)
  for (const name of namesOf('switch')) isOn(name, environment)
  // A name that is nearly one of them would leave the run as it is, and be believed.
  for (const known of [...Object.keys(variables), sizeName]) {
    const written = Object.keys(environment).find((name) => isOneLetterOff(name, known))
    if (written !== undefined) throw new Error(`${written} is no variable of the tests; did you mean ${known}?`)
  }
}

/** One letter too many, too few or another, or two neighbours swapped. */
function isOneLetterOff(left: string, right: string): boolean {
  if (left === right || Math.abs(left.length - right.length) > 1) return false
  const without = (text: string, at: number): string => text.slice(0, at) + text.slice(at + 1)
  const swapped = (text: string, at: number): string =>
    without(text, at).slice(0, at + 1) + text.slice(at, at + 1) + text.slice(at + 2)
  return Array.from({ length: Math.max(left.length, right.length) }).some((_, at) => {
    const [shorterLeft, shorterRight] = [without(left, at), without(right, at)]
    return shorterLeft === right || shorterRight === left || shorterLeft === shorterRight || swapped(left, at) === right
  })
}

function namesOf<Type extends Variable['type']>(type: Type): readonly NameOf<Type>[] {
  const of = (name: string): name is NameOf<Type> => variables[name as VariableName].type === type
  return Object.keys(variables).filter(of)
}

function wholeNumber(text: string): number | undefined {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(number) ? number : undefined
}

function refusal(name: string, expected: string, text: string): Error {
  return new Error(`${name}: ${expected} expected, got "${text}"`)
}
