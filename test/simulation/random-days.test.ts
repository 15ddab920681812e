// Random days: owners, thieves, crashes, bad air and hostile replays from one seed; then the journal must be beyond
// reproach and must hold everything that was answered. SIMULATION_RUNS asks for more days, or for how long; SIMULATION_SEED repeats
// a run: it is printed.

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { tallyNames } from '../../engine/core/counters.ts'
import { decideAgain } from '../../engine/decisions/decision-again.ts'
import { Ledger } from '../../engine/ledger/ledger.ts'
import { decodeRecord } from '../../engine/ports/records.ts'
import { accountTally, decodeRow, heldTally } from '../../engine/ports/rows.ts'
import { tables } from '../../engine/ports/view.ts'
import { decodeEngineFrame } from '../../protocol/messages/frame-codec.ts'
import { type BandId, idBytes, parseBandId } from '../../protocol/ids.ts'
import { accountHoldNames, holdBits, holdsOf } from '../../protocol/states.ts'
import { BandFlash } from '../../band-sim/band/flash.ts'
import { clearAir, crowdedAir } from '../../band-sim/radio.ts'
import { agrees, refuses, taps } from '../../band-sim/band/wearer.ts'
import type { PhoneBand, PhoneDecision } from '../../sdk/phone/phone-band.ts'
import { Budget } from '../support/budget.ts'
import { isOn, seedOf } from '../support/budgets.ts'
import { JournalAuditor } from '../support/journal-auditor.ts'
import { MemoryDisk, MemoryJournal, MemoryView } from '../support/memory-ports.ts'
import { Answers } from './answers.ts'
import { RawPhone } from '../support/raw-phone.ts'
import { type Phone, World, euro, euroLimits } from '../support/world.ts'

/** Shrinking a day takes minutes; SIMULATION_SHRINK=1 asks for it. */
const isShrinkingOff = !isOn('SIMULATION_SHRINK')
const days = new Budget('SIMULATION_RUNS')
const firstSeed = seedOf('SIMULATION_SEED') ?? Math.floor(Math.random() * 2 ** 31)
const accounts = ['alice', 'bob'] as const
/** How long a group takes to reach a slow disk. */
const syncMs = 6
/** Which act of `operate` lifts what operators froze. */
const unfreezeAccount = 3

type Owned = {
  readonly wearer: ReturnType<World['wearer']>
  readonly radio: ReturnType<World['radio']>
  band: PhoneBand | undefined
}

/** Two currencies, so that what one arming pays is a sum of shares. */
const dollar = 840
const limits = new Map([
  [euro, euroLimits],
  [dollar, { ...euroLimits, perDayMinor: 9_001, perLevelDayMinor: [9_001, 9_001, 9_001, 9_001, 9_001] as const }],
])
const currencyOf = (number: number) => (number % 3 === 0 ? dollar : euro)

/** What a day is made of. `who` picks an account, `which` one of its two bands. */
const step = fc.record({
  act: fc.constantFrom(
    'pair',
    'wear',
    'remove',
    'arm',
    'pay',
    'pay',
    'pay',
    'pay',
    'pay',
    'pay',
    'goodHour',
    'goodHour',
    'goodHour',
    'payBig',
    'payAgain',
    'freeze',
    'unfreeze',
    'lost',
    'deactivate',
    'veto',
    'steal',
    'longPress',
    'crash',
    'crashAmid',
    'stopAmid',
    'stopAmid',
    'stopAmid',
    'backUp',
    'restore',
    'newPhone',
    'vetoPhones',
    'removePhone',
    'web',
    'reboot',
    'cut',
    'replay',
    'operate',
    'badAir',
    'goodAir',
    'wait',
    'waitLong',
    'mood',
  ),
  who: fc.nat(1),
  which: fc.nat(1),
  number: fc.nat(9_999),
})
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

class Day {
  readonly world: World
  readonly phones: Phone[] = []
  readonly owned: Owned[][] = []
  /** Everything a phone was told: it must be in the journal. */
  approved: PhoneDecision[] = []
  readonly captured: Uint8Array[] = []
  answers: Answers
  stopsCount = 0
  /** Approvals that a restore made the engine forget. */
  forgottenCount = 0
  /** Second phones of each account. */
  readonly others: Phone[] = []
  #backup: (() => void) | undefined
  #lastOffer: Uint8Array | undefined

