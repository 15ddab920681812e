// A disk without room: what only takes rights away goes into the reserve, and the reserve is no one account's to use up.

import { expect, it } from 'vitest'
import { changes } from '../../protocol/messages/frames.ts'
import { idBytes } from '../../protocol/ids.ts'
import { reserveRecordsMax } from '../../engine/ledger/reserve.ts'
import { VirtualTime } from '../../band-sim/virtual/scheduler.ts'
import type { FileJournal } from '../../store/journal/journal.ts'
import { segmentBytesMin } from '../../store/journal/journal-format.ts'
import { SimulatedDisk } from '../../store/journal/test-simulated-disk.ts'
import { openOn, recordOf, seededChance } from '../../store/journal/test-disk.ts'
import { RawPhone } from '../support/raw-phone.ts'
import { World, armedBand } from '../support/world.ts'

/** The journal ends a turn of the real event loop, so time waits for that at every step. */
class TurningTime extends VirtualTime {
  override async settle(): Promise<void> {
    await super.settle()
    await new Promise<void>((resolve) => setImmediate(resolve))
    await super.settle()
  }
}

/** A world on a disk with room for the smallest journal, which is full: only the reserve is left, some 250 sectors of it. */
async function worldOnFullDisk() {
  const disk = new SimulatedDisk({ chance: seededChance(7), capacityBytes: 3 * segmentBytesMin + 1_000 })
  const opened: { journal: FileJournal | undefined } = { journal: undefined }
  const world = new World({
    time: new TurningTime(),
    openJournal: async () => (opened.journal = await openOn(disk)),
  })
  world.disk.durableLsn = () => opened.journal?.durableLsn ?? 0
  await world.start()
  const fill = () => {
    // What stands there is nobody's record: this journal is not opened again.
    while (typeof opened.journal?.append(recordOf(1, 5_000), 'normal') === 'number');
    while (typeof opened.journal?.append(recordOf(1, 60), 'normal') === 'number');
    expect(opened.journal?.state).toBe('full')
  }
  return { world, fill, appended: () => opened.journal?.appendedLsn ?? 0 }
}

it('On a full disk one account that lowers its limits by a cent for ever keeps nobody from freezing', async () => {
  const { world, fill, appended } = await worldOnFullDisk()
  const alice = await armedBand(world, 'alice')
  const mallory = await RawPhone.connect(world, 'mallory')
  fill()
  const before = appended()
  for (let cents = 1; cents <= 300; cents++) {
    await mallory.ask(
      { type: 'limits', bid: null, currency: 978, perUseMinor: 10_000 - cents, perDayMinor: 20_000, uv: null },
      20,
    )
  }
  expect(await world.run(alice.band.freeze())).toEqual(['owner-freeze'])
  expect(appended() - before).toBeLessThan(4)
})

it('On a full disk one account that does all it can for ever keeps no one from freezing', async () => {
  const { world, fill, appended } = await worldOnFullDisk()
  const alice = await armedBand(world, 'alice')
  const mallory = await armedBand(world, 'mallory')
  const bid = idBytes(mallory.band.bid)
  const phone = await RawPhone.connect(world, 'mallory', mallory.phone)
  const web = await RawPhone.connect(world, 'mallory', { scopes: ['web'] })
  const intruder = await RawPhone.connect(world, 'mallory')
  await web.ask({ type: 'limits', bid: null, currency: 978, perUseMinor: 9_000, perDayMinor: 20_000, uv: null })
  await web.ask({ type: 'limits', bid: null, currency: 978, perUseMinor: 9_900, perDayMinor: 20_000, uv: null })
  fill()
  const before = appended()
  for (let round = 0; round < 40; round++) {
    for (const surface of [phone, web, intruder]) {
      for (const target of [bid, null]) {
        await surface.ask({ type: 'freeze', bid: target })
        await surface.ask(await surface.verified({ type: 'unfreeze', bid: target }))
      }
      await surface.ask({ type: 'lost', bid })
      await surface.ask(await surface.verified({ type: 'found', bid }))
      await surface.ask({ type: 'veto', change: changes.found, target: bid })
      await surface.ask(await surface.verified({ type: 'deactivate', bid }))
      await surface.ask({ type: 'veto', change: changes.deactivation, target: bid })
      await surface.ask({ type: 'veto', change: changes.limits, target: null })
      await surface.ask({ type: 'veto', change: changes.phone, target: Buffer.from(intruder.phoneId, 'hex') })
      const limits = {
        type: 'limits',
        bid: null,
        currency: 978,
        perUseMinor: 8_000 - round,
        perDayMinor: 20_000,
      } as const
      await surface.ask({ ...limits, uv: null })
      await surface.ask(await surface.verified({ ...limits, perUseMinor: 9_990 }))
    }
    mallory.wearer.takesOff()
    await world.time.advance(2_000)
    mallory.wearer.putsOn()
    await world.time.advance(2_000)
  }
  expect(await world.run(alice.band.freeze())).toEqual(['owner-freeze'])
  expect(appended() - before).toBeLessThan(reserveRecordsMax)
}, 60_000)
