// WebSocket client for phone apps: one live session with the engine, the bands behind this phone, and what an owner may do from
// here. Runs in a browser, React Native or Node: it uses no Node built-ins.

import type { Bytes } from '../base/bytes.ts'
import {
  type AlertKind,
  type Change,
  type EngineFrame,
  type EngineFrameOf,
  alertKinds,
  changes,
} from '../protocol/messages/frames.ts'
import { type BandId, type Bid, type PhoneId, idBytes, parseBid, parsePhoneId } from '../protocol/ids.ts'
import { pageEntriesMax, pairingWindowMs, phoneSlotMax } from '../protocol/limits.ts'
import { type OfferTerms, decodeOffer } from '../protocol/offer.ts'
import { type Hold, holdsOf, parseBandState } from '../protocol/states.ts'
import { noblePrimitives } from '../crypto/primitives/noble-primitives.ts'
import type { Primitives } from '../crypto/primitives/primitives.ts'
import { BandBridge } from './phone/band-bridge.ts'
import type { BandRadio } from './phone/radio-writer.ts'
import { type WebSocketConstructor, type Welcome, hostOf } from './phone/connection.ts'
import { type BandHost, type BandStatus, PhoneBand } from './phone/phone-band.ts'
import { type PhoneClock, systemClock } from './phone/phone-clock.ts'
import { PhoneError, asPhoneError, errorOfFrame, guarded } from './phone/phone-errors.ts'
import {
  type BandListing,
  type HistoryEntry,
  type PhoneListing,
  type WaitingChange,
  changeOf,
  historyOf,
  listingOf,
  phoneOf,
} from './phone/phone-listings.ts'
import { type PhoneKeys, requireKeys } from './phone/phone-keys.ts'
import { type PhoneTimeouts, timeoutsOf } from './phone/phone-timeouts.ts'
import type { Asked, Requests } from './phone/requests.ts'
import { Session, type TokenSource } from './phone/session.ts'
import { TypedEvents } from './phone/typed-events.ts'
import { type Unverified, verifyUser } from './phone/uv.ts'

export type PhoneClientOptions = {
  /** `wss://…/phone`. */
  readonly url: string
  /** The account token (JWT); called again when the engine wants a new one. */
  readonly token: TokenSource
  /** 16 bytes as 32 hex digits: this installation, for good. */
  readonly phoneId: string
  readonly keys: PhoneKeys
  /** Where `globalThis.WebSocket` is missing. */
  readonly webSocket?: WebSocketConstructor
  readonly clock?: PhoneClock
  readonly primitives?: Primitives
  /** How long it waits for others, ms; what is left out is as in `defaultTimeouts`. */
  readonly timeouts?: Partial<PhoneTimeouts>
  /** Hears what a listener of `on` throws or rejects with; on the console unless given. It stops nothing. */
  readonly listenerFailed?: (error: unknown) => void
}

/** Events by name. */
export type PhoneEvents = {
  /** A band's state changed. */
  readonly state: BandStatus
  /** Something the owner should know; `phoneId` names the phone it is about. */
  readonly alert: {
    readonly kind: AlertKind | 'unknown'
    readonly bid: Bid | null
    readonly phoneId: PhoneId | null
    readonly text: string
  }
  /** After connecting: changes that wait, which `veto` may stop. `changes()` lists them at any time. */
  readonly changes: readonly WaitingChange[]
  /** A partner asks through the engine: show it, then `band.pay(offer)`. No engine of this version sends it. */
  readonly asked: { readonly band: PhoneBand; readonly offer: Uint8Array<ArrayBuffer>; readonly terms: OfferTerms }
  /** The connection is lost; it is being restored. */
  readonly disconnected: PhoneError
  readonly reconnected: { readonly resumed: boolean }
  /** This band is no longer carried by this phone, and why. */
  readonly 'band-left': { readonly bid: Bid; readonly error: PhoneError }
  /** The session is over for good: look at `error.then`. */
  readonly 'session-ended': PhoneError
}

/** The owner's own limits, minor units of `currency` (ISO 4217 numeric); of one band, or of the account without `bid`. */
export type OwnLimits = {
  readonly bid?: Bid
  readonly perUseMinor: number
  readonly perDayMinor: number
  readonly currency: number
}

/** A link takes a CHAL, a RESUME and a few records; on a bad radio several tries. */
const linkTimeoutMs = 20_000

