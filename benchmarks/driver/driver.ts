// The load generator: closed loop for capacity (as many requests in flight as were asked for, the next one leaves when an answer
// comes), open loop for latency (arrivals at a fixed rate whatever the answers do, latency counted from the intended start). All
// frames of a run are made before it (requests.ts), so that this process needs little of the cores it shares.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { type LatencySummary, Latencies } from '../figures/latencies.ts'
import type { FleetPartner } from './fleet.ts'
import { type Frames, FrameWriter, type RawSocket } from './raw-socket.ts'
import { type Answer, type BandLink, type Wire, makeRequest, outcomeName } from './requests.ts'

/** A connection of the load: one socket and the bands that speak through it. */
export type Lane = { readonly socket: RawSocket; readonly bands: readonly BandLink[] }

/** The system under test: an engine, a peer or an echo. */
export type Target = {
  readonly name: string
  readonly wire: Wire
  readonly partner: FleetPartner
  readonly lanes: readonly Lane[]
  /** Called before requests are made: a target that needs heartbeats gets them now. */
  readonly refresh: () => Promise<void>
  /** It remembers nothing, so the same frames serve every run: an echo answers faster than frames are made. */
  readonly isStateless: boolean
}

export type LoadResult = {
  /** Answers a second, over the measured part. */
  readonly perSecond: number
  /** From sending (closed loop) or from the intended start (open loop) to the answer. */
  readonly latency: LatencySummary
  readonly approved: number
  /** Anything but an approval, by what it was. */
  readonly others: Readonly<Record<string, number>>
  /** Requests that were never answered. */
  readonly lost: number
  /** Share of a core that this process used. */
  readonly driverCpu: number
  /** CPU time of the server for one answer, µs, over the measured part; 0 when the options give no way to read it. */
  readonly serverCpuUs: number
}

type Batch = { readonly lanes: readonly Frames[]; readonly perLane: number }

const kept = new WeakMap<Target, Batch>()

/** Request j of lane l has the id j × lanes + l. */
async function prepare(target: Target, count: number): Promise<Batch> {
  const { lanes, wire, partner } = target
  const perLane = Math.ceil(count / lanes.length)
  const before = kept.get(target)
  if (before !== undefined && before.perLane >= perLane) return { lanes: before.lanes, perLane }
  await target.refresh()
  const made: Frames[] = []
  for (const [number, { bands }] of lanes.entries()) {
    const writer = new FrameWriter(wire.kind)
    for (let j = 0; j < perLane; j++) {
      const one = bands[j % bands.length]
      if (one === undefined) throw new Error('a lane without bands')
      writer.add(wire.encode(j * lanes.length + number, one.band.slot, makeRequest(one, partner)))
      // An engine's pings are answered meanwhile.
      if (j % 512 === 511) await nextTurn()
    }
    made.push(writer.finish())
  }
  const batch = { lanes: made, perLane }
  if (target.isStateless) kept.set(target, batch)
  return batch
}

/** What one run counts; shared by both loops. */
class Tally {
  readonly latencies = new Latencies()
  readonly #others = new Map<string, number>()
  answered = 0
  approved = 0
  #measuredFrom = 0

  /** Forgets what was measured so far: the warm-up is over. */
  begin(): void {
    this.latencies.clear()
    this.#others.clear()
    this.approved = 0
    this.#measuredFrom = this.answered
  }

  get measured(): number {
    return this.answered - this.#measuredFrom
  }

  /** An answer that is not measured. */
  skip(): void {
    this.answered += 1
    this.#measuredFrom += 1
  }

  take(answer: Answer, tookMs: number): void {
    this.answered += 1
    this.latencies.add(tookMs)
    if (answer.outcome === 0) this.approved += 1
    else {
      const name = outcomeName(answer.outcome)
      this.#others.set(name, (this.#others.get(name) ?? 0) + 1)
    }
  }

  get others(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#others)
  }
}

/** A run without an answer for this long is given up, ms. */
const stallMs = 5_000

export type ClosedLoopOptions = {
  readonly inFlightPerLane: number
  readonly seconds: number
  /** What the target did a second before, so that the right number of requests is made; unless given, a short look tells. */
  readonly expectPerSecond?: number | undefined
  /** CPU time that the server has used so far, ms. */
  readonly serverCpuMs?: () => number
}

const lookS = 0.3
const lookPerSecond = 10_000
/** A run is at least so many times what is in flight: shorter ones measure one burst of answers. */
const runsInFlightMin = 12

/** Closed loop, for throughput at capacity: a run of `seconds` with everything made ahead. */
export async function closedLoop(target: Target, options: ClosedLoopOptions): Promise<LoadResult> {
  const expected = options.expectPerSecond ?? (await runClosed(target, options, lookS * lookPerSecond)).perSecond
  return runClosed(target, options, expected * options.seconds * 1.1)
}

