// The setting `limits`: a table for each currency. What is given replaces all of the defaults: a currency without a table
// is not allowed.

import type { LimitTable, PerLevel } from '../../policy/limits.ts'
import { amountMinorMax } from '../../protocol/limits.ts'
import { didYouMean } from '../../base/did-you-mean.ts'
import { type Read, type Setting, type Wrong, shown, value, wrong } from './setting.ts'

/** ISO 4217 numeric codes by letter code, for those who write the file; any other currency goes by its number. */
const currencies: Readonly<Record<string, number>> = {
  AUD: 36,
  BRL: 986,
  CAD: 124,
  CHF: 756,
  CNY: 156,
  CZK: 203,
  DKK: 208,
  EUR: 978,
  GBP: 826,
  HKD: 344,
  INR: 356,
  JPY: 392,
  KRW: 410,
  NOK: 578,
  PLN: 985,
  SEK: 752,
  SGD: 702,
  USD: 840,
}

/** The letters of a currency that has some here, by its number. */
export const currencyLetters: ReadonlyMap<number, string> = new Map(
  Object.entries(currencies).map(([letters, number]) => [number, letters]),
)

const minute = 60_000

/** What a currency with two decimals and the worth of a euro starts with. `scale` is for those worth less. */
function startingTable(scale: number): LimitTable {
  const at = (minor: number) => minor * scale
  const levels = (...minor: readonly [number, number, number, number, number]): PerLevel => {
    const [none, rssi, tap, ranging, touch] = minor
    return [at(none), at(rssi), at(tap), at(ranging), at(touch)]
  }
  return {
    perUseMinor: at(50_000),
    perDayMinor: at(100_000),
    perClassDayMinor: { pay: at(100_000), receive: at(500_000) },
    perLevelUseMinor: levels(0, 2_500, 15_000, 25_000, 50_000),
    perLevelDayMinor: levels(0, 10_000, 50_000, 75_000, 100_000),
    verification: [
      { aboveMinor: at(5_000), withinMs: 12 * 60 * minute },
      { aboveMinor: at(15_000), withinMs: 15 * minute },
      { aboveMinor: at(30_000), withinMs: 0 },
    ],
    restrictedPerUseMinor: at(1_000),
    tapAboveMinor: at(2_500),
  }
}

/** Euro and US dollar alike; the yuan is worth about an eighth. */
export const startingLimits: ReadonlyMap<number, LimitTable> = new Map([
  [978, startingTable(1)],
  [840, startingTable(1)],
  [156, startingTable(8)],
])

const expectedTables = 'an object of limit tables by currency (EUR, USD, ... or three digits)'

/** The setting: JSON in the file, JSON text elsewhere. */
export function limitTables(help: string): Setting<ReadonlyMap<number, LimitTable>> {
  return {
    kind: 'setting',
    expected: expectedTables,
    sign: 'JSON',
    default: startingLimits,
    defaultText: 'EUR, USD, CNY',
    help,
    read: (raw, form) => readTables(form === 'text' && typeof raw === 'string' ? parsedJson(raw) : raw),
  }
}

function parsedJson(written: string): unknown {
  try {
    return JSON.parse(written)
  } catch {
    return written
  }
}

function readTables(raw: unknown): Read<ReadonlyMap<number, LimitTable>> {
  if (!isObject(raw)) return wrong(expectedTables, raw)
  const tables = new Map<number, LimitTable>()
  const problems: Wrong[] = []
  for (const [name, given] of Object.entries(raw)) {
    const numeric = currencies[name] ?? (/^\d{3}$/.test(name) ? Number(name) : undefined)
    if (numeric === undefined) {
      const near = didYouMean(name, Object.keys(currencies))
      problems.push({
        path: name,
        expected: 'a currency: letters such as EUR, or the three digits of ISO 4217',
        got: shown(name),
        ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
      })
    } else if (tables.has(numeric)) {
      problems.push({ path: name, expected: 'each currency once', got: `${name} a second time` })
    } else tables.set(numeric, new TableReader(name, given, problems).read())
  }
  return problems.length > 0 ? { type: 'wrong', wrong: problems } : value(tables)
}

const tableKeys = [
  'perUseMinor',
  'perDayMinor',
  'perClassDayMinor',
  'perLevelUseMinor',
  'perLevelDayMinor',
  'verification',
  'restrictedPerUseMinor',
  'tapAboveMinor',
] as const

const expectedAmount = `a whole number of minor units from 0 to ${amountMinorMax}`