type SlotUse =
  { readonly type: 'band'; readonly band: PhoneBand } | { readonly type: 'pairing'; readonly bridge: BandBridge }

export class PhoneClient {
  readonly #primitives: Primitives
  readonly #keys: PhoneKeys
  readonly #url: string
  readonly #clock: PhoneClock
  readonly #timeouts: PhoneTimeouts
  readonly #session: Session
  readonly #events: TypedEvents<PhoneEvents>
  readonly #slots = new Map<number, SlotUse>()
  /** Slots given up while the engine was not reached: it may still hold them. */
  readonly #toDetach = new Set<number>()

  /** Connects and says hello; resolves when the session is live. Rejects with a PhoneError. */
  static connect(options: PhoneClientOptions): Promise<PhoneClient> {
    return guarded(async () => {
      const client = new PhoneClient(options)
      await client.#session.start()
      return client
    })
  }

  private constructor(options: PhoneClientOptions) {
    this.#primitives = options.primitives ?? noblePrimitives
    this.#keys = options.keys
    this.#url = options.url
    this.#clock = options.clock ?? systemClock
    this.#timeouts = timeoutsOf(options.timeouts ?? {})
    this.#events = new TypedEvents(options.listenerFailed ?? toConsole)
    const webSocket = options.webSocket ?? globalThis.WebSocket
    requireUrl(options.url)
    requireKeys(options.keys)
    requireFunction('token', options.token)
    requireFunction('webSocket', webSocket)
    let isFirst = true
    this.#session = new Session({
      url: options.url,
      token: options.token,
      phoneId: parsePhoneId(options.phoneId),
      keys: options.keys,
      webSocket,
      timeouts: this.#timeouts,
      clock: this.#clock,
      primitives: this.#primitives,
      received: (frame) => this.#received(frame),
      connected: (welcome) => {
        if (!isFirst) this.#reconnected(welcome)
        isFirst = false
      },
      disconnected: (error) => this.#events.emit('disconnected', error),
      ended: (error) => this.#ended(error),
    })
  }

  /** A new phone may only stop and read until then, ms since 1970; 0 = full rights. */
  get pendingUntilMs(): number {
    return this.#session.welcome?.pendingUntilMs ?? 0
  }

  get isLive(): boolean {
    return this.#session.isLive
  }

  /** Subscribes a listener; returns the function that unsubscribes it. */
  on<Name extends keyof PhoneEvents>(name: Name, listener: (event: PhoneEvents[Name]) => void): () => void {
    return this.#events.on(name, listener)
  }

  /** Every band of the account. */
  bands(): Promise<readonly BandListing[]> {
    return guarded(async () => {
      const listings: BandListing[] = []
      let cursor = 0
      do {
        const page = await this.#requests.ask({ type: 'bands', cursor, count: pageEntriesMax }, 'bandsPage')
        listings.push(...page.entries.map(listingOf))
        cursor = page.nextCursor
      } while (cursor !== 0)
      return listings
    })
  }

  /**
   * Pairs a new band within three minutes: asks the user, carries the handshake, waits for the wearer's tap, and then
   * brings the link up. `packageSecret` is the 16 bytes of the package; `bandId` on it lets a used band be released.
   */
  pair(radio: BandRadio, what: { readonly packageSecret: Bytes; readonly bandId?: BandId }): Promise<PhoneBand> {
    return guarded(() => this.#pair(radio, what))
  }

  async #pair(radio: BandRadio, what: { readonly packageSecret: Bytes; readonly bandId?: BandId }): Promise<PhoneBand> {
    const slot = this.#freeSlot()
    const bridge = new BandBridge({
      radio,
      clock: this.#clock,
      fragmentMs: this.#timeouts.fragmentMs,
      toEngine: (bytes) => this.#requests.tell({ type: 'record', slot, bytes }),
      linkChanged: () => undefined,
    })
    this.#slots.set(slot, { type: 'pairing', bridge })
    try {
      const hint = what.bandId === undefined ? null : idBytes(what.bandId)
      const frame = await this.#verify({ type: 'pairStart', slot, ps: what.packageSecret, hint })
      const { bid } = await this.#requests.ask(frame, 'paired', pairingWindowMs + linkTimeoutMs)
      this.#endPairing(slot, bridge)
      return await this.#carry(radio, parseBid(bid), slot)
    } finally {
      this.#endPairing(slot, bridge)
    }
  }

  /** Gives up a pairing under way: its `pair` rejects with `pair-cancelled`. */
  cancelPairing(): Promise<void> {
    return guarded(async () => {
      for (const [slot, use] of this.#slots) {
        if (use.type === 'pairing') await this.#requests.ask({ type: 'pairCancel', slot }, 'pairCancelAnswer')
      }
    })
  }

  /** Carries a band of this account; resolves when its link is up. Attached again by itself after a reconnection. */
  attach(radio: BandRadio, bid: Bid): Promise<PhoneBand> {
    return guarded(() => this.#carry(radio, bid, this.#freeSlot()))
  }

  /** Freezes one band, or without `bid` everything the account owns. Needs no verification; durable when it resolves. */
  freeze(bid?: Bid): Promise<readonly Hold[]> {
    return guarded(async () => {
      const { holds } = await this.#requests.ask({ type: 'freeze', bid: orNull(bid) }, 'frozen')
      return holdsOf(holds)
    })
  }

  /** Lifts the owner freeze; asks the user. */
  unfreeze(bid?: Bid): Promise<readonly Hold[]> {
    return guarded(async () => {
      const { holds } = await this.#requests.ask(await this.#verify({ type: 'unfreeze', bid: orNull(bid) }), 'unfrozen')
      return holdsOf(holds)
    })
  }

  /** Reports a band lost. It stays refused everywhere until it is found or deactivated. */
  lost(bid: Bid): Promise<readonly Hold[]> {
    return guarded(async () => {
      const { holds } = await this.#requests.ask({ type: 'lost', bid: idBytes(bid) }, 'lostAnswer')
      return holdsOf(holds)
    })
  }

  /** Takes a loss back: needs a strong web sign-in, and takes effect at the instant it resolves with. */
  found(bid: Bid): Promise<{ readonly dueAtMs: number }> {
    return guarded(async () => {
      const { dueAtMs } = await this.#requests.ask({ type: 'found', bid: idBytes(bid), uv: null }, 'foundAnswer')
      return { dueAtMs }
    })
  }

  /** Begins the end of a binding; asks the user. */
  deactivate(bid: Bid): Promise<{ readonly dueAtMs: number }> {
    return guarded(async () => {
      const frame = await this.#verify({ type: 'deactivate', bid: idBytes(bid) })
      const { dueAtMs } = await this.#requests.ask(frame, 'deactivateAnswer')
      return { dueAtMs }
    })
  }

  /**
   * Stops a pending change; `target` is the band's bid or the phone's id. Without it, all changes of that kind which this phone
   * may stop.
   */
  veto(change: Change, target: Bytes | null = null): Promise<void> {
    return guarded(async () => {
      await this.#requests.ask({ type: 'veto', change: changes[change], target }, 'vetoAnswer')
    })
  }

  /**
   * Sets the owner's own limits. Lowering acts at once; raising asks the user and waits for the security delay. `raises`
   * says which it is, where the app knows; else the engine tells, and the user is asked only if need be.
   */
  limits(own: OwnLimits, raises?: boolean): Promise<{ readonly effectiveAtMs: number }> {
    return guarded(async () => {
      const { perUseMinor, perDayMinor, currency } = own
      const frame = { type: 'limits' as const, bid: orNull(own.bid), perUseMinor, perDayMinor, currency }
      try {
        const asked: Asked = raises === true ? await this.#verify(frame) : { ...frame, uv: null }
        const { effectiveAtMs } = await this.#requests.ask(asked, 'limitsAnswer')
        return { effectiveAtMs }
      } catch (error) {
        const isRaise = error instanceof PhoneError && error.code === 'verification-invalid'
        if (raises !== undefined || !isRaise) throw error
        return this.limits(own, true)
      }
    })
  }

  /** Everything that waits for its delay: phones, limits, bands. */
  async *changes(): AsyncGenerator<WaitingChange, void, undefined> {
    let cursor = 0
    do {
      const from = cursor
      const page = await guarded(async () => {
        const asked = { type: 'changes', cursor: from, count: pageEntriesMax } as const
        const { entries, nextCursor } = await this.#requests.ask(asked, 'changesPage')
        return { entries: entries.map(changeOf), nextCursor }
      })
      yield* page.entries
      cursor = page.nextCursor
    } while (cursor !== 0)
  }

  /** The phones of the account, this one first. */
  phones(): Promise<readonly PhoneListing[]> {
    return guarded(async () => {
      const { entries } = await this.#requests.ask({ type: 'phones' }, 'phonesPage')
      return entries.map(phoneOf)
    })
  }

  /**
   * Removes a phone. This one, or one that is pending: at once. Another one: asks the user, suspends it at once, and removes it at
   * the instant this resolves with, unless another phone or surface of the owner vetoes.
   */
  removePhone(phoneId: PhoneId): Promise<{ readonly effectiveAtMs: number }> {
    return guarded(async () => {
      const frame = { type: 'removePhone' as const, phoneId: idBytes(phoneId) }
      try {
        const { effectiveAtMs } = await this.#requests.ask({ ...frame, uv: null }, 'removePhoneAnswer')
        return { effectiveAtMs }
      } catch (error) {
        if (!(error instanceof PhoneError) || error.code !== 'verification-invalid') throw error
        const { effectiveAtMs } = await this.#requests.ask(await this.#verify(frame), 'removePhoneAnswer')
        return { effectiveAtMs }
      }
    })
  }

  /** The wearer's own ledger, newest first, page by page as it is read. */
  async *history(): AsyncGenerator<HistoryEntry, void, undefined> {
    let beforeLsn: number = Number.MAX_SAFE_INTEGER
    do {
      const before = beforeLsn
      const page = await guarded(async () => {
        const asked = { type: 'history', beforeLsn: before, count: pageEntriesMax } as const
        const { entries, nextBeforeLsn } = await this.#requests.ask(asked, 'historyPage')
        return { entries: entries.map(historyOf), nextBeforeLsn }
      })
      yield* page.entries
      beforeLsn = page.nextBeforeLsn
    } while (beforeLsn !== 0)
  }

  /** Ends the session on purpose. */
  close(): void {
    this.#session.close()
  }

  get #requests(): Requests {
    return this.#session.requests
  }

  #verify<Frame extends Unverified>(frame: Frame): Promise<Frame & { readonly uv: Uint8Array<ArrayBuffer> }> {
    return verifyUser(
      {
        primitives: this.#primitives,
        clock: this.#clock,
        requests: this.#requests,
        verifyKey: this.#keys.verify,
        host: hostOf(this.#url),
      },
      frame,
    )
  }

  /** One bridge a radio: the pairing's stops listening before the band's begins. */
  #endPairing(slot: number, bridge: BandBridge): void {
    bridge.close(new PhoneError('closed'))
    if (this.#slots.get(slot)?.type === 'pairing') this.#slots.delete(slot)
  }

  async #carry(radio: BandRadio, bid: Bid, slot: number): Promise<PhoneBand> {
    const host: BandHost = {
      clock: this.#clock,
      requests: this.#requests,
      fragmentMs: this.#timeouts.fragmentMs,
      whenLive: (withinMs) => this.#session.whenLive(withinMs),
      verify: (frame) => this.#verify(frame),
      heartbeatMs: () => 1_000 * Math.max(1, this.#session.welcome?.heartbeatS ?? 30),
      detach: (given) => this.#detach(given),
      left: (left, error) => {
        this.#slots.delete(left.slot)
        if (error.code === 'closed') return
        // The engine may hold the slot still: then the next band would find it in use.
        this.#detach(left.slot).catch(() => undefined)
        this.#events.emit('band-left', { bid: left.bid, error })
      },
    }
    const band = new PhoneBand(host, { bid, slot, radio })
    this.#slots.set(slot, { type: 'band', band })
    try {
      await band.attach()
      await band.whenLinked(linkTimeoutMs)
      return band
    } catch (error) {
      band.leave(asPhoneError(error, 'engine-misspoke'))
      throw error
    }
  }

  async #detach(slot: number): Promise<void> {
    try {
      await this.#requests.ask({ type: 'detach', slot }, 'detachAnswer')
    } catch (error) {
      if (error instanceof PhoneError && (error.code === 'offline' || error.code === 'timeout'))
        this.#toDetach.add(slot)
      throw error
    }
  }

  #freeSlot(): number {
    for (let slot = 0; slot <= phoneSlotMax; slot++) if (!this.#slots.has(slot)) return slot
    throw new PhoneError('no-slot-free')
  }

  #received(frame: EngineFrame): void {
    switch (frame.type) {
      case 'record':
        return this.#toBand(frame)
      case 'state':
        return this.#state(frame)
      case 'alert':
        return this.#events.emit('alert', {
          kind: alertKindOf(frame.kind),
          bid: frame.bid === null ? null : parseBid(frame.bid),
          phoneId: frame.phoneId === null ? null : parsePhoneId(frame.phoneId),
          text: frame.text,
        })
      case 'changesPage':
        return this.#events.emit('changes', frame.entries.map(changeOf))
      case 'asked':
        return this.#asked(frame)
      case 'error':
        return this.#refused(frame)
      default:
        // An answer that is waited for no more.
        return
    }
  }

  #toBand({ slot, bytes }: EngineFrameOf<'record'>): void {
    const use = this.#slots.get(slot)
    if (use?.type === 'band') use.band.fromEngine(bytes)
    else use?.bridge.fromEngine(bytes)
  }

  /** A record was not taken: it names no slot. */
  #refused(frame: EngineFrameOf<'error'>): void {
    const error = errorOfFrame(frame, 'record')
    if (frame.id !== 0 || error.code !== 'busy') return
    for (const use of this.#slots.values()) if (use.type === 'band') use.band.refused(error)
  }

  #state(frame: EngineFrameOf<'state'>): void {
    const bid = parseBid(frame.bid)
    const band = this.#bandOf(bid)
    const unattached = { bid, state: parseBandState(frame.state) ?? 'unknown', holds: holdsOf(frame.holds) } as const
    const status = band?.told(frame) ?? { ...unattached, armedUntilMs: frame.armedUntilMs, wearEpoch: frame.wearEpoch }
    this.#events.emit('state', status)
  }

  #asked({ slot, offer }: EngineFrameOf<'asked'>): void {
    const use = this.#slots.get(slot)
    const decoded = decodeOffer(offer.slice())
    if (use?.type !== 'band' || decoded.type === 'malformed') return
    this.#events.emit('asked', { band: use.band, offer: offer.slice(), terms: decoded.terms })
  }

  #reconnected({ resumed }: Welcome): void {
    // A session that is taken over has its slots as they were.
    const stale = Array.from(this.#toDetach).filter((slot) => resumed && !this.#slots.has(slot))
    this.#toDetach.clear()
    for (const slot of stale) this.#detach(slot).catch(() => undefined)
    for (const use of this.#slots.values()) {
      if (use.type === 'pairing') {
        // A window belongs to its socket: the engine has cancelled it.
        if (!resumed) use.bridge.close(new PhoneError('pair-cancelled'))
      } else if (!resumed || !use.band.isLinked) use.band.attachAgain()
    }
    this.#events.emit('reconnected', { resumed })
  }

  #ended(error: PhoneError): void {
    for (const use of this.#slots.values()) {
      if (use.type === 'band') use.band.leave(error)
      else use.bridge.close(error)
    }
    this.#slots.clear()
    this.#events.emit('session-ended', error)
  }

  #bandOf(bid: Bid): PhoneBand | undefined {
    for (const use of this.#slots.values()) if (use.type === 'band' && use.band.bid === bid) return use.band
    return undefined
  }
}

function toConsole(error: unknown): void {
  // The app gave no other place, and its own failure must not vanish.
  console.error('a listener of the phone client failed', error)
}

function requireFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw new RangeError(`${name}: a function expected, got ${typeof value}`)
}

function requireUrl(url: string): void {
  const { protocol } = new URL(url)
  if (protocol !== 'ws:' && protocol !== 'wss:') throw new RangeError(`url: a WebSocket's expected, got ${protocol}`)
}

function orNull(bid: Bid | undefined): Uint8Array<ArrayBuffer> | null {
  return bid === undefined ? null : idBytes(bid)
}

const alertKindOfNumber: ReadonlyMap<number, string> = new Map(
  Object.entries(alertKinds).map(([name, number]) => [number, name]),
)

function alertKindOf(number: number): AlertKind | 'unknown' {
  const name = alertKindOfNumber.get(number)
  return isAlertKind(name) ? name : 'unknown'
}

function isAlertKind(name: string | undefined): name is AlertKind {
  return name !== undefined && name in alertKinds
}
