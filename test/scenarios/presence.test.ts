// The wrist latch and presence: what a phone that lies, a relay or a thief can do with a band that left its wrist.

import { describe, expect, it } from 'vitest'
import { clearAir } from '../../band-sim/radio.ts'
import { decodeEngineFrame, decodePhoneFrame } from '../../protocol/messages/frame-codec.ts'
import { World, armedBand } from '../support/world.ts'

async function armedWorld() {
  const world = new World()
  await world.start()
  return { world, ...(await armedBand(world)) }
}

/** Is this message a DATA record from the band that is not a proof? */
function isStatus(bytes: Uint8Array): boolean {
  const frame = decodePhoneFrame(bytes, 4_096)
  return frame.type === 'record' && frame.bytes[0] === 0x13
}

describe('A band taken off', () => {
  it('is disarmed at both ends', async () => {
    const { world, wearer } = await armedWorld()
    wearer.takesOff()
    await world.time.advance(3_000)
    expect(wearer.band.isArmed).toBe(false)
    expect(world.engine.status().bands.offWrist).toBe(1)
  })

  it('proves nothing any more, even when the phone hides that it was taken off', async () => {
    const { world, wearer, band } = await armedWorld()
    world.intercept = (way, bytes) => (way === 'up' && isStatus(bytes) ? undefined : bytes)
    wearer.takesOff()
    await world.time.advance(3_000)
    wearer.putsOn()
    await world.time.advance(3_000)
    // The engine believes it is armed still; the band has nothing to prove with.
    expect(world.engine.status().bands.armed).toBe(1)
    const decision = await world.run(band.pay(world.offer().bytes))
    expect(decision.approved).toBe(false)
  })

  it('is not armed on another wrist by an ARM that the phone held back', async () => {
    const { world, wearer, band } = await armedWorld()
    wearer.takesOff()
    await world.time.advance(3_000)
    wearer.putsOn()
    await world.time.advance(3_000)
    const held: Uint8Array[] = []
    world.intercept = (way, bytes) => {
      const frame = way === 'down' ? decodeEngineFrame(bytes) : undefined
      if (frame?.type !== 'record' || frame.bytes.length !== 8 + 29 + 16) return bytes
      held.push(bytes)
      return undefined
    }
    const arming = band.arm()
    arming.catch(() => undefined)
    await world.time.advance(2_000)
    expect(held).toHaveLength(1)
    wearer.takesOff()
    await world.time.advance(3_000)
    wearer.putsOn()
    await world.time.advance(3_000)
    world.intercept = (_way, bytes) => bytes
    const frame = decodeEngineFrame(held[0] ?? new Uint8Array(0))
    if (frame.type !== 'record') throw new Error('no ARM was held back')
    wearer.band.receive(frame.bytes.slice())
    expect(wearer.band.isArmed).toBe(false)
    expect((await world.run(band.pay(world.offer().bytes))).approved).toBe(false)
  })

  it('is disarmed by its charger and by a reboot as well', async () => {
    for (const event of ['charger', 'reboot'] as const) {
      const { world, wearer, band } = await armedWorld()
      if (event === 'charger') wearer.band.charger(true)
      else wearer.band.reboot()
      await world.time.advance(3_000)
      expect(wearer.band.isArmed).toBe(false)
      await world.time.advance(120_000)
      // A band on its charger does not answer at all; one that was rebooted has nothing to prove with.
      const isApproved = await world.run(
        band.pay(world.offer().bytes).then(
          (decision) => decision.approved,
          () => false,
        ),
      )
      expect(isApproved).toBe(false)
    }
  })
})

describe('The presence lease', () => {
  it('lapses when the band is not heard for three heartbeats: denied, and not disarmed', async () => {
    const { world, band } = await armedWorld()
    world.intercept = (way, bytes) => (way === 'up' && isStatus(bytes) ? undefined : bytes)
    await world.time.advance(91_000)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: false, reason: 'not-present' })
    expect(world.engine.status().bands.armed).toBe(1)
    world.intercept = (_way, bytes) => bytes
    await world.time.advance(60_000)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
  })

  it('is not renewed by a status that the phone held back', async () => {
    const { world, band, wearer } = await armedWorld()
    const held: Uint8Array[] = []
    world.intercept = (way, bytes) => {
      if (way !== 'up' || !isStatus(bytes)) return bytes
      held.push(bytes.slice())
      return undefined
    }
    await world.time.advance(40_000)
    expect(held.length).toBeGreaterThan(0)
    wearer.takesOff()
    await world.time.advance(90_000)
    world.intercept = (way, bytes) => (way === 'up' && isStatus(bytes) ? undefined : bytes)
    expect((await world.run(band.pay(world.offer().bytes))).approved).toBe(false)
  })
})

