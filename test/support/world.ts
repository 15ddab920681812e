// Deterministic simulation harness, a whole world for scenarios: one engine over the in-memory listener, phones with the real
// client, bands with the real firmware, one clock that only moves when told. Everything is drawn from one seed.

import { createKeyring } from '../../crypto/at-rest.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import type { Primitives } from '../../crypto/primitives/primitives.ts'
import type { EngineConfig } from '../../engine/core/config.ts'
import { type Engine, createEngine } from '../../engine/engine.ts'
import { Ledger } from '../../engine/ledger/ledger.ts'
import { Chores } from '../../engine/ports/chores.ts'
import type { Journal } from '../../engine/ports/journal.ts'
import type { EngineKeys, TokenClaims, VendorStatus } from '../../engine/ports/surroundings.ts'
import { markRestored } from '../../engine/ledger/restore.ts'
import { defaultDelays } from '../../policy/delays.ts'
import type { LimitTable } from '../../policy/limits.ts'
import { toHex } from '../../base/bytes.ts'
import { decodeEngineFrame, encodePhoneFrame } from '../../protocol/messages/frame-codec.ts'
import { parseAccountId, parsePartnerId } from '../../protocol/ids.ts'
import type { Band } from '../../band-sim/band/firmware.ts'
import { BandFlash } from '../../band-sim/band/flash.ts'
import { type BandDevice, type Vendor, makeBand } from '../../band-sim/band/package.ts'
import { type Air, Radio, clearAir } from '../../band-sim/radio.ts'
import type { VirtualTime } from '../../band-sim/virtual/scheduler.ts'
import { type SeededRandom, seededRandom, withRandom } from '../../band-sim/virtual/seeded-random.ts'
import { Wearer } from '../../band-sim/band/wearer.ts'
import { type MadeOffer, type OfferRequest, createPartner } from '../../sdk/offers.ts'
import type { WebSocketConstructor, WebSocketLike } from '../../sdk/phone/connection.ts'
import { PhoneClient } from '../../sdk/phone-client.ts'
import { type PhoneKeys, createSoftwareKeys } from '../../sdk/phone/phone-keys.ts'
import { defaultLimits } from '../../transport/limits.ts'
import { type LoopbackListener, createLoopback } from '../../transport/listen-loopback.ts'
import type { ClientSocket } from '../../transport/loopback-socket.ts'
import { MemoryDisk, MemoryJournal, MemoryView } from './memory-ports.ts'
import { SettledTime } from './settled-time.ts'

export const euro = 978
export const tillResource = '00112233445566778899aabbccddeeff'
const partnerId = 'aa'.repeat(16)

export const euroLimits: LimitTable = {
  perUseMinor: 10_000,
  perDayMinor: 20_000,
  perClassDayMinor: { pay: 20_000, receive: 30_000 },
  perLevelUseMinor: [2_000, 3_000, 10_000, 10_000, 10_000],
  perLevelDayMinor: [20_000, 20_000, 20_000, 20_000, 20_000],
  verification: [{ aboveMinor: 5_000, withinMs: 3_600_000 }],
  restrictedPerUseMinor: 500,
  tapAboveMinor: 3_000,
}

export const engineConfig: EngineConfig = {
  heartbeatS: 30,
  resumeWindowMs: 60_000,
  authDeadlineMs: 5_000,
  awakeBandsMax: 1_000,
  awakeIdleMs: 60_000,
  linksMax: 1_000,
  sessionsMax: 1_000,
  pairingWindowsMax: 100,
  pairingFailuresPerAccount: 5,
  pairingFailuresPerAddress: 50,
  accountFramesPerSecond: 1_000,
  accountFramesBurst: 2_000,
  accountRecordsPerSecond: 1_000,
  accountRecordsBurst: 100_000,
  gateDepthMax: 10_000,
  gateWaitMaxMs: 60_000,
  hellosMax: 1_000,
  armedMs: 24 * 3_600_000,
  delays: defaultDelays,
  limits: new Map([[euro, euroLimits]]),
  viewFlushMs: 50,
  viewFlushRecords: 500,
  approveBeforeProven: false,
  issuer: 'https://engine.test',
  receiptLifeS: 3_600,
  engineVersion: '0.0.0-test',
  clockAheadMaxMs: Infinity,
  clockAcceptBehindLsn: 0,
  framesPerSecond: 50,
}

export type WorldOptions = {
  readonly seed?: number
  readonly config?: Partial<EngineConfig>
  readonly disk?: MemoryDisk
  readonly time?: VirtualTime
  /** What the engine writes its journal to; the memory's own unless given. */
  readonly openJournal?: () => Promise<Journal>
}

/** A phone of an account, its keys and its client. */
export type Phone = {
  readonly account: string
  readonly phoneId: string
  readonly keys: PhoneKeys
  client: PhoneClient
}

