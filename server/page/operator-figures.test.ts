import { describe, expect, it } from 'vitest'
import type { EngineStatus } from '../../engine/engine.ts'
import { feedFields } from '../../protocol/messages/operator-feed.ts'
import type { Second } from '../figures/last-minute.ts'
import { feedHistory, feedValuesOf } from './operator-figures.ts'
import { memoryBytes } from '../figures/process-memory.ts'

const times = { count: 40, p50Ms: 0.4, p99Ms: 1.25, p999Ms: null, maxMs: 2 }
const second: Second = {
  atMs: 5_000,
  forMs: 1_000,
  decisions: { approved: 40 },
  reversals: 1,
  answered: times,
  gate: times,
  loopDelay: { p50Ms: 0.1, p99Ms: 3.5, maxMs: 9 },
  gc: { count: 2, totalMs: 1, maxMs: 0.75 },
  cpu: { userMs: 120.4, systemMs: 30.6 },
}
const counts: EngineStatus = {
  bands: { unbound: 1, pairing: 2, offWrist: 3, disarmed: 4, armed: 5, deactivating: 6 },
  bandsHeld: 7,
  accountHolds: { 'owner-freeze': 0, 'operator-freeze': 0 },
  holds: { 'owner-freeze': 8, 'operator-freeze': 9, 'risk-freeze': 10, lost: 11 },
  sessions: { connecting: 12, authenticating: 13, live: 14, draining: 15, closed: 16 },
  decisions: { approved: 17, 'band-lost': 18 },
  reversals: 19,
  bandsAhead: 0,
  bandsAheadRefused: 0,
  unexpected: 20,
  actorErrors: 21,
  bandsAwake: 22,
  links: 23,
  sessionsOpen: 24,
  pairingWindows: 25,
  gateDepth: 26,
  alarmsWaiting: 27,
  journal: 'full',
  appendedLsn: 28,
  durableLsn: 29,
  appliedLsn: 30,
  clockCertain: false,
  wallAheadMs: 0,
  journalAheadMs: 0,
  startedLsn: 1,
  view: 'proven',
}

describe('the figures of the feed', () => {
  const own = { viewers: 3, proposals: 1, changes: { proposals: 4, operators: 2 } }
  const listChanges = { partners: 5, vendors: 6 }
  const minuteAnswered = { ...times, count: 1_200, p999Ms: 2 }
  const measured = { ...second, answered: { ...times, p999Ms: 1.9 } }
  const seen = { counts, second: measured, minuteAnswered, memory: memoryBytes(), own, listChanges, isDraining: true }
  const values = feedValuesOf(seen)
  const at = (field: string) => values[feedFields.indexOf(field)]

  it('have a whole number for every field that the feed has', () => {
    expect(values.length).toBe(feedFields.length)
    for (const [index, value] of values.entries()) {
      expect(Number.isSafeInteger(value), `${feedFields[index]}: ${value}`).toBe(true)
    }
  })

  it('are what the engine counts, in the units that their names say', () => {
    expect([at('bands.armed'), at('bands.held'), at('holds.operator-freeze'), at('sessions.live')]).toEqual([
      5, 7, 9, 14,
    ])
    expect([at('decisions.approved'), at('decisions.band-lost'), at('decisions.over-use-limit')]).toEqual([17, 18, 0])
    expect([at('journalState'), at('clockCertain'), at('draining'), at('viewers')]).toEqual([1, 0, 1, 3])
    expect([at('answered'), at('answeredP99Us'), at('answeredP999Us'), at('gcMaxUs')]).toEqual([40, 1_250, 1_900, 750])
    expect([at('denied'), at('answeredMinute'), at('answeredMinuteP99Us')]).toEqual([18, 1_200, 1_250])
    expect([at('proposals'), at('changes.proposals'), at('changes.operators')]).toEqual([1, 4, 2])
    expect([at('changes.partners'), at('changes.vendors')]).toEqual([5, 6])
    expect([at('loopP99Us'), at('cpuUserMs'), at('cpuSystemMs')]).toEqual([3_500, 120, 31])
    expect(at('heapKb')).toBeGreaterThan(1_000)
  })

  it('are no number where nothing was measured, never a zero', () => {
    const nothing = { count: 0, p50Ms: null, p99Ms: null, p999Ms: null, maxMs: 0 }
    const gc = { count: 0, totalMs: 0, maxMs: 0 }
    const quiet = feedValuesOf({ ...seen, second: { ...second, answered: nothing, gate: nothing, gc } })
    const first = feedValuesOf({ counts, second: undefined })
    const of = (values: typeof quiet, field: string) => values[feedFields.indexOf(field)]
    expect([of(quiet, 'answered'), of(quiet, 'gcCount')]).toEqual([0, 0])
    for (const field of ['answeredP50Us', 'answeredP99Us', 'answeredMaxUs', 'gateP99Us', 'gcMaxUs'])
      expect([field, of(quiet, field)]).toEqual([field, null])
    for (const field of [
      'answered',
      'answeredP99Us',
      'loopP99Us',
      'gcCount',
      'cpuUserMs',
      'rssKb',
      'viewers',
      'draining',
    ])
      expect([field, of(first, field)]).toEqual([field, null])
  })

  it('say of the minutes before only what was kept, and only what pictures and alarms need', () => {
    const rule = { name: 'memory', field: 'ownRssKb', above: 1, forS: 1, says: 'Much.' }
    const counted = {
      name: 'answers',
      field: 'answeredP99Us',
      above: 1,
      forS: 1,
      of: 'answeredMinute',
      ofAtLeast: 9,
      says: 'Slow.',
    }
    const { fields, seconds } = feedHistory({ history: () => [{ second, counts, minuteAnswered }] }, [rule, counted])
    const of = (field: string) => seconds[0]?.values[fields.indexOf(field)]
    expect([seconds[0]?.atMs, of('decisions.approved'), of('denied'), of('answeredP99Us')]).toEqual([
      5_000, 17, 18, 1_250,
    ])
    expect([of('ownRssKb'), of('answeredMinute')]).toEqual([null, 1_200])
    expect(fields).not.toContain('bands.armed')
    expect(new Set(fields).size).toBe(fields.length)
  })
})
