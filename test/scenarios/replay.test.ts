// An old decision, explained and made again from its record (R1): the same as then, or what differs and why it may.

import { describe, expect, it } from 'vitest'
import { decideAgain } from '../../engine/decisions/decision-again.ts'
import { type DecisionRecord, decodeRecord, encodeRecord } from '../../engine/ports/records.ts'
import { unpackArray } from '../../protocol/messages/msgpack-reader.ts'
import { packArray } from '../../protocol/messages/msgpack-writer.ts'
import { World, armedBand, engineConfig, euro, euroLimits } from '../support/world.ts'

async function armedWorld() {
  const world = new World()
  await world.start()
  return { world, ...(await armedBand(world)) }
}

function decisionsOf(world: World): readonly DecisionRecord[] {
  return world.disk.records.map((body) => decodeRecord(body)).flatMap((one) => (one.type === 'decision' ? [one] : []))
}

const running = { tables: engineConfig.limits, own: [] }

describe('A decision that is made again from its record', () => {
  it('is the same, approved or denied, whatever has become of the band since', async () => {
    const { world, band, wearer } = await armedWorld()
    const asked = [
      await world.run(band.pay(world.offer().bytes)),
      await world.run(band.pay(world.offer({ amountMinor: 19_000 }).bytes)),
      await world.run(band.pay(world.offer({ currency: 840 }).bytes)),
      await world.run(band.pay(world.offer({ action: 'receive', amountMinor: 400 }).bytes)),
    ]
    wearer.takesOff()
    await world.time.advance(3_000)
    asked.push(await world.run(band.pay(world.offer().bytes)))
    await world.run(band.freeze())
    for (const { lsn, reason } of asked) {
      const replayed = await world.run(world.engine.operators.replay(lsn))
      expect(replayed).toMatchObject({ lsn, same: true, differences: [], then: { reason } })
      expect(replayed?.now).toEqual(replayed?.then)
      expect(replayed?.takenFromNow).toEqual([expect.stringMatching(/^the limit table of currency (978|840)$/)])
    }
  })

  it('is the same on the day after what was used, and under limits of one’s own that were lowered since', async () => {
    const { world, band, phone } = await armedWorld()
    await world.run(band.pay(world.offer({ amountMinor: 2_900 }).bytes))
    await world.time.advance(86_400_000 / 2)
    await world.run(band.arm())
    await world.run(phone.client.limits({ currency: euro, perUseMinor: 2_000, perDayMinor: 3_000 }, false))
    await world.time.advance(86_400_000 / 2)
    await world.run(band.arm())
    const next = await world.run(band.pay(world.offer({ amountMinor: 1_900 }).bytes))
    expect(next).toMatchObject({ approved: true, dayLeftMinor: 1_100 })
    await world.run(phone.client.limits({ currency: euro, perUseMinor: 1, perDayMinor: 1 }, false))
    const records = decisionsOf(world)
    expect(records.length).toBeGreaterThanOrEqual(2)
    for (const record of records) expect(decideAgain(record, running)).toMatchObject({ same: true })
    expect(await world.run(world.engine.operators.replay(next.lsn))).toMatchObject({ same: true })
  })

  it('under a limit table that was lowered since shows what differs, and that the table is of now', async () => {
    const { world, band } = await armedWorld()
    const { lsn } = await world.run(band.pay(world.offer({ amountMinor: 1_250 }).bytes))
    const lowered = { ...euroLimits, perUseMinor: 1_000, perDayMinor: 19_000 }
    const later = new World({ disk: world.disk, config: { limits: new Map([[euro, lowered]]) } })
    await world.crash()
    await later.start()
    expect(await later.run(later.engine.operators.replay(lsn))).toEqual({
      lsn,
      same: false,
      then: expect.objectContaining({ reason: 'approved', dayLeftMinor: 18_750 }),
      now: expect.objectContaining({ reason: 'over-use-limit', dayLeftMinor: 19_000 }),
      differences: expect.arrayContaining([
        { field: 'reason', then: 'approved', now: 'over-use-limit' },
        { field: 'dayLeftMinor', then: '18750', now: '19000' },
      ]),
      takenFromNow: ['the limit table of currency 978'],
    })
  })

  it('that was altered in any fact that decides would not come out the same', async () => {
    const { world, band } = await armedWorld()
    await world.run(band.pay(world.offer().bytes))
    const [record] = decisionsOf(world)
    if (record === undefined) throw new Error('expected a decision')
    const altered: readonly Partial<DecisionRecord>[] = [
      { bandState: 'disarmed' },
      { holds: 1 },
      { armEpoch: record.armEpoch + 1 },
      { armedUntilMs: record.atMs },
      { wear: 'off' },
      { proofValid: false },
      { present: false },
      { clockCertain: false },
      { phonePending: true },
      { ownerEpoch: record.ownerEpoch + 1 },
      { usageDay: Math.floor(record.atMs / 86_400_000), usage: [[euro, 19_000, 0, [19_000, 0, 0, 0, 0]]] },
      { ownLimits: [[euro, 1, 1]] },
      { arming: [[euro, [19_000, 0, 0, 0, 0]]] },
      { restricted: true },
    ]
    expect(decideAgain(record, running).same).toBe(true)
    for (const change of altered)
      expect([change, decideAgain({ ...record, ...change }, running).same]).toEqual([change, false])
  })

  it('whose record lacks a field is none: nothing is guessed at', async () => {
    const { world, band } = await armedWorld()
    await world.run(band.pay(world.offer().bytes))
    const [record] = decisionsOf(world)
    if (record === undefined) throw new Error('expected a decision')
    const items = unpackArray(encodeRecord(record), 4)
    if (!Array.isArray(items)) throw new Error('expected an array')
    expect(decodeRecord(packArray(items))).toEqual(record)
    for (let length = 1; length < items.length; length++)
      expect(() => decodeRecord(packArray(items.slice(0, length)))).toThrow(/record/)
  })

  it('is none where no decision stands', async () => {
    const { world } = await armedWorld()
    for (const lsn of [1, 0, -1, 1.5, Number.NaN, world.disk.records.length + 1]) {
      expect(await world.run(world.engine.operators.replay(lsn))).toBeUndefined()
      expect(await world.run(world.engine.operators.explain(lsn))).toBeUndefined()
    }
  })
})

