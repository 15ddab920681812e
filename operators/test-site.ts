// Test harness: the listener with everything around it in memory, and a browser that keeps cookies.

import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodePrimitives } from '../crypto/primitives/node-primitives.ts'
import type { ActingOperator, OperatorPort, Performed } from '../engine/operators/port.ts'
import { Chores } from '../engine/ports/chores.ts'
import type { Clock } from '../engine/ports/clock.ts'
import { Fault } from '../engine/ports/fault.ts'
import { type BandId, parseBandId } from '../protocol/ids.ts'
import {
  type DecisionEntry,
  type DecisionFilter,
  type OperatorAct,
  type OperatorRole,
  operatorHeader,
  operatorPaths,
} from '../protocol/operator-api.ts'
import { type BandStep, feedFields } from '../protocol/messages/operator-feed.ts'
import { writtenName } from '../protocol/written-name.ts'
import { type OperatorListener, type OperatorOptions, listenForOperators } from './listen.ts'
import type { KeptSession, ListedOperator, OperatorList, OperatorPorts } from './ports/ports.ts'
import { hashToken } from './sign-in/token-sign-in.ts'

/** vitest's onTestFinished. */
type AfterTest = (work: () => void | Promise<void>) => void

/** Fake clock: work waits until `pass`. */
class HandClock implements Clock {
  #nowMs = 1_800_000_000_000
  waiting: { readonly atMs: number; readonly work: () => void }[] = []

  readonly nowMs = (): number => this.#nowMs
  readonly monotonicMs = (): number => this.#nowMs - 1_799_999_000_000

