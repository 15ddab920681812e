// A phone behind a TCP proxy that stops carrying the bytes of a connection without closing it, as a router does that was switched off:
// the real client, real sockets and a real engine.

import { mkdtempSync, rmSync } from 'node:fs'
import { type Socket, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { demoWorld } from '../../band-sim/demo-world.ts'
import { createPartner } from '../../sdk/offers.ts'
import { PhoneClient } from '../../sdk/phone-client.ts'
import { ServingEngine } from '../support/serving-engine.ts'
import { watchUncaught } from '../support/uncaught.ts'

/** Passes connections on to `port`; `swallow` drops all bytes of those that are open, and closes none of them. */
async function proxyTo(port: number) {
  const open = new Set<{ isDead: boolean; readonly ends: readonly Socket[] }>()
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    const pair = { isDead: false, ends: [near, far] }
    open.add(pair)
    const pass = (from: Socket, to: Socket): void => {
      from.on('data', (bytes) => {
        if (!pair.isDead) to.write(bytes)
      })
      from.on('error', () => undefined)
      from.on('close', () => {
        if (!pair.isDead) to.destroy()
      })
    }
    pass(near, far)
    pass(far, near)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    for (const { ends } of open) for (const end of ends) end.destroy()
    server.close()
  })
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('the proxy has no port')
  return {
    port: address.port,
    count: () => open.size,
    swallow: () => {
      for (const pair of open) pair.isDead = true
    },
  }
}

it('A payment on a connection that died without a word goes through on a new one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bandpass-half-open-'))
  const engine = new ServingEngine(folder, ['--journal-segment-bytes', '1048576'])
  onTestFinished(async () => {
    await engine.kill()
    rmSync(folder, { recursive: true, force: true })
  })
  await engine.start()
  const uncaught = watchUncaught()
  const proxy = await proxyTo(engine.port)
  const demo = demoWorld(engine.demoFile())
  const { wearer, radio } = demo.newBand()
  const phone = await PhoneClient.connect({
    ...demo.phone(),
    url: `ws://127.0.0.1:${proxy.port}/phone`,
    timeouts: { answerMs: 2_000 },
  })
  onTestFinished(() => {
    phone.close()
    wearer.band.powerOff()
  })
  wearer.taps()
  const band = await phone.pair(radio.phone, { packageSecret: wearer.band.device.packageSecret })
  wearer.putsOn()
  await band.whenWorn()
  await band.arm()
  const shop = createPartner(demo.partner)
  const pay = () => {
    const order = { action: 'pay', resource: '0b'.repeat(16), amountMinor: 100, currency: 978, label: 'Tea' } as const
    return band.pay(shop.offer({ ...order, expiresAtMs: Date.now() + 60_000 }).bytes)
  }
  expect(await pay()).toMatchObject({ approved: true })

  const heard: string[] = []
  phone.on('disconnected', (error) => heard.push(error.code))
  phone.on('reconnected', ({ resumed }) => heard.push(resumed ? 'resumed' : 'anew'))
  proxy.swallow()
  expect(await pay()).toMatchObject({ approved: true })
  expect(heard).toEqual(['timeout', 'resumed'])
  expect(proxy.count()).toBe(2)
  await uncaught.settled()
  expect(uncaught.errors).toEqual([])
})
