// Of a session that is over nothing is left: no timer, no place in a map, no bytes.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { createSoftwareKeys } from '../../sdk/phone/phone-keys.ts'
import { RawPhone } from '../support/raw-phone.ts'
import { World, armedBand } from '../support/world.ts'

setFlagsFromString('--expose-gc')
const collect: unknown = runInNewContext('gc')

function heapBytes(): number {
  if (typeof collect === 'function') for (let time = 0; time < 3; time++) collect()
  return process.memoryUsage().heapUsed
}

/** Sessions opened and closed by one phone, each with a token of thirty days. */
async function openAndClose(world: World, count: number, phone: Pick<RawPhone, 'keys' | 'phoneId'>): Promise<void> {
  for (let opened = 0; opened < count; opened++) {
    const { keys, phoneId } = phone
    const session = await RawPhone.connect(world, 'alice', { keys, phoneId })
    if (opened % 3 === 0) await session.ask({ type: 'freeze', bid: new Uint8Array(8) }, 1)
    if (opened % 3 === 1) await session.ask({ type: 'challenge' }, 1)
    session.socket.close()
    await world.time.advance(1)
  }
  await world.time.advance(world.config.resumeWindowMs + 10_000)
}

describe('A session that is over', () => {
  it('leaves no timer behind, whatever it was in the middle of', async () => {
    const world = new World()
    await world.start()
    await world.time.advance(1_000)
    const before = world.time.waitingCount
    const phone = await RawPhone.connect(world, 'alice')
    phone.socket.close()
    const { keys, phoneId } = phone
    await RawPhone.connect(world, 'alice', { keys, phoneId })
    // The next one fences it, and is cut itself; one never says hello, one is refused.
    const next = await RawPhone.connect(world, 'alice', { keys, phoneId })
    next.socket.close()
    new RawPhone(world).socket.close()
    await RawPhone.connect(world, 'bob', { boundToKey: false })
    await world.time.advance(100)
    expect(world.time.waitingCount).toBe(before)
    expect(world.engine.status().sessionsOpen).toBe(0)
  })

  it('keeps the slots of its bands for the resume window, and one timer, and nothing after', async () => {
    const world = new World()
    await world.start()
    const { phone } = await armedBand(world)
    const before = world.time.waitingCount
    phone.client.close()
    await world.time.advance(world.config.resumeWindowMs + 1_000)
    expect(world.engine.status().links).toBe(0)
    expect(world.time.waitingCount).toBeLessThan(before)
  })

  it('leaves no memory behind: two thousand of them, of one phone with a token of thirty days', async () => {
    const world = new World()
    await world.start()
    const phone = { keys: createSoftwareKeys(world.primitives), phoneId: 'ab'.repeat(16) }
    await openAndClose(world, 300, phone)
    const before = heapBytes()
    await openAndClose(world, 2_000, phone)
    const left = (heapBytes() - before) / 2_000
    // Some 200 bytes a session is what V8 compiles meanwhile; a session that is kept has thousands.
    expect(left).toBeLessThan(600)
  }, 120_000)
})