describe('Whatever the heartbeat', () => {
  const heartbeatsS = [1, 2, 3, 4, 5, 9, 10, 11, 60, 3_600]

  async function beatingWorld(heartbeatS: number) {
    const world = new World({ config: { heartbeatS } })
    await world.start()
    const armed = await armedBand(world)
    armed.radio.air = { ...clearAir, delayMs: 5, jitterMs: 40 }
    return { world, ...armed, pays: () => world.run(armed.band.pay(world.offer({ amountMinor: 1 }).bytes)) }
  }

  it.each(heartbeatsS)('a band that is heard every %i s is never absent', async (heartbeatS) => {
    const { world, pays } = await beatingWorld(heartbeatS)
    const reasons: string[] = []
    // Uneven steps, so that payments fall on every moment between two heartbeats.
    for (let payment = 0; payment < 60; payment++) {
      await world.time.advance(Math.round(heartbeatS * 1_000 * world.random.fraction() * 0.4))
      reasons.push((await pays()).reason)
    }
    expect(reasons.filter((reason) => reason !== 'approved')).toEqual([])
  })

  it.each(heartbeatsS)(
    'a band that falls silent is absent three heartbeats of %i s after the tick it last echoed',
    async (heartbeatS) => {
      const { world, pays } = await beatingWorld(heartbeatS)
      await world.time.advance(heartbeatS * 1_000)
      world.intercept = (way, bytes) => (way === 'up' && isStatus(bytes) ? undefined : bytes)
      // The last one was heard up to a heartbeat ago, and echoed a tick of a heartbeat before.
      await world.time.advance(heartbeatS * 850)
      expect(await pays()).toMatchObject({ reason: 'approved' })
      await world.time.advance(heartbeatS * 1_200)
      expect(await pays()).toMatchObject({ reason: 'not-present' })
    },
  )

  it.each(heartbeatsS)(
    'a heartbeat of %i s that is held back until its tick is old renews nothing',
    async (heartbeatS) => {
      const { world, pays } = await beatingWorld(heartbeatS)
      await world.time.advance(heartbeatS * 1_000)
      const held: Uint8Array[] = []
      world.intercept = (way, bytes) => {
        if (way !== 'up' || !isStatus(bytes)) return bytes
        held.push(bytes.slice())
        return undefined
      }
      await world.time.advance(heartbeatS * 3_000)
      world.intercept = (_way, bytes) => bytes
      const oldest = held[0]
      if (oldest === undefined) throw new Error('no heartbeat was held back')
      // Just before the lease ends it still counts, and lengthens nothing: the tick is as old as it is.
      world.inject(oldest)
      await world.time.advance(100)
      world.intercept = (way, bytes) => (way === 'up' && isStatus(bytes) ? undefined : bytes)
      await world.time.advance(heartbeatS * 100)
      expect(await pays()).toMatchObject({ reason: 'not-present' })
    },
  )
})

describe('Armed', () => {
  it('ends after a day, also when the engine was away at that moment', async () => {
    const { world, band } = await armedWorld()
    await world.time.advance(23 * 3_600_000)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    await world.crash()
    await world.time.advance(2 * 3_600_000)
    await world.start()
    await world.time.advance(120_000)
    expect(world.engine.status().bands.armed).toBe(0)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: false, reason: 'band-not-armed' })
  })

  it('lasts across a restart of the engine', async () => {
    const { world, band } = await armedWorld()
    await world.stop()
    await world.start()
    await world.time.advance(60_000)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    expect(world.failures).toEqual([])
  })

  it('needs the wearing that the phone saw: an old one is refused', async () => {
    const { world, band, wearer } = await armedWorld()
    wearer.takesOff()
    await world.time.advance(3_000)
    await expect(world.run(band.arm())).rejects.toMatchObject({ code: 'not-present' })
  })
})

describe('The clock', () => {
  it.each([-3_600_000, 365 * 86_400_000])(
    'that jumps by %i ms stops approvals, and freezing goes on',
    async (jumpMs) => {
      const { world, band } = await armedWorld()
      world.wallSkewMs = jumpMs
      expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({
        approved: false,
        reason: 'clock-uncertain',
      })
      expect(await world.run(band.freeze())).toEqual(['owner-freeze'])
    },
  )

  it('that is behind the journal at start keeps approvals stopped', async () => {
    const { world, band } = await armedWorld()
    await world.crash()
    world.wallSkewMs = -3_600_000
    await world.start()
    await world.time.advance(60_000)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: false, reason: 'clock-uncertain' })
  })
})
