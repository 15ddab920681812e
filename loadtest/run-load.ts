// The load tester as a function: brings a fleet to an engine, links it, loads it for one stretch or several, and says what
// both ends saw. The command, `make load` and the benchmarks are all made of this.

import { type RecordableHistogram, createHistogram } from 'node:perf_hooks'
import { fromHex } from '../protocol/bytes.ts'
import { hubSlotMax } from '../protocol/limits.ts'
import { floodCarrier } from './adversary.ts'
import { AdminClient, type EngineInfo, type ServerMeters } from './admin-client.ts'
import { LoadCounters, counterBytes } from './counters.ts'
import { FleetSeed } from './fleet-seed.ts'
import { carrierPublicKey } from './hello.ts'
import { type LoadResult, type Sample, resultOf } from './load-result.ts'
import type { FleetOptions, MeasureOptions } from './load-options.ts'
import { LoadFailed, LoadThread, type ThreadLatencies } from './load-threads.ts'
import type { Profile } from './profile.ts'
import { provisionFleet } from './provision.ts'
import { every, sleep, nowMs, wallMs } from './real-time.ts'
import { openFilesMax } from './open-files.ts'

/** What is going on, for who watches. */
export type LoadPicture = {
  readonly phase: 'provisioning' | 'linking' | 'warming up' | 'loading' | 'finishing'
  /** Of this phase, 0 to 1. */
  readonly share: number
  readonly bands: number
  readonly provisioned: number
  readonly counters: LoadCounters
  readonly samples: readonly Sample[]
  readonly rate: number
}

const linkWindowDefault = 256
const bandsPerHub = 50_000
const hubsMin = 4
const tokenLifeS = 2 * 86_400
/** Files this process needs beside its sockets. */
const otherFiles = 256
const graceMs = 10_000
const stormGraceMs = 10 * 60_000
const samplesMax = 900
const showEveryMs = 200
const closeMs = 300
const histogramRange = { lowest: 1, highest: 1e12, figures: 3 }

/** Provisions, links, loads once, closes. Throws AdminError, ProvisionError or LoadFailed when it cannot. */
export async function runLoad(
  options: FleetOptions & MeasureOptions,
  show: (picture: LoadPicture) => void = () => undefined,
): Promise<LoadResult> {
  const load = await Load.open(options, show)
  try {
    return await load.measure(options)
  } finally {
    await load.close()
  }
}

type Thread = {
  readonly thread: LoadThread
  readonly latencies: ThreadLatencies
  readonly counters: LoadCounters
  readonly bands: number
}

/** A fleet that is linked and may be loaded again and again. */
export class Load {
  readonly #options: FleetOptions
  readonly #admin: AdminClient
  readonly #info: EngineInfo
  readonly #threads: readonly Thread[]
  readonly #watch: Watch
  readonly #sessions: 'phone' | 'hub'
  /** How long the import and the linking of the whole fleet took. */
  readonly provisionMs: number
  readonly linkMs: number

