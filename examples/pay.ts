// A paid order, from nothing: pair a simulated band, wear it, arm it, pay. Needs `bandpass serve --demo` running.
import { readFileSync } from 'node:fs'
import { demoWorld } from '../band-sim/demo-world.ts'
import { createPartner } from '../sdk/offers.ts'
import { PhoneClient } from '../sdk/phone-client.ts'
import { createSoftwareKeys } from '../sdk/phone-keys.ts'

const demo = demoWorld(readFileSync(process.argv[2] ?? process.env['BANDPASS_DEMO_FILE'] ?? '.data/demo.json', 'utf8'))
const shop = createPartner(demo.partner)
const { wearer, radio } = demo.newBand()

const phone = await PhoneClient.connect({ ...demo.phone(), keys: createSoftwareKeys() })
wearer.taps()
const band = await phone.pair(radio.phone, { packageSecret: wearer.band.device.packageSecret })
wearer.putsOn()
await band.whenWorn()
await band.arm()
const expiresAtMs = Date.now() + 60_000
const order = {
  action: 'pay',
  resource: '0b'.repeat(16),
  amountMinor: 450,
  currency: 978,
  label: 'Coffee',
  expiresAtMs,
} as const
console.log(await band.pay(shop.offer(order).bytes, { receipt: true }))
phone.close()
