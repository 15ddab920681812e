// What a demo has seen so far: counts by step and reason, and how long decisions took.

import type { FleetEvent } from '../../band-sim/fleet.ts'
import { Histogram, percentilesOf } from '../../base/histogram.ts'

/** The one line of `bandpass demo --json`. Latencies are from the phone's asking to its knowing, ms. */
export type DemoResult = {
  readonly paired: number
  readonly approved: number
  readonly denied: number
  readonly deniedByReason: Readonly<Record<string, number>>
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  readonly p999Ms: number | null
  readonly durability: string
  readonly listener: string
}

export class DemoScore {
  readonly latency = new Histogram()
  connected = 0
  paired = 0
  armed = 0
  approved = 0
  /** Bands that will not get as far as being armed. */
  lost = 0
  readonly deniedByReason = new Map<string, number>()
  readonly failures = new Map<string, number>()

  get denied(): number {
    let denied = 0
    for (const count of this.deniedByReason.values()) denied += count
    return denied
  }

  get decided(): number {
    return this.approved + this.denied
  }

  see(event: FleetEvent): void {
    switch (event.type) {
      case 'done':
        if (event.step === 'connect') this.connected++
        if (event.step === 'pair') this.paired++
        if (event.step === 'arm') this.armed++
        return
      case 'failed':
        add(this.failures, `${event.step}: ${event.error.code}`)
        if (event.step !== 'pay') this.lost++
        return
      case 'decided':
        if (event.decision.approved) this.approved++
        else add(this.deniedByReason, event.decision.reason)
        this.latency.add(event.latencyMs)
    }
  }

  result(engine: { readonly durability: string; readonly listener: string }): DemoResult {
    return {
      paired: this.paired,
      approved: this.approved,
      denied: this.denied,
      deniedByReason: Object.fromEntries([...this.deniedByReason].sort(([, left], [, right]) => right - left)),
      ...percentilesOf(this.latency),
      durability: engine.durability,
      listener: engine.listener,
    }
  }
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}
