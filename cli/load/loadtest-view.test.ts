import { expect, it } from 'vitest'
import type { LoadResult } from '../../loadtest/figures/load-result.ts'
import { loadSummary } from './loadtest-view.ts'

const times = { count: 1, p50Ms: 0.2, p99Ms: 0.9, p999Ms: 2, maxMs: 3 }
const result = {
  profile: 'steady',
  offeredPerSecond: 100,
  achievedPerSecond: 99,
  provisionMs: 1,
  linkMs: 1,
  relinkMs: null,
  waited: 0,
  retried: 0,
  attacks: 0,
  clientCpuUsPerRequest: 20,
  latency: times,
  liveLatency: times,
  deniedByReason: { 'over-use-limit': 2 },
  errorsByCode: { busy: 1 },
  problems: ['1 requests were never answered'],
  server: {
    answered: times,
    gate: times,
    loopDelay: times,
    memory: { rssMb: 300, anonRssMb: 200, heapUsedMb: 90 },
    gc: { count: 3, totalMs: 4, maxMs: 2 },
  },
} as unknown as LoadResult

it('The end of a load names thresholds that were crossed, what is not right, and what to do about errors', () => {
  const told = loadSummary(result, [{ text: 'p99>1ms', value: 99 }]).join('\n')
  for (const part of [
    'FAILED: p99>1ms: it is 99',
    'NOT RIGHT: 1 requests were never',
    'gate.depthMax',
    'over-use-limit 2',
  ])
    expect(told).toContain(part)
})
