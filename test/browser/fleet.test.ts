// The fleet that the tests of pages watch: it does what it says, on a real engine.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { AdminClient } from '../../sdk/admin/admin-client.ts'
import { BusyFleet, engineForTest } from './fleet.ts'

const patience = { timeout: 120_000, interval: 100 }

it('A fleet pays at a rate until it is told to stop, and the engine has decided as often as it was answered', async () => {
  const engine = await engineForTest()
  const fleet = await BusyFleet.bring(engine, 3)
  fleet.startPaying(20)
  await vi.waitFor(() => expect(fleet.payments.approved).toBeGreaterThanOrEqual(10), patience)
  const { approved, denied, failed } = await fleet.stopPaying()
  expect({ denied, failed }).toEqual({ denied: 0, failed: 0 })

  const one = fleet.member(1)
  expect((await one.pay(150)).approved).toBe(true)
  one.takesOff()
  await vi.waitFor(async () => expect((await one.pay()).approved).toBe(false), patience)
  await one.putsOn()
  expect((await one.pay()).approved).toBe(true)
  expect((await fleet.member(0).pay()).approved).toBe(true)

  const url = `http://127.0.0.1:${engine.port}`
  const token = readFileSync(join(engine.folder, 'admin-token'), 'utf8').trim()
  const { status } = await new AdminClient(url, token).meters()
  expect(status.decisions['approved']).toBe(approved + 3)
  expect(status.bands['armed']).toBe(3)
})

it('A fleet goes on paying with an engine that was killed and started again', async () => {
  const engine = await engineForTest()
  const fleet = await BusyFleet.bring(engine, 2)
  fleet.startPaying(10)
  await vi.waitFor(() => expect(fleet.payments.approved).toBeGreaterThanOrEqual(3), patience)
  await engine.kill()
  await engine.start()
  const before = fleet.payments.approved
  await vi.waitFor(() => expect(fleet.payments.approved).toBeGreaterThanOrEqual(before + 3), patience)
  await fleet.stopPaying()
})
