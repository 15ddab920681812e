// Live progress and sampling of a load: draws what is going on, and takes a sample of both ends every second.

import { type RecordableHistogram, createHistogram } from 'node:perf_hooks'
import type { AdminClient, ServerMeters } from '../../sdk/admin/admin-client.ts'
import { LoadCounters } from '../figures/counters.ts'
import type { Sample } from '../figures/load-result.ts'
import type { LoadThread, ThreadLatencies } from './load-threads.ts'
import { every, nowMs } from '../machine/real-time.ts'

/** Progress of a phase, for who watches. */
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

/** One thread of the load, and what it shares. */
export type WatchedThread = {
  readonly thread: LoadThread
  readonly latencies: ThreadLatencies
  readonly counters: LoadCounters
  readonly bands: number
}

const samplesMax = 900
const showEveryMs = 200
const histogramRange = { lowest: 1, highest: 1e12, figures: 3 }

/** Draws and samples while a phase goes on. */
export class LoadWatch {
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
    threads: readonly WatchedThread[],
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
    threads: readonly WatchedThread[],
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

  #draw(phase: Pick<LoadPicture, 'phase' | 'share' | 'rate'>, threads: readonly WatchedThread[]): void {
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

/** Merges the latency histograms of all threads into one. */
export function merged(all: readonly RecordableHistogram[]): RecordableHistogram {
  const sum = createHistogram(histogramRange)
  for (const one of all) if (one.count > 0) sum.add(one)
  return sum
}
