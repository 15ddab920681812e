// Hostile bytes through the real listener: random and mutated frames, band records and BLE fragments, some from nobody,
// some from a phone that signed in properly. No crash, no approval, no undocumented close, bounded memory.
// HOSTILE_FRAMES asks for more, or for how long; HOSTILE_SEED repeats a run: it stands in the name of the test.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { decodeRecord } from '../../engine/ports/records.ts'
import { closeCodes } from '../../protocol/errors.ts'
import { decodePhoneFrame, encodePhoneFrame } from '../../protocol/messages/frame-codec.ts'
import { idBytes } from '../../protocol/ids.ts'
import { reasons } from '../../protocol/reasons.ts'
import { subprotocol } from '../../protocol/versions.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { demoWorld } from '../../band-sim/demo-world.ts'
import { type SeededRandom, seededRandom } from '../../band-sim/virtual/seeded-random.ts'
import { createPartner } from '../../sdk/offers.ts'
import type { WebSocketLike } from '../../sdk/phone/connection.ts'
import { PhoneClient, type PhoneClientOptions } from '../../sdk/phone-client.ts'
import { verifyJournal } from '../../store/audit.ts'
import { Budget } from '../support/budget.ts'
import { seedOf } from '../support/budgets.ts'
import { ServingEngine, journalFolderOf } from '../support/serving-engine.ts'

const frames = new Budget('HOSTILE_FRAMES')
const seed = seedOf('HOSTILE_SEED') ?? Date.now() % 2 ** 31
const folder = mkdtempSync(join(tmpdir(), 'bandpass-hostile-'))
const wideFlags = [
  'network-phone-frames-per-second',
  'network-phone-frames-burst',
  'network-address-frames-per-second',
  'network-address-frames-burst',
  'network-address-connections-per-second',
  'network-address-connections-burst',
  'network-address-requests-per-second',
  'network-address-requests-burst',
  'account-frames-per-second',
  'account-frames-burst',
].flatMap((name) => [`--${name}`, '1000000'])
const wideBytes = ['network-phone-bytes-per-second', 'network-phone-bytes-burst'].flatMap((name) => [
  `--${name}`,
  '1000000000',
])
// Rate limits are tested elsewhere; here they would only keep the bytes out.
const engine = new ServingEngine(folder, [...wideFlags, ...wideBytes])
beforeAll(() => engine.start())
afterAll(async () => {
  await engine.kill()
  rmSync(folder, { recursive: true, force: true })
})

