// Single-writer counters in shared memory, what a thread counts while it works: the coordinating thread reads them whenever it
// draws, without messages. One thread writes, so plain stores do.

import { type CloseCode, closeCodes, errorCodes } from '../../protocol/errors.ts'
import { finderOf, namesOf } from '../../base/names.ts'
import { reasons } from '../../protocol/reasons.ts'

const names = [
  /** Requests begun, attacks and their preludes included: answered + errors + still under way. */
  'requests',
  /** Honest requests due. */
  'offered',
  'answered',
  'errors',
  'lost',
  /** Sent again on a new socket with the same reference, after theirs was gone. */
  'retried',
  /** Due while their band had no link. */
  'waited',
  'approved',
  'denied',
  'wrong',
  'attacks',
  'attacksApproved',
  /** Replays answered with the very answer given before: nothing new was approved. */
  'replaysRecognized',
  'floodFrames',
  'vandals',
  'linked',
  'linkings',
  'linksMade',
  'sockets',
  'socketsLost',
  'heartbeats',
  'states',
  'results',
  'ratchets',
  'badRecords',
  'underWay',
] as const
export type CounterName = (typeof names)[number]

/** Close numbers that have no name of ours. */
const plainCloses = { gone: 1006, tooLarge: 1009, refused: 1 } as const
const listMax = 64
const at = { decisions: names.length, errors: names.length + listMax, closes: names.length + 2 * listMax }
const wordsMax = names.length + 3 * listMax
const indexOf: ReadonlyMap<CounterName, number> = new Map(names.map((name, index) => [name, index]))

/** Bytes of the shared buffer behind one thread's counters. */
export const counterBytes = wordsMax * 8

export class LoadCounters {
  readonly #words: Float64Array

  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(counterBytes)) {
    this.#words = new Float64Array(shared)
  }

  add(name: CounterName, step = 1): void {
    this.#add(indexOf.get(name) ?? 0, step)
  }

  set(name: CounterName, value: number): void {
    this.#words[indexOf.get(name) ?? 0] = value
  }

  get(name: CounterName): number {
    return this.#words[indexOf.get(name) ?? 0] ?? 0
  }

  /** A decision by its wire number; 0 is the approval. */
  decided(reason: number): void {
    this.#add(at.decisions + Math.min(reason, listMax - 1), 1)
  }

  /** An error by its wire number; 0: the socket went before the answer came. */
  failed(code: number): void {
    this.#add(at.errors + Math.min(code, listMax - 1), 1)
  }

  closed(code: number): void {
    const place = code >= 4_000 && code < 4_000 + 40 ? code - 4_000 : 40 + closePlace(code)
    this.#add(at.closes + place, 1)
  }

  /** Begins anew, but for what is a state and not a count. */
  reset(): void {
    const states: readonly CounterName[] = ['linked', 'linkings', 'sockets', 'underWay']
    const kept = states.map((name) => [name, this.get(name)] as const)
    this.#words.fill(0)
    for (const [name, value] of kept) this.set(name, value)
  }

  /** Adds up the counters of several threads. */
  static sum(all: readonly LoadCounters[]): LoadCounters {
    const sum = new LoadCounters()
    for (const one of all) for (let i = 0; i < wordsMax; i++) sum.#add(i, one.#words[i] ?? 0)
    return sum
  }

  /** All decisions by reason, attacks included: what the engine counted too. */
  decisions(): Readonly<Record<string, number>> {
    return this.#list(at.decisions, (number) => reasonName(number) ?? `reason-${number}`)
  }

  /** Errors by code, and sockets lost by why they closed. */
  errorsByCode(): Readonly<Record<string, number>> {
    return {
      ...this.#list(at.errors, (number) => (number === 0 ? 'socket-lost' : (errorName(number) ?? `error-${number}`))),
      ...this.#list(at.closes, (place) => `closed:${closeName(place)}`),
    }
  }

  #list(from: number, nameOf: (number: number) => string): Readonly<Record<string, number>> {
    const found: Record<string, number> = {}
    for (let i = 0; i < listMax; i++) {
      const count = this.#words[from + i] ?? 0
      if (count > 0) found[nameOf(i)] = count
    }
    return found
  }

  #add(index: number, step: number): void {
    this.#words[index] = (this.#words[index] ?? 0) + step
  }
}

const reasonName = finderOf(reasons)
const errorName = finderOf(errorCodes)
const closeNames: ReadonlyMap<number, CloseCode> = new Map(
  namesOf(closeCodes).map((name) => [closeCodes[name].number - 4_000, name]),
)
const plainNames = namesOf(plainCloses)

function closePlace(code: number): number {
  const index = plainNames.findIndex((name) => plainCloses[name] === code)
  return index === -1 ? plainNames.length : index
}

function closeName(place: number): string {
  return closeNames.get(place) ?? plainNames[place - 40] ?? 'other'
}
