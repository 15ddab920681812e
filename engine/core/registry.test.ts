import { expect, it } from 'vitest'
import { type BandId, parseBandId } from '../../protocol/ids.ts'
import { Actors } from './actors.ts'
import { Registry, rowOf } from './registry.ts'

const bandAt = (number: number): BandId => parseBandId(number.toString(16).padStart(32, '0'))

/** A registry of bands that nobody paired, and its clock. */
function registryOf(awakeBandsMax: number) {
  const clock = { ms: 0 }
  const registry = new Registry({
    actors: new Actors(),
    ledger: { get: () => undefined },
    awakeBandsMax,
    awakeIdleMs: 100,
    monotonicMs: () => clock.ms,
    actorFailed: (_id, error) => {
      throw error
    },
  })
  const awake = (count: number) =>
    Array.from({ length: count }, (_, at) => at).filter((at) => registry.isAwake(bandAt(at)))
  return { registry, clock, awake }
}

it('No more bands are awake than may be, and those that are used again and again stay', () => {
  const { registry, clock, awake } = registryOf(100)
  const used = [3, 40, 77]
  for (let at = 0; at < 5_000; at++) {
    clock.ms++
    registry.wake(bandAt(at))
    for (const one of used) if (at > one) registry.wake(bandAt(one))
    expect(registry.awakeCount).toBeLessThanOrEqual(100)
  }
  expect(registry.awakeCount).toBe(100)
  expect(awake(5_000).slice(0, 3)).toEqual(used)
  // Nobody was looked over: what is awake besides was woken not long ago.
  expect(awake(5_000)[3]).toBeGreaterThan(4_000)
})

it('Bands that were not used for long go to sleep, a few at a time, and no others', () => {
  const { registry, clock, awake } = registryOf(100)
  for (let at = 0; at < 50; at++) registry.wake(bandAt(at))
  clock.ms = 60
  for (let at = 0; at < 50; at += 2) registry.wake(bandAt(at))
  clock.ms = 100
  registry.sleepIdle(10)
  expect(registry.awakeCount).toBe(45)
  for (let turn = 0; turn < 4; turn++) registry.sleepIdle(10)
  expect(awake(50)).toEqual(Array.from({ length: 25 }, (_, at) => 2 * at))
  clock.ms = 160
  // All of them in one go: none is looked at twice.
  registry.sleepIdle(1_000)
  expect(registry.awakeCount).toBe(0)
})

it('What an event asks for is given once, and the band stands as before', () => {
  const { registry } = registryOf(10)
  const band = registry.wake(bandAt(1))
  const held = { type: 'hold.set', hold: 'operator-freeze', by: 'operator:ann', atMs: 5 } as const
  expect(registry.tell(band, held)?.map(({ type }) => type)).toContain('persist')
  const row = rowOf(band)
  expect(band.actor.getSnapshot().context.effects).toEqual([])
  expect(registry.tell(band, { type: 'found.due', atMs: 6 })).toEqual([])
  expect(rowOf(band)).toBe(row)
  expect(row.holds).not.toBe(0)
})
