// Workload generator: many bands, each with its wearer, radio and phone, living a short day again and again against one engine: sign in,
// pair, wear, arm, pay. Everything is drawn from one seed. For demos and for seeing an engine under honest use.

import { type Bytes, toHex } from '../base/bytes.ts'
import type { Primitives } from '../crypto/primitives/primitives.ts'
import type { OfferRequest, Partner } from '../sdk/offers.ts'
import type { PhoneBand, PhoneDecision } from '../sdk/phone/phone-band.ts'
import { PhoneClient, type PhoneClientOptions } from '../sdk/phone-client.ts'
import { PhoneError } from '../sdk/phone/phone-errors.ts'
import { type PhoneKeys, createSoftwareKeys } from '../sdk/phone/phone-keys.ts'
import type { TokenSource } from '../sdk/phone/session.ts'
import { type EnginePins, type Vendor, makeBand } from './band/package.ts'
import { type Air, Radio } from './radio.ts'
import type { Scheduler } from './virtual/scheduler.ts'
import { type SeededRandom, seededRandom, withRandom } from './virtual/seeded-random.ts'
import { Wearer } from './band/wearer.ts'

export type FleetStep = 'connect' | 'pair' | 'wear' | 'arm' | 'pay'

/** Event of band number `index`; `latencyMs` is from the request to the answer. */
export type FleetEvent =
  | { readonly type: 'done'; readonly index: number; readonly step: FleetStep; readonly latencyMs: number }
  | { readonly type: 'decided'; readonly index: number; readonly decision: PhoneDecision; readonly latencyMs: number }
  | { readonly type: 'failed'; readonly index: number; readonly step: FleetStep; readonly error: PhoneError }

export type FleetOptions = {
  readonly count: number
  readonly seed: string
  readonly primitives: Primitives
  readonly scheduler: Scheduler
  /** Url, and where needed the WebSocket, of every phone. */
  readonly engine: Pick<PhoneClientOptions, 'url' | 'webSocket'>
  readonly vendor: Vendor
  readonly pins: EnginePins
  readonly partner: Partner
  readonly account: (index: number) => string
  readonly token: (account: string, keys: PhoneKeys) => TokenSource
  /** One band starts this long after the one before, ms. */
  readonly startGapMs: number
  /** A band pays about this often, ms: half to one and a half times. */
  readonly payEveryMs: number
  readonly payment: (random: SeededRandom) => Omit<OfferRequest, 'expiresAtMs'>
  readonly air?: Air
  readonly report: (event: FleetEvent) => void
}

export type FleetCounts = {
  connected: number
  paired: number
  armed: number
  approved: number
  readonly denied: Map<string, number>
  readonly failed: Map<string, number>
}

/** One member, for those who want to reach in: take its band off, cut its radio. */
export type FleetMember = {
  readonly index: number
  readonly wearer: Wearer
  readonly radio: Radio
  phone?: PhoneClient
  band?: PhoneBand
}

/** How long a partner's till waits, ms. */
const offerLifeMs = 60_000

export class Fleet {
  readonly members: readonly FleetMember[]
  readonly counts: FleetCounts = {
    connected: 0,
    paired: 0,
    armed: 0,
    approved: 0,
    denied: new Map(),
    failed: new Map(),
  }
  readonly #options: FleetOptions
  readonly #random: SeededRandom
  readonly #lives: Promise<void>[] = []
  #isStopped = false
  readonly #naps = new Set<() => void>()