async function runClosed(target: Target, options: ClosedLoopOptions, wanted: number): Promise<LoadResult> {
  const { lanes } = target
  const least = runsInFlightMin * options.inFlightPerLane * lanes.length
  const batch = await prepare(target, Math.max(Math.ceil(wanted), least))
  const inFlight = Math.min(options.inFlightPerLane, batch.perLane)
  const total = batch.perLane * lanes.length
  const sentAt = new Float64Array(total)
  const next = lanes.map(() => 0)
  const tally = new Tally()
  const answer: Answer = { id: 0, outcome: 0 }
  // The ends of a run are not the run: a tenth to warm up, and no fewer in flight than were asked for.
  const warm = Math.floor(total / 10)
  const last = total - inFlight * lanes.length
  let beganMs = 0
  let endedMs = 0
  const { serverCpuMs = () => 0 } = options
  let cpu = process.cpuUsage()
  let cpuShare = 0
  let serverMs = 0
  const send = (lane: number, count: number): void => {
    const frames = batch.lanes[lane]
    const from = next[lane] ?? 0
    const to = Math.min(from + count, batch.perLane)
    if (frames === undefined || to === from) return
    const nowMs = performance.now()
    for (let j = from; j < to; j++) sentAt[j * lanes.length + lane] = nowMs
    next[lane] = to
    lanes[lane]?.socket.write(frames.frames.subarray(from === 0 ? 0 : frames.ends[from - 1], frames.ends[to - 1]))
  }
  await untilAnswered(target, total, tally, () => {
    for (const [number, { socket }] of lanes.entries()) {
      let due = 0
      let nowMs = 0
      socket.onMessage = (bytes, from, to) => {
        if (!target.wire.read(bytes, from, to, answer)) return
        if (due === 0) nowMs = performance.now()
        due += 1
        tally.take(answer, nowMs - (sentAt[answer.id] ?? 0))
        if (tally.answered === warm) {
          tally.begin()
          beganMs = nowMs
          cpu = process.cpuUsage()
          serverMs = serverCpuMs()
        }
        if (tally.answered === last) {
          endedMs = nowMs
          cpuShare = shareOf(cpu, endedMs - beganMs)
          serverMs = serverCpuMs() - serverMs
        }
      }
      socket.onTurn = () => {
        if (due > 0) send(number, due)
        due = 0
      }
    }
    for (const number of lanes.keys()) send(number, inFlight)
  })
  if (endedMs === 0) {
    endedMs = performance.now()
    cpuShare = shareOf(cpu, endedMs - beganMs)
    serverMs = serverCpuMs() - serverMs
  }
  const measured = Math.min(tally.measured, last - warm)
  return resultOf(tally, {
    perSecond: (1_000 * measured) / (endedMs - beganMs),
    lost: total - tally.answered,
    cpuShare,
    serverCpuUs: (1_000 * serverMs) / measured,
  })
}

/** One stretch of an open loop: arrivals at one rate. */
export type Phase = { readonly perSecond: number; readonly seconds: number }

/** Time bucket: one tenth of a second of a run; what became of the requests that were due in it, and what was approved in it. */
export type Window = {
  readonly fromMs: number
  readonly due: number
  /** Of those that were due, whenever it came. */
  readonly approved: number
  /** The longest that one of them waited for its answer. */
  readonly worstMs: number
  /** Approvals that came in this tenth, whenever they were due. */
  readonly came: number
}

/** Open loop, for latency at a rate. The first half second warms up. */
export async function openLoop(target: Target, options: Phase): Promise<LoadResult> {
  const { perSecond } = options
  const phases = [{ perSecond, seconds: warmUpS }, options]
  return (await openLoopPhases(target, phases, Math.floor(perSecond * warmUpS))).result
}