export class World {
  readonly time: VirtualTime
  readonly random: SeededRandom
  readonly primitives: Primitives
  readonly disk: MemoryDisk
  readonly config: EngineConfig
  readonly vendor: Vendor
  keys: EngineKeys
  readonly receiptKey: Uint8Array
  /** Statuses of the one vendor; a test may revoke it. */
  vendorStatus: VendorStatus = 'active'
  /** Unhandled failures; a scenario that ends with any is broken. */
  readonly failures: unknown[] = []
  /** Sees every message between phones and engine; what it returns arrives instead, undefined = lost. */
  intercept: (way: 'up' | 'down', bytes: Uint8Array) => Uint8Array | undefined = (_way, bytes) => bytes
  /** How long it takes to verify a token. */
  verifying: () => Promise<void> = () => Promise.resolve()
  /** Offset of the wall clock against true time, ms. */
  wallSkewMs = 0
  readonly #partnerKey: Uint8Array
  readonly #openJournal: WorldOptions['openJournal']
  readonly #sockets: ClientSocket[] = []
  readonly #phones = new Map<string, Pick<Phone, 'keys' | 'phoneId'>>()
  #storage: { readonly journal: MemoryJournal; readonly view: MemoryView } | undefined
  #running: { readonly engine: Engine; readonly listener: LoopbackListener } | undefined

  constructor(options: WorldOptions = {}) {
    this.time = options.time ?? new SettledTime()
    this.#openJournal = options.openJournal
    this.random = seededRandom(nodePrimitives, `world ${options.seed ?? 1}`)
    this.primitives = withRandom(nodePrimitives, this.random)
    this.disk = options.disk ?? new MemoryDisk()
    this.config = { ...engineConfig, ...options.config }
    this.vendor = { vendor: 1, model: 1, batch: 1, issuer: 1, seed: this.random.bytes(32) }
    this.#partnerKey = this.random.bytes(32)
    const receiptSeed = this.random.bytes(32)
    this.receiptKey = nodePrimitives.ed25519PublicKey(receiptSeed)
    this.keys = {
      ekid: 1,
      engineSecrets: new Map([[1, this.random.bytes(32)]]),
      keyset: undefined,
      rkid: 1,
      releaseSeed: this.random.bytes(32),
      receipt: { kid: 'r1', seed: receiptSeed },
      pepper: this.random.bytes(32),
      keyring: createKeyring(nodePrimitives, [{ id: 1, key: this.random.bytes(32) }]),
    }
  }