  constructor(seed: number) {
    this.world = new World({ seed, config: { limits } })
    this.answers = new Answers(this.world.disk)
  }

  async begin(): Promise<void> {
    await this.world.start()
    for (const account of accounts) {
      this.phones.push(await this.world.phone(account))
      this.owned.push([this.#newBand(), this.#newBand()])
    }
    this.world.intercept = (way, bytes) => {
      if (way === 'up' && this.captured.length < 200) this.captured.push(bytes.slice())
      if (way === 'down') this.answers.sent(bytes)
      return bytes
    }
  }

  async live(steps: readonly Step[]): Promise<void> {
    for (const one of steps) {
      const phone = this.phones[one.who]
      const owned = this.owned[one.who]?.[one.which]
      if (phone !== undefined && owned !== undefined) await this.#do(one, phone, owned)
    }
    await this.world.time.advance(5_000)
  }

  #newBand(): Owned {
    const wearer = this.world.wearer()
    return { wearer, radio: this.world.radio(wearer), band: undefined }
  }

  /** Tries; a refusal is as good an outcome as any, the invariants judge. */
  async #attempt<Value>(work: () => Promise<Value>): Promise<Value | undefined> {
    return this.world.run(
      work().catch(() => undefined),
      400_000,
    )
  }

  async #do({ act, number }: Step, phone: Phone, owned: Owned): Promise<void> {
    const { world } = this
    const { client } = phone
    const { wearer, radio, band } = owned
    switch (act) {
      case 'pair': {
        wearer.taps()
        const { packageSecret, bandId } = wearer.band.device
        const paired = await this.#attempt(() => client.pair(radio.phone, { packageSecret, bandId }))
        owned.band = paired ?? owned.band
        return
      }
      case 'wear':
        wearer.putsOn()
        return world.time.advance(3_000)
      case 'remove':
        wearer.takesOff()
        return world.time.advance(number % 3_000)
      case 'arm':
        if (band !== undefined) await this.#attempt(() => band.arm())
        return
      case 'pay':
        return this.#pay(
          band,
          this.world.offer({ amountMinor: 1 + (number % 2_500), currency: currencyOf(number) }).bytes,
        )
      case 'payBig':
        return this.#pay(band, this.world.offer({ amountMinor: 1 + number * 2, currency: currencyOf(number) }).bytes)
      case 'payAgain':
        return this.#pay(band, this.#lastOffer)
      case 'freeze':
        if (band !== undefined) await this.#attempt(() => client.freeze(number % 2 === 0 ? band.bid : undefined))
        return
      case 'unfreeze':
        if (band !== undefined) await this.#attempt(() => client.unfreeze(number % 2 === 0 ? band.bid : undefined))
        return
      case 'lost':
        if (band !== undefined && number % 4 === 0) await this.#attempt(() => client.lost(band.bid))
        return
      case 'deactivate':
        if (band !== undefined) await this.#attempt(() => client.deactivate(band.bid))
        return
      case 'veto':
        if (band !== undefined) await this.#attempt(() => client.veto('deactivation', idBytes(band.bid)))
        return
      case 'steal':
        return this.#steal(owned)
      case 'longPress':
        wearer.pressesLong()
        return world.time.advance(100)
      case 'crash':
        await world.crash()
        await world.time.advance(number)
        await this.#startAgain()
        return world.time.advance(20_000)
      case 'stopAmid':
        return this.#stopAmid(phone, this.#inUse(phone, owned), number)
      case 'goodHour':
        return this.#goodHour(phone, this.#inUse(phone, owned), number)
      case 'backUp':
        return this.#backUp()
      case 'restore':
        return this.#restore()
      case 'newPhone':
        if (this.others.length < 3) {
          const another = await this.#attempt(() => world.phone(phone.account, { isAnother: true }))
          if (another !== undefined) this.others.push(another)
        }
        return
      case 'vetoPhones':
        await this.#attempt(() => client.veto(number % 2 === 0 ? 'phone' : 'phoneRemoval'))
        return
      case 'removePhone':
        return this.#removePhone(phone, number)
      case 'web':
        return this.#fromTheWeb(phone, owned, number)
      case 'crashAmid':
        return this.#crashAmid(band, number)
      case 'reboot':
        return wearer.band.reboot()
      case 'cut':
        world.cutSockets()
        return world.time.advance(number)
      case 'replay':
        return this.#replay(number)
      case 'operate':
        return this.#operate(wearer.band.device.bandId, number)
      case 'badAir':
        radio.air = crowdedAir
        return
      case 'goodAir':
        radio.air = clearAir
        return
      case 'wait':
        return world.time.advance(number)
      case 'waitLong':
        return world.time.advance(number * 1_000)
      case 'mood':
        wearer.habit = [agrees, taps, refuses][number % 3] ?? agrees
    }
  }

  /** A band of this phone's that is paired, where the drawn one is not: payments and stops need one. */
  #inUse(phone: Phone, owned: Owned): Owned {
    if (owned.band !== undefined) return owned
    return this.owned[this.phones.indexOf(phone)]?.find(({ band }) => band !== undefined) ?? owned
  }

  /** What an owner does when all is well: operators and the web lift what they set, the band is worn, armed, and pays three times. */
  async #goodHour(phone: Phone, owned: Owned, number: number): Promise<void> {
    const { band, wearer } = owned
    if (band === undefined) return
    await this.#operate(wearer.band.device.bandId, unfreezeAccount)
    await this.#fromTheWeb(phone, owned, 1)
    wearer.habit = agrees
    wearer.putsOn()
    await this.world.time.advance(3_000)
    await this.#attempt(() => band.arm())
    for (let payment = 0; payment < 3; payment++)
      await this.#pay(band, this.world.offer({ amountMinor: 1 + (number % 900) }).bytes)
  }

  /** A copy of what is on disk now, to come back to. */
  #backUp(): void {
    const { disk } = this.world
    const [records, rows, appliedLsn] = [[...disk.records], new Map(disk.rows), disk.appliedLsn]
    this.#backup = () => {
      disk.records.splice(0, disk.records.length, ...records)
      disk.rows.clear()
      for (const [key, row] of rows) disk.rows.set(key, row)
      disk.appliedLsn = appliedLsn
    }
  }

  /** An older state is put back, knowingly: what was answered since is forgotten, as the operators are told. */
  async #restore(): Promise<void> {
    const { world } = this
    const backup = this.#backup
    if (backup === undefined) return
    await world.restore(backup)
    const last = world.disk.records.findIndex((body) => decodeRecord(body).type === 'engine.restored')
    this.forgottenCount += this.approved.filter(({ lsn }) => lsn > last).length
    this.approved = this.approved.filter(({ lsn }) => lsn <= last)
    this.stopsCount += this.answers.stopsCount
    expect(this.answers.violations).toEqual([])
    this.answers = new Answers(world.disk)
    this.answers.began()
    this.#backup = undefined
    await world.time.advance(20_000)
  }

  /** Of two phones one removes the other, or itself. */
  async #removePhone(phone: Phone, number: number): Promise<void> {
    const asker = number % 3 === 0 ? this.others.find(({ account }) => account === phone.account) : phone
    if (asker === undefined || number % 2 === 0) return
    const listed = await this.#attempt(() => asker.client.phones())
    const target = listed?.[number % listed.length]
    if (target !== undefined) await this.#attempt(() => asker.client.removePhone(target.phoneId))
  }

  /** The owner signs in anywhere: freezes or unfreezes everything, or removes a phone. */
  async #fromTheWeb({ account }: Phone, { band }: Owned, number: number): Promise<void> {
    const { world } = this
    const web = await RawPhone.connect(world, account, { scopes: ['web'] })
    const uv = new Uint8Array(96)
    if (number % 4 === 0) await web.ask({ type: 'freeze', bid: null })
    if (number % 4 === 1) await web.ask({ type: 'unfreeze', bid: null, uv })
    if (number % 4 === 2 && band !== undefined) await web.ask({ type: 'found', bid: idBytes(band.bid), uv: null })
    const listed = number % 4 === 3 ? await web.ask({ type: 'phones' }) : undefined
    const target =
      listed?.type === 'phonesPage' ? listed.entries[number % Math.max(1, listed.entries.length)] : undefined
    if (target !== undefined) await web.ask({ type: 'removePhone', phoneId: target[0].slice(), uv: null })
    web.socket.close()
    await world.time.advance(10)
  }

  async #pay(band: PhoneBand | undefined, offer: Uint8Array | undefined): Promise<void> {
    if (band === undefined || offer === undefined) return
    this.#lastOffer = offer
    const decision = await this.#attempt(() => band.pay(offer, { wearerTimeoutMs: 5_000 }))
    if (decision?.approved === true) this.approved.push(decision)
  }

  /** The engine dies while a payment is somewhere on its road. */
  async #crashAmid(band: PhoneBand | undefined, number: number): Promise<void> {
    const { world } = this
    const paying = band?.pay(world.offer({ amountMinor: 100 }).bytes, { wearerTimeoutMs: 5_000 })
    paying?.then(
      (decision) => decision.approved && this.approved.push(decision),
      () => undefined,
    )
    for (let turn = 0; turn < number % 40; turn++) await Promise.resolve()
    await world.crash()
    await this.#startAgain()
    await world.time.advance(60_000)
    await paying?.catch(() => undefined)
  }

  async #startAgain(): Promise<void> {
    this.answers.began()
    await this.world.start()
  }

  /**
   * A payment is on its road, somebody stops the band or everything, and at some point between the engine dies, or the disk is full
   * or fails for a while. Then the same offer is asked for again.
   */
  async #stopAmid({ client, account }: Phone, { band, wearer }: Owned, number: number): Promise<void> {
    const { world } = this
    if (band === undefined) return
    const offer = world.offer({ amountMinor: 1 + (number % 900) }).bytes
    const paying = band.pay(offer, { wearerTimeoutMs: 2_000 })
    paying.then(
      (decision) => decision.approved && this.approved.push(decision),
      () => undefined,
    )
    // A slow disk: an approval, a stop and what comes behind them wait for it together, or one after the other.
    world.disk.syncing = () => new Promise((resolve) => void world.time.after(syncMs, resolve))
    const before = world.engine.status().appendedLsn
    for (let ms = 0; ms < 1_500 && world.engine.status().appendedLsn === before; ms++) await world.time.advance(1)
    await world.time.advance(number % 3)
    const stopping = this.#stop(client, account, wearer.band.device.bandId, band.bid, number).catch(() => undefined)
    await world.time.advance(Math.trunc(number / 7) % (3 * syncMs))
    const trouble = Math.trunc(number / 16) % 4
    const isFast = () => Promise.resolve().then(() => undefined)
    if (trouble === 1) {
      await world.crash()
      world.disk.syncing = isFast
      await this.#startAgain()
    } else if (trouble > 1) {
      world.disk.trouble = trouble === 2 ? 'full' : 'failed'
      await world.time.advance(500)
      world.disk.trouble = 'none'
    }
    world.disk.syncing = isFast
    // What a dead engine was asked is never answered: the phone gives up, an operator's page does.
    void stopping
    await world.time.advance(40_000)
    await this.#pay(band, offer)
  }

  /** One of the ways to stop a band, or everything; noted when it is acknowledged. */
  async #stop(
    client: Phone['client'],
    account: string,
    bandId: BandId,
    bid: PhoneBand['bid'],
    number: number,
  ): Promise<void> {
    const who = { by: 'operator:ann', reason: 'a random day' } as const
    const { operators } = this.world.engine
    const ways: readonly (readonly [string, boolean, () => Promise<unknown>])[] = [
      ['a freeze', false, () => client.freeze(bid)],
      ['a freeze of everything', true, () => client.freeze()],
      ['a loss', false, () => client.lost(bid)],
      ['a deactivation', false, () => client.deactivate(bid)],
      ['an operator’s freeze', false, () => operators.perform({ act: 'freeze-band', bandId }, who)],
      ['an operator’s freeze of the account', true, () => operators.perform({ act: 'freeze-account', bandId }, who)],
      ['a raised epoch', true, () => operators.perform({ act: 'raise-epoch', bandId }, who)],
    ]
    const [what, isWhole, work] = ways[number % ways.length] ?? ['nothing', false, () => Promise.resolve()]
    const done = await work().catch(() => undefined)
    const isRefused = typeof done === 'object' && done !== null && 'type' in done && done.type !== 'done'
    if (done === undefined || isRefused) return
    this.answers.acknowledged({ what, account, bandId: isWhole ? undefined : bandId })
  }

  /** A thief resets the band and pairs it with the package in hand. */
  async #steal({ wearer }: Owned): Promise<void> {
    const { world } = this
    const thief = await world.phone('mallory')
    const { device } = wearer.band
    const reset = world.wearer(device, new BandFlash(device.engineKeys))
    reset.taps()
    const wasOwned = wearer.band.isPaired
    const paired = await this.#attempt(() =>
      thief.client.pair(world.radio(reset).phone, { packageSecret: device.packageSecret }),
    )
    thief.client.close()
    if (wasOwned && paired !== undefined && this.#isOwned(device.bandId))
      throw new Error('a thief has bound an owned band')
  }

  #isOwned(bandId: string): boolean {
    const auditor = auditOf(this.world.disk)
    const account = auditor.bands.get(bandId)?.account
    return account === 'alice' || account === 'bob'
  }

  /** Two operators look at a band and act; what they are refused they are refused. */
  async #operate(bandId: Uint8Array | string, number: number): Promise<void> {
    const { operators } = this.world.engine
    const acts = [
      'freeze-band',
      'unfreeze-band',
      'freeze-account',
      'unfreeze-account',
      'raise-epoch',
      'end-session',
    ] as const
    const act = acts[number % acts.length] ?? 'freeze-band'
    const who = { by: 'operator:ann', also: 'operator:bob', reason: 'a random day' } as const
    await this.#attempt(() => operators.perform({ act, bandId: parseBandId(bandId) }, who))
  }

  /** Recorded messages are sent again on a new socket: no phone is admitted by them, and what is journaled meanwhile is by others. */
  async #replay(number: number): Promise<void> {
    const { world } = this
    const before = world.disk.records.length
    const heard: string[] = []
    const socket = new (world.webSocket())('ws://engine.test/phone', ['bandpass.v1'])
    socket.addEventListener('message', ({ data }) => {
      if (data instanceof Uint8Array) heard.push(decodeEngineFrame(data).type)
    })
    await world.time.advance(10)
    for (const bytes of this.captured.slice(number % 100)) socket.send(new Uint8Array(bytes))
    await world.time.advance(100)
    socket.close()
    expect(new Set(heard)).toEqual(new Set(heard.includes('error') ? ['greeting', 'error'] : ['greeting']))
    const since = world.disk.records.slice(before).map((body) => decodeRecord(body))
    // A phone that was removed may sign in anew meanwhile; that the replay was no hello is shown by what was heard.
    const acted = since.filter((one) => one.type !== 'phone' && 'by' in one && one.by.startsWith('phone:'))
    expect([...acted, ...since.filter((one) => one.type === 'decision')]).toEqual([])
  }
}

