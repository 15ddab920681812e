// End-to-end example of a paid order: pair a simulated band, wear it, arm it, pay, and verify the receipt. Needs `bandpass serve --demo` running.
import { createPartner } from '../sdk/offers.ts'
import { PhoneClient } from '../sdk/phone-client.ts'
import { readKeySet, verifyReceipt } from '../sdk/receipts.ts'
import { demo } from './demo.ts'

const { wearer, radio } = demo.newBand()
const phone = await PhoneClient.connect(demo.phone())
wearer.taps()
const band = await phone.pair(radio.phone, { packageSecret: wearer.band.device.packageSecret })
wearer.putsOn()
await band.whenWorn()
await band.arm()

const shop = createPartner(demo.partner)
const order = { action: 'pay', resource: '0b'.repeat(16), amountMinor: 450, currency: 978, label: 'Coffee' } as const
const offer = shop.offer({ ...order, expiresAtMs: Date.now() + 60_000 })
const decision = await band.pay(offer.bytes, { receipt: true })
console.log(decision)

// The shop verifies offline: it has the engine's public keys, and the offer that it made and kept.
const { issuer, keySet } = demo.receipts
const expected = {
  jwks: await readKeySet(keySet),
  issuer,
  offer: offer.bytes,
  ownerEpochs: new Map(),
  nowMs: Date.now(),
}
const verdict = await verifyReceipt(decision.receipt ?? '', expected)
console.log(verdict.type === 'valid' ? 'The receipt is genuine, and of this offer.' : verdict)
process.exitCode = verdict.type === 'valid' ? 0 : 1

phone.close()
wearer.band.powerOff()
