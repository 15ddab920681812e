// Connection manager of one thread, for its sockets and the sessions on them: phones with one band each, or hubs with tens of
// thousands. Brings every band to a live link and keeps it there: connect, hello, attach, and what the band answers to CHAL and
// HELLO.

import { errorCodes } from '../../protocol/errors.ts'
import { decodeEngineFrame } from '../../protocol/messages/frame-codec.ts'
import { engineFrames } from '../../protocol/messages/frames.ts'
import { encodeNolink } from '../../protocol/records.ts'
import type { LoadCounters } from '../figures/counters.ts'
import { type Fleet, bandFlags } from '../fleet/fleet.ts'
import type { FleetSeed } from '../fleet/fleet-seed.ts'
import { FrameReader } from './frame-reader.ts'
import { helloOf } from '../fleet/hello.ts'
import { Outbox } from './outbox.ts'
import { type ClientSocket, openSocket } from './web-socket.ts'

export type CarrierPlan = {
  readonly url: string
  readonly kind: 'phone' | 'hub'
  readonly count: number
  readonly bandsPerCarrier: number
  /** Number of the first within the whole load: names and keys come from it. */
  readonly first: number
  readonly tokens: readonly string[]
  /** Bands being linked at once: the more, the longer approvals wait behind them. */
  readonly linkWindow: number
}

export type CarrierEvents = {
  readonly decided: (
    id: number,
    decision: { readonly approved: boolean; readonly reason: number; readonly lsn: number },
  ) => void
  readonly failed: (id: number, code: number) => void
  readonly linked: (band: number) => void
  /** A socket is gone: requests of the bands from `from` to `to` have to be asked again. */
  readonly dropped: (from: number, to: number) => void
  /** Something is waiting to be flushed. */
  readonly dirty: () => void
  /** A carrier is given up: the load cannot go on. */
  readonly gaveUp: (why: string) => void
}

type Carrier = {
  readonly index: number
  readonly from: number
  readonly to: number
  socket: ClientSocket | undefined
  outbox: Outbox
  isLive: boolean
  isDirty: boolean
  attachNext: number
  linking: number
  attempts: number
  /** When something came from the engine last, or the socket was begun. */
  heardAtMs: number
  isPinged: boolean
}

/** Ids of attaches stand above those of requests. */
const attachIds = 0x8000_0000
const connectingMax = 64
const attemptsMax = 6
const againAfterMs = 500
/** A band that was attached this long ago and has no link asks for another CHAL. */
const stuckAfterMs = 15_000
/** A socket that has no live session this long after it was begun is cut, ms: upgrade, greeting and answer to hello together. */
export const openWithinMs = 30_000
/** A live one that brought nothing for this long is pinged, ms, and cut after twice that: one that died without a word holds up no run. */
export const silenceMs = 30_000
/** Looks at the clock that are further apart tell of this process, not of the sockets: it stood still, and has not read them yet. */
const stallMs = 5_000
/** Sockets that are looked at in one turn. */
const watchedAtOnce = 64

export class Carriers {
  readonly #plan: CarrierPlan
  readonly #fleet: Fleet
  readonly #seed: FleetSeed
  readonly #counters: LoadCounters
  readonly #events: CarrierEvents
  readonly #nowMs: () => number
  readonly #carriers: readonly Carrier[]
  readonly #reader = new FrameReader()
  readonly #host: string
  readonly #nolink = encodeNolink()
  #toOpen: { readonly index: number; readonly dueMs: number }[] = []
  #connecting = 0
  #linking = 0
  #attachFrom = 0
  #isClosing = false
  #attached: { readonly band: number; readonly atMs: number }[] = []
  #again: { readonly band: number; readonly dueMs: number }[] = []
  #stuckNext = 0
  #watchNext = 0
  #lookedAtMs = 0
  /** Silence before this is not counted. */
  #watchSinceMs = 0
  /** Seconds, as the engine said in its hello. */
  heartbeatS = 30
  readonly #dirty: Carrier[] = []

