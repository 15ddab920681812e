// Deny beats allow, also across a crash and on a full or failing disk: an approval that a stop overtook on its way to the disk
// is never answered as approved, by this engine or by the next.

import { describe, expect, it } from 'vitest'
import type { ActingOperator } from '../../engine/operators/port.ts'
import { decodeRecord } from '../../engine/ports/records.ts'
import { JournalAuditor } from '../support/journal-auditor.ts'
import { RawPhone } from '../support/raw-phone.ts'
import { World, armedBand } from '../support/world.ts'

const ann: ActingOperator = { by: 'operator:ann', reason: 'ticket 4711' }

type Armed = Awaited<ReturnType<typeof armedWorld>>

async function armedWorld() {
  const world = new World()
  await world.start()
  const owned = await armedBand(world)
  // Whoever stops is here before: nothing but the stop itself is left to do.
  const web = await RawPhone.connect(world, 'alice', { scopes: ['web'] })
  const bandId = world.engine.operators.findBands('alice').bands[0]?.bandId ?? ''
  return { world, web, bandId, ...owned }
}

/** The journal's syncs wait until they are let go, one by one. */
function holdSyncs(world: World): { readonly letGo: () => void; readonly none: () => void } {
  let waiting: (() => void)[] = []
  world.disk.syncing = () => new Promise((resolve) => waiting.push(resolve))
  return {
    letGo: () => waiting.shift()?.(),
    none: () => {
      world.disk.syncing = () => Promise.resolve().then(() => undefined)
      for (const resolve of waiting) resolve()
      waiting = []
    },
  }
}

async function untilAppended(world: World, count: number): Promise<void> {
  for (let step = 0; world.engine.status().appendedLsn < count && step < 500; step++) await world.time.advance(20)
  expect(world.engine.status().appendedLsn).toBeGreaterThanOrEqual(count)
}

function violationsOf(world: World): readonly string[] {
  const auditor = new JournalAuditor(world.config.limits)
  for (const [at, body] of world.disk.records.entries()) auditor.take({ lsn: at + 1, record: decodeRecord(body) })
  return auditor.violations
}

const stops: readonly {
  readonly name: string
  readonly reason: string
  readonly stop: (armed: Armed) => Promise<unknown>
}[] = [
  { name: 'a freeze of the band', reason: 'owner-freeze', stop: ({ phone, band }) => phone.client.freeze(band.bid) },
  { name: 'a freeze of everything', reason: 'owner-freeze', stop: ({ phone }) => phone.client.freeze() },
  { name: 'a loss', reason: 'band-lost', stop: ({ phone, band }) => phone.client.lost(band.bid) },
  {
    name: 'a deactivation',
    reason: 'band-deactivating',
    stop: ({ phone, band }) => phone.client.deactivate(band.bid),
  },
  {
    name: 'a long press',
    reason: 'owner-freeze',
    stop: async ({ world, wearer }) => {
      wearer.pressesLong()
      await world.time.advance(200)
    },
  },
  ...(['freeze-band', 'freeze-account', 'raise-epoch'] as const).map((act) => ({
    name: `an operator's ${act}`,
    reason: act === 'raise-epoch' ? 'epoch-raised' : 'operator-freeze',
    stop: ({ world, bandId }: Armed) => world.engine.operators.perform({ act, bandId }, ann),
  })),
]

describe.each(stops)('An approval that $name overtakes on its way to the disk', ({ reason, stop }) => {
  /** A payment is decided and waits for the disk; then comes the stop, into the same group. */
  async function overtaken() {
    const armed = await armedWorld()
    const { world, band } = armed
    const offer = world.offer({ amountMinor: 2_000 }).bytes
    const syncs = holdSyncs(world)
    const before = world.engine.status().appendedLsn
    const paying = band.pay(offer, { receipt: true })
    paying.catch(() => undefined)
    await untilAppended(world, before + 1)
    const stopping = stop(armed)
    stopping.catch(() => undefined)
    await untilAppended(world, before + 2)
    return { ...armed, offer, syncs, paying, stopping }
  }

  it('is denied, and denied again when the same offer is asked for after a crash right behind the stop', async () => {
    const { world, band, offer, syncs } = await overtaken()
    syncs.letGo()
    // The stop's group is on disk and told; what comes behind it never gets there.
    await world.time.advance(500)
    await world.crash()
    world.disk.syncing = () => Promise.resolve().then(() => undefined)
    await world.start()
    await world.time.advance(60_000)
    expect(await world.run(band.pay(offer, { receipt: true }))).toMatchObject({
      approved: false,
      reason,
      receipt: null,
    })
    expect(violationsOf(world)).toEqual([])
  })

  it('tells of no limits, and is told the same when the same offer is asked for again', async () => {
    const { world, band, offer, syncs, paying } = await overtaken()
    syncs.none()
    const first = await world.run(paying)
    expect(first).toMatchObject({ approved: false, reason, useLeftMinor: 0, dayLeftMinor: 0 })
    expect(await world.run(band.pay(offer, { receipt: true }))).toEqual(first)
  })

  it.each(['full', 'failed'] as const)(
    'is denied when the disk is %s behind the stop, and asked again',
    async (how) => {
      const { world, band, offer, syncs, paying } = await overtaken()
      world.disk.trouble = how
      syncs.none()
      const first = await world.run(paying.catch(() => undefined))
      expect(first).not.toMatchObject({ approved: true })
      world.disk.trouble = 'none'
      const again = await world.run(band.pay(offer, { receipt: true }))
      expect(again).toMatchObject({ approved: false, reason, receipt: null })
      expect(violationsOf(world)).toEqual([])
    },
  )

  it('stands in one group with the stop: either both are on disk or neither', async () => {
    const { world } = await overtaken()
    const groups = world.disk.records.length
    expect(world.engine.status().appendedLsn - groups).toBeGreaterThanOrEqual(3)
    const reversed = world.engine.status().reversals
    expect(reversed).toBe(1)
  })
})

describe('An approval that was answered', () => {
  it('stays approved whatever is stopped afterwards: it was decided once', async () => {
    const { world, band, phone } = await armedWorld()
    const offer = world.offer().bytes
    const first = await world.run(band.pay(offer))
    expect(first).toMatchObject({ approved: true })
    await world.run(phone.client.freeze())
    expect(await world.run(band.pay(offer))).toMatchObject({ approved: true, lsn: first.lsn })
  })
})
