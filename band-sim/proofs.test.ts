import { describe, expect, it } from 'vitest'
import { nodePrimitives } from '../crypto/primitives/node-primitives.ts'
import { canonBytes, offerBytes } from '../protocol/offer.ts'
import { decodeData, encodeOfferRecord } from '../protocol/records.ts'
import { PhoneError } from '../sdk/phone/phone-errors.ts'
import { HostileRadio, flipBit } from './adversaries.ts'
import { Bench } from './bench/bench.ts'
import { refuses, taps } from './band/wearer.ts'

async function hostileBench() {
  const bench = new Bench()
  const hostile = new HostileRadio(bench.radio.phone, bench.time)
  const { band, phone } = await bench.armed(hostile)
  return { bench, band, phone, hostile, engine: bench.engine }
}

function codeOf(error: unknown): string {
  return error instanceof PhoneError ? error.code : String(error)
}

describe('a proof', () => {
  it('stands for exactly the request the band saw: no single turned bit of it is accepted', async () => {
    const { bench, band, hostile } = await hostileBench()
    let refusedCount = 0
    for (let bit = 0; bit < (canonBytes + 24) * 8; bit++) {
      hostile.alterOffers((offer) => flipBit(offer, bit))
      const paying = band.pay(bench.offer().bytes, { wearerTimeoutMs: 200 })
      const reason = await bench.during(paying.then((decision) => decision.reason, codeOf))
      // A label that is no UTF-8, or an amount past its limit, is not even shown: then the band stays silent.
      expect(['proof-invalid', 'band-silent'], `bit ${bit}`).toContain(reason)
      // Eight bad tags in a minute would end the link, and then nothing were tested.
      if (bit % 6 === 5) await bench.time.advance(61_000)
      if (reason === 'proof-invalid') refusedCount += 1
    }
    expect(refusedCount).toBeGreaterThan(canonBytes * 8 - 64)
    hostile.alterOffers((offer) => offer)
    expect((await bench.during(band.pay(bench.offer().bytes))).approved).toBe(true)
  })

  it('works once: shown again for another payment, it is refused', async () => {
    const { bench, band, hostile } = await hostileBench()
    expect((await bench.during(band.pay(bench.offer().bytes))).approved).toBe(true)
    const proof = hostile.captured.findLast(({ record }) => {
      const data = decodeData(record)
      return data.type === 'data' && data.proof
    })
    hostile.replayProof(proof?.record ?? new Uint8Array(0))
    expect(await bench.during(band.pay(bench.offer().bytes))).toMatchObject({
      approved: false,
      reason: 'proof-invalid',
    })
  })

  it('of a band taken off is worth nothing, whatever the phone hides', async () => {
    const { bench, band, hostile, engine } = await hostileBench()
    hostile.hideWearEdges()
    bench.wearer.takesOff()
    bench.wearer.putsOn()
    await bench.time.advance(1_000)
    // The engine still believes the band armed: the edge was hidden.
    expect(engine.band.armSecret).toBeDefined()
    expect(await bench.during(band.pay(bench.offer().bytes))).toMatchObject({
      approved: false,
      reason: 'proof-invalid',
    })
  })

  it('of an unarmed band says at once that it is not armed', async () => {
    const bench = new Bench()
    const phone = await bench.connect()
    const band = await bench.pair(phone)
    bench.wearer.putsOn()
    await bench.time.advance(1_000)
    expect(await bench.during(band.pay(bench.offer().bytes))).toMatchObject({
      approved: false,
      reason: 'band-not-armed',
    })
  })

  it('says what the wearer did: worn by default, tap when tapped, no when refused', async () => {
    const bench = new Bench()
    const { band } = await bench.armed()
    await bench.time.advance(10_000)
    await bench.during(band.pay(bench.offer().bytes))
    bench.wearer.habit = taps
    await bench.during(band.pay(bench.offer().bytes))
    bench.wearer.habit = refuses
    await bench.during(band.pay(bench.offer().bytes))
    expect(bench.engine.proofs.map((proof) => proof.verdict)).toEqual(['worn', 'tap', 'refused'])
  })

  it('counts a tap just before the request, for one request and for five seconds', async () => {
    const bench = new Bench()
    const { band } = await bench.armed()
    await bench.time.advance(10_000)
    bench.wearer.taps()
    await bench.time.advance(4_000)
    await bench.during(band.pay(bench.offer().bytes))
    await bench.during(band.pay(bench.offer().bytes))
    bench.wearer.taps()
    await bench.time.advance(6_000)
    await bench.during(band.pay(bench.offer().bytes))
    expect(bench.engine.proofs.map((proof) => proof.verdict)).toEqual(['tap', 'worn', 'worn'])
  })

  it('shows the wearer the very terms that are proven', async () => {
    const bench = new Bench()
    const { band } = await bench.armed()
    await bench.during(band.pay(bench.offer({ amountMinor: 1_234, label: 'Three teas' }).bytes))
    const asked = bench.wearer.events.findLast((event) => event.type === 'asked')
    expect(asked).toMatchObject({ by: 'phone', terms: { amountMinor: 1_234, label: 'Three teas', currency: 978 } })
  })
})

describe('an offer', () => {
  it('that is no offer is ignored, and the link lives on', async () => {
    const bench = new Bench()
    await bench.armed()
    const noLabel = nodePrimitives.randomBytes(offerBytes)
    noLabel.fill(0xff, canonBytes, canonBytes + 24)
    bench.wearer.band.receive(encodeOfferRecord(noLabel))
    expect(bench.wearer.band.isLinked).toBe(true)
    expect(bench.wearer.count('asked')).toBe(0)
  })
})
