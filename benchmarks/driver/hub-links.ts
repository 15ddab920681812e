// Client of one hub session, with the bands behind it: hello, attach, RESUME, first heartbeat; afterwards every band has a live
// link whose keys, counters and tick the driver knows. A band's whole conversation, and nothing a real one would not say.

import { openData, sealData } from '../../crypto/links/link-seal.ts'
import { nodePrimitives as p } from '../../crypto/primitives/node-primitives.ts'
import { helloMessage } from '../../crypto/signed/phone-auth.ts'
import { nextRoot, resumeKeys, resumeMac } from '../../crypto/links/resume.ts'
import { concatBytes } from '../../base/bytes.ts'
import {
  decodeEngineFrame,
  decodeHubRecords,
  encodeHubRecords,
  encodePhoneFrame,
  helloToSign,
} from '../../protocol/messages/frame-codec.ts'
import { type SlotRecord, engineFrames } from '../../protocol/messages/frames.ts'
import { idBytes } from '../../protocol/ids.ts'
import { decodeDownOp, encodeUpOp } from '../../protocol/ops.ts'
import { type DataRecord, decodeRecord, encodeResumeMaced } from '../../protocol/records.ts'
import { phoneProtocolVersion, subprotocol } from '../../protocol/versions.ts'
import { type PhoneKeys, createSoftwareP256Keys } from '../../sdk/phone/phone-keys.ts'
import { type FleetBand, type LiveLink, liveLink } from './fleet.ts'
import { RawSocket } from './raw-socket.ts'
import type { BandLink } from './requests.ts'

/** Resume ratchets by band number: what their flash would remember when an engine starts again. */
export type Chains = Map<number, { readonly root: Uint8Array<ArrayBuffer>; readonly n: number }>

type Linking = {
  readonly band: FleetBand
  link: LiveLink | undefined
  /** Called when a STATE is here. */
  heard: () => void
}

export type HubLinks = {
  readonly socket: RawSocket
  readonly links: readonly BandLink[]
  /** A heartbeat of every band: its lease begins anew and its tick is the latest. */
  readonly refresh: () => Promise<void>
}

const linkWithinMs = 20_000
const noContext = new Uint8Array(0)
/** Records of one frame: well under 16 KB. */
const recordsPerFrame = 100

/** `token` is asked for with the session key it must be bound to. */
export async function openHub(
  port: number,
  bands: readonly FleetBand[],
  token: (sessionKey: Uint8Array) => Promise<string>,
  chains: Chains,
): Promise<HubLinks> {
  const keys = createSoftwareP256Keys(p)
  const signed = await token(keys.session.publicKey)
  // Last: from here on a listener must be set, the greeting comes at once.
  const socket = await RawSocket.open({ port, path: '/hub', subprotocol })
  const bySlot = new Map<number, Linking>(bands.map((band) => [band.slot, { band, link: undefined, heard: () => {} }]))
  const hub = new Hub(socket, bySlot, chains)
  await hub.hello(signed, keys)
  await hub.heartbeats(() => {
    for (const { band } of bySlot.values()) {
      socket.send(
        encodePhoneFrame({ type: 'attach', id: 1, slot: band.slot, bid: idBytes(band.bid), account: band.account }),
      )
    }
  })
  return { socket, links: hub.links(), refresh: () => hub.refresh() }
}

class Hub {
  readonly #socket: RawSocket
  readonly #bySlot: ReadonlyMap<number, Linking>
  readonly #chains: Chains
  #out: SlotRecord[] = []

  constructor(socket: RawSocket, bySlot: ReadonlyMap<number, Linking>, chains: Chains) {
    this.#socket = socket
    this.#bySlot = bySlot
    this.#chains = chains
  }

