import { describe, expect, it } from 'vitest'
import type { EngineInfo } from '../../sdk/admin/admin-client.ts'
import type { LastMinute, RecentSecond } from '../../sdk/admin/admin-reports.ts'
import { paint } from '../terminal/drawing.ts'
import { type TopPicture, drawTop, topJson } from './top-view.ts'

const quiet = { count: 0, p50Ms: null, p99Ms: null, p999Ms: null, maxMs: 0 }
const info: EngineInfo = {
  version: '1.2.3',
  durability: 'disk',
  listener: 'native',
  heartbeatS: 30,
  localTokens: true,
}

function second(atMs: number, change: Partial<RecentSecond> = {}): RecentSecond {
  return {
    atMs,
    forMs: 1_000,
    decisions: { approved: 5_012, 'band-off-wrist': 3, 'over-use-limit': 80 },
    reversals: 0,
    answered: { count: 5_095, p50Ms: 0.29, p99Ms: 0.81, p999Ms: 2.1, maxMs: 12.345 },
    gate: { count: 5_012, p50Ms: 0.11, p99Ms: 0.4, p999Ms: 0.9, maxMs: 1 },
    loopDelay: { p50Ms: 0.1, p99Ms: 0.6, maxMs: 1.5 },
    gc: { count: 3, totalMs: 2.25, maxMs: 1.1 },
    cpu: { userMs: 700, systemMs: 130 },
    ...change,
  }
}

const reading: LastMinute = {
  upMs: 8_040_000,
  seconds: [],
  minute: { answered: { count: 301_000, p50Ms: 0.3, p99Ms: 0.9, p999Ms: 3.5, maxMs: 20 }, gate: quiet },
  notReady: [],
  memory: { rssMb: 520, anonRssMb: 312.4, mappedMb: 200, heapUsedMb: 120, externalMb: 5, arrayBuffersMb: 4 },
  status: {
    bands: { unbound: 0, pairing: 0, offWrist: 680, disarmed: 1_200, armed: 998_120, deactivating: 0 },
    sessions: { connecting: 0, authenticating: 1, live: 20, draining: 0, closed: 0 },
    decisions: { approved: 1 },
    reversals: 2,
    unexpected: 0,
    actorErrors: 0,
    bandsAwake: 20_000,
    links: 1_000_000,
    pairingWindows: 2,
    gateDepth: 4,
    alarmsWaiting: 12,
    journal: 'open',
    appendedLsn: 123_456,
    durableLsn: 123_450,
    appliedLsn: 120_000,
    clockCertain: true,
    view: 'proven',
  },
}

const picture: TopPicture = {
  url: 'ws://localhost:8484',
  info,
  reading,
  seconds: [second(1_000_000), second(1_001_000)],
  trouble: undefined,
  isRestarted: false,
  isLive: true,
  marks: 'ascii',
}

function textOf(change: Partial<TopPicture> = {}, columns = 120): readonly string[] {
  return drawTop({ ...picture, ...change }, columns).map((line) => paint(line, Infinity, false).trimEnd())
}

function lineOf(lines: readonly string[], name: string): string {
  return lines.find((line) => line.startsWith(name)) ?? ''
}

