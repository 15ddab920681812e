// Open-loop load driver of one thread: asks when a request is due, beats every band's heart, measures from the intended start,
// counts. Never waits for an answer before it asks the next, and never spins: between two turns it gives its core to the engine.

import { offerBytes } from '../../protocol/offer.ts'
import { Adversary } from './adversary.ts'
import { Arrivals } from './arrivals.ts'
import { Carriers } from '../wire/carriers.ts'
import { Fleet, bandFlags } from '../fleet/fleet.ts'
import { isWrong } from '../figures/fairness.ts'
import { OfferWriter } from '../wire/offer-writer.ts'
import type { RequestMix } from '../profile/profile.ts'
import { after, nap, nowMs, soon, wallMs } from '../machine/real-time.ts'
import { type RequestKind, Requests } from '../wire/requests.ts'
import type { DriverParts, Stretch, StretchEnd } from './stretch.ts'

const offerLifeMs = 10 * 60_000
const napMs = 0.1
/** Gaps longer than this are slept on a timer, which hears the answers meanwhile. */
const timerGapMs = 2
const heartbeatsPerTurnMax = 64
/** How long answers may still come after a stretch that was ended early, ms. */
const earlyGraceMs = 5_000
/** Adversaries take the last of the bands: one in this many, at most so many. */
const hostileShare = 10
const hostileMax = 64

type Running = {
  readonly stretch: Stretch
  readonly arrivals: Arrivals
  readonly startMs: number
  readonly honestCount: number
  readonly adversary: Adversary | undefined
  readonly weightSum: number
  readonly labels: readonly Uint8Array[]
  readonly ended: (end: StretchEnd) => void
  /** When nothing more is due: the stretch's duration after its start, or earlier. */
  endsAtMs: number
  graceMs: number
  nextDueMs: number
  stormAtMs: number
  stormBeganMs: number
  relinkMs: number | null
  lastAnswerMs: number
}

export class LoadDriver {
  readonly carriers: Carriers
  readonly fleet: Fleet
  readonly requests = new Requests()
  readonly #parts: DriverParts
  readonly #offers: OfferWriter
  readonly #waiting = new Map<number, number[]>()
  #running: Running | undefined
  #beatsSinceMs = 0
  #beats = 0
  #isFlushDue = false
  #isStopped = false

  constructor(parts: DriverParts) {
    this.#parts = parts
    const { seed, share, counters } = parts
    this.fleet = new Fleet(seed, share)
    this.#offers = new OfferWriter(parts.partner, parts.worker, parts.chance)
    this.carriers = new Carriers({
      plan: parts.carriers,
      fleet: this.fleet,
      seed,
      counters,
      nowMs,
      events: {
        decided: (id, decision) => this.#decided(id, decision),
        failed: (id, code) => this.#failed(id, code),
        linked: (band) => this.#sendWaiting(band),
        dropped: (from, to) => this.#dropped(from, to),
        dirty: () => this.#wake(),
        gaveUp: parts.gaveUp,
      },
    })
  }

