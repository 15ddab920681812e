// Entry point of the load tester, as a function: brings a fleet to an engine, links it, loads it for one stretch or several, and
// says what both ends saw. The command, `make load` and the benchmarks are all made of this.

import { AdminClient, type EngineInfo, type ServerMeters } from '../sdk/admin/admin-client.ts'
import { LoadCounters } from './figures/counters.ts'
import { ordersOf, sessionsOf } from './driver/fleet-plan.ts'
import type { FleetOptions, MeasureOptions } from './profile/load-options.ts'
import { type LoadResult, resultOf } from './figures/load-result.ts'
import { LoadThread } from './driver/load-threads.ts'
import { type LoadPicture, LoadWatch, type WatchedThread, merged } from './driver/load-watch.ts'
import type { Profile } from './profile/profile.ts'
import { provisionFleet } from './fleet/provision.ts'
import { nowMs, sleep, wallMs } from './machine/real-time.ts'

/** How long answers may still come after the last request, ms; after a storm until all is linked again. */
const graceMs = 10_000
const stormGraceMs = 10 * 60_000
/** Time for close frames to leave, ms. */
const closeMs = 300

/** The load was told to end before it had measured anything; the message says how far it came. */
export class LoadInterrupted extends Error {
  override readonly name = 'LoadInterrupted'
}

/**
 * Provisions, links, loads once, closes. Throws AdminError, ProvisionError or LoadFailed when it cannot. Aborted while it loads, it
 * ends early and gives the figures of what was done; aborted before, it throws LoadInterrupted.
 */
export async function runLoad(
  options: FleetOptions & MeasureOptions,
  show: (picture: LoadPicture) => void = () => undefined,
  signal?: AbortSignal,
): Promise<LoadResult> {
  const load = await Load.open(options, show, signal)
  try {
    return await load.measure(options, signal)
  } finally {
    await load.close()
  }
}

/** A reusable load session: a fleet that is linked and may be loaded again and again. */
export class Load {
  readonly #options: FleetOptions
  readonly #admin: AdminClient
  readonly #info: EngineInfo
  readonly #threads: readonly WatchedThread[]
  readonly #watch: LoadWatch
  readonly #sessions: 'phone' | 'hub'
  /** How long the import and the linking of the whole fleet took. */
  readonly provisionMs: number
  readonly linkMs: number

  private constructor(parts: {
    readonly options: FleetOptions
    readonly admin: AdminClient
    readonly info: EngineInfo
    readonly threads: readonly WatchedThread[]
    readonly watch: LoadWatch
    readonly sessions: 'phone' | 'hub'
    readonly provisionMs: number
    readonly linkMs: number
  }) {
    this.#options = parts.options
    this.#admin = parts.admin
    this.#info = parts.info
    this.#threads = parts.threads
    this.#watch = parts.watch
    this.#sessions = parts.sessions
    this.provisionMs = parts.provisionMs
    this.linkMs = parts.linkMs
  }

  /** Provisions the fleet, opens its sockets and links every band. */
  static async open(
    options: FleetOptions,
    show: (picture: LoadPicture) => void = () => undefined,
    signal?: AbortSignal,
  ): Promise<Load> {
    const admin = new AdminClient(options.url, options.adminToken)
    const watch = new LoadWatch(options.bands, show)
    let imported = 0
    const threads: WatchedThread[] = []
    try {
      const info = await admin.info()
      const sessions = sessionsOf(options, info)
      const startMs = nowMs()
      const progress = (done: number): void => {
        imported = done
        watch.provisioned(done)
      }
      await provisionFleet({ ...options, count: options.bands, atMs: wallMs() }, progress, signal)
      if (isAborted(signal)) throw interrupted(`while it imported: ${imported} of ${options.bands} bands are there`)
      const provisionMs = nowMs() - startMs
      const partner = await admin.addPartner(`Load ${options.seed} ${wallMs().toString(36)}`)
      const orders = await ordersOf(options, sessions, admin, partner)
      for (const order of orders) {
        const started = await LoadThread.start(order)
        threads.push({ ...started, counters: new LoadCounters(order.counters), bands: order.share.count })
      }
      watch.begin('linking', threads)
      const linkFromMs = nowMs()
      await Promise.race([Promise.all(threads.map(({ thread }) => thread.link())), aborted(signal)])
      if (isAborted(signal)) {
        const linked = threads.reduce((sum, { counters }) => sum + counters.get('linked'), 0)
        throw interrupted(`while it linked: ${linked} of ${options.bands} bands had their link`)
      }
      const linkMs = nowMs() - linkFromMs
      return new Load({ options, admin, info, threads, watch, sessions, provisionMs, linkMs })
    } catch (error) {
      watch.end()
      await endAll(threads)
      throw error
    }
  }

