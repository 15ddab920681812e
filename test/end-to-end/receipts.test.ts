// A receipt outside of this repository's own code: bought from a running engine, verified by Python with PyJWT, a library that
// many partners have, against the key set that the engine publishes.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { demoWorld } from '../../band-sim/demo-world.ts'
import { toHex } from '../../base/bytes.ts'
import { createPartner } from '../../sdk/offers.ts'
import { PhoneClient } from '../../sdk/phone-client.ts'
import { ServingEngine } from '../support/serving-engine.ts'

const program = join(import.meta.dirname, '..', '..', 'examples', 'verify_receipt.py')
/** Debian's, which is not the first python3 of every path. */
const python = '/usr/bin/python3'
const hasPyJwt = spawnSync(python, ['-c', 'import cryptography, jwt']).status === 0
const isRoot = process.getuid?.() === 0
if (!hasPyJwt)
  console.log(
    'python3-jwt and python3-cryptography are not here; scripts/install-debian.sh receipts says how to get them',
  )
const order = { action: 'pay', resource: '0b'.repeat(16), amountMinor: 450, currency: 978, label: 'Kaffee ☕' } as const

/** Pays on an engine of its own and gives what a partner keeps and gets, and what Python says of any of it. */
async function bought() {
  const folder = mkdtempSync(join(tmpdir(), 'bandpass-receipt-'))
  const engine = new ServingEngine(folder, ['--journal-segment-bytes', '1048576', '--issuer', 'https://engine.test'])
  onTestFinished(async () => {
    await engine.kill()
    rmSync(folder, { recursive: true, force: true })
  })
  await engine.start()
  const demo = demoWorld(engine.demoFile())
  const { wearer, radio } = demo.newBand()
  const phone = await PhoneClient.connect(demo.phone())
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
  const offer = shop.offer({ ...order, expiresAtMs: Date.now() + 60_000 })
  const other = shop.offer({ ...order, label: 'Tea', expiresAtMs: Date.now() + 60_000 })
  const { receipt } = await band.pay(offer.bytes, { receipt: true })
  if (receipt === null) throw new Error('no receipt came')
  const keySet = `http://127.0.0.1:${engine.port}/.well-known/jwks.json`
  const says = (issuer: string, offerBytes: Uint8Array, token: string) =>
    spawnSync(python, [program, keySet, issuer, toHex(offerBytes), token], { encoding: 'utf8' })
  return { offer, other, receipt, says }
}

describe.skipIf(!isRoot && !hasPyJwt)('A receipt, to a partner who writes Python,', () => {
  beforeAll(() => {
    if (!hasPyJwt)
      throw new Error('python3-jwt and python3-cryptography are missing: sh scripts/install-debian.sh receipts')
  })

  it('is good with the published key set, and only for its own offer', async () => {
    const { offer, other, receipt, says } = await bought()
    const good = says('https://engine.test', offer.bytes, receipt)
    expect(good.stderr).toBe('')
    expect(JSON.parse(good.stdout)).toMatchObject({ amountMinor: 450, currency: 978, resource: order.resource })
    expect(says('https://engine.test', other.bytes, receipt).stderr).toContain('nonce')
    expect(says('https://other.test', offer.bytes, receipt).stderr).toContain('Invalid issuer')
    const [header, , signature] = receipt.split('.')
    const [, payload] = receipt.split('.').map((part) => Buffer.from(part, 'base64url').toString())
    const dearer = Buffer.from((payload ?? '').replace('"amountMinor":450', '"amountMinor":451')).toString('base64url')
    const forged = says('https://engine.test', offer.bytes, `${header}.${dearer}.${signature}`)
    expect(forged.status).toBe(1)
    expect(forged.stderr).toContain('Signature verification failed')
  })
})
