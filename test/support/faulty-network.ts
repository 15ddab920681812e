// Fault injection for networks (black holes): one between a phone and the engine of a world that swallows instead of failing:
// connections that look open and carry nothing, as a phone has them after it changed from one network to another.

import { toHex } from '../../base/bytes.ts'
import type { BandRadio } from '../../sdk/phone/radio-writer.ts'
import type { WebSocketConstructor, WebSocketLike } from '../../sdk/phone/connection.ts'
import { PhoneClient, type PhoneClientOptions } from '../../sdk/phone-client.ts'
import { createSoftwareKeys } from '../../sdk/phone/phone-keys.ts'
import { watchUncaught } from './uncaught.ts'
import { World } from './world.ts'

/** `open` carries all; the others stop, without a word, before the socket opens, before the greeting, or before hello is answered. */
export type Weather = 'open' | 'nothing opens' | 'opens, then nothing' | 'greets, then nothing'

export class FaultyNetwork {
  /** What new connections meet. */
  weather: Weather = 'open'
  readonly webSocket: WebSocketConstructor
  readonly #counts = { opened: 0, closed: 0, dead: 0 }

  constructor(world: World) {
    const counts = this.#counts
    const weatherNow = (): Weather => this.weather
    const Inner = world.webSocket()
    this.webSocket = class implements WebSocketLike {
      binaryType = 'arraybuffer'
      readonly #number = ++counts.opened
      readonly #weather = weatherNow()
      readonly #inner: WebSocketLike | undefined
      #messages = 0

      constructor(url: string, protocols: string[]) {
        if (this.#weather !== 'nothing opens') this.#inner = new Inner(url, protocols)
      }

      send(bytes: Uint8Array<ArrayBuffer>): void {
        if (!this.#isDead() && this.#weather === 'open') this.#inner?.send(bytes)
      }

      close(code?: number): void {
        counts.closed += 1
        if (!this.#isDead()) this.#inner?.close(code)
      }

      addEventListener: WebSocketLike['addEventListener'] = (type, listener) => {
        this.#inner?.addEventListener(type, (event) => {
          if (type === 'message') this.#messages += 1
          if (!this.#isDead() && this.#carries(type)) listener(event)
        })
      }

      /** A socket that died says nothing more, not even that it is closed. */
      #isDead(): boolean {
        return this.#number <= counts.dead
      }

      #carries(type: string): boolean {
        if (this.#weather === 'open') return true
        return this.#weather === 'greets, then nothing' && type === 'message' && this.#messages === 1
      }
    }
  }

  /** Connections that were begun. */
  get openedCount(): number {
    return this.#counts.opened
  }

  /** Connections that the phone closed. */
  get closedCount(): number {
    return this.#counts.closed
  }

  /** From now on the connections that there are carry nothing either way, and none of them ends. */
  swallow(): void {
    this.#counts.dead = this.#counts.opened
  }
}

/** A world, its network, and how to connect a phone of alice's there, with what a test sets instead. */
export async function phoneOn(set: (world: World) => Partial<PhoneClientOptions> = () => ({})) {
  const world = new World()
  await world.start()
  const uncaught = watchUncaught()
  const network = new FaultyNetwork(world)
  const options: PhoneClientOptions = {
    url: 'ws://engine.test/phone',
    token: () => world.token({ account: 'alice' }),
    phoneId: toHex(world.random.bytes(16)),
    keys: createSoftwareKeys(world.primitives),
    webSocket: network.webSocket,
    clock: world.time,
    primitives: world.primitives,
    ...set(world),
  }
  return { world, network, options, uncaught, connect: () => PhoneClient.connect(options) }
}

/** As `phoneOn`, with an armed band; `heard` are the session's events. */
export async function armedOn(set: (world: World) => Partial<PhoneClientOptions> = () => ({})) {
  const started = await phoneOn(set)
  const { world } = started
  const phone = await world.run(started.connect())
  const heard: string[] = []
  phone.on('disconnected', (error) => heard.push(`disconnected: ${error.code}`))
  phone.on('reconnected', ({ resumed }) => heard.push(`reconnected: ${resumed ? 'resumed' : 'anew'}`))
  phone.on('session-ended', (error) => heard.push(`ended: ${error.code}`))
  const wearer = world.wearer()
  const radio = world.radio(wearer)
  const { send, onFragment } = radio.phone
  /** What the band's radio does; a test sets something else for a while. */
  const does: { send: (bytes: Uint8Array<ArrayBuffer>) => unknown; mtu: () => unknown } = {
    send,
    mtu: () => radio.phone.mtu,
  }
  const faulty: BandRadio = {
    get mtu() {
      return does.mtu() as number
    },
    send: (bytes) => does.send(bytes) as undefined,
    onFragment,
  }
  wearer.taps()
  const band = await world.run(phone.pair(faulty, { packageSecret: wearer.band.device.packageSecret }))
  wearer.putsOn()
  await world.time.advance(3_000)
  await world.run(band.arm())
  return { ...started, phone, band, heard, wearer, radio: faulty, does, good: { ...does } }
}