  /** Connects and links every band; resolves when all are linked. */
  async link(): Promise<void> {
    this.carriers.openAll(nowMs(), 0)
    this.#beatsSinceMs = nowMs()
    this.#turn()
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.carriers.isAllLinked || this.#isStopped) resolve()
        else after(5, look)
      }
      look()
    })
  }

  /** Loads for a stretch, then waits for what is under way; resolves when all is answered or the grace is over. */
  run(stretch: Stretch): Promise<StretchEnd> {
    const { profile, perSecond, durationMs } = stretch
    const { count } = this.fleet
    const hostile = profile.attacks === null ? 0 : Math.max(1, Math.min(hostileMax, Math.floor(count / hostileShare)))
    const plan = { kind: profile.arrivals, perSecond, durationMs, curve: profile.rate, bursts: profile.bursts }
    const arrivals = new Arrivals(plan, this.#parts.chance)
    const startMs = nowMs() + 5
    return new Promise((resolve) => {
      const adversary =
        profile.attacks === null || hostile >= count
          ? undefined
          : new Adversary(this, {
              attacks: profile.attacks,
              perSecond,
              bands: { from: count - hostile, count: hostile },
              startMs,
              endMs: startMs + durationMs,
              chance: this.#parts.chance,
              counters: this.#parts.counters,
              plan: this.#parts.carriers,
              seed: this.#parts.seed,
              floodToken: this.#parts.floodToken,
              worker: this.#parts.worker,
            })
      this.#running = {
        stretch,
        arrivals,
        startMs,
        honestCount: adversary === undefined ? count : count - hostile,
        adversary,
        weightSum: profile.requests.reduce((sum, mix) => sum + mix.weight, 0),
        labels: profile.requests.map((mix) => new Uint8Array(Buffer.from(mix.label, 'latin1'))),
        ended: resolve,
        endsAtMs: startMs + durationMs,
        graceMs: stretch.graceMs,
        nextDueMs: arrivals.next(),
        stormAtMs: profile.storm === null ? Infinity : profile.storm.at * durationMs,
        stormBeganMs: 0,
        relinkMs: null,
        lastAnswerMs: startMs,
      }
    })
  }

  /** Asks nothing more in the stretch that runs; it ends as at its own end, without the long wait of a storm. */
  endEarly(): void {
    const running = this.#running
    if (running === undefined) return
    running.endsAtMs = Math.min(running.endsAtMs, Math.max(running.startMs, nowMs()))
    running.graceMs = Math.min(running.graceMs, earlyGraceMs)
    running.nextDueMs = Infinity
    running.stormAtMs = running.stormBeganMs === 0 ? Infinity : running.stormAtMs
    running.adversary?.stop()
  }

  stop(): void {
    this.#isStopped = true
    this.carriers.closeAll()
  }

  /** Begins a request of a band and sends it, or lets it wait for the band's link. */
  begin(kind: RequestKind, band: number, dueMs: number, mix: RequestMix, label: Uint8Array): number | undefined {
    const place = this.requests.take(dueMs, band, kind, mix.verdict)
    if (place === undefined) return undefined
    const { chance, counters } = this.#parts
    const [least, most] = mix.amountMinor
    counters.add('requests')
    this.#offers.write(this.requests.offers, place * offerBytes, {
      action: mix.action,
      amountMinor: least + chance.integer(most - least + 1),
      currency: mix.currency,
      label,
      expiresAtMs: wallMs() + offerLifeMs,
    })
    return place
  }

  /** Seals the proof of a request and sends it. */
  send(place: number, isForged = false): void {
    const { requests, fleet } = this
    const band = requests.band(place)
    const outbox = this.carriers.outboxOf(band)
    if (outbox === undefined) return
    const offerAt = place * offerBytes
    fleet.prove(band, requests.offers, offerAt, { verdict: requests.verdict(place), isForged }, nowMs())
    const slot = this.carriers.slotOf(band)
    outbox.authorize(requests.idOf(place), slot, requests.offers, offerAt, fleet.out, fleet.outBytes)
  }

  /** Weighted random choice of one of the profile's requests. */
  pick(): { readonly mix: RequestMix; readonly label: Uint8Array } | undefined {
    const running = this.#running
    if (running === undefined) return undefined
    const { requests } = running.stretch.profile
    let left = this.#parts.chance.fraction() * running.weightSum
    let at = 0
    while (at < requests.length - 1 && left >= (requests[at]?.weight ?? 0)) left -= requests[at++]?.weight ?? 0
    const mix = requests[at]
    const label = running.labels[at]
    return mix === undefined || label === undefined ? undefined : { mix, label }
  }

  #turn(): void {
    if (this.#isStopped) return
    const now = nowMs()
    const running = this.#running
    if (running !== undefined) {
      while (running.startMs + running.nextDueMs <= now) {
        this.#issue(running, running.startMs + running.nextDueMs)
        running.nextDueMs = running.arrivals.next()
      }
      this.#storm(running, now)
      if (now < running.endsAtMs) running.adversary?.turn(now)
    }
    this.#beat(now)
    this.carriers.pump(now)
    this.carriers.flush()
    this.#parts.counters.set('underWay', this.requests.count)
    if (running !== undefined && this.#isOver(running, now)) this.#end(running)
    this.#sleep()
  }

  #sleep(): void {
    const running = this.#running
    const gapMs = running === undefined ? 1 : running.startMs + running.nextDueMs - nowMs()
    if (gapMs > timerGapMs || running === undefined) {
      after(Math.max(1, Math.min(5, gapMs - 1)), () => this.#turn())
      return
    }
    if (gapMs > 0) nap(Math.min(gapMs, napMs))
    soon(() => this.#turn())
  }

  /** Something was received that wants an answer before the next turn. */
  #wake(): void {
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    soon(() => {
      this.#isFlushDue = false
      this.carriers.pump(nowMs())
      this.carriers.flush()
    })
  }

  #issue(running: Running, dueMs: number): void {
    const { counters, chance } = this.#parts
    const picked = this.pick()
    if (picked === undefined) return
    const band = chance.integer(running.honestCount)
    counters.add('offered')
    const place = this.begin('honest', band, dueMs, picked.mix, picked.label)
    if (place === undefined) {
      counters.add('requests')
      counters.add('lost')
    } else if (this.fleet.isLinked(band)) this.send(place)
    else {
      counters.add('waited')
      this.#wait(band, place)
    }
  }

  #wait(band: number, place: number): void {
    this.requests.waits(place)
    const places = this.#waiting.get(band)
    if (places === undefined) this.#waiting.set(band, [place])
    else if (!places.includes(place)) places.push(place)
    this.fleet.mark(band, bandFlags.awaited, true)
  }

  #sendWaiting(band: number): void {
    if (((this.fleet.flags[band] ?? 0) & bandFlags.awaited) === 0) return
    this.fleet.mark(band, bandFlags.awaited, false)
    const places = this.#waiting.get(band) ?? []
    this.#waiting.delete(band)
    for (const place of places) this.send(place)
  }

  // A phone that lost its connection asks again with the same reference: at worst it hears the same answer.
  #dropped(from: number, to: number): void {
    const { counters } = this.#parts
    for (const place of this.requests.ofBands(from, to)) {
      if (this.requests.kind(place) === 'honest') {
        if (this.#waiting.get(this.requests.band(place))?.includes(place) !== true) counters.add('retried')
        this.#wait(this.requests.band(place), place)
        continue
      }
      counters.add('errors')
      counters.failed(0)
      this.requests.give(place)
    }
  }

  #decided(id: number, decision: { readonly approved: boolean; readonly reason: number; readonly lsn: number }): void {
    const { counters } = this.#parts
    const place = this.requests.placeOf(id)
    if (place === undefined) {
      // Answered on a socket that is gone, too: what is left is a decision without a question.
      counters.add('wrong')
      return
    }
    counters.add('answered')
    counters.decided(decision.reason)
    const kind = this.requests.kind(place)
    if (kind === 'honest') this.#honestDecided(place, decision)
    else this.#running?.adversary?.decided(place, decision)
    this.requests.give(place)
  }

  #honestDecided(place: number, decision: { readonly approved: boolean; readonly reason: number }): void {
    const { counters, latencies } = this.#parts
    const now = nowMs()
    const dueMs = this.requests.dueMs(place)
    const ns = Math.max(1, Math.round((now - dueMs) * 1e6))
    latencies.all.record(ns)
    latencies.interval.record(ns)
    const running = this.#running
    if (running !== undefined) {
      running.lastAnswerMs = now
      if (!this.requests.hasWaited(place)) latencies.live.record(ns)
    }
    counters.add(decision.approved ? 'approved' : 'denied')
    if (isWrong(decision, this.requests.verdict(place))) counters.add('wrong')
  }

  #failed(id: number, code: number): void {
    const { counters } = this.#parts
    const place = this.requests.placeOf(id)
    if (place === undefined) return
    counters.add('errors')
    counters.failed(code)
    if (this.#running !== undefined) this.#running.lastAnswerMs = nowMs()
    this.requests.give(place)
  }

  // Each band once a heartbeat, one after the other, so that the fleet's beats are spread evenly.
  #beat(now: number): void {
    const { fleet, carriers } = this
    if (this.#running?.stretch.profile.heartbeats === false) return
    const due = ((now - this.#beatsSinceMs) * fleet.count) / (carriers.heartbeatS * 1_000)
    for (let i = 0; i < heartbeatsPerTurnMax && this.#beats < due; i++, this.#beats++) {
      const band = this.#beats % fleet.count
      if (!fleet.isLinked(band)) continue
      fleet.status(band, now)
      carriers.sendRecord(band)
      this.#parts.counters.add('heartbeats')
    }
  }

  #storm(running: Running, now: number): void {
    const { storm } = running.stretch.profile
    if (storm === null) return
    if (running.stormBeganMs === 0 && now - running.startMs >= running.stormAtMs) {
      running.stormBeganMs = now
      this.carriers.cutAll(now, storm.reconnectWithinMs)
    } else if (running.stormBeganMs > 0 && running.relinkMs === null && this.carriers.isAllLinked) {
      running.relinkMs = now - running.stormBeganMs
    }
  }

  #isOver(running: Running, now: number): boolean {
    const { graceMs, endsAtMs: endMs } = running
    if (now < endMs || running.nextDueMs !== Infinity) return false
    const isStormOver = running.stormBeganMs === 0 || running.relinkMs !== null
    return (isStormOver && this.requests.count === 0) || now >= endMs + graceMs
  }

  #end(running: Running): void {
    const { counters } = this.#parts
    running.adversary?.stop()
    counters.add('lost', this.requests.count)
    for (const place of this.requests.ofBands(0, this.fleet.count)) this.requests.give(place)
    this.#waiting.clear()
    counters.set('underWay', 0)
    this.#running = undefined
    const { relinkMs, lastAnswerMs, startMs, endsAtMs } = running
    running.ended({ relinkMs, tookMs: lastAnswerMs - startMs, ranMs: endsAtMs - startMs })
  }
}