  constructor(options: FleetOptions) {
    this.#options = options
    this.#random = seededRandom(options.primitives, `fleet ${options.seed}`)
    this.members = Array.from({ length: options.count }, (_, index) => this.#member(index))
  }

  start(): void {
    for (const member of this.members) this.#lives.push(this.#live(member))
  }

  /** Lets every member finish what it does, then closes its session and switches its band off. */
  async stop(): Promise<void> {
    this.#isStopped = true
    for (const wake of this.#naps) wake()
    await Promise.all(this.#lives)
    for (const { phone, radio, wearer } of this.members) {
      phone?.close()
      radio.disconnect()
      wearer.band.powerOff()
    }
  }

  #member(index: number): FleetMember {
    const { scheduler, vendor, pins, air } = this.#options
    const primitives = this.#primitivesOf(index, 'band')
    const device = makeBand(primitives, vendor, pins)
    const wearer = new Wearer({ device, scheduler, primitives })
    const random = this.#random.fork(`air ${index}`)
    return {
      index,
      wearer,
      radio: new Radio(wearer.band, { scheduler, random, ...(air === undefined ? {} : { air }) }),
    }
  }

  async #live(member: FleetMember): Promise<void> {
    const { index, wearer, radio } = member
    const { startGapMs, payEveryMs } = this.#options
    const random = this.#random.fork(`life ${index}`)
    await this.#nap(index * startGapMs)
    const phone = await this.#step(index, 'connect', () => this.#connect(index))
    if (phone === undefined) return
    member.phone = phone
    wearer.taps()
    const { packageSecret } = wearer.band.device
    const band = await this.#step(index, 'pair', () => phone.pair(radio.phone, { packageSecret }))
    if (band === undefined) return
    member.band = band
    wearer.putsOn()
    if ((await this.#step(index, 'wear', () => band.whenWorn().then(() => true))) === undefined) return
    if ((await this.#step(index, 'arm', () => band.arm())) === undefined) return
    while (!this.#isStopped) {
      await this.#nap(payEveryMs * (0.5 + random.fraction()))
      if (!this.#isStopped) await this.#pay(index, band, random)
    }
  }

  async #connect(index: number): Promise<PhoneClient> {
    const { engine, scheduler, account, token } = this.#options
    const primitives = this.#primitivesOf(index, 'phone')
    const keys = createSoftwareKeys(primitives)
    return PhoneClient.connect({
      ...engine,
      token: token(account(index), keys),
      phoneId: toHex(primitives.randomBytes(16)),
      keys,
      clock: scheduler,
      primitives,
    })
  }

  async #pay(index: number, band: PhoneBand, random: SeededRandom): Promise<void> {
    const { partner, payment, scheduler, report } = this.#options
    const expiresAtMs = scheduler.nowMs() + offerLifeMs
    const reference = toHex(random.bytes(8))
    const offer: Bytes = partner.offer({ reference, ...payment(random), expiresAtMs }).bytes
    const startedAtMs = scheduler.nowMs()
    const decision = await this.#step(index, 'pay', () => band.pay(offer, { verifyUser: true, tapWithinMs: 10_000 }))
    if (decision === undefined) return
    if (decision.approved) this.counts.approved += 1
    else count(this.counts.denied, decision.reason)
    report({ type: 'decided', index, decision, latencyMs: scheduler.nowMs() - startedAtMs })
  }

  async #step<Value>(index: number, step: FleetStep, work: () => Promise<Value>): Promise<Value | undefined> {
    const { scheduler, report } = this.#options
    const startedAtMs = scheduler.nowMs()
    try {
      const value = await work()
      if (step === 'connect') this.counts.connected += 1
      if (step === 'pair') this.counts.paired += 1
      if (step === 'arm') this.counts.armed += 1
      report({ type: 'done', index, step, latencyMs: scheduler.nowMs() - startedAtMs })
      return value
    } catch (error) {
      if (!(error instanceof PhoneError)) throw error
      count(this.counts.failed, `${step}: ${error.code}`)
      report({ type: 'failed', index, step, error })
      return undefined
    }
  }

  #nap(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel()
        this.#naps.delete(wake)
        resolve()
      }
      const cancel = this.#options.scheduler.after(ms, wake)
      this.#naps.add(wake)
    })
  }

  #primitivesOf(index: number, whose: string): Primitives {
    return withRandom(this.#options.primitives, this.#random.fork(`${whose} ${index}`))
  }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}