/** Reads one table and collects everything that is wrong with it. */
class TableReader {
  readonly #currency: string
  readonly #given: Readonly<Record<string, unknown>>
  readonly #problems: Wrong[]

  constructor(currency: string, given: unknown, problems: Wrong[]) {
    this.#currency = currency
    this.#problems = problems
    this.#given = isObject(given) ? given : {}
    if (!isObject(given)) this.#wrong('', `an object with ${tableKeys.join(', ')}`, given)
  }

  read(): LimitTable {
    this.#knownKeys('', this.#given, tableKeys)
    return {
      perUseMinor: this.#amount('perUseMinor'),
      perDayMinor: this.#amount('perDayMinor'),
      perClassDayMinor: this.#classes(),
      perLevelUseMinor: this.#levels('perLevelUseMinor'),
      perLevelDayMinor: this.#levels('perLevelDayMinor'),
      verification: this.#verification(),
      restrictedPerUseMinor: this.#amount('restrictedPerUseMinor'),
      tapAboveMinor: this.#amount('tapAboveMinor'),
    }
  }

  #amount(key: string): number {
    return this.#checkedAmount(key, this.#given[key])
  }

  #checkedAmount(path: string, given: unknown): number {
    const isAmount = typeof given === 'number' && Number.isSafeInteger(given) && given >= 0 && given <= amountMinorMax
    if (!isAmount) this.#wrong(path, expectedAmount, given)
    return isAmount ? given : 0
  }

  #classes(): { readonly pay: number; readonly receive: number } {
    const given = this.#given['perClassDayMinor']
    if (!isObject(given)) {
      this.#wrong('perClassDayMinor', 'an object with pay and receive', given)
      return { pay: 0, receive: 0 }
    }
    this.#knownKeys('perClassDayMinor', given, ['pay', 'receive'])
    return {
      pay: this.#checkedAmount('perClassDayMinor.pay', given['pay']),
      receive: this.#checkedAmount('perClassDayMinor.receive', given['receive']),
    }
  }

  #levels(key: string): PerLevel {
    const given = this.#given[key]
    if (!Array.isArray(given) || given.length !== 5) {
      this.#wrong(key, 'an array of five amounts, for proximity levels 0 to 4', given)
      return [0, 0, 0, 0, 0]
    }
    const at = (level: number) => this.#checkedAmount(`${key}[${level}]`, given[level])
    const levels: PerLevel = [at(0), at(1), at(2), at(3), at(4)]
    if (levels.some((minor, level) => level > 0 && minor < (levels[level - 1] ?? 0))) {
      this.#wrong(key, 'amounts that never fall as evidence gets better', given)
    }
    return levels
  }

  #verification(): LimitTable['verification'] {
    const given = this.#given['verification']
    if (!Array.isArray(given)) {
      this.#wrong('verification', 'an array of { aboveMinor, withinMs }', given)
      return []
    }
    return given.map((step: unknown, index) => {
      const path = `verification[${index}]`
      if (!isObject(step)) {
        this.#wrong(path, 'an object with aboveMinor and withinMs', step)
        return { aboveMinor: 0, withinMs: 0 }
      }
      this.#knownKeys(path, step, ['aboveMinor', 'withinMs'])
      const { withinMs } = step
      const isTime = typeof withinMs === 'number' && Number.isSafeInteger(withinMs) && withinMs >= 0
      if (!isTime) this.#wrong(`${path}.withinMs`, 'a whole number of ms, 0 = with the request itself', withinMs)
      return {
        aboveMinor: this.#checkedAmount(`${path}.aboveMinor`, step['aboveMinor']),
        withinMs: isTime ? withinMs : 0,
      }
    })
  }

  #knownKeys(path: string, given: Readonly<Record<string, unknown>>, known: readonly string[]): void {
    for (const key of Object.keys(given)) {
      if (known.includes(key)) continue
      const near = didYouMean(key, known)
      this.#wrong(
        path === '' ? key : `${path}.${key}`,
        `one of ${known.join(', ')}`,
        key,
        near === undefined ? undefined : `did you mean ${near}?`,
      )
    }
  }

  #wrong(path: string, expected: string, got: unknown, hint?: string): void {
    const whole = path === '' ? this.#currency : `${this.#currency}.${path}`
    this.#problems.push({ path: whole, expected, got: shown(got), ...(hint === undefined ? {} : { hint }) })
  }
}

function isObject(raw: unknown): raw is Readonly<Record<string, unknown>> {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw)
}