/** Decisions that would come out otherwise if they were made again from the journal alone (R1). */
function notTheSame(disk: MemoryDisk): readonly unknown[] {
  const running = { tables: limits, own: [] }
  return disk.records.flatMap((body, index) => {
    const record = decodeRecord(body)
    const again = record.type === 'decision' ? decideAgain(record, running) : undefined
    return again === undefined || again.same ? [] : [{ lsn: index + 1, ...again }]
  })
}

/** How many bands or accounts each tally should count, from these themselves. */
function countedAnew(disk: MemoryDisk): ReadonlyMap<string, number> {
  const counts = new Map(tallyNames.map((name) => [name, 0]))
  for (const { table, bytes } of disk.rows.values()) {
    const counted = table === 'band' ? ofBand(bytes) : table === 'account' ? ofAccount(bytes) : []
    for (const name of counted) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}

function ofBand(bytes: Uint8Array): readonly string[] {
  const { state, holds } = decodeRow('band', bytes)
  return [state, ...(holds === 0 ? [] : [heldTally, ...holdsOf(holds)])]
}

function ofAccount(bytes: Uint8Array): readonly string[] {
  const { holds } = decodeRow('account', bytes)
  return accountHoldNames.filter((hold) => (holds & holdBits[hold]) !== 0).map(accountTally)
}

function tallied(disk: MemoryDisk): ReadonlyMap<string, number> {
  const counts = new Map(tallyNames.map((name) => [name, 0]))
  for (const { table, key, bytes } of disk.rows.values())
    if (table === 'tally') counts.set(key, decodeRow('tally', bytes).count)
  return counts
}

function auditOf(disk: MemoryDisk): JournalAuditor {
  const auditor = new JournalAuditor(limits)
  for (const [index, body] of disk.records.entries()) auditor.take({ lsn: index + 1, record: decodeRecord(body) })
  return auditor
}

/** The rows that a journal alone gives. */
async function rebuilt(disk: MemoryDisk): Promise<MemoryDisk> {
  const fresh = new MemoryDisk()
  fresh.records.push(...disk.records)
  const ledger = new Ledger({
    journal: new MemoryJournal(fresh),
    view: new MemoryView(fresh),
    clock: { nowMs: () => 0, monotonicMs: () => 0, after: () => () => undefined },
    viewFlushMs: 1,
    viewFlushRecords: 50,
    changed: () => undefined,
    viewFailed: (error) => {
      throw error
    },
  })
  await ledger.recover()
  return fresh
}

function dump(disk: MemoryDisk): readonly string[] {
  return [...disk.rows.values()]
    .map((row) => `${tables.indexOf(row.table)} ${row.key} ${Buffer.from(row.bytes).toString('hex')}`)
    .toSorted()
}

it(
  'However a day goes, no invariant of the journal breaks, and what was answered is in it',
  async () => {
    let approvedCount = 0
    let stopsCount = 0
    let runs = 0
    const goesOn = days.start()
    const howFar =
      days.size.type === 'count'
        ? { numRuns: days.size.count }
        : { numRuns: Number.MAX_SAFE_INTEGER, interruptAfterTimeLimit: days.size.ms }
    await fc.assert(
      fc.asyncProperty(fc.nat(1_000_000), fc.array(step, { minLength: 10, maxLength: 60 }), async (seed, steps) => {
        goesOn(runs++)
        const day = new Day(seed)
        await day.begin()
        // Most days begin in order: worn, armed bands are where it gets interesting.
        const begins: Step[] = (['pair', 'wear', 'arm'] as const).flatMap((act) =>
          [0, 1].map((who) => ({ act, who, which: 0, number: 0 })),
        )
        await day.live([...begins, ...steps])
        const { disk, failures } = day.world
        await day.world.stop()
        expect(failures).toEqual([])
        const auditor = auditOf(disk)
        expect(auditor.violations).toEqual([])
        expect(day.answers.violations).toEqual([])
        stopsCount += day.stopsCount + day.answers.stopsCount
        for (const decision of day.approved) {
          expect(
            auditor.approvals.has(decision.lsn),
            `an answered approval at ${decision.lsn} is in the journal (I6)`,
          ).toBe(true)
          expect(auditor.reversed.has(decision.lsn), `an answered approval at ${decision.lsn} was not reversed`).toBe(
            false,
          )
        }
        expect(dump(await rebuilt(disk))).toEqual(dump(disk))
        expect(notTheSame(disk)).toEqual([])
        expect(tallied(disk)).toEqual(countedAnew(disk))
        approvedCount += day.approved.length + day.forgottenCount
      }),
      { ...howFar, seed: firstSeed, endOnFailure: isShrinkingOff },
    )
    console.log(`random days: ${runs}, seed ${firstSeed}`)
    // A simulation without payments would find nothing.
    expect(approvedCount).toBeGreaterThan(runs / 2)
    expect(stopsCount).toBeGreaterThan(runs / 2)
  },
  days.timeoutMs,
)