describe('An explanation', () => {
  it('of an approval has the facts, the rule, what was left, and the receipt as it would be signed', async () => {
    const { world, band } = await armedWorld()
    const { lsn, dayLeftMinor, useLeftMinor } = await world.run(band.pay(world.offer().bytes))
    const explained = await world.run(world.engine.operators.explain(lsn))
    expect(explained).toMatchObject({
      decision: {
        lsn,
        account: 'alic…',
        reason: 'approved',
        amountMinor: 1_250,
        partnerName: 'Test till',
        label: 'Coffee',
      },
      rule: 'Every condition held.',
      obligation: null,
      receipt: {
        iss: 'https://engine.test',
        amountMinor: 1_250,
        jti: expect.stringMatching(new RegExp(`^${lsn.toString(16).padStart(14, '0')}-[0-9a-f]{11}$`)),
      },
      useLeftMinor,
      dayLeftMinor,
    })
    expect(explained?.facts.every(({ holds }) => holds === true)).toBe(true)
    expect(JSON.stringify(explained)).not.toContain('"alice"')
  })

  it('of a denial names the rule and the fact that spoke against it, and has no receipt', async () => {
    const { world, band } = await armedWorld()
    await world.run(band.freeze())
    const { lsn } = await world.run(band.pay(world.offer().bytes))
    const explained = await world.run(world.engine.operators.explain(lsn))
    expect(explained).toMatchObject({ decision: { reason: 'owner-freeze' }, receipt: null })
    expect(explained?.rule).toContain('owner froze')
    expect(explained?.facts.find(({ holds }) => holds === false)).toMatchObject({
      fact: 'holds',
      value: 'owner-freeze',
    })
  })

  it('of an approval that was taken back says so: no receipt, and the record that did it', async () => {
    const { world, band, phone } = await armedWorld()
    let frozen: Promise<unknown> | undefined
    world.intercept = (way, bytes) => {
      if (way === 'up' && bytes[1] === 5 && frozen === undefined)
        queueMicrotask(() => {
          frozen = phone.client.freeze(band.bid)
        })
      return bytes
    }
    await world.run(band.pay(world.offer().bytes))
    await world.run(frozen ?? Promise.reject(new Error('the freeze never left')))
    const at = world.disk.records.findIndex((body) => decodeRecord(body).type === 'decision') + 1
    const explained = await world.run(world.engine.operators.explain(at))
    expect(explained).toMatchObject({
      receipt: null,
      rule: 'Every condition held.',
      decision: { reason: 'owner-freeze' },
    })
    expect(explained?.decision.reversedByLsn).toBeGreaterThan(at)
    expect(await world.run(world.engine.operators.replay(at))).toMatchObject({
      same: true,
      then: { reason: 'approved' },
    })
  })
})
