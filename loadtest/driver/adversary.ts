// Adversarial load generator, attacks beside honest load: a thief with a few bands of its own that replays, forges and flips
// bits, vandals that speak rubbish, a hub that floods. What it expects is the point: not one of them may be approved.

import { decodeEngineFrame, encodePhoneFrame } from '../../protocol/messages/frame-codec.ts'
import { offerBytes } from '../../protocol/offer.ts'
import type { CarrierPlan, Carriers } from '../wire/carriers.ts'
import type { Chance } from '../machine/chance.ts'
import type { LoadCounters } from '../figures/counters.ts'
import type { FleetSeed } from '../fleet/fleet-seed.ts'
import { helloOf } from '../fleet/hello.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { AttackName, Profile, RequestMix } from '../profile/profile.ts'
import type { RequestKind, Requests } from '../wire/requests.ts'
import { type ClientSocket, openSocket } from '../wire/web-socket.ts'

export type AdversaryParts = {
  readonly attacks: NonNullable<Profile['attacks']>
  /** Honest requests a second. */
  readonly perSecond: number
  readonly bands: { readonly from: number; readonly count: number }
  readonly startMs: number
  readonly endMs: number
  readonly chance: Chance
  readonly counters: LoadCounters
  readonly plan: CarrierPlan
  readonly seed: FleetSeed
  readonly floodToken: string
  readonly worker: number
}

/** What the adversary uses of the thread's load. */
type Accomplice = {
  readonly fleet: Fleet
  readonly carriers: Carriers
  readonly requests: Requests
  readonly pick: () => { readonly mix: RequestMix; readonly label: Uint8Array } | undefined
  readonly begin: (
    kind: RequestKind,
    band: number,
    dueMs: number,
    mix: RequestMix,
    label: Uint8Array,
  ) => number | undefined
  readonly send: (place: number, isForged?: boolean) => void
}

/** An honest request of an adversary's band, as it went over the air, and where its answer was journaled. */
type Loot = { readonly offer: Uint8Array; readonly record: Uint8Array; readonly lsn: number }

/** Number of the flooding hub among the carriers: after all others. */
export const floodCarrier = 0xffff_0000
/** One attack in this many is an honest request first, so that there is something new to steal. */
const preludeEvery = 8
const floodAgainMs = 1_000

export class Adversary {
  readonly #driver: Accomplice
  readonly #parts: AdversaryParts
  readonly #loot = new Map<number, Loot>()
  /** Preludes and replays under way, by request: what was sent, and which journal entry answers it. */
  readonly #preludes = new Map<number, Omit<Loot, 'lsn'>>()
  readonly #replayed = new Map<number, number>()
  /** Bands whose link the engine ended, for the bits that were flipped on it. */
  readonly #isCut = new Set<number>()
  readonly #vandals = new Set<ClientSocket>()
  readonly #weightSum: number
  #nextAttackMs: number
  #nextVandalMs: number
  #flooded = 0
  #flood: ClientSocket | undefined
  #isFloodLive = false
  #floodOpensAtMs: number

  constructor(driver: Accomplice, parts: AdversaryParts) {
    this.#driver = driver
    this.#parts = parts
    this.#weightSum = parts.attacks.kinds.reduce((sum, one) => sum + one.weight, 0)
    this.#nextAttackMs =
      this.#weightSum > 0 ? this.#after(parts.startMs, parts.attacks.share * parts.perSecond) : Infinity
    this.#nextVandalMs = this.#after(parts.startMs, parts.attacks.vandalsPerSecond)
    this.#floodOpensAtMs = parts.attacks.floodPerSecond > 0 ? parts.startMs : Infinity
  }

  turn(now: number): void {
    const { attacks, perSecond, endMs } = this.#parts
    if (now >= endMs) return
    for (; this.#nextAttackMs <= now; this.#nextAttackMs = this.#after(this.#nextAttackMs, attacks.share * perSecond)) {
      this.#attack(now)
    }
    for (; this.#nextVandalMs <= now; this.#nextVandalMs = this.#after(this.#nextVandalMs, attacks.vandalsPerSecond)) {
      this.#vandalize()
    }
    this.#floodOn(now)
  }