/** Several rates one after the other, and what happened in each tenth of a second. `warm` requests are not counted. */
export async function openLoopPhases(
  target: Target,
  phases: readonly Phase[],
  warm = 0,
): Promise<{ readonly result: LoadResult; readonly windows: readonly Window[] }> {
  const { lanes } = target
  const dueMs = arrivals(phases, lanes.length)
  const total = dueMs.length
  const batch = await prepare(target, total)
  const windows = Array.from({ length: Math.floor((dueMs[total - 1] ?? 0) / windowMs) + 1 }, (_, index) => ({
    fromMs: index * windowMs,
    due: 0,
    approved: 0,
    worstMs: 0,
    came: 0,
  }))
  const windowOf = (id: number) => windows[Math.floor((dueMs[id] ?? 0) / windowMs)]
  for (let id = 0; id < total; id++) {
    const window = windowOf(id)
    if (window !== undefined) window.due += 1
  }
  const tally = new Tally()
  const answer: Answer = { id: 0, outcome: 0 }
  const startMs = performance.now() + 20
  let isWarm = warm === 0
  let cpu = process.cpuUsage()
  await untilAnswered(target, total, tally, () => {
    for (const { socket } of lanes) {
      socket.onTurn = () => {}
      socket.onMessage = (bytes, from, to) => {
        if (!target.wire.read(bytes, from, to, answer)) return
        const tookMs = performance.now() - (startMs + (dueMs[answer.id] ?? 0))
        // Answers to the warm-up may come after it.
        if (answer.id < warm) tally.skip()
        else tally.take(answer, tookMs)
        const window = windowOf(answer.id)
        if (window === undefined) return
        window.worstMs = Math.max(window.worstMs, tookMs)
        if (answer.outcome !== 0) return
        window.approved += 1
        const now = windows[Math.floor(((dueMs[answer.id] ?? 0) + tookMs) / windowMs)]
        if (now !== undefined) now.came += 1
      }
    }
    let sent = 0
    const sendTo = (due: number): void => {
      for (let lane = 0; lane < lanes.length; lane++) {
        // Request i is the (i ÷ lanes)th of lane i mod lanes.
        const from = Math.ceil((sent - lane) / lanes.length)
        const to = Math.ceil((due - lane) / lanes.length)
        const frames = batch.lanes[lane]
        if (to <= from || frames === undefined) continue
        lanes[lane]?.socket.write(frames.frames.subarray(from === 0 ? 0 : frames.ends[from - 1], frames.ends[to - 1]))
      }
      sent = due
    }
    const turn = (): void => {
      const nowMs = performance.now() - startMs
      let due = sent
      while (due < total && (dueMs[due] ?? 0) <= nowMs) due += 1
      if (due > sent) sendTo(due)
      if (!isWarm && sent >= warm) {
        isWarm = true
        cpu = process.cpuUsage()
      }
      if (sent >= total) return
      sleep(Math.min(sleepMaxMs, (dueMs[sent] ?? 0) - (performance.now() - startMs)))
      setImmediate(turn)
    }
    turn()
  })
  const measuredMs = performance.now() - startMs - (dueMs[warm] ?? 0)
  const result = resultOf(tally, {
    perSecond: (1_000 * tally.measured) / measuredMs,
    lost: total - tally.answered,
    cpuShare: shareOf(cpu, measuredMs),
    serverCpuUs: 0,
  })
  return { result, windows }
}

/** The arrival schedule: when each request is due, ms from the start; as many as fill every lane alike. */
export function arrivals(phases: readonly Phase[], lanesCount: number): Float64Array {
  const wanted = phases.reduce((sum, { perSecond, seconds }) => sum + Math.ceil(perSecond * seconds), 0)
  const due = new Float64Array(Math.floor(wanted / lanesCount) * lanesCount)
  let at = 0
  let startMs = 0
  for (const { perSecond, seconds } of phases) {
    const count = Math.ceil(perSecond * seconds)
    for (let i = 0; i < count && at < due.length; i++) due[at++] = startMs + (i * 1_000) / perSecond
    startMs += seconds * 1_000
  }
  return due
}

const windowMs = 100
const warmUpS = 0.5
/**
 * Between arrivals this process sleeps instead of spinning, since the server under test needs the core. Answers are
 * looked at this often, so a latency may be shown this much too long, to every target alike.
 */
const sleepMaxMs = 0.1
const sleeper = new Int32Array(new SharedArrayBuffer(4))

function sleep(ms: number): void {
  if (ms > 0) Atomics.wait(sleeper, 0, 0, ms)
}

/** Starts the load and waits for all answers, or gives up when none comes any more. */
async function untilAnswered(target: Target, total: number, tally: Tally, start: () => void): Promise<void> {
  const ended = target.lanes.find(({ socket }) => socket.ended !== undefined)?.socket.ended
  if (ended !== undefined) throw new Error(`${target.name}: a socket is gone before the run: ${ended}`)
  start()
  let seen = -1
  let seenMs = performance.now()
  while (tally.answered < total) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    const nowMs = performance.now()
    if (tally.answered !== seen) {
      seen = tally.answered
      seenMs = nowMs
    } else if (nowMs - seenMs > stallMs) return
  }
}

function resultOf(
  tally: Tally,
  measured: {
    readonly perSecond: number
    readonly lost: number
    readonly cpuShare: number
    readonly serverCpuUs: number
  },
): LoadResult {
  return {
    perSecond: measured.perSecond,
    latency: tally.latencies.summary(),
    approved: tally.approved,
    others: tally.others,
    lost: measured.lost,
    driverCpu: measured.cpuShare,
    serverCpuUs: measured.serverCpuUs,
  }
}

function shareOf(since: NodeJS.CpuUsage, ms: number): number {
  const used = process.cpuUsage(since)
  return (used.user + used.system) / 1_000 / ms
}