  async hello(token: string, keys: PhoneKeys): Promise<void> {
    const challenge = await this.#until<Uint8Array<ArrayBuffer>>('the greeting', (resolve) => (frame) => {
      if (frame.type === 'greeting') resolve(Uint8Array.from(frame.challenge))
    })
    const hello = {
      type: 'hello',
      id: 1,
      version: phoneProtocolVersion,
      token,
      phoneId: p.randomBytes(16),
      sessionKey: keys.session.publicKey,
      verifyKey: keys.verify.publicKey,
      resumeToken: null,
    } as const
    const message = helloMessage(p, { challenge, fields: helloToSign(hello), host: this.#socket.host })
    this.#socket.send(encodePhoneFrame({ ...hello, signature: await keys.session.sign(message) }))
    await this.#until('the answer to hello', (resolve) => (frame) => {
      if (frame.type === 'helloAnswer') resolve(undefined)
    })
  }

  /** Resolves when every band has heard a STATE after `start`. */
  async heartbeats(start: () => void): Promise<void> {
    let missing = this.#bySlot.size
    await this.#until('all links', (resolve) => {
      for (const linking of this.#bySlot.values()) {
        let isMissing = true
        linking.heard = () => {
          if (isMissing) missing -= 1
          isMissing = false
          if (missing === 0) resolve(undefined)
        }
      }
      queueMicrotask(start)
      return () => {}
    })
  }

  async refresh(): Promise<void> {
    await this.heartbeats(() => {
      for (const linking of this.#bySlot.values()) this.#status(linking)
      this.#flush()
    })
  }

  links(): readonly BandLink[] {
    return [...this.#bySlot.values()].map(({ band, link }) => {
      if (link === undefined) throw new Error(`band ${band.slot} has no link`)
      return { band, link }
    })
  }

  /** Waits for what `take` resolves with; whatever else comes for bands is answered meanwhile. */
  #until<Value>(
    what: string,
    take: (resolve: (value: Value) => void) => (frame: ReturnType<typeof decodeEngineFrame>) => void,
  ): Promise<Value> {
    const socket = this.#socket
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => fail(`did not come in ${linkWithinMs} ms`), linkWithinMs)
      const fail = (why: string): void => {
        clearTimeout(timer)
        reject(new Error(`${what}: ${why}`))
      }
      const taken = take((value) => {
        clearTimeout(timer)
        resolve(value)
      })
      socket.onMessage = (bytes, from, to) => {
        const message = Uint8Array.from(bytes.subarray(from, to))
        if (isRecords(message)) return this.#records(message)
        const frame = decodeEngineFrame(message)
        if (frame.type === 'error') fail(`error ${frame.code}`)
        taken(frame)
      }
      socket.onTurn = () => {
        if (socket.ended !== undefined) fail(socket.ended)
        this.#flush()
      }
    })
  }

  #records(message: Uint8Array): void {
    const records = decodeHubRecords(message)
    if (!Array.isArray(records)) throw new Error('records of a hub expected')
    for (const { slot, bytes } of records as readonly SlotRecord[]) {
      const linking = this.#bySlot.get(slot)
      if (linking !== undefined) this.#record(linking, Uint8Array.from(bytes))
    }
  }

  #record(linking: Linking, bytes: Uint8Array<ArrayBuffer>): void {
    const record = decodeRecord(bytes)
    if (record.type === 'chal') this.#resume(linking, record.engineNonce)
    if (record.type === 'data') this.#data(linking, record)
  }

  #resume(linking: Linking, engineNonce: Uint8Array): void {
    const { band } = linking
    const { root, n } = this.#chainOf(band)
    const nonce = Uint8Array.from(engineNonce)
    const maced = encodeResumeMaced(band.bid, n, p.randomBytes(16))
    const { up, down, sid } = resumeKeys(p, root, maced, nonce)
    linking.link = liveLink(band, { up: Uint8Array.from(up), down: Uint8Array.from(down), sid })
    linking.link.tick = 0
    this.#send(linking, concatBytes(maced, resumeMac(p, root, maced, nonce)))
  }

  #data(linking: Linking, record: DataRecord): void {
    const { link } = linking
    const opened =
      link === undefined || record.sid !== link.sid ? undefined : openData(p, link.down, record, link, noContext)
    if (link === undefined || opened === undefined) return
    const op = decodeDownOp(opened)
    if (op.type === 'hello') this.#status(linking)
    if (op.type === 'state') {
      link.tick = op.tick
      linking.heard()
    }
    if (op.type === 'ratchetAck') this.#ratchet(linking.band, link, op.n)
  }

  #chainOf(band: FleetBand): { readonly root: Uint8Array<ArrayBuffer>; readonly n: number } {
    return this.#chains.get(band.number) ?? { root: band.root, n: 0 }
  }

  #ratchet(band: FleetBand, link: LiveLink, n: number): void {
    const chain = this.#chainOf(band)
    if (n !== chain.n + 1) return
    this.#chains.set(band.number, { root: Uint8Array.from(nextRoot(p, chain.root)), n })
    link.ratcheted = true
  }

  #status(linking: Linking): void {
    const { link, band } = linking
    if (link === undefined) return
    const { sid, tick, ratcheted } = link
    const header = { down: false, phase: 0, ratcheted, proof: false, sid, ctr: ++link.upCtr }
    const status = encodeUpOp({ type: 'status', tick, wear: 'on', wearEpoch: band.wearEpoch, battery: 90, motion: 1 })
    this.#send(linking, sealData(p, link.up, header, link, noContext, status))
  }

  #send(linking: Linking, bytes: Uint8Array): void {
    this.#out.push({ slot: linking.band.slot, bytes })
    if (this.#out.length >= recordsPerFrame) this.#flush()
  }

  #flush(): void {
    if (this.#out.length === 0) return
    this.#socket.send(encodeHubRecords('hub', this.#out))
    this.#out = []
  }
}

/** Is it frame 120? Its records repeat, so it has no fixed fields to decode. */
function isRecords(message: Uint8Array): boolean {
  const head = message[0] ?? 0
  return message[(head & 0xf0) === 0x90 ? 1 : 3] === engineFrames.record.number
}