  constructor(parts: {
    readonly plan: CarrierPlan
    readonly fleet: Fleet
    readonly seed: FleetSeed
    readonly counters: LoadCounters
    readonly events: CarrierEvents
    readonly nowMs: () => number
  }) {
    this.#plan = parts.plan
    this.#fleet = parts.fleet
    this.#seed = parts.seed
    this.#counters = parts.counters
    this.#events = parts.events
    this.#nowMs = parts.nowMs
    this.#host = new URL(parts.plan.url).host
    const { count, bandsPerCarrier, kind } = parts.plan
    this.#carriers = Array.from({ length: count }, (_, index) => ({
      index,
      from: index * bandsPerCarrier,
      to: Math.min(parts.fleet.count, (index + 1) * bandsPerCarrier),
      socket: undefined,
      outbox: new Outbox(kind, () => undefined),
      isLive: false,
      isDirty: false,
      attachNext: 0,
      linking: 0,
      attempts: 0,
      heardAtMs: 0,
      isPinged: false,
    }))
  }

  /** Every band has its link. */
  get isAllLinked(): boolean {
    return this.#counters.get('linked') === this.#fleet.count
  }

  /** Opens every socket, spread over `withinMs`. */
  openAll(nowMs: number, withinMs: number): void {
    const { count } = this.#plan
    for (let index = 0; index < count; index++) this.#toOpen.push({ index, dueMs: nowMs + (withinMs * index) / count })
  }

  /** Cuts every socket; they come back within `withinMs`, their bands without links. */
  cutAll(nowMs: number, withinMs: number): void {
    const { count } = this.#plan
    for (const carrier of this.#carriers) {
      const { socket } = carrier
      if (socket === undefined) continue
      this.#lose(carrier)
      socket.cut()
      this.#toOpen.push({ index: carrier.index, dueMs: nowMs + (withinMs * carrier.index) / count })
    }
  }

  closeAll(): void {
    this.#isClosing = true
    for (const { socket } of this.#carriers) socket?.close()
  }

  /** Where a band's frames go; undefined while its socket is away. */
  outboxOf(band: number): Outbox | undefined {
    const carrier = this.#carriers[Math.floor(band / this.#plan.bandsPerCarrier)]
    if (carrier === undefined || !carrier.isLive) return undefined
    this.#markDirty(carrier)
    return carrier.outbox
  }

  slotOf(band: number): number {
    return band % this.#plan.bandsPerCarrier
  }

  /** Sends the band's last answer. */
  sendRecord(band: number): void {
    this.outboxOf(band)?.record(this.slotOf(band), this.#fleet.out, this.#fleet.outBytes)
  }

  /** Asks for a CHAL: at most one a second is heard. */
  askChallenge(band: number): void {
    this.outboxOf(band)?.record(this.slotOf(band), this.#nolink, this.#nolink.length)
  }

  /** Opens sockets that are due and attaches bands as far as the window allows. */
  pump(nowMs: number): void {
    while (this.#connecting < connectingMax) {
      const next = this.#toOpen[0]
      if (next === undefined || next.dueMs > nowMs) break
      this.#toOpen.shift()
      const carrier = this.#carriers[next.index]
      if (carrier !== undefined) this.#open(carrier)
    }
    this.#attachMore(nowMs)
    this.#pokeStuck(nowMs)
    this.#watch(nowMs)
  }

  flush(): void {
    for (const carrier of this.#dirty) {
      carrier.isDirty = false
      carrier.outbox.flush()
    }
    this.#dirty.length = 0
  }

  #attachMore(nowMs: number): void {
    const carriers = this.#carriers
    while (this.#linking < this.#plan.linkWindow) {
      const next = this.#again[0]
      if (next === undefined || next.dueMs > nowMs) break
      this.#again.shift()
      const carrier = carriers[Math.floor(next.band / this.#plan.bandsPerCarrier)]
      const isOpen = carrier !== undefined && carrier.isLive && next.band < carrier.attachNext
      if (isOpen && !this.#fleet.isLinked(next.band)) this.#attach(carrier, next.band, nowMs)
    }
    let idle = 0
    while (this.#linking < this.#plan.linkWindow && idle < carriers.length) {
      const carrier = carriers[this.#attachFrom++ % carriers.length]
      if (carrier === undefined || !carrier.isLive || carrier.attachNext >= carrier.to) {
        idle++
        continue
      }
      idle = 0
      this.#attach(carrier, carrier.attachNext++, nowMs)
    }
  }

  #attach(carrier: Carrier, band: number, nowMs: number): void {
    this.#linking++
    carrier.linking++
    this.#counters.set('linkings', this.#linking)
    this.#fleet.mark(band, bandFlags.linking, true)
    this.#attached.push({ band, atMs: nowMs })
    this.#markDirty(carrier)
    const account = this.#plan.kind === 'hub' ? this.#fleet.account(band) : null
    carrier.outbox.attach(attachIds + band, this.slotOf(band), this.#fleet.bid(band), account)
  }

  #pokeStuck(nowMs: number): void {
    for (;;) {
      const oldest = this.#attached[this.#stuckNext]
      if (oldest === undefined || nowMs - oldest.atMs < stuckAfterMs) break
      this.#stuckNext++
      if (((this.#fleet.flags[oldest.band] ?? 0) & bandFlags.linking) === 0) continue
      this.askChallenge(oldest.band)
      this.#attached.push({ band: oldest.band, atMs: nowMs })
    }
    if (this.#stuckNext < 10_000) return
    this.#attached = this.#attached.slice(this.#stuckNext)
    this.#stuckNext = 0
  }

  #watch(nowMs: number): void {
    if (nowMs - this.#lookedAtMs > stallMs) this.#watchSinceMs = nowMs
    this.#lookedAtMs = nowMs
    const count = Math.min(watchedAtOnce, this.#carriers.length)
    for (let looked = 0; looked < count; looked++) {
      const carrier = this.#carriers[this.#watchNext++ % this.#carriers.length]
      if (carrier?.socket === undefined) continue
      const quietMs = nowMs - Math.max(carrier.heardAtMs, this.#watchSinceMs)
      const cutAfterMs = carrier.isLive ? 2 * silenceMs : openWithinMs
      if (quietMs >= cutAfterMs) {
        // Its `closed` is called, and it is opened again as any that was lost.
        carrier.socket.cut()
        carrier.heardAtMs = nowMs
      } else if (carrier.isLive && quietMs >= silenceMs && !carrier.isPinged) {
        carrier.isPinged = true
        carrier.socket.ping()
      }
    }
  }

  #heardFrom(carrier: Carrier): void {
    carrier.heardAtMs = this.#lookedAtMs
    carrier.isPinged = false
  }

  #open(carrier: Carrier): void {
    this.#connecting++
    carrier.heardAtMs = this.#nowMs()
    carrier.isPinged = false
    const { url, kind } = this.#plan
    const state = { isConnecting: true }
    const connected = (): void => {
      if (state.isConnecting) this.#connecting--
      state.isConnecting = false
    }
    const socket = openSocket(`${url}/${kind}`, {
      received: (bytes) => {
        if (carrier.socket !== socket) return
        if (carrier.isLive) this.#heardFrom(carrier)
        if (carrier.isLive) this.#received(carrier, bytes)
        else if (this.#handshake(carrier, bytes)) connected()
      },
      heard: () => {
        if (carrier.socket === socket && carrier.isLive) this.#heardFrom(carrier)
      },
      closed: (code, why) => {
        connected()
        if (carrier.socket === socket) this.#closed(carrier, code, why)
      },
    })
    carrier.socket = socket
    carrier.outbox = new Outbox(kind, socket.write)
  }

  /** Greeting and hello; true when the session is live. */
  #handshake(carrier: Carrier, bytes: Uint8Array): boolean {
    const frame = decodeEngineFrame(bytes)
    if (frame.type === 'greeting') {
      const token = this.#plan.tokens[carrier.index] ?? ''
      const hello = helloOf(this.#seed, this.#plan.first + carrier.index, {
        challenge: frame.challenge,
        host: this.#host,
        token,
      })
      carrier.socket?.send(hello)
      return false
    }
    if (frame.type !== 'helloAnswer') return false
    carrier.isLive = true
    carrier.attempts = 0
    this.#heardFrom(carrier)
    carrier.attachNext = carrier.from
    this.heartbeatS = frame.heartbeatS
    this.#counters.add('sockets')
    this.#events.dirty()
    return true
  }

  #received(carrier: Carrier, bytes: Uint8Array): void {
    const reader = this.#reader
    switch (reader.begin(bytes)) {
      case engineFrames.record.number: {
        reader.unsigned()
        const pairs = (reader.items - 2) >> 1
        for (let i = 0; i < pairs && !reader.isBroken; i++) {
          const slot = reader.unsigned()
          this.#heard(carrier, carrier.from + slot, reader.binary())
        }
        return
      }
      case engineFrames.decision.number: {
        const id = reader.unsigned()
        const approved = reader.truth()
        const reason = reader.unsigned()
        for (let i = 0; i < 4; i++) reader.skip()
        const lsn = reader.unsigned()
        if (reader.isBroken) this.#counters.add('badRecords')
        else this.#events.decided(id, { approved, reason, lsn })
        return
      }
      case engineFrames.error.number: {
        const id = reader.unsigned()
        const code = reader.unsigned()
        if (id >= attachIds) this.#attachRefused(carrier, id - attachIds, code)
        else if (id > 0) this.#events.failed(id, code)
        return
      }
      default:
        // Answers to attaches and news of states: the records that follow say the same.
        return
    }
  }

  #heard(carrier: Carrier, band: number, bytes: Uint8Array): void {
    if (band >= carrier.to) {
      this.#counters.add('badRecords')
      return
    }
    const fleet = this.#fleet
    const wasLinked = fleet.isLinked(band)
    switch (fleet.hear(band, bytes, this.#nowMs())) {
      case 'reply':
        if (wasLinked) this.#counters.add('linked', -1)
        this.sendRecord(band)
        this.#events.dirty()
        return
      case 'linked':
        this.sendRecord(band)
        this.#linkIsUp(carrier, band, wasLinked)
        return
      case 'ratcheted':
        return this.#counters.add('ratchets')
      case 'state':
        return this.#counters.add('states')
      case 'result':
        return this.#counters.add('results')
      case 'bad':
        return this.#counters.add('badRecords')
      case 'locked':
      case 'nothing':
    }
  }

  #linkIsUp(carrier: Carrier, band: number, wasLinked: boolean): void {
    if (!wasLinked) {
      this.#counters.add('linked')
      this.#counters.add('linksMade')
    }
    this.#linkingOver(carrier, band)
    this.#events.linked(band)
    this.#events.dirty()
  }

  #linkingOver(carrier: Carrier, band: number): void {
    if (((this.#fleet.flags[band] ?? 0) & bandFlags.linking) === 0) return
    this.#fleet.mark(band, bandFlags.linking, false)
    this.#linking--
    carrier.linking--
    this.#counters.set('linkings', this.#linking)
  }

  #attachRefused(carrier: Carrier, band: number, code: number): void {
    this.#counters.failed(code)
    this.#linkingOver(carrier, band)
    if (code === errorCodes['unknown-band']) {
      this.#events.gaveUp(`the engine does not know the band of ${this.#fleet.account(band)}`)
      return
    }
    this.#again.push({ band, dueMs: this.#nowMs() + againAfterMs })
  }

  #closed(carrier: Carrier, code: number, why: string): void {
    const wasLive = carrier.isLive
    this.#lose(carrier)
    if (this.#isClosing) return
    this.#counters.closed(code)
    this.#counters.add('socketsLost')
    carrier.attempts++
    if (carrier.attempts >= attemptsMax) {
      this.#events.gaveUp(`a socket ${wasLive ? 'closed' : 'could not be opened'} ${attemptsMax} times: ${code} ${why}`)
      return
    }
    this.#toOpen.push({ index: carrier.index, dueMs: this.#nowMs() + againAfterMs * 2 ** carrier.attempts })
    this.#toOpen.sort((left, right) => left.dueMs - right.dueMs)
  }

  /** The session is over for its bands. */
  #lose(carrier: Carrier): void {
    const wasLive = carrier.isLive
    carrier.socket = undefined
    carrier.isLive = false
    carrier.outbox.drop()
    this.#linking -= carrier.linking
    carrier.linking = 0
    if (wasLive) this.#counters.add('sockets', -1)
    let linked = 0
    for (let band = carrier.from; band < carrier.to; band++) {
      if (this.#fleet.isLinked(band)) linked++
      this.#fleet.forgetLink(band)
    }
    this.#counters.add('linked', -linked)
    if (wasLive) this.#events.dropped(carrier.from, carrier.to)
  }

  #markDirty(carrier: Carrier): void {
    if (carrier.isDirty) return
    carrier.isDirty = true
    this.#dirty.push(carrier)
  }
}