  get engine(): Engine {
    if (this.#running === undefined) throw new Error('the engine is not running')
    return this.#running.engine
  }

  get listener(): LoopbackListener {
    if (this.#running === undefined) throw new Error('the engine is not running')
    return this.#running.listener
  }

  /** Starts the engine on the world's disk. */
  async start(): Promise<void> {
    const memory = new MemoryJournal(this.disk)
    const journal = (await this.#openJournal?.()) ?? memory
    const view = new MemoryView(this.disk)
    const clock = {
      nowMs: () => this.time.nowMs() + this.wallSkewMs,
      monotonicMs: () => this.time.nowMs() - 1_600_000_000_000,
      after: this.time.after,
    }
    const vendorKey = {
      signatureType: 'ed25519',
      publicKey: nodePrimitives.ed25519PublicKey(this.vendor.seed),
    } as const
    const partner = { id: parsePartnerId(partnerId), name: 'Test till', offerKeys: new Map([[1, this.#partnerKey]]) }
    const engine = await createEngine(this.config, {
      clock,
      random: (length) => this.random.bytes(length),
      primitives: this.primitives,
      journal,
      view,
      keys: this.keys,
      tokens: { verify: async (token) => this.verifying().then(() => this.#claimsOf(token)) },
      partners: { find: (id) => (id === partner.id ? partner : undefined) },
      vendors: {
        status: (vendor) => (vendor === this.vendor.vendor ? this.vendorStatus : 'unknown'),
        rootKey: (vendor, issuer) => (vendor === this.vendor.vendor && issuer === 1 ? vendorKey : undefined),
      },
      failed: (error) => this.failures.push(error),
    })
    const observe = { failed: (_during: string, error: unknown) => this.failures.push(error), refused: () => undefined }
    const kinds = {
      phone: {
        ...defaultLimits.kinds.phone,
        frames: { perSecond: 5_000, burst: 10_000 },
        bytes: { perSecond: 1_000_000, burst: 2_000_000 },
      },
      hub: defaultLimits.kinds.hub,
    }
    const listener = await createLoopback()({
      host: 'loopback',
      port: 0,
      hosts: ['engine.test'],
      accept: engine.accept,
      http: () => ({ status: 404, contentType: 'text/plain', body: '' }),
      limits: { ...defaultLimits, kinds },
      clock,
      chores: new Chores({ clock, told: () => undefined }),
      observe,
    })
    this.#storage = { journal: memory, view }
    this.#running = { engine, listener }
  }

  /** The engine goes, an older state is put back, and the restore is told to the journal as `bandpass restore` does. */
  async restore(putBack: () => void, stoppedAtMs = this.time.nowMs()): Promise<void> {
    await this.crash()
    putBack()
    const ledger = new Ledger({
      journal: new MemoryJournal(this.disk),
      view: new MemoryView(this.disk),
      clock: { nowMs: () => this.time.nowMs(), monotonicMs: () => this.time.nowMs(), after: this.time.after },
      viewFlushMs: 50,
      viewFlushRecords: 500,
      changed: () => undefined,
      viewFailed: (error) => this.failures.push(error),
    })
    await ledger.recover()
    const { delays } = this.config
    const at = { atMs: this.time.nowMs(), decidedUntilMs: stoppedAtMs }
    await this.run(markRestored(ledger, { ...at, delays, by: 'operator:restore' }))
    await ledger.close()
    await this.start()
  }

  /** Power goes: what was not durable is lost, sockets are cut, no peer is told. */
  async crash(): Promise<void> {
    this.#storage?.journal.crash()
    this.#storage?.view.crash()
    const listener = this.#running?.listener
    this.#running = undefined
    await listener?.close()
    await this.time.settle()
  }

  /** One more S_E that the engine holds. */
  addEngineKey(ekid: number, secret: Uint8Array): void {
    this.keys = { ...this.keys, engineSecrets: new Map([...this.keys.engineSecrets, [ekid, secret]]) }
  }

  /** Another band answers on this slot instead of the one the phone carries; nothing given ends that. */
  bridgeInstead(
    slot: number | undefined,
    band: Band | undefined,
    toBand: ((bytes: Uint8Array) => void) | undefined,
  ): void {
    if (slot === undefined || band === undefined || toBand === undefined) {
      this.intercept = (_way, bytes) => bytes
      return
    }
    band.connect((bytes) => {
      queueMicrotask(() => this.inject(encodePhoneFrame({ type: 'record', id: 0, slot, bytes })))
    })
    this.intercept = (way, bytes) => {
      const frame = way === 'down' ? decodeEngineFrame(bytes) : undefined
      if (frame?.type === 'record' && frame.slot === slot) toBand(frame.bytes.slice())
      return bytes
    }
  }

  /** A clone speaks in the band's place, for two minutes from a crash of the engine; the band itself has to be out of reach. */
  async cloneInstead(slot: number, clone: Band): Promise<void> {
    const answered: Uint8Array[] = []
    clone.connect((record) => answered.push(record))
    this.intercept = (way, bytes) => {
      const frame = way === 'down' ? decodeEngineFrame(bytes) : undefined
      if (frame?.type === 'record') clone.receive(frame.bytes.slice())
      return bytes
    }
    await this.crash()
    await this.start()
    for (let second = 0; second < 120; second++) {
      await this.time.advance(1_000)
      for (const bytes of answered.splice(0)) this.inject(encodePhoneFrame({ type: 'record', id: 0, slot, bytes }))
    }
  }

  /** Sends bytes on the newest phone's connection, as malware on that phone would. */
  inject(bytes: Uint8Array): void {
    this.#sockets.at(-1)?.send(bytes)
  }

  /** The network drops every phone's connection; the engine lives on. */
  cutSockets(): void {
    for (const socket of this.#sockets.splice(0)) socket.cut()
  }

  /** The engine ends as an operator ends it. */
  async stop(): Promise<void> {
    const running = this.#running
    this.#running = undefined
    running?.listener.stopAccepting()
    const stopping = running?.engine.stop(100)
    await this.time.advance(200)
    await stopping
    await running?.listener.close()
  }

  /** A token of this world: the tests' own issuer, checked by this file alone. */
  token(claims: Partial<Omit<TokenClaims, 'account'>> & { readonly account: string }): string {
    const nowMs = this.time.nowMs() + Math.max(0, this.wallSkewMs)
    const full = {
      authTimeMs: nowMs,
      expiresAtMs: nowMs + 30 * 86_400_000,
      scopes: [],
      boundToKey: true,
      hubAccounts: [],
      ...claims,
    }
    return JSON.stringify(full)
  }

  /** Connects the account's phone, always the same one unless `isAnother`: an account's second phone. */
  async phone(
    account: string,
    as: { readonly isAnother?: boolean; readonly scopes?: readonly string[] } = {},
  ): Promise<Phone> {
    const known = as.isAnother === true ? undefined : this.#phones.get(account)
    const { keys, phoneId } = known ?? {
      keys: createSoftwareKeys(this.primitives),
      phoneId: toHex(this.random.bytes(16)),
    }
    if (as.isAnother !== true && as.scopes === undefined) this.#phones.set(account, { keys, phoneId })
    const client = await this.run(
      PhoneClient.connect({
        url: 'ws://engine.test/phone',
        token: () => this.token({ account, scopes: as.scopes ?? [] }),
        phoneId,
        keys,
        webSocket: this.webSocket(),
        clock: this.time,
        primitives: this.primitives,
      }),
    )
    return { account, phoneId, keys, client }
  }

  /** A WebSocket constructor that reaches whichever engine runs when it is called. */
  webSocket(): WebSocketConstructor {
    const intercept = (way: 'up' | 'down', bytes: Uint8Array) => this.intercept(way, bytes)
    const open = (url: string, protocols: string[]): ClientSocket => {
      if (this.#running === undefined) throw new Error('connection refused')
      const socket = new this.#running.listener.webSocket(url, protocols)
      this.#sockets.push(socket)
      return socket
    }
    return class implements WebSocketLike {
      readonly #inner: ClientSocket

      constructor(url: string, protocols: string[]) {
        this.#inner = open(url, protocols)
        this.#inner.binaryType = 'arraybuffer'
      }

      binaryType = 'arraybuffer'

      send(bytes: Uint8Array<ArrayBuffer>): void {
        const passed = intercept('up', bytes)
        if (passed !== undefined) this.#inner.send(passed)
      }

      close(code?: number): void {
        this.#inner.close(code)
      }

      addEventListener: WebSocketLike['addEventListener'] = (type, listener) => {
        if (type !== 'message') return this.#inner.addEventListener(type, listener)
        this.#inner.addEventListener('message', (event) => {
          const { data } = event
          const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : data
          const passed = bytes instanceof Uint8Array ? intercept('down', bytes) : undefined
          if (passed !== undefined) listener({ type: 'message', data: passed })
        })
      }
    }
  }

  /** A new band from the vendor's line. */
  device(): BandDevice {
    const engineKey = nodePrimitives.x25519PublicKey(this.keys.engineSecrets.get(1) ?? new Uint8Array(32))
    const releaseKey = nodePrimitives.ed25519PublicKey(this.keys.releaseSeed)
    return makeBand(this.primitives, this.vendor, {
      engineKeys: [{ id: 1, publicKey: engineKey }],
      releaseKeys: [{ id: 1, publicKey: releaseKey }],
    })
  }

  wearer(device: BandDevice = this.device(), flash: BandFlash = new BandFlash(device.engineKeys)): Wearer {
    return new Wearer({ device, flash, scheduler: this.time, primitives: this.primitives })
  }

  radio(wearer: Wearer, air: Air = clearAir): Radio {
    return new Radio(wearer.band, { scheduler: this.time, random: this.random, air })
  }

  offer(request: Partial<OfferRequest> = {}): MadeOffer {
    const partner = createPartner({ id: partnerId, kid: 1, key: this.#partnerKey }, this.primitives)
    return partner.offer({
      action: 'pay',
      resource: tillResource,
      amountMinor: 1_250,
      currency: euro,
      label: 'Coffee',
      expiresAtMs: this.time.nowMs() + 60_000,
      ...request,
    })
  }

  /** Lets time pass in small steps until `work` is done; a scenario that waits for nothing fails. */
  async run<Value>(work: Promise<Value>, withinMs = 600_000): Promise<Value> {
    const state = { isDone: false }
    const settled = work.finally(() => {
      state.isDone = true
    })
    settled.catch(() => undefined)
    const untilMs = this.time.nowMs() + withinMs
    while (!state.isDone && this.time.nowMs() < untilMs) await this.time.advance(20)
    if (!state.isDone) throw new Error(`nothing happened within ${withinMs} ms of the world's time`)
    return settled
  }

  #claimsOf(token: string): TokenClaims | undefined {
    const parsed: unknown = JSON.parse(token)
    if (typeof parsed !== 'object' || parsed === null || !('account' in parsed) || typeof parsed.account !== 'string')
      return undefined
    return { ...parsed, account: parseAccountId(parsed.account) } as TokenClaims
  }
}

/** A band that is paired, worn and armed, with its phone: where most scenarios begin. */
export async function armedBand(world: World, account = 'alice') {
  const phone = await world.phone(account)
  const wearer = world.wearer()
  const radio = world.radio(wearer)
  wearer.taps()
  const band = await world.run(phone.client.pair(radio.phone, { packageSecret: wearer.band.device.packageSecret }))
  wearer.putsOn()
  await world.time.advance(3_000)
  await world.run(band.arm())
  return { phone, wearer, radio, band }
}
