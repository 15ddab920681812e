// A serving engine on a small real disk that fills up: it refuses what needs room, freezes still, loses nothing, and goes
// on by itself when there is room again. Needs root for a tmpfs; says so when it cannot.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { decodeRecord } from '../../engine/ports/records.ts'
import { demoWorld } from '../../band-sim/demo-world.ts'
import { createPartner } from '../../sdk/offers.ts'
import { PhoneClient } from '../../sdk/phone-client.ts'
import { PhoneError } from '../../sdk/phone/phone-errors.ts'
import { verifyJournal } from '../../store/audit.ts'
import { JournalAuditor } from '../support/journal-auditor.ts'
import { ServingEngine, journalFolderOf } from '../support/serving-engine.ts'

const folder = mkdtempSync(join(tmpdir(), 'bandpass-full-'))
const isMounted = mountSmallDisk()
if (!isMounted) console.warn('NOT TRIED: a full disk under a serving engine, which needs root to mount a tmpfs')
afterAll(() => {
  if (isMounted) execFileSync('umount', [folder])
  rmSync(folder, { recursive: true, force: true })
})

function mountSmallDisk(): boolean {
  if (process.getuid?.() !== 0) return false
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Takes every free byte. */
function fillDisk(name: string): void {
  const { bavail, bsize } = statfsSync(folder)
  for (let bytes = bavail * bsize; bytes >= 512; bytes = Math.floor(bytes / 2)) {
    try {
      writeFileSync(join(folder, name), new Uint8Array(bytes), { flag: 'a' })
    } catch {
      // Half of it, then.
    }
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

it.skipIf(!isMounted)(
  'On a full disk an engine refuses payments, freezes still, loses nothing, and goes on when there is room',
  async () => {
    const data = join(folder, 'data')
    const engine = new ServingEngine(data, ['--journal-segment-bytes', '131072'])
    await engine.start()
    const demo = demoWorld(engine.demoFile())
    const shop = createPartner(demo.partner)
    const { wearer, radio } = demo.newBand()
    const phone = await PhoneClient.connect(demo.phone('alice'))
    wearer.taps()
    const band = await phone.pair(radio.phone, { packageSecret: wearer.band.device.packageSecret })
    wearer.putsOn()
    await band.whenWorn()
    await band.arm()
    const answered: number[] = []
    /** Pays once; the error code when it could not. */
    const pay = async (): Promise<string> => {
      const order = { action: 'pay', resource: '0b'.repeat(16), amountMinor: 1, currency: 978, label: 'x' } as const
      try {
        const decision = await band.pay(shop.offer({ ...order, expiresAtMs: Date.now() + 60_000 }).bytes)
        if (decision.approved) answered.push(decision.lsn)
        return decision.reason
      } catch (error) {
        return error instanceof PhoneError ? error.code : String(error)
      }
    }
    expect(await pay()).toBe('approved')
    fillDisk('filler')
    let last = ''
    for (let payment = 0; payment < 3_000 && last !== 'storage-full'; payment++) {
      last = await pay()
      if (last === 'rate-limited') await pause(50)
    }
    expect(last).toBe('storage-full')
    expect(await phone.freeze(band.bid)).toEqual(['owner-freeze'])
    rmSync(join(folder, 'filler'))
    let unfrozen: unknown
    for (let wait = 0; wait < 100 && unfrozen === undefined; wait++) {
      await pause(100)
      unfrozen = await band.unfreeze().catch(() => undefined)
    }
    expect(unfrozen).toEqual([])
    await band.arm()
    expect(await pay()).toBe('approved')
    phone.close()
    expect(await engine.stop()).toBe(0)
    const auditor = new JournalAuditor(new Map())
    const audit = verifyJournal(journalFolderOf(data), {
      readRecord: (body, lsn) => auditor.take({ lsn, record: decodeRecord(body) }),
    })
    expect(audit).toMatchObject({ type: 'whole' })
    expect(auditor.violations.filter((violation) => !violation.includes('I20'))).toEqual([])
    for (const lsn of answered) expect(auditor.approvals.has(lsn)).toBe(true)
  },
  180_000,
)
