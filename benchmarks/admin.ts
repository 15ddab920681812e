// An engine's admin API as an operator's program would use it: the token from the data folder, bindings in, a partner, a
// token for a hub, the engine's own meters.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fromHex, toHex } from '../protocol/bytes.ts'
import { parsePartnerId } from '../protocol/ids.ts'
import { encodeImport, importBindingsMax } from '../protocol/imported-binding.ts'
import { type FleetBand, type FleetPartner, importedBand } from './fleet.ts'

export type Admin = {
  readonly importBands: (bands: readonly FleetBand[]) => Promise<void>
  readonly partner: (name: string) => Promise<FleetPartner>
  /** A token for a hub that may speak for every account. */
  readonly hubToken: (sessionKey: Uint8Array) => Promise<string>
  readonly meters: () => Promise<EngineMeters>
  /** Bands that are bound. */
  readonly bandsCount: () => Promise<number>
  readonly resetMeters: () => Promise<void>
}

export type MeteredTimes = {
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
}

/** What of the meters benchmarks show. */
export type EngineMeters = {
  /** From a frame read off its socket to its answer written. */
  readonly answered: MeteredTimes
  /** From a record appended to it durable. */
  readonly gate: MeteredTimes
  readonly gc: { readonly count: number; readonly totalMs: number; readonly maxMs: number }
  readonly memory: { readonly anonRssMb: number; readonly mappedMb: number; readonly heapUsedMb: number }
  readonly cpu: { readonly userMs: number; readonly systemMs: number }
  readonly status: {
    readonly bands: Readonly<Record<string, number>>
    /** Live links. */
    readonly links: number
    readonly bandsAwake: number
  }
}

/** Talks to the engine on `port` whose data lie in `folder`. */
export function openAdmin(port: number, folder: string): Admin {
  const bearer = `Bearer ${readFileSync(join(folder, 'admin-token'), 'utf8').trim()}`
  const call = async (
    method: 'GET' | 'POST',
    path: string,
    body?: Uint8Array<ArrayBuffer> | object,
  ): Promise<object> => {
    const isBytes = body instanceof Uint8Array
    const response = await fetch(`http://127.0.0.1:${port}/admin/${path}`, {
      method,
      headers: {
        authorization: bearer,
        ...(body === undefined ? {} : { 'content-type': isBytes ? 'application/octet-stream' : 'application/json' }),
      },
      ...(body === undefined ? {} : { body: isBytes ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} /admin/${path}: ${response.status} ${text.slice(0, 300)}`)
    const read: unknown = text === '' ? {} : JSON.parse(text)
    if (typeof read !== 'object' || read === null) throw new TypeError(`/admin/${path}: an object expected`)
    return read
  }
  return {
    async importBands(bands) {
      const nowMs = Date.now()
      for (let at = 0; at < bands.length; at += importBindingsMax) {
        const some = bands.slice(at, at + importBindingsMax).map((band) => importedBand(band, nowMs))
        const answer = await call('POST', 'import', encodeImport(some))
        const imported: unknown = Reflect.get(answer, 'imported')
        if (imported !== some.length) throw new Error(`import: ${JSON.stringify(answer).slice(0, 300)}`)
      }
    },
    async partner(name) {
      const answer = await call('POST', 'partners', { name })
      const [id, kid, key] = ['id', 'kid', 'key'].map((field): unknown => Reflect.get(answer, field))
      if (typeof id !== 'string' || typeof kid !== 'number' || typeof key !== 'string') {
        throw new TypeError(`partners: id, kid and key expected, got ${Object.keys(answer).join(', ')}`)
      }
      return { id: parsePartnerId(id), kid, key: fromHex(key) }
    },
    async hubToken(sessionKey) {
      const answer = await call('POST', 'tokens', {
        account: 'hub',
        scopes: ['hub'],
        hubAccounts: ['*'],
        sessionKey: toHex(Uint8Array.from(sessionKey)),
        lifeS: 6 * 3_600,
      })
      const token: unknown = Reflect.get(answer, 'token')
      if (typeof token !== 'string') throw new TypeError('tokens: a token expected')
      return token
    },
    async meters() {
      const answer = await call('GET', 'meters')
      if (!isMeters(answer)) throw new TypeError(`meters: got ${Object.keys(answer).join(', ')}`)
      return answer
    },
    async bandsCount() {
      const { bands } = (await this.meters()).status
      return ['offWrist', 'disarmed', 'armed'].reduce((sum, state) => sum + (bands[state] ?? 0), 0)
    },
    async resetMeters() {
      await call('POST', 'meters/reset')
    },
  }
}

function isMeters(answer: object): answer is EngineMeters {
  return ['answered', 'gate', 'gc', 'memory', 'cpu', 'status'].every(
    (name) => typeof Reflect.get(answer, name) === 'object',
  )
}
