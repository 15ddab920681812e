// `kill -9` of a serving engine under load, again and again: every decision that was answered is in the journal, no limit
// is exceeded, and the bands come back by themselves. KILLS asks for more, or for how long.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { decodeRecord } from '../../engine/ports/records.ts'
import { reasons } from '../../protocol/reasons.ts'
import { demoWorld } from '../../band-sim/demo-world.ts'
import { createPartner } from '../../sdk/offers.ts'
import type { PhoneBand, PhoneDecision } from '../../sdk/phone/phone-band.ts'
import { PhoneClient } from '../../sdk/phone-client.ts'
import { verifyJournal } from '../../store/audit.ts'
import { decodeOfferTerms } from '../../protocol/offer.ts'
import { Budget } from '../support/budget.ts'
import { JournalAuditor } from '../support/journal-auditor.ts'
import { ServingEngine, journalFolderOf } from '../support/serving-engine.ts'

const kills = new Budget('KILLS')
/** How long after a payment the kill comes: each a little later than the one before, up to the last. */
const momentsMs = Array.from({ length: 25 }, (_, kill) => kill * 7)
const bandsCount = 8
const dayLimitMinor = 3_000
const folder = mkdtempSync(join(tmpdir(), 'bandpass-kill-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

it(
  `Killed ${kills.text} times while ${bandsCount} bands pay, the engine loses no answered decision and exceeds no limit`,
  async () => {
    const engine = new ServingEngine(folder)
    await engine.start()
    const demo = demoWorld(engine.demoFile())
    const shop = createPartner(demo.partner)
    const phones: PhoneClient[] = []
    const bands: PhoneBand[] = []
    const answered: PhoneDecision[] = []
    for (let index = 0; index < bandsCount; index++) {
      const { wearer, radio } = demo.newBand()
      const phone = await PhoneClient.connect(demo.phone(`account-${index}`))
      wearer.taps()
      const band = await phone.pair(radio.phone, { packageSecret: wearer.band.device.packageSecret })
      wearer.putsOn()
      await band.whenWorn()
      await band.arm()
      await phone.limits({ perUseMinor: 100, perDayMinor: dayLimitMinor, currency: 978 }, false)
      phones.push(phone)
      bands.push(band)
    }
    const world = { isOver: false }
    const paysUntilOver = async (band: PhoneBand): Promise<void> => {
      while (!world.isOver) {
        const order = {
          action: 'pay',
          resource: '0b'.repeat(16),
          amountMinor: 10,
          currency: 978,
          label: 'Kill',
        } as const
        const { bytes } = shop.offer({ ...order, expiresAtMs: Date.now() + 60_000 })
        // A payment that is cut off fails; what was answered counts.
        const decision = await band.pay(bytes, { wearerTimeoutMs: 2_000 }).catch(() => undefined)
        if (decision === undefined) await pause(20)
        else answered.push(decision)
      }
    }
    const paying = bands.map(paysUntilOver)
    const goesOn = kills.start()
    let kill = 0
    for (; goesOn(kill); kill++) {
      const before = answered.length
      while (answered.length < before + 10) await pause(5)
      await pause(momentsMs[kill % momentsMs.length] ?? 0)
      await engine.kill()
      await engine.start()
    }
    const afterLast = answered.length
    while (answered.length < afterLast + bandsCount) await pause(5)
    world.isOver = true
    await Promise.all(paying)
    // Every band links again by itself, whatever it met.
    await Promise.all(bands.map((band) => band.whenLinked(60_000)))
    for (const phone of phones) phone.close()
    expect(await engine.stop()).toBe(0)

    const auditor = new JournalAuditor(new Map())
    const spent = new Map<string, number>()
    const audit = verifyJournal(journalFolderOf(folder), {
      readRecord: (body, lsn) => {
        const record = decodeRecord(body)
        auditor.take({ lsn, record })
        if (record.type !== 'decision' || record.reason !== reasons.approved) return
        spent.set(record.account, (spent.get(record.account) ?? 0) + decodeOfferTerms(record.canon).amountMinor)
      },
    })
    expect(audit).toMatchObject({ type: 'whole' })
    expect(auditor.violations.filter((violation) => !violation.includes('I20'))).toEqual([])
    for (const decision of answered.filter((one) => one.approved)) {
      expect(auditor.approvals.has(decision.lsn), `the approval answered at ${decision.lsn} is in the journal`).toBe(
        true,
      )
    }
    expect(answered.filter((one) => one.approved).length).toBeGreaterThan(kill)
    for (const sum of spent.values()) expect(sum).toBeLessThanOrEqual(dayLimitMinor)
  },
  kills.timeoutMs,
)