  private constructor(parts: {
    readonly options: FleetOptions
    readonly admin: AdminClient
    readonly info: EngineInfo
    readonly threads: readonly Thread[]
    readonly watch: Watch
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
  static async open(options: FleetOptions, show: (picture: LoadPicture) => void = () => undefined): Promise<Load> {
    const admin = new AdminClient(options.url, options.adminToken)
    const watch = new Watch(options.bands, show)
    const threads: Thread[] = []
    try {
      const info = await admin.info()
      const sessions = sessionsOf(options, info)
      const startMs = nowMs()
      await provisionFleet({ ...options, count: options.bands, atMs: wallMs() }, (done) => watch.provisioned(done))
      const provisionMs = nowMs() - startMs
      const partner = await admin.addPartner(`Load ${options.seed} ${wallMs().toString(36)}`)
      const orders = await ordersOf(options, sessions, admin, partner)
      for (const order of orders) {
        const started = await LoadThread.start(order)
        threads.push({ ...started, counters: new LoadCounters(order.counters), bands: order.share.count })
      }
      watch.begin('linking', threads)
      const linkFromMs = nowMs()
      await Promise.all(threads.map(({ thread }) => thread.link()))
      const linkMs = nowMs() - linkFromMs
      return new Load({ options, admin, info, threads, watch, sessions, provisionMs, linkMs })
    } catch (error) {
      watch.end()
      await endAll(threads)
      admin.close()
      throw error
    }
  }

  /** Loads the engine for a stretch. */
  async measure(options: MeasureOptions): Promise<LoadResult> {
    const { profile, rate, seconds } = options
    const warmupMs = 1_000 * (options.warmupSeconds ?? Math.min(2, seconds / 5))
    const plain = { ...profile, rate: [], bursts: null, storm: null, attacks: null }
    if (warmupMs > 0) {
      this.#watch.begin('warming up', this.#threads, { rate, forMs: warmupMs })
      await this.#run(plain, rate, warmupMs)
    }
    for (const { counters, latencies } of this.#threads) {
      counters.reset()
      for (const one of Object.values(latencies)) one.reset()
    }
    await this.#admin.resetMeters()
    const before = await this.#admin.meters()
    const cpuBefore = process.cpuUsage()
    const durationMs = 1_000 * seconds
    this.#watch.begin('loading', this.#threads, { rate, forMs: durationMs, admin: this.#admin })
    const ends = await this.#run(profile, rate, durationMs)
    const cpu = process.cpuUsage(cpuBefore)
    this.#watch.begin('finishing', this.#threads)
    const after = await settledMeters(this.#admin)
    const relinks = ends.flatMap((end) => (end.relinkMs === null ? [] : [end.relinkMs]))
    return resultOf({
      fleet: this.#options,
      measured: options,
      sessions: this.#sessions,
      sockets: this.#threads.reduce((sum, { counters }) => sum + counters.get('sockets'), 0),
      info: this.#info,
      counters: LoadCounters.sum(this.#threads.map(({ counters }) => counters)),
      latencies: {
        all: merged(this.#threads.map(({ latencies }) => latencies.all)),
        live: merged(this.#threads.map(({ latencies }) => latencies.live)),
      },
      tookMs: Math.max(durationMs, ...ends.map((end) => end.tookMs)),
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
    this.#admin.close()
  }

  #run(profile: Profile, rate: number, durationMs: number) {
    const bands = this.#options.bands
    return Promise.all(
      this.#threads.map((one) =>
        one.thread.run({
          profile,
          perSecond: (rate * one.bands) / bands,
          durationMs,
          graceMs: profile.storm === null ? graceMs : stormGraceMs,
        }),
      ),
    )
  }
}

/** Draws and samples while a phase goes on. */
class Watch {
  readonly #bands: number
  readonly #show: (picture: LoadPicture) => void
  #samples: Sample[] = []
  #stop: () => void = () => undefined
  #provisioned = 0
  #last: ServerMeters | undefined

  constructor(bands: number, show: (picture: LoadPicture) => void) {
    this.#bands = bands
    this.#show = show
  }

  get samples(): readonly Sample[] {
    return this.#samples
  }

  provisioned(done: number): void {
    this.#provisioned = done
    this.#draw({ phase: 'provisioning', share: done / this.#bands, rate: 0 }, [])
  }

  begin(
    phase: LoadPicture['phase'],
    threads: readonly Thread[],
    run?: { readonly rate: number; readonly forMs: number; readonly admin?: AdminClient },
  ): void {
    this.#stop()
    const startMs = nowMs()
    const draw = (): void => {
      const linked = threads.reduce((sum, { counters }) => sum + counters.get('linked'), 0)
      const share = run === undefined ? linked / this.#bands : (nowMs() - startMs) / run.forMs
      this.#draw({ phase, share: Math.min(1, share), rate: run?.rate ?? 0 }, threads)
    }
    const stopDrawing = every(showEveryMs, draw)
    let stopSampling = (): void => undefined
    const admin = run?.admin
    if (run !== undefined && admin !== undefined) {
      this.#samples = []
      this.#last = undefined
      this.#look(admin)
      const everyMs = Math.max(1_000, Math.ceil(run.forMs / samplesMax))
      stopSampling = every(everyMs, () => this.#sample(threads, admin, { startMs, everyMs }))
    }
    this.#stop = () => {
      stopDrawing()
      stopSampling()
    }
    draw()
  }

  end(): void {
    this.#stop()
  }

  #sample(
    threads: readonly Thread[],
    admin: AdminClient,
    at: { readonly startMs: number; readonly everyMs: number },
  ): void {
    const atMs = nowMs() - at.startMs
    const interval = merged(threads.map(({ latencies }) => latencies.interval))
    for (const { latencies } of threads) latencies.interval.reset()
    const sum = LoadCounters.sum(threads.map(({ counters }) => counters))
    const before = this.#samples.at(-1)
    const offered = sum.get('offered')
    const errors = sum.get('errors')
    const server = this.#last
    this.#samples.push({
      atMs,
      offeredPerSecond: perSecond(offered - (before?.offered ?? 0), atMs - (before?.atMs ?? 0)),
      achievedPerSecond: perSecond(interval.count, atMs - (before?.atMs ?? 0)),
      offered,
      errors,
      errorsPerSecond: perSecond(errors - (before?.errors ?? 0), atMs - (before?.atMs ?? 0)),
      p50Ms: interval.count === 0 ? null : interval.percentile(50) / 1e6,
      p99Ms: interval.count === 0 ? null : interval.percentile(99) / 1e6,
      linked: sum.get('linked'),
      server:
        server === undefined
          ? null
          : {
              rssMb: server.memory.rssMb,
              anonRssMb: server.memory.anonRssMb,
              heapMb: server.memory.heapUsedMb,
              gcTotalMs: server.gc.totalMs,
              gcMaxMs: server.gc.maxMs,
              cpuMs: server.cpu.userMs + server.cpu.systemMs,
              p99Ms: server.answered.p99Ms,
            },
    })
    this.#look(admin)
  }

  #look(admin: AdminClient): void {
    void admin.meters().then(
      (meters) => {
        this.#last = meters
      },
      // A server that is too busy to answer: the load's own figures show it, and the end asks again.
      () => undefined,
    )
  }

  #draw(phase: Pick<LoadPicture, 'phase' | 'share' | 'rate'>, threads: readonly Thread[]): void {
    this.#show({
      ...phase,
      bands: this.#bands,
      provisioned: this.#provisioned,
      counters: LoadCounters.sum(threads.map(({ counters }) => counters)),
      samples: this.#samples,
    })
  }
}

