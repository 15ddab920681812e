// An engine whose power goes again and again while its bands pay, on a disk that drops, tears and reorders what was not
// synced: every decision a phone heard of is in the journal afterwards, no limit is exceeded, the bands link again.
//   ENGINE_POWER_CUTS=10000  cuts the power that often, ENGINE_POWER_CUTS=10m for so long
//   POWER_SEED=2             starts from this seed (default 1)

import { expect, it } from 'vitest'
import { decodeRecord } from '../../engine/ports/records.ts'
import { verifyJournal } from '../../store/audit.ts'
import type { FileJournal } from '../../store/journal/journal.ts'
import { SimulatedDisk } from '../../store/journal/test-simulated-disk.ts'
import { journalFolder, openOn, seededChance } from '../../store/journal/test-disk.ts'
import { VirtualTime } from '../../band-sim/virtual/scheduler.ts'
import type { PhoneDecision } from '../../sdk/phone/phone-band.ts'
import { Budget } from '../support/budget.ts'
import { seedOf } from '../support/budgets.ts'
import { JournalAuditor } from '../support/journal-auditor.ts'
import { World, armedBand, engineConfig } from '../support/world.ts'

const cuts = new Budget('ENGINE_POWER_CUTS')
const seed = seedOf('POWER_SEED') ?? 1

/** Virtual time that lets the event loop turn: the journal gathers its groups by turns. */
class TurningTime extends VirtualTime {
  override readonly settle = async (): Promise<void> => {
    for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
  }
}

/** Each start reads the whole journal, which only grows here: after so many cuts another engine begins, so that none is slower. */
const cutsOfOne = 200

it(
  `Cut off ${cuts.text} times while bands pay, an engine never denies what it answered (seed ${seed})`,
  async () => {
    const goesOn = cuts.start()
    for (let done = 0, lifeSeed = seed; goesOn(done); lifeSeed++) {
      const before = done
      done += await lifeOf(lifeSeed, (cuts) => cuts < cutsOfOne && goesOn(before + cuts))
    }
  },
  cuts.timeoutMs,
)

/** An engine from its first start to its audit; after so many cuts `isCutAgain` says whether there is one more. How many there were. */
async function lifeOf(lifeSeed: number, isCutAgain: (cuts: number) => boolean): Promise<number> {
  const chance = seededChance(lifeSeed)
  const disk = new SimulatedDisk({ chance })
  const opened: { journal: FileJournal | undefined } = { journal: undefined }
  const world = new World({
    seed: lifeSeed,
    time: new TurningTime(),
    config: { viewFlushMs: 5_000 },
    openJournal: async () => (opened.journal = await openOn(disk)),
  })
  world.disk.durableLsn = () => opened.journal?.durableLsn ?? 0
  await world.start()
  const bands = []
  for (const account of ['alice', 'bob', 'carol']) bands.push((await armedBand(world, account)).band)
  const answered: PhoneDecision[] = []
  let cut = 0
  for (; isCutAgain(cut); cut++) {
    disk.cutAtOperation = disk.operationCount + 1 + Math.floor(chance() * 30)
    for (let payment = 0; payment < 30 && opened.journal?.state === 'open'; payment++) {
      const paying = bands.map((band) =>
        band.pay(world.offer({ amountMinor: 1 + Math.floor(chance() * 20) }).bytes, { wearerTimeoutMs: 500 }).then(
          (decision) => answered.push(decision),
          () => undefined,
        ),
      )
      await world.time.advance(5)
      void paying
    }
    await world.crash()
    disk.restart()
    await world.start()
    // They link again by themselves.
    await Promise.all(bands.map((band) => world.run(band.whenLinked(200_000))))
  }
  await world.stop()
  const auditor = new JournalAuditor(engineConfig.limits)
  const audit = verifyJournal(journalFolder, {
    files: disk.files,
    readRecord: (body, lsn) => auditor.take({ lsn, record: decodeRecord(body) }),
  })
  expect(audit).toMatchObject({ type: 'whole' })
  expect(auditor.violations).toEqual([])
  const approved = answered.filter((decision) => decision.approved)
  for (const { lsn } of approved) expect(auditor.approvals.has(lsn), `the approval answered at ${lsn}`).toBe(true)
  expect(approved.length).toBeGreaterThan(cut / 4)
  return cut
}
