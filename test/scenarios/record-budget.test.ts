// What one account may journal without paying is bounded; what stops it, and what it pays, is not.

import { describe, expect, it } from 'vitest'
import { errorCodes } from '../../protocol/errors.ts'
import { RawPhone } from '../support/raw-phone.ts'
import { World, armedBand, euro } from '../support/world.ts'

const config = { accountRecordsPerSecond: 1, accountRecordsBurst: 40 }

describe('An account that changes its limits for ever', () => {
  it('writes no more than its budget, without a band too, and others are not slowed', async () => {
    const world = new World({ config })
    await world.start()
    const mallory = await RawPhone.connect(world, 'mallory')
    const before = world.disk.records.length
    const answers = []
    for (let time = 0; time < 600; time++) {
      const perUseMinor = 1_000 - time
      answers.push(
        await mallory.ask({ type: 'limits', bid: null, perUseMinor, perDayMinor: 2_000, currency: euro, uv: null }, 20),
      )
    }
    // Twelve seconds: the burst, and one for each of them.
    expect(world.disk.records.length - before).toBeLessThanOrEqual(config.accountRecordsBurst + 14)
    expect(answers.at(-1)).toMatchObject({ type: 'error', code: errorCodes['rate-limited'] })
    expect(await mallory.ask({ type: 'freeze', bid: null })).toMatchObject({ type: 'frozen' })
    const { band } = await armedBand(world, 'alice')
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
  })
})

describe('An account that pays', () => {
  it('is not slowed by what was approved, however often', async () => {
    const world = new World({ config })
    await world.start()
    const { band } = await armedBand(world)
    for (let time = 0; time < 60; time++)
      expect(await world.run(band.pay(world.offer({ amountMinor: 1 }).bytes))).toMatchObject({ approved: true })
  })

  it('is slowed by what was denied: each denial is a record', async () => {
    const world = new World({ config })
    await world.start()
    const { band } = await armedBand(world)
    const outcomes = new Set<string>()
    for (let time = 0; time < 80; time++) {
      const paying = band.pay(world.offer({ amountMinor: 20_001 }).bytes)
      outcomes.add(
        await world.run(
          paying.then(
            (decision) => decision.reason,
            (error: { code: string }) => error.code,
          ),
        ),
      )
    }
    expect([...outcomes]).toContain('over-use-limit')
    expect([...outcomes]).toContain('rate-limited')
  })
})