function perSecond(count: number, ms: number): number {
  return ms <= 0 ? 0 : (1_000 * count) / ms
}

function merged(all: readonly RecordableHistogram[]): RecordableHistogram {
  const sum = createHistogram(histogramRange)
  for (const one of all) if (one.count > 0) sum.add(one)
  return sum
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

async function endAll(threads: readonly Thread[]): Promise<void> {
  await Promise.all(threads.map(({ thread }) => thread.end(closeMs, sleep)))
}

function sessionsOf(options: FleetOptions, info: EngineInfo): 'phone' | 'hub' {
  const { bands, sessions } = options
  if (!info.localTokens)
    throw new LoadFailed('the engine takes no tokens of its own issuer; start it with --tokens-local on')
  const files = openFilesMax() - otherFiles
  const atServer = info.limits?.network?.socketsPerAddressMax ?? Infinity
  const most = Math.min(files, atServer)
  if (sessions === 'hub' || (sessions === 'auto' && bands > most)) return 'hub'
  if (bands > files) {
    throw new LoadFailed(
      `${bands} phones are ${bands} sockets, and this process may open ${files}: raise ulimit -n, or take --sessions hub`,
    )
  }
  if (bands > atServer) {
    throw new LoadFailed(
      `${bands} phones are ${bands} sockets of one address, and the engine takes ${atServer}: ` +
        'raise its network.address.socketsMax, or take --sessions hub',
    )
  }
  return 'phone'
}

async function ordersOf(
  options: FleetOptions,
  sessions: 'phone' | 'hub',
  admin: AdminClient,
  partner: { readonly id: string; readonly kid: number; readonly key: string },
) {
  const { bands, seed, url, workers } = options
  const hubs = Math.max(
    options.hubs ?? Math.max(hubsMin, Math.ceil(bands / bandsPerHub)),
    Math.ceil(bands / (hubSlotMax + 1)),
  )
  const carriers = sessions === 'phone' ? bands : Math.min(bands, hubs)
  const threads = Math.max(1, Math.min(workers, carriers))
  const fleet = new FleetSeed(seed)
  const plans = Array.from({ length: threads }, (_, worker) => {
    const from = Math.floor((carriers * worker) / threads)
    const to = Math.floor((carriers * (worker + 1)) / threads)
    const bandsPerCarrier = Math.ceil(bands / carriers)
    const first = Math.min(bands, from * bandsPerCarrier)
    return {
      worker,
      from,
      count: to - from,
      bandsPerCarrier,
      share: { first, count: Math.min(bands, to * bandsPerCarrier) - first },
    }
  }).filter(({ share }) => share.count > 0)
  const tokens = await tokensOf(admin, fleet, sessions, carriers)
  return Promise.all(
    plans.map(async ({ worker, from, count, bandsPerCarrier, share }) => {
      const isHub = true
      const sessionKey = carrierPublicKey(fleet, floodCarrier - worker)
      const floodToken = await admin.token({
        account: `loadtest-flood-${worker}`,
        sessionKey,
        isHub,
        lifeS: tokenLifeS,
      })
      return {
        seed,
        worker,
        share,
        carriers: {
          url: url.replace(/^http/, 'ws').replace(/\/+$/, ''),
          kind: sessions,
          count: Math.min(count, Math.ceil(share.count / bandsPerCarrier)),
          bandsPerCarrier,
          first: from,
          tokens: tokens.slice(from, from + count),
          linkWindow: Math.max(1, Math.ceil((options.linkWindow ?? linkWindowDefault) / plans.length)),
        },
        partner: { id: fromHex(partner.id), kid: partner.kid, key: fromHex(partner.key) },
        floodToken,
        counters: new SharedArrayBuffer(counterBytes),
      }
    }),
  )
}

async function tokensOf(
  admin: AdminClient,
  fleet: FleetSeed,
  sessions: 'phone' | 'hub',
  count: number,
): Promise<readonly string[]> {
  const tokens = Array.from({ length: count }, () => '')
  let next = 0
  const mint = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      const account = sessions === 'phone' ? fleet.account(index) : `loadtest-hub-${index}`
      const sessionKey = carrierPublicKey(fleet, index)
      tokens[index] = await admin.token({ account, sessionKey, isHub: sessions === 'hub', lifeS: tokenLifeS })
    }
  }
  await Promise.all([mint(), mint(), mint(), mint()])
  return tokens
}
