// JSON Web Key Set of an issuer, fetched and cached (stale while revalidate, stale if error: RFC 5861). It is read again every ten minutes,
// and for a key that it does not have; one request at a time, with a pause between. What comes from there is bounded, and believed only
// when it is whole: an issuer that is away, slow or answers something else leaves the keys as they were, for as long as the setting says.
// A question that it could not answer is no verdict on a token: it is a Fault that may be tried again.

import type { Clock } from '../../engine/ports/clock.ts'
import { Fault } from '../../engine/ports/fault.ts'
import { evictOldest } from '../../base/evict-oldest.ts'
import type { Log } from '../log/log.ts'
import { utf8Of } from '../files/text-file.ts'
import { type KeyedIssuer, fixedIssuer } from './tokens.ts'

export type RemoteKeysOptions = {
  readonly issuer: string
  readonly url: string
  /** How long the keys are used after they should have been read again and could not, ms. */
  readonly staleMs: number
  /** How long a hello waits for them, ms: less than it may take in all. */
  readonly waitMs: number
  readonly clock: Clock
  readonly log: Log
  /** Fetches; `fetch` unless given. */
  readonly get?: (url: string, init: RequestInit) => Promise<Response>
}

export type RemoteKeys = KeyedIssuer & {
  /** How old the keys are, ms; since the start before there were any. */
  readonly ageMs: () => number
  /** Reads them now. */
  readonly look: () => void
  readonly stop: () => void
}

/** They are read again after this. */
export const jwksReadEveryMs = 600_000
/** Between two readings there is at least this. */
export const jwksPauseMs = 30_000
/** A reading takes at most this, to its last byte. */
const jwksTimeoutMs = 5_000
/** An answer is at most this long. */
export const jwksBytesMax = 262_144
/** Names of keys that were asked for and not there; the oldest is forgotten first. */
const askedMax = 1_000

type Fetched = { readonly issuer: ReturnType<typeof fixedIssuer>; readonly atMs: number; readonly number: number }

/** Begins to read at once; nothing waits for it. */
export function remoteKeys(options: RemoteKeysOptions): RemoteKeys {
  const { issuer, url, staleMs, waitMs, clock, log } = options
  const get = options.get ?? fetch
  const beganAtMs = clock.monotonicMs()
  let fetched: Fetched | undefined
  let reading: Promise<void> | undefined
  let triedAtMs = -Infinity
  /** Of the readings that began. */
  let number = 0
  let failedSinceMs: number | undefined
  let isToldGone = false
  let isStopped = false
  let cancelNext = (): void => {}
  /** Names that were not there, each with the number of the latest reading when it was first asked for. */
  const asked = new Map<string, number>()

  function read(): Promise<void> {
    reading ??= readNow().finally(() => {
      reading = undefined
      cancelNext()
      if (!isStopped)
        cancelNext = clock.after(failedSinceMs === undefined ? jwksReadEveryMs : jwksPauseMs, () => void read())
    })
    return reading
  }

  async function readNow(): Promise<void> {
    triedAtMs = clock.monotonicMs()
    const mine = ++number
    try {
      const set = await jwksFrom(url, get)
      fetched = { issuer: fixedIssuer(issuer, set, url), atMs: clock.monotonicMs(), number: mine }
      if (failedSinceMs !== undefined) {
        log('info', 'tokens.keys-back', { issuer, afterMs: Math.round(fetched.atMs - failedSinceMs) })
      }
      failedSinceMs = undefined
      isToldGone = false
    } catch (error) {
      if (!isStopped) failed(error)
    }
  }

  /** Told at the beginning of an outage, and when the keys are too old to be used; never for each hello. */
  function failed(error: unknown): void {
    const nowMs = clock.monotonicMs()
    const left = fetched === undefined ? 0 : Math.max(0, fetched.atMs + jwksReadEveryMs + staleMs - nowMs)
    if (failedSinceMs === undefined) {
      log('error', 'tokens.keys-failed', { issuer, from: url, error, usedOnForMs: Math.round(left) })
    }
    failedSinceMs ??= nowMs
    if (left === 0 && fetched !== undefined && !isToldGone) {
      isToldGone = true
      log('error', 'tokens.keys-gone', { issuer, means: 'no phone can sign in until its keys can be read' })
    }
  }

  function usable(): Fetched | undefined {
    const isUsable = fetched !== undefined && clock.monotonicMs() - fetched.atMs < jwksReadEveryMs + staleMs
    return isUsable ? fetched : undefined
  }

  /** Waits for a reading that is under way, or for a new one unless the last was just now; not for longer than a hello may wait. */
  async function readFor(): Promise<void> {
    if (reading === undefined && clock.monotonicMs() - triedAtMs < jwksPauseMs) return
    let cancel = (): void => {}
    const late = new Promise<void>((resolve) => {
      cancel = clock.after(waitMs, resolve)
    })
    await Promise.race([read(), late])
    cancel()
  }

  async function withKey(kid: string | undefined): Promise<Fetched> {
    if (usable() === undefined) await readFor()
    const first = usable()
    if (first === undefined) throw unavailable('its keys cannot be had')
    if (kid === undefined || first.issuer.kids.has(kid)) return first
    if (!asked.has(kid)) asked.set(kid, number)
    evictOldest(asked, askedMax)
    await readFor()
    const second = usable() ?? first
    if (second.issuer.kids.has(kid)) return second
    // Only keys that were read after it was asked for say that there is no such key.
    if (second.number > (asked.get(kid) ?? second.number)) return second
    throw unavailable('the key is not among those read last, and they cannot be read again yet')
  }

  function unavailable(why: string): Fault {
    return new Fault('issuer-unreachable', `${issuer}: ${why}, from ${url}`, { retry: true })
  }

  void read()
  return {
    issuer,
    keys: async (header, token) => {
      const { issuer: set } = await withKey(header?.kid)
      return set.keys(header, token)
    },
    ageMs: () => clock.monotonicMs() - (fetched?.atMs ?? beganAtMs),
    look: () => void read(),
    stop: () => {
      isStopped = true
      cancelNext()
    },
  }
}

/** The set as it is told; rejects when it does not come whole and in time. A redirection is not followed: it may lead anywhere. */
async function jwksFrom(url: string, get: NonNullable<RemoteKeysOptions['get']>): Promise<unknown> {
  const headers = { accept: 'application/jwk-set+json, application/json' }
  const response = await get(url, { redirect: 'manual', headers, signal: AbortSignal.timeout(jwksTimeoutMs) })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Fault('issuer-unreachable', `${url}: a JWK set with status 200 expected, got ${response.status}`)
  }
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const part of response.body ?? []) {
    const chunk: unknown = part
    if (!(chunk instanceof Uint8Array)) throw new TypeError('bytes expected')
    length += chunk.length
    if (length > jwksBytesMax)
      throw new Fault('issuer-unreachable', `${url}: a JWK set of at most ${jwksBytesMax} bytes expected`)
    chunks.push(chunk)
  }
  try {
    return JSON.parse(utf8Of(Buffer.concat(chunks), url))
  } catch (error) {
    throw new Fault('issuer-unreachable', `${url}: a JWK set expected, this is no JSON`, { cause: error })
  }
}
