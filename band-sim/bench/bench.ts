// Deterministic test bench: one band on a wearer, one radio, one phone, the engine's end, and virtual time, all from one seed.

import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import type { Primitives } from '../../crypto/primitives/primitives.ts'
import { toHex } from '../../base/bytes.ts'
import type { BandRadio } from '../../sdk/phone/radio-writer.ts'
import type { PhoneBand } from '../../sdk/phone/phone-band.ts'
import { PhoneError } from '../../sdk/phone/phone-errors.ts'
import { PhoneClient, type PhoneClientOptions } from '../../sdk/phone-client.ts'
import { createSoftwareKeys } from '../../sdk/phone/phone-keys.ts'
import { type MadeOffer, type OfferRequest, type Partner, createPartner } from '../../sdk/offers.ts'
import { EngineEnd, type EngineEndParts } from './engine-end.ts'
import { type Vendor, makeBand } from '../band/package.ts'
import { type Air, Radio } from '../radio.ts'
import { VirtualTime } from '../virtual/scheduler.ts'
import { type SeededRandom, seededRandom, withRandom } from '../virtual/seeded-random.ts'
import { Wearer } from '../band/wearer.ts'

export type BenchOptions = Pick<EngineEndParts, 'heartbeatS' | 'needs'> & { readonly seed?: string; readonly air?: Air }

export class Bench {
  readonly time = new VirtualTime()
  readonly random: SeededRandom
  readonly primitives: Primitives
  readonly vendor: Vendor
  readonly engine: EngineEnd
  readonly wearer: Wearer
  readonly radio: Radio
  readonly partner: Partner

  constructor(options: BenchOptions = {}) {
    const { time } = this
    this.random = seededRandom(nodePrimitives, options.seed ?? 'bench')
    this.primitives = withRandom(nodePrimitives, this.random.fork('secrets'))
    const { primitives } = this
    this.vendor = { vendor: 7, model: 1, batch: 1, issuer: 1, seed: primitives.randomBytes(32) }
    this.engine = new EngineEnd({ ...options, primitives, scheduler: time, vendorSeed: this.vendor.seed })
    const device = makeBand(primitives, this.vendor, this.engine.pins)
    this.wearer = new Wearer({ device, scheduler: time, primitives })
    const air = options.air === undefined ? {} : { air: options.air }
    this.radio = new Radio(this.wearer.band, { scheduler: time, random: this.random.fork('air'), ...air })
    this.partner = createPartner({ id: '0a'.repeat(16), kid: 1, key: primitives.randomBytes(32) }, primitives)
  }

  phoneOptions(account = 'alice'): PhoneClientOptions {
    return {
      url: 'wss://bench.test/phone',
      token: () => account,
      phoneId: toHex(this.primitives.randomBytes(16)),
      keys: createSoftwareKeys(this.primitives),
      webSocket: this.engine.webSocket,
      clock: this.time,
      primitives: this.primitives,
    }
  }

  /** Runs `work` while time passes, up to `withinMs`; rejects as `work` does. */
  async during<Value>(work: Promise<Value>, withinMs = 240_000): Promise<Value> {
    const over = { isOver: false }
    const done = work.finally(() => {
      over.isOver = true
    })
    // The wait for `done` below sees its failure.
    done.catch(() => undefined)
    await this.time.settle()
    const untilMs = this.time.nowMs() + withinMs
    while (!over.isOver) {
      if (this.time.nowMs() >= untilMs) throw new Error(`nothing came of it in ${withinMs} ms`)
      await this.time.advance(100)
    }
    return done
  }

  connect(options: Partial<PhoneClientOptions> = {}): Promise<PhoneClient> {
    return this.during(PhoneClient.connect({ ...this.phoneOptions(), ...options }))
  }

  /** Taps the band open and pairs it. */
  async pair(phone: PhoneClient, radio: BandRadio = this.radio.phone): Promise<PhoneBand> {
    this.wearer.taps()
    const { packageSecret } = this.wearer.band.device
    return this.during(phone.pair(radio, { packageSecret }))
  }

  /** A phone with the band paired, worn and armed. */
  async armed(radio?: BandRadio): Promise<{ readonly phone: PhoneClient; readonly band: PhoneBand }> {
    const phone = await this.connect()
    const band = await this.pair(phone, radio)
    this.wearer.putsOn()
    await this.time.advance(1_000)
    await this.arm(band)
    return { phone, band }
  }

  /** Arms, again if the band did not hear it: the air loses things. */
  async arm(band: PhoneBand): Promise<void> {
    for (let tries = 5; !this.wearer.band.isArmed && tries > 0; tries--) {
      try {
        await this.during(band.arm())
      } catch (error) {
        if (!(error instanceof PhoneError) || error.then !== 'retry') throw error
      }
      await this.time.advance(1_000)
    }
  }

  offer(what: Partial<OfferRequest> = {}): MadeOffer {
    return this.partner.offer({
      action: 'pay',
      resource: '0b'.repeat(16),
      amountMinor: 450,
      currency: 978,
      label: 'Coffee',
      expiresAtMs: this.time.nowMs() + 120_000,
      ...what,
    })
  }
}
