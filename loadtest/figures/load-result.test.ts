import { createHistogram } from 'node:perf_hooks'
import { describe, expect, it } from 'vitest'
import type { ServerMeters } from '../../sdk/admin/admin-client.ts'
import { LoadCounters } from './counters.ts'
import { type Measured, type Sample, jsonOf, metricsOf, resultOf } from './load-result.ts'
import { loadProfile } from '../profiles.ts'
import { reportOf } from './report.ts'

const durations = { count: 0, p50Ms: 0.1, p99Ms: 0.9, p999Ms: 2, maxMs: 3 }

function meters(decisions: Readonly<Record<string, number>>): ServerMeters {
  return {
    sinceMs: 1_000,
    answered: durations,
    gate: durations,
    loopDelay: durations,
    gc: { count: 3, totalMs: 4, maxMs: 2.5 },
    memory: { rssMb: 300, anonRssMb: 200, mappedMb: 100, heapUsedMb: 50 },
    cpu: { userMs: 10, systemMs: 5 },
    status: { bands: {}, decisions, links: 0, bandsAwake: 0 },
  }
}

function measured(change: (counters: LoadCounters) => void, theirs: Readonly<Record<string, number>>): Measured {
  const counters = new LoadCounters()
  counters.add('requests', 100)
  counters.add('offered', 100)
  counters.add('answered', 100)
  counters.add('approved', 100)
  for (let i = 0; i < 100; i++) counters.decided(0)
  change(counters)
  const all = createHistogram()
  for (let i = 1; i <= 100; i++) all.record(i * 1_000_000)
  return {
    fleet: { url: 'ws://x', adminToken: '', bands: 10, seed: 's', sessions: 'hub', workers: 1 },
    measured: { profile: loadProfile('steady'), rate: 10, seconds: 10 },
    sessions: 'hub',
    sockets: 4,
    info: { version: '1', durability: 'disk', listener: 'ws', heartbeatS: 30, localTokens: true },
    counters,
    latencies: { all, live: createHistogram() },
    tookMs: 10_000,
    relinkMs: null,
    samples: [],
    server: { before: meters({ approved: 7 }), after: meters(theirs) },
    cpuMs: 5,
    provisionMs: 1,
    linkMs: 1,
  }
}

const problems = (change: (counters: LoadCounters) => void, theirs: Readonly<Record<string, number>>) =>
  resultOf(measured(change, theirs)).problems

const nothing = (): void => undefined

describe('a run', () => {
  it('is right when every request was answered and the engine counted what arrived', () => {
    expect(problems(nothing, { approved: 107 })).toEqual([])
  })

  it('is not right when the engine counted more or fewer than arrived', () => {
    expect(problems(nothing, { approved: 108 })).toEqual(['the engine counted 101 approved, here 100 arrived'])
    expect(problems(nothing, { approved: 106 })).toEqual(['the engine counted 99 approved, here 100 arrived'])
    expect(problems(nothing, { approved: 107, 'proof-invalid': 1 })).toHaveLength(1)
  })

  it('may find more at the engine only as far as answers went down with their sockets', () => {
    const retried = (counters: LoadCounters) => counters.add('retried', 3)
    expect(problems(retried, { approved: 110 })).toEqual([])
    expect(problems(retried, { approved: 111 })).toHaveLength(1)
    expect(problems(retried, { approved: 106 })).toHaveLength(1)
  })

  it('is not right with a lost answer, a decision that cannot be, an attack approved, or a sum that is off', () => {
    const lose = (counters: LoadCounters) => {
      counters.add('requests')
      counters.add('lost')
    }
    expect(problems(lose, { approved: 107 })).toEqual(['1 requests were never answered'])
    expect(problems((counters) => counters.add('wrong'), { approved: 107 })).toHaveLength(1)
    expect(problems((counters) => counters.add('attacksApproved'), { approved: 107 })).toHaveLength(1)
    expect(problems((counters) => counters.add('requests'), { approved: 107 })).toHaveLength(1)
  })

  it('tells its figures in ms, and what was not measured as nothing', () => {
    const result = resultOf(measured(nothing, { approved: 107 }))
    expect(result.latency.p50Ms).toBeCloseTo(50, 0)
    expect(result.liveLatency.p50Ms).toBeNull()
    expect(metricsOf(result).p99).toBeCloseTo(99, 0)
    expect(metricsOf(result).relink).toBeUndefined()
    expect(Object.keys(jsonOf(result))).toEqual([
      'offeredPerSecond',
      'achievedPerSecond',
      'bands',
      'sockets',
      'approved',
      'p50Ms',
      'p99Ms',
      'p999Ms',
      'maxMs',
      'deniedByReason',
      'errorsByCode',
      'serverP50Ms',
      'serverP99Ms',
      'serverP999Ms',
      'serverRssMb',
      'serverHeapMb',
      'serverGcMaxMs',
    ])
  })

  it('sees memory that keeps growing over the second half, whatever the first half was', () => {
    const sample = (index: number): Sample => ({
      atMs: index * 1_000,
      offeredPerSecond: 0,
      achievedPerSecond: 0,
      errorsPerSecond: 0,
      offered: 0,
      errors: 0,
      p50Ms: 1,
      p99Ms: 2,
      linked: 10,
      server: {
        rssMb: 0,
        anonRssMb: index < 30 ? 500 - index : 100 + index / 10,
        heapMb: 0,
        gcTotalMs: 0,
        gcMaxMs: 0,
        cpuMs: 0,
        p99Ms: 0,
      },
    })
    const samples = Array.from({ length: 60 }, (_, index) => sample(index))
    const result = resultOf({ ...measured(nothing, { approved: 107 }), samples })
    expect(result.server.growthMbPerMinute).toBeCloseTo(6, 6)
  })

  it('becomes a page that asks nothing of the network and shows what failed', () => {
    const result = resultOf({ ...measured((counters) => counters.add('lost'), { approved: 107 }), relinkMs: 1_234 })
    const page = reportOf(result, [{ text: 'p99>1ms', value: 99 }])
    expect(page).not.toMatch(/https?:|<script|<link|@import|url\(/)
    expect(page).toContain('<svg')
    expect(page).toContain('prefers-color-scheme')
    expect(page).toContain('threshold p99&gt;1ms')
    expect(page).toContain('never answered')
  })
})
