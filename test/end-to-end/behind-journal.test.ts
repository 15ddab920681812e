// The real engine, started once under a clock that is 400 days ahead: told, accepted, and whole afterwards.

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { demoWorld } from '../../band-sim/demo-world.ts'
import { createPartner } from '../../sdk/offers.ts'
import { PhoneClient } from '../../sdk/phone-client.ts'
import { testFolder } from '../../server/log/test-folder.ts'
import { ServingEngine } from '../support/serving-engine.ts'

const launcher = join(import.meta.dirname, '..', '..', 'bin', 'bandpass')
const preload = `const now = Date.now; Date.now = () => now() + 400 * 86_400_000\n`

async function readiness({ port }: ServingEngine): Promise<{ readonly status: number; readonly body: string }> {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`)
  return { status: answer.status, body: await answer.text() }
}

/** An engine on the folder, ready to answer; gone when the test is over. */
async function started(folder: string, flags: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const engine = new ServingEngine(folder, flags, environment)
  onTestFinished(() => engine.kill().then(() => undefined))
  await engine.start()
  return engine
}

it('An engine that ran 400 days ahead tells which setting to take, takes it once, and lets a new phone pair, arm and pay', async () => {
  const folder = testFolder(onTestFinished)
  const shift = join(testFolder(onTestFinished), 'ahead.cjs')
  writeFileSync(shift, preload)
  await (await started(folder, [], { NODE_OPTIONS: `--require=${shift}` })).stop()

  const behind = await started(folder, [])
  const told = await readiness(behind)
  expect(told.status).toBe(503)
  expect(told.body).toMatch(/the journal is ahead of the clock: its newest record is (400 d|399 d 23 h) later/)
  const flag = /--clock-accept-behind (\d+)/.exec(told.body)
  expect(behind.log.join('\n')).toContain(flag?.[0])
  await behind.stop()

  await expect(started(folder, ['--clock-accept-behind', '4711'])).rejects.toThrow(
    /ended with 1: [^]*record 4711, which is not in/,
  )

  const accepted = await started(folder, ['--clock-accept-behind', flag?.[1] ?? ''])
  expect((await readiness(accepted)).status).toBe(200)
  expect(accepted.log.join('\n')).toContain('clock.behind-accepted')
  const demo = demoWorld(accepted.demoFile())
  const { wearer, radio } = demo.newBand()
  const phone = await PhoneClient.connect({ ...demo.phone('alice'), url: `ws://127.0.0.1:${accepted.port}/phone` })
  wearer.taps()
  const band = await phone.pair(radio.phone, { packageSecret: wearer.band.device.packageSecret })
  wearer.putsOn()
  await band.whenWorn()
  await band.arm()
  const order = { action: 'pay', resource: '0b'.repeat(16), amountMinor: 100, currency: 978, label: 'Tea' } as const
  const offer = createPartner(demo.partner).offer({ ...order, expiresAtMs: Date.now() + 60_000 })
  expect(await band.pay(offer.bytes)).toMatchObject({ approved: true })
  phone.close()
  await accepted.stop()

  const after = await started(folder, [])
  expect((await readiness(after)).status).toBe(200)
  await after.stop()
  const audit = spawnSync(launcher, ['audit', 'verify', '--data', folder], { encoding: 'utf8' })
  expect(audit.stdout).toMatch(/time runs back at lsn \d+ by .*\n[^]*view +equal to the journal/)
  expect(audit.status).toBe(0)
}, 120_000)