  /** Loads the engine for a stretch; aborted, it ends early. Throws LoadInterrupted when nothing was measured by then. */
  async measure(options: MeasureOptions, signal?: AbortSignal): Promise<LoadResult> {
    const { profile, rate, seconds } = options
    const warmupMs = 1_000 * (options.warmupSeconds ?? Math.min(2, seconds / 5))
    const plain = { ...profile, rate: [], bursts: null, storm: null, attacks: null }
    if (warmupMs > 0) {
      this.#watch.begin('warming up', this.#threads, { rate, forMs: warmupMs })
      await this.#run(plain, { rate, durationMs: warmupMs }, signal)
    }
    if (isAborted(signal)) throw interrupted('while it warmed up')
    for (const { counters, latencies } of this.#threads) {
      counters.reset()
      for (const one of Object.values(latencies)) one.reset()
    }
    await this.#admin.resetMeters()
    const before = await this.#admin.meters()
    const cpuBefore = process.cpuUsage()
    const durationMs = 1_000 * seconds
    this.#watch.begin('loading', this.#threads, { rate, forMs: durationMs, admin: this.#admin })
    const ends = await this.#run(profile, { rate, durationMs }, signal)
    const ranMs = Math.max(...ends.map((end) => end.ranMs))
    const cpu = process.cpuUsage(cpuBefore)
    this.#watch.begin('finishing', this.#threads)
    const after = await settledMeters(this.#admin)
    const relinks = ends.flatMap((end) => (end.relinkMs === null ? [] : [end.relinkMs]))
    return resultOf({
      fleet: this.#options,
      measured: { ...options, seconds: ranMs / 1_000 },
      ...(isAborted(signal) ? { interruptedOfSeconds: seconds } : {}),
      sessions: this.#sessions,
      sockets: this.#threads.reduce((sum, { counters }) => sum + counters.get('sockets'), 0),
      info: this.#info,
      counters: LoadCounters.sum(this.#threads.map(({ counters }) => counters)),
      latencies: {
        all: merged(this.#threads.map(({ latencies }) => latencies.all)),
        live: merged(this.#threads.map(({ latencies }) => latencies.live)),
      },
      tookMs: Math.max(ranMs, ...ends.map((end) => end.tookMs)),
      relinkMs: relinks.length === 0 ? null : Math.max(...relinks),
      samples: this.#watch.samples,
      server: { before, after },
      cpuMs: (cpu.user + cpu.system) / 1_000,
      provisionMs: this.provisionMs,
      linkMs: this.linkMs,
    })
  }

  async close(): Promise<void> {
    this.#watch.end()
    await endAll(this.#threads)
  }

  async #run(
    profile: Profile,
    { rate, durationMs }: { readonly rate: number; readonly durationMs: number },
    signal?: AbortSignal,
  ) {
    const bands = this.#options.bands
    const endEarly = (): void => {
      for (const { thread } of this.#threads) thread.endEarly()
    }
    signal?.addEventListener('abort', endEarly)
    const ran = Promise.all(
      this.#threads.map((one) =>
        one.thread.run({
          profile,
          perSecond: (rate * one.bands) / bands,
          durationMs,
          graceMs: profile.storm === null ? graceMs : stormGraceMs,
        }),
      ),
    )
    if (isAborted(signal)) endEarly()
    return ran.finally(() => signal?.removeEventListener('abort', endEarly))
  }
}

function interrupted(when: string): LoadInterrupted {
  return new LoadInterrupted(`interrupted ${when}; nothing was measured`)
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}

/** Resolves when the signal is aborted. */
function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (isAborted(signal)) resolve()
    else signal?.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** The engine may still count an answer that has just arrived here. */
async function settledMeters(admin: AdminClient): Promise<ServerMeters> {
  let meters = await admin.meters()
  for (let looks = 0; looks < 10; looks++) {
    await sleep(50)
    const next = await admin.meters()
    const isStill = JSON.stringify(next.status.decisions) === JSON.stringify(meters.status.decisions)
    meters = next
    if (isStill) break
  }
  return meters
}

async function endAll(threads: readonly WatchedThread[]): Promise<void> {
  await Promise.all(threads.map(({ thread }) => thread.end(closeMs, sleep)))
}
