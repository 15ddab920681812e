// A phone on a network that swallows: no socket is trusted for longer than one answer may take.

import { describe, expect, it } from 'vitest'
import { PhoneError } from '../../sdk/phone/phone-errors.ts'
import { defaultTimeouts } from '../../sdk/phone/phone-timeouts.ts'
import { armedOn, phoneOn } from '../support/faulty-network.ts'
import type { World } from '../support/world.ts'

/** How long it took in the world's time, ms. */
async function took(world: World, work: Promise<unknown>): Promise<number> {
  const fromMs = world.time.nowMs()
  await world.run(work)
  return world.time.nowMs() - fromMs
}

describe('A connection that died without a word', () => {
  it('costs one unanswered question: a payment goes on over a new one', async () => {
    const { world, network, band, heard } = await armedOn()
    network.swallow()
    const paying = band.pay(world.offer().bytes)
    const spentMs = await took(world, paying)
    expect(await paying).toMatchObject({ approved: true })
    expect(spentMs).toBeLessThan(defaultTimeouts.answerMs + 3_000)
    expect(heard).toEqual(['disconnected: timeout', 'reconnected: resumed'])
  })

  it('is noticed by a phone that asks for nothing, and is left', async () => {
    const { world, network, phone, heard } = await armedOn()
    await world.time.advance(60_000)
    expect(heard).toEqual([])
    network.swallow()
    await world.time.advance(defaultTimeouts.pingAfterMs + defaultTimeouts.answerMs + 6_000)
    expect(heard).toEqual(['disconnected: timeout', 'reconnected: resumed'])
    expect(phone.isLive).toBe(true)
    expect(network.closedCount).toBe(1)
  })

  it('is not suspected while the engine answers, however little happens', async () => {
    const { world, connect, network } = await phoneOn()
    const phone = await world.run(connect())
    await world.time.advance(3_600_000)
    expect(phone.isLive).toBe(true)
    expect(network.openedCount).toBe(1)
  })

  it('is left within the times that the app chose', async () => {
    const { world, network, heard } = await armedOn(() => ({ timeouts: { pingAfterMs: 2_000, answerMs: 1_000 } }))
    network.swallow()
    await world.time.advance(4_500)
    expect(heard).toContain('disconnected: timeout')
  })

  it.for([
    ['slept for an hour', 3_600_000],
    ['had its clock set back by an hour', -3_600_000],
  ] as const)('is noticed at once by a phone that %s', async ([, jumpMs]) => {
    let skewMs = 0
    const { world, network, connect } = await phoneOn(({ time }) => ({
      clock: { nowMs: () => time.nowMs() + skewMs, after: time.after },
    }))
    const phone = await world.run(connect())
    const lost: string[] = []
    phone.on('disconnected', (error) => lost.push(error.code))
    network.swallow()
    skewMs = jumpMs
    await world.time.advance(5_000 + defaultTimeouts.answerMs)
    expect(lost).toEqual(['timeout'])
    await world.time.advance(5_000)
    expect(phone.isLive).toBe(true)
  })

  it('of which the band’s own attaching was swallowed comes back with the band linked', async () => {
    const { world, network, band, heard } = await armedOn()
    network.swallow()
    const attaching = band.attach().catch((error: unknown) => error)
    await world.time.advance(defaultTimeouts.answerMs + 3_000)
    expect(await attaching).toMatchObject({ code: 'timeout' })
    expect(heard).toContain('reconnected: resumed')
    await world.time.advance(10_000)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
  })
})

describe('A connection that does not come up', () => {
  it.for(['nothing opens', 'opens, then nothing', 'greets, then nothing'] as const)(
    'where %s fails in time, and a session that meets it later tries on until it does',
    async (weather) => {
      const { world, network, phone, uncaught } = await armedOn()
      network.weather = weather
      network.swallow()
      await world.time.advance(5 * 60_000)
      expect(phone.isLive).toBe(false)
      expect(network.openedCount).toBeGreaterThan(5)
      // Each attempt is closed before the next begins: no sockets pile up.
      expect(network.closedCount).toBeGreaterThanOrEqual(network.openedCount - 1)
      network.weather = 'open'
      await world.time.advance(60_000)
      expect(phone.isLive).toBe(true)

      const fresh = await phoneOn()
      fresh.network.weather = weather
      const failing = fresh.connect().catch((error: unknown) => error)
      await fresh.world.time.advance(defaultTimeouts.helloMs)
      const failed = await failing
      expect(failed).toBeInstanceOf(PhoneError)
      expect(failed).toMatchObject({ code: 'timeout', then: 'retry' })
      await uncaught.settled()
      expect(uncaught.errors).toEqual([])
    },
  )

  it('keeps a payment waiting for a minute, not for ever, and the next one goes through', async () => {
    const { world, network, phone, band } = await armedOn()
    network.weather = 'nothing opens'
    network.swallow()
    const paying = band.pay(world.offer({ expiresAtMs: world.time.nowMs() + 600_000 }).bytes)
    const spentMs = await took(
      world,
      paying.catch(() => undefined),
    )
    await expect(paying).rejects.toMatchObject({ code: 'offline', then: 'retry' })
    expect(spentMs).toBeLessThan(defaultTimeouts.answerMs + 62_000)
    network.weather = 'open'
    await world.time.advance(60_000)
    expect(phone.isLive).toBe(true)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
  })
})