  /** An answer to a prelude or an attack. */
  decided(place: number, decision: { readonly approved: boolean; readonly lsn: number }): void {
    const { counters } = this.#parts
    const { requests } = this.#driver
    const band = requests.band(place)
    const kind = requests.kind(place)
    if (kind === 'prelude') {
      const sent = this.#preludes.get(place)
      this.#preludes.delete(place)
      if (decision.approved && sent !== undefined) this.#loot.set(band, { ...sent, lsn: decision.lsn })
      // The flipped bits before it may have ended its link: then there is nothing to steal until it has another.
      else this.#isCut.add(band)
      return
    }
    const replayed = this.#replayed.get(place)
    this.#replayed.delete(place)
    if (!decision.approved) return
    // The same bytes again get the same answer from the same journal entry: nothing new was approved.
    if (kind === 'replay' && replayed === decision.lsn) counters.add('replaysRecognized')
    else counters.add('attacksApproved')
  }

  stop(): void {
    for (const vandal of this.#vandals) vandal.cut()
    this.#flood?.close()
  }

  #attack(now: number): void {
    const { chance, bands } = this.#parts
    const band = bands.from + chance.integer(bands.count)
    const loot = this.#loot.get(band)
    if (!this.#driver.fleet.isLinked(band)) return
    if (loot === undefined || chance.integer(preludeEvery) === 0) return this.#prelude(band, now)
    const attack = this.#pickAttack()
    const place = this.#begin(attack, band, now)
    if (place === undefined) return
    this.#parts.counters.add('attacks')
    this.#commit(attack, place, loot)
  }

  /** An honest request of the adversary's own band, kept as it goes out. */
  #prelude(band: number, now: number): void {
    const { fleet, requests, carriers } = this.#driver
    if (this.#isCut.has(band)) {
      this.#isCut.delete(band)
      return carriers.askChallenge(band)
    }
    const place = this.#begin('prelude', band, now)
    if (place === undefined) return
    this.#driver.send(place)
    const at = place * offerBytes
    this.#preludes.set(place, {
      offer: requests.offers.slice(at, at + offerBytes),
      record: fleet.out.slice(0, fleet.outBytes),
    })
  }

  #commit(attack: AttackName, place: number, loot: Loot): void {
    const { requests } = this.#driver
    const at = place * offerBytes
    switch (attack) {
      case 'replay':
        this.#replayed.set(place, loot.lsn)
        return this.#sendAs(place, loot.offer, loot.record)
      case 'replay-elsewhere':
        return this.#sendAs(place, requests.offers.slice(at, at + offerBytes), loot.record)
      case 'forged-proof':
        return this.#driver.send(place, true)
      case 'bit-flip':
        return this.#flipped(place)
      case 'forged-offer':
        // One more on the amount, after the partner signed it.
        requests.offers[at + 40] = (requests.offers[at + 40] ?? 0) ^ 1
        return this.#driver.send(place)
      case 'stolen':
        return this.#stolen(place)
    }
  }

  /** A genuine request of another account, through the adversary's own slot. */
  #stolen(place: number): void {
    const own = this.#driver.requests.band(place)
    for (const [band, loot] of this.#loot) {
      if (band !== own) return this.#sendAs(place, loot.offer, loot.record)
    }
    this.#driver.send(place, true)
  }

  #flipped(place: number): void {
    const { fleet, requests } = this.#driver
    const at = place * offerBytes
    fleet.prove(requests.band(place), requests.offers, at, { verdict: requests.verdict(place), isForged: false }, 0)
    const record = fleet.out.slice(0, fleet.outBytes)
    const bit = this.#parts.chance.integer(8 * record.length)
    record[bit >> 3] = (record[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    this.#sendAs(place, requests.offers.slice(at, at + offerBytes), record)
  }

  #sendAs(place: number, offer: Uint8Array, record: Uint8Array): void {
    const { requests, carriers } = this.#driver
    const band = requests.band(place)
    carriers.outboxOf(band)?.authorize(requests.idOf(place), carriers.slotOf(band), offer, 0, record, record.length)
  }

  #begin(kind: AttackName | 'prelude', band: number, now: number): number | undefined {
    const picked = this.#driver.pick()
    return picked === undefined ? undefined : this.#driver.begin(kind, band, now, picked.mix, picked.label)
  }

  #pickAttack(): AttackName {
    const { kinds } = this.#parts.attacks
    let left = this.#parts.chance.fraction() * this.#weightSum
    for (const { attack, weight } of kinds) {
      left -= weight
      if (left < 0) return attack
    }
    return kinds[0]?.attack ?? 'replay'
  }

  /** A socket that speaks rubbish: bytes that are no frame, a hello with a token of no account, or more than fits. */
  #vandalize(): void {
    const { plan, chance, counters } = this.#parts
    counters.add('vandals')
    const way = chance.integer(3)
    const vandal = openSocket(`${plan.url}/${chance.integer(2) === 0 ? 'phone' : 'hub'}`, {
      received: (bytes) => {
        const frame = decodeEngineFrame(bytes)
        if (frame.type !== 'greeting') return
        const { host } = new URL(plan.url)
        if (way === 0) vandal.send(Buffer.from(Array.from({ length: 64 }, () => chance.integer(256))))
        else if (way === 1) {
          vandal.send(helloOf(this.#parts.seed, floodCarrier + 1, { challenge: frame.challenge, host, token: 'a.b.c' }))
        } else vandal.send(new Uint8Array(20_000))
      },
      closed: () => this.#vandals.delete(vandal),
    })
    this.#vandals.add(vandal)
  }

  /** An authenticated hub whose frames mean nothing: slots that are empty, bands that do not exist. */
  #floodOn(now: number): void {
    const { attacks, startMs, counters } = this.#parts
    if (now >= this.#floodOpensAtMs && this.#flood === undefined) this.#openFlood(now)
    const due = ((now - startMs) * attacks.floodPerSecond) / 1_000
    if (!this.#isFloodLive) {
      this.#flooded = due
      return
    }
    for (; this.#flooded < due; this.#flooded++) {
      counters.add('floodFrames')
      this.#flood?.send(this.#rubbish())
    }
  }

  #openFlood(now: number): void {
    const { plan, worker, seed, floodToken: token } = this.#parts
    const { host } = new URL(plan.url)
    const flood = openSocket(`${plan.url}/hub`, {
      received: (bytes) => {
        const frame = decodeEngineFrame(bytes)
        if (frame.type === 'greeting') {
          flood.send(helloOf(seed, floodCarrier - worker, { challenge: frame.challenge, host, token }))
        } else if (frame.type === 'helloAnswer') this.#isFloodLive = true
      },
      closed: () => {
        this.#flood = undefined
        this.#isFloodLive = false
        this.#floodOpensAtMs = now + floodAgainMs
      },
    })
    this.#flood = flood
  }

  #rubbish(): Uint8Array {
    const { chance } = this.#parts
    const bytes = new Uint8Array(75).map(() => chance.integer(256))
    const slot = chance.integer(65_536)
    switch (chance.integer(3)) {
      case 0:
        return encodePhoneFrame({ type: 'record', id: 0, slot, bytes })
      case 1:
        return encodePhoneFrame({ type: 'attach', id: 1, slot, bid: bytes.subarray(0, 8), account: 'nobody' })
      default:
        return encodePhoneFrame({
          type: 'authorize',
          id: 1,
          slot,
          offer: new Uint8Array(offerBytes),
          record: bytes,
          uv: null,
          wantsReceipt: null,
        })
    }
  }

  #after(atMs: number, perSecond: number): number {
    return perSecond > 0 ? atMs + (this.#parts.chance.exponential() * 1_000) / perSecond : Infinity
  }
}