const documented = new Set([1000, 1005, 1006, 1009, ...Object.values(closeCodes).map((code) => code.number)])
const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A WebSocket of Node that remembers what left it and how it was closed. */
function watched(sent: Uint8Array<ArrayBuffer>[], closed: number[], opened: WebSocket[]) {
  return class implements WebSocketLike {
    readonly #inner: WebSocket
    constructor(url: string, protocols: string[]) {
      this.#inner = new WebSocket(url, protocols)
      this.#inner.binaryType = 'arraybuffer'
      this.#inner.addEventListener('close', (event) => closed.push(event.code))
      opened.push(this.#inner)
    }
    binaryType = 'arraybuffer'
    send(bytes: Uint8Array<ArrayBuffer>): void {
      sent.push(bytes.slice())
      this.#inner.send(bytes)
    }
    close(code?: number): void {
      this.#inner.close(code)
    }
    addEventListener: WebSocketLike['addEventListener'] = (type, listener) => {
      this.#inner.addEventListener(type, (event: Event) => listener(event))
    }
  }
}

/** One of a few ways to spoil bytes. */
function mutated(random: SeededRandom, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const spoilt = new Uint8Array(bytes)
  switch (random.integer(5)) {
    case 0:
      return spoilt.slice(0, random.integer(spoilt.length + 1))
    case 1:
      return new Uint8Array([...spoilt, ...random.bytes(1 + random.integer(64))])
    case 2:
      return random.bytes(1 + random.integer(600))
    default:
      for (let flip = 0; flip <= random.integer(4); flip++) {
        const at = random.integer(spoilt.length)
        spoilt[at] = (spoilt[at] ?? 0) ^ (1 << random.integer(8))
      }
      return spoilt
  }
}

it(
  `${frames.text} hostile messages leave the engine alive, approve nothing and close with documented codes (seed ${seed})`,
  async () => {
    const random = seededRandom(nodePrimitives, `hostile ${seed}`)
    const demo = demoWorld(engine.demoFile())
    const { wearer, radio } = demo.newBand()
    const sent: Uint8Array<ArrayBuffer>[] = []
    const closed: number[] = []
    const opened: WebSocket[] = []
    const options: PhoneClientOptions = { ...demo.phone('mallory'), webSocket: watched(sent, closed, opened) }
    let phone = await PhoneClient.connect(options)
    wearer.taps()
    const first = await phone.pair(radio.phone, { packageSecret: wearer.band.device.packageSecret })
    wearer.putsOn()
    await first.whenWorn()
    await first.arm()
    // One honest denial, so that frames of every kind are there to be spoilt.
    const shop = createPartner(demo.partner)
    const order = { action: 'ride', resource: '0b'.repeat(16), amountMinor: 1, currency: 978, label: 'x' } as const
    await first.pay(shop.offer({ ...order, expiresAtMs: Date.now() + 60_000 }).bytes)
    await phone.freeze(first.bid)
    await phone.unfreeze(first.bid)
    await first.arm()
    const corpus = sent.slice()
    const records = corpus.flatMap((bytes) => {
      const frame = decodePhoneFrame(bytes, 4_096)
      return frame.type === 'record' || frame.type === 'authorize'
        ? [frame.type === 'record' ? frame.bytes.slice() : frame.record.slice()]
        : []
    })
    const bid = idBytes(first.bid)
    const startBytes = engine.residentBytes()
    let isOver = true
    const goesOn = frames.start()
    let count = 0
    while (goesOn(count)) {
      const isStranger = random.integer(4) === 0
      if (isStranger) {
        const socket = new WebSocket(options.url, subprotocol)
        socket.addEventListener('close', (event) => closed.push(event.code))
        await new Promise((resolve) => {
          socket.addEventListener('open', resolve)
          socket.addEventListener('error', resolve)
        })
        for (let frame = 0; frame < 4; frame++, count++)
          socket.send(mutated(random, corpus[random.integer(corpus.length)] ?? corpus[0] ?? new Uint8Array(1)))
        await settle()
        socket.close()
        continue
      }
      if (isOver) {
        phone.close()
        phone = await PhoneClient.connect(options)
        isOver = false
        phone.on('session-ended', () => {
          isOver = true
        })
        phone.on('disconnected', () => {
          isOver = true
        })
        opened.at(-1)?.send(encodePhoneFrame({ type: 'attach', id: 77, slot: 200, bid, account: null }))
      }
      const socket = opened.at(-1)
      for (let frame = 0; frame < 8 && socket?.readyState === WebSocket.OPEN; frame++, count++) {
        const record = records[random.integer(records.length)] ?? new Uint8Array(1)
        const isRecord = random.integer(3) > 0
        const bytes = mutated(random, isRecord ? record : (corpus[random.integer(corpus.length)] ?? record))
        socket.send(
          isRecord ? encodePhoneFrame({ type: 'record', id: 0, slot: 200, bytes: bytes.slice(0, 1_024) }) : bytes,
        )
      }
      await settle()
    }
    phone.close()
    // It still serves, and honestly.
    const honest = await PhoneClient.connect(demo.phone('alice'))
    expect(await honest.bands()).toEqual([])
    honest.close()
    const grownMb = (engine.residentBytes() - startBytes) / 1_048_576
    expect(grownMb, `${grownMb} MB more than before`).toBeLessThan(200)
    for (const code of closed) expect(documented.has(code), `close code ${code} is documented`).toBe(true)
    expect(await engine.stop()).toBe(0)
    let approvals = 0
    const audit = verifyJournal(journalFolderOf(folder), {
      readRecord: (body) => {
        const record = decodeRecord(body)
        if (record.type === 'decision' && record.reason === reasons.approved) approvals++
      },
    })
    expect(audit).toMatchObject({ type: 'whole' })
    expect(approvals).toBe(0)
    expect(engine.log.filter((line) => /"level":"error"/.test(line))).toEqual([])
  },
  frames.timeoutMs,
)

it(
  'BLE fragments that lie, repeat or never end cost a band its link at worst, and the link comes back',
  async () => {
    const random = seededRandom(nodePrimitives, `fragments ${seed}`)
    const world = new ServingEngine(join(folder, 'fragments'), ['--heartbeat-s', '1'])
    await world.start()
    const demo = demoWorld(world.demoFile())
    const { wearer, radio } = demo.newBand()
    const phone = await PhoneClient.connect(demo.phone('bob'))
    wearer.taps()
    const band = await phone.pair(radio.phone, { packageSecret: wearer.band.device.packageSecret })
    wearer.putsOn()
    await band.whenWorn()
    await band.arm()
    const fragments = frames.size.type === 'count' ? frames.size.count / 10 : 1_000
    for (let count = 0; count < fragments; count++) void radio.phone.send(random.bytes(1 + random.integer(244)))
    const shop = createPartner(demo.partner)
    const order = { action: 'pay', resource: '0b'.repeat(16), amountMinor: 100, currency: 978, label: 'x' } as const
    const paid = async (triesLeft: number): Promise<boolean> => {
      const { bytes } = shop.offer({ ...order, expiresAtMs: Date.now() + 60_000 })
      const decision = await band.pay(bytes, { wearerTimeoutMs: 2_000 }).catch(() => undefined)
      return decision?.approved === true || (triesLeft > 0 && paid(triesLeft - 1))
    }
    expect(await paid(20)).toBe(true)
    phone.close()
    expect(await world.stop()).toBe(0)
  },
  frames.timeoutMs,
)
