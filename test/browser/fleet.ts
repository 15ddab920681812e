// Simulated fleet for tests, at work on a real engine in a process of its own: bands with their wearers and phones, paired and
// armed, that pay at a rate until they are told to stop. Any single band can be reached: pay with it now, take it off.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type DemoWorld, demoWorld } from '../../band-sim/demo-world.ts'
import type { Wearer } from '../../band-sim/band/wearer.ts'
import type { BandId, Bid } from '../../protocol/ids.ts'
import { type Partner, createPartner } from '../../sdk/offers.ts'
import type { PhoneBand, PhoneDecision } from '../../sdk/phone/phone-band.ts'
import { PhoneClient } from '../../sdk/phone-client.ts'
import { PhoneError } from '../../sdk/phone/phone-errors.ts'
import { ServingEngine } from '../support/serving-engine.ts'

/** Pays little enough that a whole test stays within a day's limits. */
const amountMinor = 10
const offerLifeMs = 60_000
const smallDisk = ['--journal-segment-bytes', '1048576']

/** Takes what is to be done at the end: of the test, unless a group of tests shares it. */
type AtEnd = (end: () => Promise<void>) => void

/** Starts an engine on a folder of its own, after that was prepared; both are gone after the test. */
export async function engineForTest(
  flags: readonly string[] = [],
  atEnd: AtEnd = onTestFinished,
  prepare: (dataFolder: string) => void = () => {},
): Promise<ServingEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'bandpass-browser-'))
  const engine = new ServingEngine(join(folder, 'data'), [...smallDisk, ...flags])
  prepare(engine.folder)
  atEnd(async () => {
    await engine.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  await engine.start()
  return engine
}

export type Payments = {
  readonly approved: number
  readonly denied: number
  /** No answer, such as while the engine was away. */
  readonly failed: number
}

/** One band at work, with an account of its own. */
export class Member {
  readonly account: string
  readonly bandId: BandId
  readonly wearer: Wearer
  readonly phone: PhoneClient
  readonly band: PhoneBand
  readonly #partner: Partner
  #last: Promise<unknown> = Promise.resolve()

  constructor(parts: {
    readonly account: string
    readonly wearer: Wearer
    readonly phone: PhoneClient
    readonly band: PhoneBand
    readonly partner: Partner
  }) {
    this.account = parts.account
    this.bandId = parts.wearer.band.device.bandId
    this.wearer = parts.wearer
    this.phone = parts.phone
    this.band = parts.band
    this.#partner = parts.partner
  }

  get bid(): Bid {
    return this.band.bid
  }

  /** Pays when what this band does already is done. Rejects with a PhoneError when there is no answer. */
  pay(amount = amountMinor, label = 'Coffee'): Promise<PhoneDecision> {
    const paying = this.#last.then(() => this.#pay(amount, label))
    this.#last = paying.catch(() => undefined)
    return paying
  }

  takesOff(): void {
    this.wearer.takesOff()
  }

  /** Worn, and armed by a verification on the phone. */
  async putsOn(): Promise<void> {
    this.wearer.putsOn()
    await this.band.whenWorn()
    await this.band.arm()
  }

  leave(): void {
    this.phone.close()
    this.wearer.band.powerOff()
  }

  #pay(amount: number, label: string): Promise<PhoneDecision> {
    const order = {
      action: 'pay',
      resource: '0b'.repeat(16),
      amountMinor: amount,
      currency: 978,
      label,
    } as const
    return this.band.pay(this.#partner.offer({ ...order, expiresAtMs: Date.now() + offerLifeMs }).bytes)
  }
}

export class BusyFleet {
  readonly members: readonly Member[]
  readonly #counts = { approved: 0, denied: 0, failed: 0 }
  #timer: NodeJS.Timeout | undefined
  readonly #underWay = new Set<Promise<void>>()

  private constructor(members: readonly Member[]) {
    this.members = members
  }

  /** Brings so many bands to an engine, one account each, armed; they leave after the test. */
  static async bring(engine: ServingEngine, count: number, atEnd: AtEnd = onTestFinished): Promise<BusyFleet> {
    const world = demoWorld(engine.demoFile())
    const partner = createPartner(world.partner)
    const members: Member[] = []
    const fleet = new BusyFleet(members)
    atEnd(async () => {
      await fleet.stopPaying()
      for (const member of members) member.leave()
    })
    for (let index = 0; index < count; index++) members.push(await bringMember(world, partner, `wearer-${index}`))
    return fleet
  }

  /** The member of this number, from 0. */
  member(index: number): Member {
    const member = this.members[index]
    if (member === undefined) throw new RangeError(`a number below ${this.members.length} expected, got ${index}`)
    return member
  }

  get payments(): Payments {
    return { ...this.#counts }
  }

  /** Bands take turns to pay, so many a second together, until `stopPaying`. A band that is still paying is left out. */
  startPaying(perSecond: number, among: readonly Member[] = this.members): void {
    if (this.#timer !== undefined) throw new Error('the fleet pays already')
    const busy = new Set<Member>()
    let turn = 0
    this.#timer = setInterval(() => {
      const member = among[turn++ % among.length]
      if (member === undefined || busy.has(member)) return
      busy.add(member)
      const paying = this.#payOnce(member).finally(() => {
        busy.delete(member)
        this.#underWay.delete(paying)
      })
      this.#underWay.add(paying)
    }, 1_000 / perSecond)
  }

  /** Resolves when the last answer is there. */
  async stopPaying(): Promise<Payments> {
    clearInterval(this.#timer)
    this.#timer = undefined
    await Promise.all(this.#underWay)
    return this.payments
  }

  async #payOnce(member: Member): Promise<void> {
    try {
      const { approved } = await member.pay()
      this.#counts[approved ? 'approved' : 'denied']++
    } catch (error) {
      if (!(error instanceof PhoneError)) throw error
      this.#counts.failed++
    }
  }
}

async function bringMember(world: DemoWorld, partner: Partner, account: string): Promise<Member> {
  const phone = await PhoneClient.connect(world.phone(account))
  const { wearer, radio } = world.newBand()
  wearer.taps()
  const band = await phone.pair(radio.phone, { packageSecret: wearer.band.device.packageSecret })
  const member = new Member({ account, wearer, phone, band, partner })
  await member.putsOn()
  return member
}