  readonly after = (afterMs: number, work: () => void): (() => void) => {
    const entry = { atMs: this.#nowMs + afterMs, work }
    this.waiting.push(entry)
    return () => {
      this.waiting = this.waiting.filter((one) => one !== entry)
    }
  }

  pass(ms: number): void {
    this.#nowMs += ms
    const due = this.waiting.filter((one) => one.atMs <= this.#nowMs)
    this.waiting = this.waiting.filter((one) => !due.includes(one))
    for (const { work } of due) work()
  }
}

/** Operators by name; the token of each is its name and `-token`. */
class MemoryOperators implements OperatorList {
  #listed: readonly ListedOperator[] = []
  readonly #told = new Set<() => void>()

  constructor(roles: Readonly<Record<string, OperatorRole>>) {
    for (const [name, role] of Object.entries(roles)) this.add(name, role)
  }

  add(name: string, role: OperatorRole): void {
    this.#listed = [...this.#listed, { name, role, token: tokenOf(name), passkeys: [] }]
  }

  readonly all = (): readonly ListedOperator[] => this.#listed

  readonly onChange = (told: () => void): (() => void) => {
    this.#told.add(told)
    return () => this.#told.delete(told)
  }

  readonly keepPasskey: OperatorList['keepPasskey'] = (name, passkey) => {
    this.change(name, (one) => ({
      ...one,
      passkeys: [...one.passkeys.filter(({ id }) => id !== passkey.id), passkey],
    }))
  }

  change(name: string, change: (one: ListedOperator) => ListedOperator | undefined): void {
    this.#listed = this.#listed.flatMap((one) => (one.name === name ? (change(one) ?? []) : one))
    for (const told of this.#told) told()
  }

  newToken(name: string, token: string): void {
    this.change(name, (one) => ({ ...one, token: { ...one.token, hash: hashToken(one.token.salt, token) } }))
  }
}

function tokenOf(name: string): ListedOperator['token'] {
  const salt = new Uint8Array(32).fill(name.length)
  return { salt, hash: hashToken(salt, `${name}-token`) }
}

export const knownBand: BandId = parseBandId('5a'.repeat(16))

/** An engine that has one band, takes every act about it, and remembers what it was told. */
class MemoryEngine implements OperatorPort {
  readonly performed: { readonly act: OperatorAct; readonly who: ActingOperator }[] = []
  readonly journaled: { readonly act: string; readonly subject: string; readonly who: ActingOperator }[] = []
  readonly watched = new Map<() => void, BandId>()
  readonly steps = new Map<(step: BandStep) => void, BandId>()
  /** What the journal says to the next acts. */
  refuses: 'storage-full' | undefined
  /** What the journal waits for before it answers. */
  waitsFor: Promise<unknown> | undefined
  /** Fingerprint of the targets of acts. */
  aim = 'alice'
  #lsn = 100

  readonly sought: { readonly name: string; readonly by: 'id' | 'anything' }[] = []

  readonly findBands: OperatorPort['findBands'] = (name, by = 'anything') => {
    this.sought.push({ name, by })
    const found = { bandId: knownBand, bid: null, name: 'left', state: 'armed', holds: [], account: 'alic…' }
    const { digits } = writtenName(name)
    return { bands: digits !== undefined && knownBand.startsWith(digits) ? [found] : [], isCut: false }
  }
  readonly band: OperatorPort['band'] = async () => ({ type: 'unknown' })
  readonly timeline: OperatorPort['timeline'] = async () => ({ entries: [], nextBeforeLsn: null })
  readonly explain: OperatorPort['explain'] = async () => undefined
  readonly replay: OperatorPort['replay'] = async (lsn) => {
    const decided = { reason: 'approved', obligation: null, level: 2, useLeftMinor: 1, dayLeftMinor: 1 }
    return lsn === 7 ? { lsn, same: true, then: decided, now: decided, differences: [], takenFromNow: [] } : undefined
  }
  readonly preview: OperatorPort['preview'] = (act) => ({
    says: `Does ${act.act}.`,
    touches: { bands: 1, armed: 1, links: 1, sessions: 1 },
    blocked: 'bandId' in act && act.bandId !== knownBand ? 'no such band' : null,
    needsSecond: act.act.startsWith('unfreeze'),
  })
  readonly fingerprintOf: OperatorPort['fingerprintOf'] = () => this.aim
  readonly perform: OperatorPort['perform'] = async (act, who): Promise<Performed> => {
    if (this.refuses !== undefined) return { type: 'refused', error: this.refuses, message: 'the disk is full' }
    this.performed.push({ act, who })
    return { type: 'done', lsn: ++this.#lsn, outcome: { says: `Did ${act.act}.`, fanOut: null } }
  }
  readonly journal: OperatorPort['journal'] = async (act, subject, who) => {
    if (this.refuses !== undefined) return this.refuses
    this.journaled.push({ act, subject, who })
    await this.waitsFor
    return ++this.#lsn
  }
  readonly watchBand: OperatorPort['watchBand'] = (bandId, told) => {
    this.watched.set(told, bandId)
    return () => this.watched.delete(told)
  }

  readonly watchSteps: OperatorPort['watchSteps'] = (bandId, took) => {
    this.steps.set(took, bandId)
    return () => this.steps.delete(took)
  }

  took(bandId: BandId, step: BandStep): void {
    for (const [took, watched] of this.steps) if (watched === bandId) took(step)
  }

  moved(bandId: BandId): void {
    for (const [told, watched] of this.watched) if (watched === bandId) told()
  }
}

export function entryOf(lsn: number, more: Partial<DecisionEntry> = {}): DecisionEntry {
  return {
    lsn,
    atMs: 1_800_000_000_000 + lsn,
    bandId: knownBand,
    account: 'alice-of-the-hills',
    partner: '0c'.repeat(16),
    partnerName: null,
    resource: '0b'.repeat(16),
    reference: '0a'.repeat(8),
    action: 'pay',
    amountMinor: 450,
    currency: 978,
    label: 'Coffee',
    reason: 'approved',
    obligation: null,
    level: 2,
    reversedByLsn: null,
    ...more,
  }
}

/** Decisions that an export looks for at once. */
export const batchRows = 1_000

export type TestSite = {
  readonly listener: OperatorListener
  readonly clock: HandClock
  readonly operators: MemoryOperators
  readonly engine: MemoryEngine
  readonly logged: { readonly level: string; readonly event: string; readonly fields: unknown }[]
  readonly decisions: DecisionEntry[]
  readonly searches: DecisionFilter[]
  /** What goes wrong: a search after so many batches. */
  readonly faults: { searchAfter: number; vendorList: Error | undefined }
  /** What a search waits for before it answers. */
  readonly waits: { search: Promise<unknown> | undefined }
  readonly values: number[]
  /** How often the figures were read. */
  readonly reads: { count: number }
  readonly vendorActs: OperatorAct[]
  readonly isDraining: () => boolean
  readonly browser: () => Browser
  /** A browser that is signed in. */
  readonly signedIn: (name: string) => Promise<Browser>
}

export const testRoles = { vera: 'viewer', otto: 'operator', olga: 'operator', adam: 'admin', anna: 'admin' } as const

/** `disk` keeps sessions from one site to the next, as a restart does. */
export async function testSite(
  afterTest: AfterTest,
  more: Partial<OperatorOptions> = {},
  disk: { sessions: readonly KeptSession[] } = { sessions: [] },
): Promise<TestSite> {
  const pageFolder = more.pageFolder ?? mkdtempSync(join(tmpdir(), 'bandpass-page-'))
  if (more.pageFolder === undefined) afterTest(() => rmSync(pageFolder, { recursive: true, force: true }))
  const clock = new HandClock()
  const operators = new MemoryOperators(testRoles)
  const engine = new MemoryEngine()
  const logged: TestSite['logged'] = []
  const decisions: DecisionEntry[] = []
  const searches: DecisionFilter[] = []
  const faults: TestSite['faults'] = { searchAfter: Number.POSITIVE_INFINITY, vendorList: undefined }
  const waits: TestSite['waits'] = { search: undefined }
  const values = feedFields.map(() => 0)
  const reads = { count: 0 }
  const vendorActs: OperatorAct[] = []
  let isDraining = false
  const ports: OperatorPorts = {
    clock,
    chores: new Chores({ clock, told: () => undefined }),
    random: (length) => nodePrimitives.randomBytes(length),
    log: (level, event, fields) => void logged.push({ level, event, fields }),
    operators,
    sessions: { read: () => disk.sessions, write: (sessions) => void (disk.sessions = sessions) },
    engine,
    decisions: {
      async search(filter, { limit }) {
        searches.push(filter)
        await waits.search
        const before = filter.beforeLsn ?? Number.MAX_SAFE_INTEGER
        const all = decisions.filter(({ lsn }) => lsn < before).toSorted((a, b) => b.lsn - a.lsn)
        const page = all.slice(0, limit)
        const nextBeforeLsn = all.length > limit ? (page.at(-1)?.lsn ?? null) : null
        return { decisions: page, nextBeforeLsn, searched: { records: all.length, fromLsn: before, toLsn: 1 } }
      },
      async *all(filter, signal) {
        const before = filter.beforeLsn ?? Number.MAX_SAFE_INTEGER
        const all = decisions.filter(({ lsn }) => lsn < before).toSorted((a, b) => b.lsn - a.lsn)
        for (let at = 0; at < all.length; at += batchRows) {
          signal.throwIfAborted()
          if (faults.searchAfter <= searches.length) throw new Fault('journal-damaged', 'segment 7 at /var/lib/journal')
          searches.push(filter)
          yield all.slice(at, at + batchRows)
        }
      },
      span: () => ({ oldestLsn: 1, newestLsn: Math.max(0, ...decisions.map(({ lsn }) => lsn)) }),
    },
    acts: {
      changeVendor: (act) => {
        if (faults.vendorList !== undefined) throw faults.vendorList
        vendorActs.push(act)
        return { type: 'done' }
      },
      vendorBlocked: (act) => (act.vendor === 7 ? undefined : `no vendor ${act.vendor}`),
      drain: () => (isDraining = true),
      isDraining: () => isDraining,
    },
    pause: () => new Promise((resolve) => setImmediate(resolve)),
    figures: {
      fleet: () => ({
        version: '1.2.3',
        startedAtMs: 1,
        nowMs: 2,
        listener: 'ws',
        durability: 'disk',
        heartbeatS: 30,
        budget: { p99Ms: 1, p999Ms: 3 },
        alarms: [],
        history: { fields: [], seconds: [] },
      }),
      values: ({ viewers, proposals, changes }) => {
        reads.count++
        const own = new Map([
          ['viewers', viewers],
          ['proposals', proposals],
          ['changes.proposals', changes.proposals],
          ['changes.operators', changes.operators],
        ])
        return values.map((value, at) => own.get(feedFields[at] ?? '') ?? value)
      },
    },
    lists: {
      partners: () => ({ partners: [{ id: '0c'.repeat(16), name: 'Corner shop', kids: [1] }] }),
      vendors: () => ({ vendors: [] }),
      settings: () => ({ settings: [] }),
    },
  }
  const listener = await listenForOperators(
    {
      host: '127.0.0.1',
      port: 0,
      origin: undefined,
      sessionTimes: { idleMs: 30 * 60_000, absoluteMs: 12 * 3_600_000 },
      oidc: undefined,
      pageFolder,
      ...more,
    },
    ports,
  )
  afterTest(() => listener.close())
  const browser = () => new Browser(listener)
  return {
    listener,
    clock,
    operators,
    engine,
    logged,
    decisions,
    searches,
    faults,
    waits,
    values,
    reads,
    vendorActs,
    isDraining: () => isDraining,
    browser,
    async signedIn(name) {
      const one = browser()
      const { status } = await one.signIn(name)
      if (status !== 200) throw new Error(`signing in as ${name} was answered ${status}`)
      return one
    },
  }
}

export type Told = {
  readonly status: number
  readonly headers: Headers
  // oxlint-disable-next-line typescript/no-explicit-any -- what tests read of an answer is what they expect
  readonly body: any
  readonly text: string
}

/** Keeps cookies, and says where it comes from, as a browser does. */
export class Browser {
  readonly #listener: Pick<OperatorListener, 'port'>
  readonly cookies = new Map<string, string>()

  constructor(listener: Pick<OperatorListener, 'port'>) {
    this.#listener = listener
  }

  get origin(): string {
    return `http://localhost:${this.#listener.port}`
  }

  get cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  signIn(name: string, token = `${name}-token`): Promise<Told> {
    return this.post(operatorPaths.signInByToken, { name, token })
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Told> {
    return this.#ask(path, { method: 'GET', headers: { 'sec-fetch-site': 'same-origin', ...headers } })
  }

  post(path: string, body: unknown, headers: Readonly<Record<string, string | undefined>> = {}): Promise<Told> {
    const all = {
      origin: this.origin,
      'sec-fetch-site': 'same-origin',
      'content-type': 'application/json',
      [operatorHeader]: '1',
      ...headers,
    }
    const kept = Object.entries(all).filter((one): one is [string, string] => one[1] !== undefined)
    return this.#ask(path, { method: 'POST', headers: Object.fromEntries(kept), body: textOf(body) })
  }

  async raw(path: string, init: Asking): Promise<Response> {
    const headers = { ...init.headers, cookie: this.cookieHeader }
    const answer = await fetch(`${this.origin}${path}`, { redirect: 'manual', ...init, headers })
    for (const cookie of answer.headers.getSetCookie()) this.#keep(cookie)
    return answer
  }

  async #ask(path: string, init: Asking): Promise<Told> {
    const answer = await this.raw(path, init)
    const text = await answer.text()
    const isJson = answer.headers.get('content-type') === 'application/json'
    const { status, headers } = answer
    // oxlint-disable-next-line typescript/no-unsafe-assignment -- see Told
    return { status, headers, text, body: isJson ? JSON.parse(text) : undefined }
  }

  #keep(cookie: string): void {
    const [pair = '', ...attributes] = cookie.split('; ')
    const at = pair.indexOf('=')
    const isOver = attributes.includes('Max-Age=0')
    if (isOver) this.cookies.delete(pair.slice(0, at))
    else this.cookies.set(pair.slice(0, at), pair.slice(at + 1))
  }
}

/** The status of a POST of our own page from this address of the machine: all of 127.0.0.0/8 is it, on Linux. */
export function postedFrom(
  { listener: { port } }: Pick<TestSite, 'listener'>,
  localAddress: string,
  { path, body }: { readonly path: string; readonly body: unknown },
): Promise<number> {
  const host = `localhost:${port}`
  const headers = { host, origin: `http://${host}`, [operatorHeader]: '1', 'content-type': 'application/json' }
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, localAddress, path, method: 'POST', headers, agent: false }
    const asked = request(options, (answer) => {
      answer.resume()
      answer.once('end', () => resolve(answer.statusCode ?? 0))
    })
    asked.once('error', reject)
    asked.end(textOf(body))
  })
}

type Asking = {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal?: AbortSignal
}

function textOf(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body)
}
