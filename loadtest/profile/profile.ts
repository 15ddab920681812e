// Parser and validator of load profiles; a profile says what a load is like: a JSON file of profiles/, or one of the user's own.
// Read whole: every mistake is told at once, with what was expected and what stood there.

import { actions } from '../../protocol/actions.ts'
import { verdicts } from '../../protocol/ops.ts'
import { type Threshold, parseThreshold } from './thresholds.ts'

/** `at` is the share of the run, 0 to 1; `times` multiplies the rate. */
export type RatePoint = { readonly at: number; readonly times: number }
export type Bursts = { readonly everyMs: number; readonly withinMs: number }

export type RequestMix = {
  readonly weight: number
  /** Wire number. */
  readonly action: number
  readonly amountMinor: readonly [number, number]
  /** ISO 4217 numeric. */
  readonly currency: number
  /** Wire number: what the wearer did. */
  readonly verdict: number
  readonly label: string
}

const attackNames = ['replay', 'replay-elsewhere', 'forged-proof', 'bit-flip', 'forged-offer', 'stolen'] as const
export type AttackName = (typeof attackNames)[number]

export type Profile = {
  readonly name: string
  readonly about: string
  readonly arrivals: 'poisson' | 'fixed'
  readonly rate: readonly RatePoint[]
  readonly bursts: Bursts | null
  readonly requests: readonly RequestMix[]
  readonly heartbeats: boolean
  /** All sockets drop at this share of the run, forget their links, and come back within that time. */
  readonly storm: { readonly at: number; readonly reconnectWithinMs: number } | null
  readonly attacks: {
    /** Attacks for each honest request. */
    readonly share: number
    readonly kinds: readonly { readonly attack: AttackName; readonly weight: number }[]
    /** Sockets a second that speak rubbish, and frames a second of an authenticated hub that mean nothing. */
    readonly vandalsPerSecond: number
    readonly floodPerSecond: number
  } | null
  readonly failIf: readonly Threshold[]
}

/** What does not fit in a profile: one line each. */
export class ProfileError extends Error {
  override readonly name = 'ProfileError'
}

/** Reads a profile's text. Throws a ProfileError that lists everything wrong with it. */
export function parseProfile(text: string, place: string): Profile {
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch (error) {
    throw new ProfileError(`${place}: JSON expected, ${error instanceof Error ? error.message : String(error)}`)
  }
  const reader = new Reader(place)
  const profile = readProfile(reader, raw)
  if (reader.problems.length > 0) throw new ProfileError(reader.problems.join('\n'))
  return profile
}

function readProfile(reader: Reader, raw: unknown): Profile {
  const top = reader.object('', raw, [
    'name',
    'about',
    'arrivals',
    'rate',
    'bursts',
    'requests',
    'heartbeats',
    'storm',
    'attacks',
    'failIf',
  ])
  const storm = top['storm']
  return {
    name: reader.text('name', top['name']),
    about: reader.text('about', top['about']),
    arrivals: reader.choice('arrivals', top['arrivals'] ?? 'poisson', ['poisson', 'fixed']),
    rate: reader.list('rate', top['rate'] ?? []).map((point, index) => readPoint(reader, `rate[${index}]`, point)),
    bursts: top['bursts'] === undefined ? null : readBursts(reader, top['bursts']),
    requests: readMix(reader, top['requests']),
    heartbeats: reader.truth('heartbeats', top['heartbeats'] ?? true),
    storm: storm === undefined ? null : readStorm(reader, storm),
    attacks: top['attacks'] === undefined ? null : readAttacks(reader, top['attacks']),
    failIf: reader.list('failIf', top['failIf'] ?? []).flatMap((one, index) => {
      const parsed = typeof one === 'string' ? parseThreshold(one) : 'a text such as "p99>5ms" expected'
      if (typeof parsed !== 'string') return [parsed]
      reader.wrong(`failIf[${index}]`, parsed, one)
      return []
    }),
  }
}

function readPoint(reader: Reader, path: string, raw: unknown): RatePoint {
  const point = reader.object(path, raw, ['at', 'times'])
  return {
    at: reader.number(`${path}.at`, point['at'], 0, 1),
    times: reader.number(`${path}.times`, point['times'], 0, 1_000),
  }
}

function readBursts(reader: Reader, raw: unknown): Bursts {
  const bursts = reader.object('bursts', raw, ['everyMs', 'withinMs'])
  const everyMs = reader.number('bursts.everyMs', bursts['everyMs'], 1, 3_600_000)
  return { everyMs, withinMs: reader.number('bursts.withinMs', bursts['withinMs'], 1, everyMs) }
}

