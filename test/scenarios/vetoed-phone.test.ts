// A phone that was vetoed is gone, whatever of it was on its way: what was read before a wait is read again after it.

import { describe, expect, it } from 'vitest'
import { errorCodes } from '../../protocol/errors.ts'
import { changes } from '../../protocol/messages/frames.ts'
import { idBytes, parsePhoneId } from '../../protocol/ids.ts'
import { RawPhone } from '../support/raw-phone.ts'
import { World, armedBand } from '../support/world.ts'

async function withNewPhone() {
  const world = new World()
  await world.start()
  const owned = await armedBand(world)
  const web = await RawPhone.connect(world, 'alice', { scopes: ['web'] })
  const intruder = await RawPhone.connect(world, 'alice')
  const target = idBytes(parsePhoneId(intruder.phoneId))
  return { world, web, intruder, target, ...owned }
}

/** Until it is let go, nothing reaches the disk. */
function heldDisk(world: World): () => void {
  const waiting: (() => void)[] = []
  world.disk.syncing = () => new Promise((resolve) => waiting.push(resolve))
  return () => {
    world.disk.syncing = () => Promise.resolve().then(() => undefined)
    for (const resolve of waiting.splice(0)) resolve()
  }
}

describe('A phone that is vetoed while its next hello waits for the disk', () => {
  it('is refused: it neither reads nor has rights when its delay is over', async () => {
    const { world, web, intruder, target, band, phone } = await withNewPhone()
    const letGo = heldDisk(world)
    // Something of somebody is on its way to the disk, and the hello waits for that.
    const freezing = phone.client.freeze(band.bid)
    await world.time.advance(50)
    const { keys, phoneId } = intruder
    const again = new RawPhone(world, { keys, phoneId })
    await world.time.advance(10)
    await again.hello(world.token({ account: 'alice', expiresAtMs: world.time.nowMs() + 30 * 86_400_000 }))
    await world.time.advance(50)
    const vetoing = web.ask({ type: 'veto', change: changes.phone, target }, 500)
    await world.time.advance(100)
    letGo()
    expect(await vetoing).toMatchObject({ type: 'vetoAnswer' })
    await world.run(freezing)
    expect(intruder.closeCode).toBe(4002)
    expect(again.last('helloAnswer')).toBeUndefined()
    expect(again.last('error')?.code).toBe(errorCodes['phone-unknown'])
    expect(again.closeCode).toBe(4002)
    expect(world.failures).toEqual([])
  })

  it('and enrols again in the same wait is a new phone, with a delay of its own', async () => {
    const { world, intruder, target } = await withNewPhone()
    await world.time.advance(1_800_000)
    const fresh = await RawPhone.connect(world, 'alice', { scopes: ['web'] })
    await fresh.ask({ type: 'veto', change: changes.phone, target })
    const { keys, phoneId } = intruder
    const again = await RawPhone.connect(world, 'alice', { keys, phoneId })
    expect(again.last('helloAnswer')?.pendingUntilMs).toBeGreaterThan(world.time.nowMs() + 3_500_000)
  })
})

describe('A phone that is vetoed while its session is live', () => {
  it('is served nothing from the veto on, before that is even on disk', async () => {
    const { world, web, intruder, target } = await withNewPhone()
    const letGo = heldDisk(world)
    const vetoing = web.ask({ type: 'veto', change: changes.phone, target }, 500)
    await world.time.advance(50)
    const read = await intruder.ask({ type: 'bands', cursor: 0, count: 10 })
    expect(RawPhone.errorOf(read)).toBe(errorCodes['phone-unknown'])
    letGo()
    expect(await vetoing).toMatchObject({ type: 'vetoAnswer' })
    expect(intruder.closeCode).toBe(4002)
  })
})
