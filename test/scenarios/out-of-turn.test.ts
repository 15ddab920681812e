// Records out of turn: a band, or who speaks for one, sends what it likes when it likes. Nothing of it is a failure of the engine.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { startPairingAsBand } from '../../crypto/links/pairing.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { decodePhoneFrame, encodePhoneFrame } from '../../protocol/messages/frame-codec.ts'
import { pairingFailuresMax } from '../../protocol/limits.ts'
import { concatBytes } from '../../base/bytes.ts'
import { parseBid } from '../../protocol/ids.ts'
import { namesOf } from '../../base/names.ts'
import {
  decodeRecord,
  encodeNoiseRecord,
  encodeNolink,
  encodeRekey1Maced,
  encodeResumeMaced,
} from '../../protocol/records.ts'
import { RawPhone } from '../support/raw-phone.ts'
import { World, armedBand } from '../support/world.ts'

const slot = 7
const ps = new Uint8Array(16).fill(3)

/** A phone with a pairing window, and a band's end of the handshake that says whatever it is told to. */
async function openWindow() {
  const world = new World()
  await world.start()
  const phone = await RawPhone.connect(world, 'mallory')
  const open = async () => phone.ask(await phone.verified({ type: 'pairStart', slot, ps, hint: null }))
  await open()
  const device = world.device()
  const records = () => phone.all('record').map(({ bytes }) => decodeRecord(bytes))
  const band = { of: undefined as ReturnType<typeof startPairingAsBand> | undefined }
  const send = (bytes: Uint8Array) => phone.send({ type: 'record', id: 0, slot, bytes })
  const pair1 = (secret: Uint8Array) => {
    const pair0 = phone
      .all('record')
      .find(({ bytes }) => decodeRecord(bytes).type === 'pair0')
      ?.bytes.slice()
    if (pair0 === undefined) return
    band.of = startPairingAsBand(world.primitives, {
      pair0,
      ps: secret,
      engineKey: nodePrimitives.x25519PublicKey(world.keys.engineSecrets.get(1) ?? new Uint8Array(32)),
      bandSecret: device.bandSecret,
    })
    send(band.of.pair1({ model: 1, conformance: 0, firmware: 1 }))
  }
  const genuine3 = () => {
    const pair2 = records().findLast((record) => record.type === 'pair2')
    if (band.of === undefined || pair2?.type !== 'pair2') return
    if (band.of.readPair2(pair2.message.slice()) === undefined) return
    send(band.of.pair3(device.cert, 0))
    band.of = undefined
  }
  return { world, phone, open, send, pair1, genuine3 }
}

const filled = (length: number) => new Uint8Array(length).fill(9)
/** PAIR1 and PAIR3 that do not open, of the length of those that do. */
const bad1 = encodeNoiseRecord('pair1', filled(60))
const bad3 = encodeNoiseRecord('pair3', filled(196))
const bid = parseBid(filled(8))
/** Records of others: what stands in them fits nothing. */
const others = {
  data: concatBytes(Uint8Array.of(0x13, 1), filled(40)),
  resume: concatBytes(encodeResumeMaced(bid, 1, filled(16)), filled(16)),
  rekey: concatBytes(encodeRekey1Maced(bid, 1), filled(16), filled(48)),
  nolink: encodeNolink(),
  pair2: encodeNoiseRecord('pair2', filled(58)),
  junk: Uint8Array.of(0x7f, 1),
}

describe('A record of pairing', () => {
  it.each(['refused', 'cancelled'])('in a window that was %s is passed over', async (end) => {
    const { world, phone, send, pair1 } = await openWindow()
    expect(decodeRecord(bad1).type).toBe('pair1')
    expect(decodeRecord(bad3).type).toBe('pair3')
    if (end === 'refused') for (let failure = 0; failure < pairingFailuresMax; failure++) send(bad1)
    else phone.send({ type: 'pairCancel', id: 90, slot })
    pair1(new Uint8Array(16))
    send(bad3)
    pair1(ps)
    send(bad3)
    await world.time.advance(10_000)
    expect(world.failures).toEqual([])
    expect(phone.closeCode).toBeUndefined()
  })

  it('is no failure of the engine, whatever its order', async () => {
    const steps = fc.array(
      fc.constantFrom('pair1', 'zero1', 'bad1', 'genuine3', 'bad3', ...namesOf(others), 'cancel', 'wait', 'open'),
      { minLength: 1, maxLength: 25 },
    )
    await fc.assert(
      fc.asyncProperty(steps, async (order) => {
        const { world, phone, open, send, pair1, genuine3 } = await openWindow()
        for (const step of order) {
          if (step === 'pair1') pair1(ps)
          else if (step === 'zero1') pair1(new Uint8Array(16))
          else if (step === 'bad1') send(bad1)
          else if (step === 'genuine3') genuine3()
          else if (step === 'bad3') send(bad3)
          else if (step === 'cancel') phone.send({ type: 'pairCancel', id: 91, slot })
          else if (step === 'open') await open()
          else if (step === 'wait') await world.time.advance(700)
          else send(others[step])
        }
        await world.time.advance(4_000)
        expect(world.failures).toEqual([])
        expect(phone.closeCode).toBeUndefined()
      }),
      { numRuns: 300 },
    )
  })
})

it('Records of a link that come again, late and in any order are no failure of the engine', async () => {
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fc.nat(9)), fc.infiniteStream(fc.nat(1_000)), async (chance, which) => {
      const world = new World()
      await world.start()
      const { phone, wearer, band } = await armedBand(world)
      const heard: Uint8Array[] = []
      world.intercept = (way, bytes) => {
        const frame = way === 'up' ? decodePhoneFrame(bytes, 4_096) : undefined
        if (frame?.type !== 'record') return bytes
        heard.push(frame.bytes.slice())
        const dice = chance.next().value
        if (dice === 0) return undefined
        const old = heard[which.next().value % heard.length]
        return dice < 4 && old !== undefined ? encodePhoneFrame({ ...frame, bytes: old }) : bytes
      }
      for (let time = 0; time < 4; time++) {
        wearer.band.reboot()
        await world.time.advance(60_000)
        void band.pay(world.offer().bytes, { wearerTimeoutMs: 500 }).catch(() => undefined)
        wearer.takesOff()
        await world.time.advance(10_000)
        wearer.putsOn()
        await world.time.advance(10_000)
        void band.arm().catch(() => undefined)
        await world.time.advance(20_000)
      }
      expect(world.failures).toEqual([])
      expect(phone.client.isLive).toBe(true)
      expect(heard.length).toBeGreaterThan(0)
    }),
    { numRuns: 10 },
  )
})