function readMix(reader: Reader, raw: unknown): readonly RequestMix[] {
  const list = reader.list('requests', raw)
  if (list.length === 0) reader.wrong('requests', 'a list of at least one request', raw)
  return list.map((one, index) => {
    const path = `requests[${index}]`
    const mix = reader.object(path, one, ['weight', 'action', 'amountMinor', 'currency', 'verdict', 'label'])
    const range = reader.list(`${path}.amountMinor`, mix['amountMinor'] ?? [1, 20])
    const least = reader.number(`${path}.amountMinor[0]`, range[0], 0, 1_000_000_000)
    const label = reader.text(`${path}.label`, mix['label'] ?? 'Load')
    if (!/^[\x20-\x7e]{1,24}$/.test(label)) reader.wrong(`${path}.label`, '1 to 24 printable ASCII characters', label)
    const action = mix['action'] ?? 'pay'
    return {
      weight: reader.number(`${path}.weight`, mix['weight'] ?? 1, 0, 1_000_000),
      action:
        typeof action === 'number'
          ? reader.number(`${path}.action`, action, 1, 255)
          : actions[reader.choice(`${path}.action`, action, actionNames)],
      amountMinor: [least, reader.number(`${path}.amountMinor[1]`, range[1], least, 1_000_000_000)],
      currency: reader.number(`${path}.currency`, mix['currency'] ?? 978, 0, 0xffff),
      verdict: verdicts[reader.choice(`${path}.verdict`, mix['verdict'] ?? 'tap', verdictNames)],
      label,
    }
  })
}

const actionNames = ['pay', 'receive', 'unlock', 'admit', 'redeem', 'identify', 'ride'] as const
const verdictNames = ['refused', 'worn', 'tap', 'display', 'touch'] as const

function readStorm(reader: Reader, raw: unknown): Profile['storm'] {
  const storm = reader.object('storm', raw, ['at', 'reconnectWithinMs'])
  return {
    at: reader.number('storm.at', storm['at'], 0, 1),
    reconnectWithinMs: reader.number('storm.reconnectWithinMs', storm['reconnectWithinMs'] ?? 0, 0, 600_000),
  }
}

function readAttacks(reader: Reader, raw: unknown): Profile['attacks'] {
  const attacks = reader.object('attacks', raw, ['share', 'kinds', 'vandalsPerSecond', 'floodPerSecond'])
  const kinds = reader.object('attacks.kinds', attacks['kinds'], attackNames)
  return {
    share: reader.number('attacks.share', attacks['share'], 0, 100),
    kinds: attackNames.flatMap((attack) => {
      const weight = reader.number(`attacks.kinds.${attack}`, kinds[attack] ?? 0, 0, 1_000_000)
      return weight > 0 ? [{ attack, weight }] : []
    }),
    vandalsPerSecond: reader.number('attacks.vandalsPerSecond', attacks['vandalsPerSecond'] ?? 0, 0, 1_000),
    floodPerSecond: reader.number('attacks.floodPerSecond', attacks['floodPerSecond'] ?? 0, 0, 100_000),
  }
}

class Reader {
  readonly problems: string[] = []
  readonly #place: string

  constructor(place: string) {
    this.#place = place
  }

  wrong(path: string, expected: string, got: unknown): void {
    const shown = got === undefined ? 'nothing' : JSON.stringify(got)
    this.problems.push(`${this.#place}: ${path === '' ? 'the profile' : path}: ${expected} expected, got ${shown}`)
  }

  object(path: string, raw: unknown, known: readonly string[]): Readonly<Record<string, unknown>> {
    if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
      this.wrong(path, `an object with ${known.join(', ')}`, raw)
      return {}
    }
    for (const name of Object.keys(raw)) {
      if (!known.includes(name)) this.wrong(path === '' ? name : `${path}.${name}`, `one of ${known.join(', ')}`, name)
    }
    return Object.fromEntries(Object.entries(raw))
  }

  list(path: string, raw: unknown): readonly unknown[] {
    if (Array.isArray(raw)) return raw
    this.wrong(path, 'a list', raw)
    return []
  }

  text(path: string, raw: unknown): string {
    if (typeof raw === 'string' && raw !== '') return raw
    this.wrong(path, 'a text', raw)
    return ''
  }

  truth(path: string, raw: unknown): boolean {
    if (typeof raw === 'boolean') return raw
    this.wrong(path, 'true or false', raw)
    return false
  }

  number(path: string, raw: unknown, min: number, max: number): number {
    if (typeof raw === 'number' && raw >= min && raw <= max) return raw
    this.wrong(path, `a number from ${min} to ${max}`, raw)
    return min
  }

  choice<Name extends string>(path: string, raw: unknown, names: readonly [Name, ...Name[]]): Name {
    const found = names.find((name) => name === raw)
    if (found === undefined) this.wrong(path, `one of ${names.join(', ')}`, raw)
    return found ?? names[0]
  }
}