describe('the picture of an engine', () => {
  it('says which engine it is, since when it runs, and whether it serves', () => {
    expect(textOf().slice(0, 3)).toEqual([
      'Bandpass 1.2.3 at ws://localhost:8484, up 2 h 14 min   q ends',
      'listener native, durability disk, ready',
      '',
    ])
    const notReady = textOf({ reading: { ...reading, notReady: ['the disk is full', 'draining'] } })
    expect(notReady[1]).toContain('not ready: the disk is full; draining')
  })

  it('tells decisions a second with reasons, the most frequent first, and their course', () => {
    const lines = textOf()
    expect(lineOf(lines, 'approved')).toMatch(/^approved {4}5,012\/s {5}\s+##$/)
    expect(lineOf(lines, 'denied')).toMatch(/^denied {6}83\/s/)
    expect(lines).toContain('            over-use-limit 80/s, band-off-wrist 3.0/s')
  })

  it('counts a second that was longer as what it was', () => {
    const lines = textOf({ seconds: [second(1_000_000, { forMs: 2_000 })] })
    expect(lineOf(lines, 'approved')).toContain('2,506/s')
  })

  it('tells how long answers took lately, of how many, with the budget beside it', () => {
    const lines = textOf()
    expect(lineOf(lines, 'answers')).toMatch(
      /p50 0\.29 ms +p99 0\.81 ms +p99\.9 2\.10 ms +most 12\.3 ms +of 5,095 in the last second/,
    )
    expect(lineOf(lines, 'budget')).toMatch(/p99 1 ms +p99\.9 3 ms/)
    expect(lineOf(lines, 'budget').indexOf('p99 1')).toBe(lineOf(lines, 'answers').indexOf('p99 0'))
    expect(lines.join('\n')).toContain('of 301,000 in the last minute')
    expect(lineOf(lines, 'to the disk')).toContain('p99 0.40 ms')
  })

  it('marks what is over the budget, and only that', () => {
    const drawn = drawTop(picture, 120).map((line) => paint(line, Infinity, true))
    const bad = drawn
      .flatMap((line) => line.split('\u001b[1;31m').slice(1))
      .map((rest) => rest.split('\u001b')[0]?.trim())
    expect(bad).toEqual(['p99.9 3.50 ms'])
  })

  it('marks nothing as over the budget that is a percentile of a few', () => {
    const few = { ...second(1_001_000).answered, count: 5, p99Ms: 40, p999Ms: 40 }
    const quiet = {
      seconds: [second(1_001_000, { answered: few })],
      reading: { ...reading, minute: { ...reading.minute, answered: { ...few, count: 300 } } },
    }
    const painted = drawTop({ ...picture, ...quiet }, 120).map((line) => paint(line, Infinity, true))
    expect(painted.join('\n')).toContain('p99 40.0 ms')
    expect(painted.join('\n')).not.toContain('\u001b[1;31m')
  })

  it('shows nothing as good or bad that is older than the last answer', () => {
    const old = { trouble: { text: 'it cannot be reached', forMs: 12_400 } }
    const painted = drawTop({ ...picture, ...old }, 120)
      .slice(3)
      .map((line) => paint(line, Infinity, true))
    for (const line of painted) for (const code of ['32', '1;31']) expect(line).not.toContain(`\u001b[${code}m`)
  })

  it('tells states, queues, journal, memory, processor, event loop and collector', () => {
    const text = textOf().join('\n')
    for (const part of [
      '1,000,000: 680 offWrist, 1,200 disarmed, 998,120 armed; 20,000 awake, 1,000,000 links',
      '1 authenticating, 20 live; 2 pairing',
      'open: appended 123,456, durable 123,450, view at 120,000 (3,456 behind)',
      '4 at the gate for the disk, 12 alarms within the hour',
      '0 actor errors, 0 unexpected events, 2 reversals, clock certain',
      '312 MB its own, 200 MB of files mapped, heap 120 MB',
      '83 %',
      '1.50 ms',
      'p99 0.60 ms',
      '3 pauses in the last second, the longest 1.10 ms',
    ])
      expect(text).toContain(part)
  })

  it('leaves a gap in a course where nothing was heard, and forgets what is older than a minute', () => {
    const seconds = [second(1_000_000), second(1_100_000), second(1_101_000), second(1_104_000)]
    expect(lineOf(textOf({ seconds }), 'approved').slice(24)).toBe(`${' '.repeat(55)}##  #`)
  })

  it('says when there is no answer, and when the engine was started again', () => {
    const lost = textOf({ trouble: { text: 'it cannot be reached', forMs: 12_400 } })
    expect(lost[2]).toBe('no answer for 12 s: it cannot be reached; what is below is older')
    expect(lost[1]).toBe('listener native, durability disk, not heard of since')
    expect(lost.length).toBe(textOf().length)
    for (const line of lost.slice(3)) expect(line === '~' || line.startsWith('~ ')).toBe(true)
    const unknown = textOf({
      trouble: { text: 'no route', forMs: 900 },
      reading: undefined,
      info: undefined,
      seconds: [],
    })
    expect(unknown).toEqual([
      'Bandpass at ws://localhost:8484   q ends',
      'nothing is known of the engine yet',
      'no answer for 0 s: no route',
    ])
    expect(textOf({ isRestarted: true, reading: { ...reading, upMs: 4_500 } })[2]).toBe(
      'the engine was started again 4 s ago',
    )
    expect(textOf({ isRestarted: true })[2]).toBe('')
  })

  it('has something to say of an engine that has just begun', () => {
    const lines = textOf({ seconds: [] })
    expect(lineOf(lines, 'approved')).toBe('approved    -')
    expect(lineOf(lines, 'answers')).toMatch(/p50 - +p99 - +p99\.9 - +most - +of - in the last second/)
    expect(lines.join('\n')).not.toContain('no denials')
  })

  it('fits its courses to the terminal', () => {
    const seconds = Array.from({ length: 60 }, (_, at) => second(1_000_000 + at * 1_000))
    for (const columns of [120, 85, 80, 40, 20, 1]) {
      const course = lineOf(textOf({ seconds }, columns), 'approved').slice(24)
      expect(course).toBe('#'.repeat(Math.max(0, Math.min(60, columns - 25))))
    }
  })
})

describe('the figures for a script', () => {
  it('are one object with the last second, the minute and how things stand', () => {
    expect(JSON.parse(JSON.stringify(topJson(picture, 7)))).toMatchObject({
      atMs: 7,
      url: 'ws://localhost:8484',
      version: '1.2.3',
      durability: 'disk',
      listener: 'native',
      upMs: 8_040_000,
      notReady: [],
      second: { atMs: 1_001_000 },
      minute: { answered: { p999Ms: 3.5 } },
      status: { bands: { armed: 998_120 } },
      memory: { heapUsedMb: 120 },
    })
  })
})
