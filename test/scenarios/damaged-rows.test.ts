// Rows that cannot be read while the engine runs: what depends on one waits for it, everything else goes on.

import { expect, it } from 'vitest'
import { World, armedBand } from '../support/world.ts'

const dayMs = 24 * 3_600_000

/** Makes what the view says of these keys unreadable; returns how to mend it. */
function damage(world: World, isDamaged: (table: string, key: string) => boolean): () => void {
  const kept = [...world.disk.rows].filter(([, { table, key }]) => isDamaged(table, key))
  expect(kept.length).toBeGreaterThan(0)
  for (const [name, row] of kept) world.disk.rows.set(name, { ...row, bytes: Uint8Array.of(0xc1) })
  return () => {
    for (const [name, row] of kept) world.disk.rows.set(name, row)
  }
}

it.each<[string, (table: string, key: string, bandId: string) => boolean]>([
  [
    'An alarm whose band cannot be read is told once, keeps no other from firing, and fires when it can be read',
    (table, key, bandId) => table === 'band' && key === bandId,
  ],
  [
    'An alarm that itself cannot be read keeps neither the engine from starting nor the others from firing',
    (table, key, bandId) => table === 'alarm' && key.includes(bandId),
  ],
])('%s', async (_, isDamaged) => {
  const world = new World()
  await world.start()
  const alice = await armedBand(world, 'alice')
  const bob = await armedBand(world, 'bob')
  await world.time.advance(1_000)
  // Only alarms are at work afterwards.
  for (const { phone } of [alice, bob]) phone.client.close()
  const aliceBand = alice.wearer.band.device.bandId
  await world.stop()
  const mend = damage(world, (table, key) => isDamaged(table, key, aliceBand))
  await world.start()
  await world.time.advance(dayMs + 60_000)
  expect(world.engine.status().bands).toMatchObject({ armed: 1 })
  expect(world.failures).toHaveLength(1)
  mend()
  await world.time.advance(120_000)
  expect(world.engine.status().bands).toMatchObject({ armed: 0 })
})
