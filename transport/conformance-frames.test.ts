// Conformance, second part: messages, their size, and how many of them.
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Rigs, listenersHere } from './test-conformance.ts'
import type { Client, Rig } from './test-conformance.ts'
import { defaultLimits } from './limits.ts'
import type { KindLimits, ListenLimits } from './limits.ts'
import { RawPeer, opcodes } from './test-raw-peer.ts'

const names = await listenersHere()
const rigs = new Rigs()

afterEach(() => rigs.close())

/** Limits of phones that differ from the default ones. */
const phones = (limits: Partial<KindLimits>): Partial<ListenLimits> => ({
  kinds: { ...defaultLimits.kinds, phone: { ...defaultLimits.kinds.phone, ...limits } },
})
const bytesOf = (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(length).map((_, at) => at * 31)
const arrived = async (client: Client, count: number): Promise<void> => {
  await vi.waitFor(() => expect(client.received).toHaveLength(count), { interval: 5 })
}

describe.each(names)('%s with messages', (name) => {
  const start = rigs.starter(name)

  it('carries binary messages both ways, unchanged and in order', async () => {
    const rig = await start()
    const client = await rig.open()
    const sent = [0, 1, 125, 126, 127, 255, 256, 1_000].map(bytesOf)
    for (const bytes of sent) client.send(bytes)
    await arrived(client, sent.length)
    expect(rig.engine.last.received).toEqual(sent)
    expect(client.received).toEqual(sent)
  })

  it('greets from the first call on, before the client said anything', async () => {
    const rig = await start()
    rig.engine.onAccept = (connection) => connection.send(new Uint8Array([100]))
    const client = await rig.open()
    await arrived(client, 1)
    expect(client.received).toEqual([new Uint8Array([100])])
  })

  it('gives plain bytes: a slice of them is a copy of its own', async () => {
    const rig = await start()
    const copies: Uint8Array[] = []
    rig.engine.onReceive = (_connection, bytes) => {
      expect(bytes.constructor).toBe(Uint8Array)
      copies.push(bytes.slice())
      bytes.fill(0)
    }
    const client = await rig.open()
    client.send(bytesOf(40))
    await vi.waitFor(() => expect(copies).toEqual([bytesOf(40)]), { interval: 5 })
  })

  it('lets the engine reuse the bytes it sent, at once, also within a cork', async () => {
    const rig = await start()
    const scratch = new Uint8Array(64)
    rig.engine.onReceive = (connection) => {
      connection.cork(() => {
        for (let value = 1; value <= 20; value += 1) connection.send(scratch.fill(value))
        scratch.fill(0xff)
      })
    }
    const client = await rig.open()
    client.send(bytesOf(1))
    await arrived(client, 20)
    expect(client.received.map((bytes) => bytes[63])).toEqual(Array.from({ length: 20 }, (_, at) => at + 1))
  })

  it.for([
    ['/phone', 4_096],
    ['/hub', 16_384],
  ] as const)('takes a message of the largest size on %s, and closes for one byte more', async ([path, largest]) => {
    const rig = await start()
    const client = await rig.open(path)
    client.send(bytesOf(largest))
    await arrived(client, 1)
    expect(client.received).toEqual([bytesOf(largest)])
    client.send(bytesOf(largest + 1))
    expect((await client.closed).code).toBe(1009)
    expect(rig.engine.last.received).toHaveLength(1)
    expect(rig.refusals).toEqual(['frameBytesMax'])
  })

  it('refuses text with 1003, and the engine never sees it', async () => {
    const rig = await start()
    const client = await rig.open()
    client.send('[1,2,3]')
    expect(await client.closed).toEqual({ code: 1003, reason: 'text-refused' })
    expect(rig.engine.last.received).toEqual([])
  })

  it('takes as many messages of a socket as its rate allows, and closes for one more', async () => {
    const rig = await start(phones({ frames: { perSecond: 2, burst: 5 } }))
    const client = await rig.open()
    for (let count = 0; count < 5; count += 1) client.send(bytesOf(3))
    await arrived(client, 5)
    rig.clock.advance(500)
    client.send(bytesOf(3))
    await arrived(client, 6)
    client.send(bytesOf(3))
    expect(await client.closed).toEqual({ code: 4004, reason: 'rate-limited' })
    expect(rig.engine.last.received).toHaveLength(6)
    expect(rig.refusals).toEqual(['framesPerSocket'])
  })

  it('takes as many bytes of a socket as its rate allows, and closes for one more', async () => {
    const rig = await start(phones({ frameBytesMax: 100, bytes: { perSecond: 10, burst: 100 } }))
    const client = await rig.open()
    client.send(bytesOf(60))
    client.send(bytesOf(40))
    await arrived(client, 2)
    rig.clock.advance(1_000)
    client.send(bytesOf(10))
    await arrived(client, 3)
    client.send(bytesOf(1))
    expect(await client.closed).toEqual({ code: 4004, reason: 'rate-limited' })
    expect(rig.engine.last.received).toHaveLength(3)
    expect(rig.refusals).toEqual(['bytesPerSocket'])
  })

  it('gives hubs a rate of their own', async () => {
    const rig = await start(phones({ frames: { perSecond: 1, burst: 1 } }))
    const hub = await rig.open('/hub')
    for (let count = 0; count < 50; count += 1) hub.send(bytesOf(3))
    await arrived(hub, 50)
  })

  it('takes as many messages of all sockets of an address as its rate allows, and closes for one more', async () => {
    const rig = await start({ framesPerAddress: { perSecond: 1, burst: 4 } })
    const [one, other] = await Promise.all([rig.open(), rig.open()])
    for (let count = 0; count < 2; count += 1) {
      one.send(bytesOf(3))
      other.send(bytesOf(3))
    }
    await arrived(one, 2)
    await arrived(other, 2)
    other.send(bytesOf(3))
    expect(await other.closed).toEqual({ code: 4004, reason: 'rate-limited' })
    expect(rig.refusals).toEqual(['framesPerAddress'])
    rig.clock.advance(1_000)
    one.send(bytesOf(3))
    await arrived(one, 3)
  })

  it('sends what was sent in a cork whole and in order, also when the work throws', async () => {
    const rig = await start()
    const client = await rig.open()
    const { connection } = rig.engine.last
    connection.cork(() => {
      for (let value = 0; value < 100; value += 1) connection.send(new Uint8Array([value]))
    })
    await arrived(client, 100)
    expect(client.received.map((bytes) => bytes[0])).toEqual(Array.from({ length: 100 }, (_, at) => at))
    expect(() =>
      connection.cork(() => {
        connection.send(new Uint8Array([200]))
        throw new Error('in the middle')
      }),
    ).toThrow('in the middle')
    await arrived(client, 101)
    expect(connection.isOpen).toBe(true)
  })

  it('takes a cork within a cork, and a close within one', async () => {
    const rig = await start()
    const client = await rig.open()
    const { connection } = rig.engine.last
    connection.cork(() => {
      connection.cork(() => connection.send(new Uint8Array([1])))
      connection.send(new Uint8Array([2]))
      connection.close('fenced')
      connection.send(new Uint8Array([3]))
    })
    expect(await client.closed).toEqual({ code: 4003, reason: 'fenced' })
    expect(client.received).toEqual([new Uint8Array([1]), new Uint8Array([2])])
  })
})

describe.each(names.filter((name) => name !== 'ws'))('%s with borrowed bytes', (name) => {
  it('takes them back after the call, so that an engine that keeps them is found out', async () => {
    const rig = await rigs.starter(name)()
    const kept: Uint8Array[] = []
    rig.engine.onReceive = (connection, bytes) => {
      kept.push(bytes)
      connection.send(bytes)
    }
    const client = await rig.open()
    client.send(bytesOf(10))
    await arrived(client, 1)
    // The native listener takes the memory away whole, the loopback wipes it.
    expect(kept[0]?.length === 0 || kept[0]?.every((byte) => byte === 0)).toBe(true)
    expect(client.received).toEqual([bytesOf(10)])
  })
})

describe.each(names.filter((name) => name !== 'loopback'))('%s with frames', (name) => {
  const start = rigs.starter(name)
  const upgraded = async (rig: Rig): Promise<RawPeer> => {
    const peer = new RawPeer(rig.listener.port)
    await peer.upgrade('/phone')
    return peer
  }

  it('takes a message in four fragments', async () => {
    const rig = await start()
    const peer = await upgraded(rig)
    peer.send(opcodes.binary, bytesOf(10), false)
    peer.send(opcodes.continuation, bytesOf(10), false)
    peer.send(opcodes.continuation, bytesOf(10), false)
    peer.send(opcodes.continuation, bytesOf(10), true)
    await vi.waitFor(() => expect(rig.engine.last.received).toHaveLength(1))
    expect(rig.engine.last.received[0]).toHaveLength(40)
    peer.socket.destroy()
  })

  it('closes for fragments that add up to more than the largest message, before they are all here', async () => {
    const rig = await start()
    const peer = await upgraded(rig)
    peer.send(opcodes.binary, bytesOf(4_000), false)
    peer.send(opcodes.continuation, bytesOf(4_000), false)
    peer.send(opcodes.continuation, bytesOf(4_000), false)
    await peer.gone
    expect([1009, undefined]).toContain(peer.closeCode())
    expect(rig.engine.last.received).toEqual([])
    await vi.waitFor(() => expect(rig.engine.last.closedCount).toBe(1))
  })

  it('keeps what a peer can make it buffer small, however small the fragments', async () => {
    const rig = await start()
    const peer = await upgraded(rig)
    // 1,000,000 empty fragments (CVE-2026-48779): refused by ws, which keeps each; free for the native listener, which
    // keeps only their bytes. Either way nothing reaches the engine and the listener lives on.
    const empty = Buffer.from([0x00, 0x80, 0, 0, 0, 0])
    peer.send(opcodes.binary, bytesOf(1), false)
    for (let batch = 0; batch < 100; batch += 1) peer.socket.write(Buffer.concat(Array<Buffer>(10_000).fill(empty)))
    const client = await rig.open()
    client.send(bytesOf(5))
    await arrived(client, 1)
    if (name === 'ws') {
      await vi.waitFor(() => expect(peer.closeCode()).toBe(1008))
      await peer.gone
    }
    expect(rig.engine.accepted[0]?.received).toEqual([])
    peer.socket.destroy()
  })

  it.for([
    ['bytes of a message that never ends', [0x82, 0x80 | 100, 0, 0, 0, 0], [7]],
    ['bytes of a ping that never ends', [0x89, 0x80 | 100, 0, 0, 0, 0], [7]],
    ...(name === 'ws' ? [] : neverEnding),
  ] as const)('cuts a socket that says nothing whole, only %s, as it does a silent one', async ([, first, more]) => {
    const idleTimeoutMs = 8_000
    const rig = await start({ idleTimeoutMs })
    const peer = await upgraded(rig)
    const client = await rig.open()
    peer.socket.setNoDelay(true)
    peer.socket.write(Buffer.from(first))
    let stepsCount = 0
    while (rig.engine.accepted[0]?.closedCount === 0) {
      stepsCount += 1
      expect(stepsCount).toBeLessThan(20)
      client.send(bytesOf(1))
      await arrived(client, stepsCount)
      if (!peer.socket.destroyed) peer.socket.write(Buffer.from(more))
      await nextTurns()
      rig.clock.advance(idleTimeoutMs / 2)
      await nextTurns()
    }
    await peer.gone
    expect(rig.engine.accepted.map(({ closedCount }) => closedCount)).toEqual([1, 0])
    expect(rig.refusals).toEqual(['idleTimeoutMs'])
    expect(rig.engine.accepted[0]?.received).toEqual([])
  })

  it('cuts a message far above the largest without reading it', async () => {
    const rig = await start()
    const peer = await upgraded(rig)
    // Says 1 GB, and begins.
    peer.socket.write(Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0]))
    peer.socket.write(Buffer.alloc(100_000))
    await peer.gone
    expect([1009, undefined]).toContain(peer.closeCode())
    expect(rig.engine.last.received).toEqual([])
    await vi.waitFor(() => expect(rig.engine.last.closedCount).toBe(1))
  })

  it.for([
    ['an unknown opcode', [0x83, 0x80, 0, 0, 0, 0]],
    ['a reserved bit, as for compression', [0xc2, 0x80, 0, 0, 0, 0]],
    ['a continuation of nothing', [0x80, 0x80, 0, 0, 0, 0]],
    ['a fragmented ping', [0x09, 0x80, 0, 0, 0, 0]],
    ['a ping above 125 bytes', [0x89, 0xfe, 0, 126, 0, 0, 0, 0]],
  ] as const)('ends the connection for %s', async ([, bytes]) => {
    const rig = await start()
    const peer = await upgraded(rig)
    peer.socket.write(Buffer.from(bytes))
    await peer.gone
    expect([1002, undefined]).toContain(peer.closeCode())
    expect(rig.engine.last.received).toEqual([])
    await vi.waitFor(() => expect(rig.engine.last.closedCount).toBe(1))
  })

  it('answers a ping, and counts it as a message', async () => {
    const rig = await start(phones({ frames: { perSecond: 1, burst: 3 } }))
    const peer = await upgraded(rig)
    peer.send(opcodes.ping, bytesOf(3))
    await vi.waitFor(() => expect(peer.frames()).toEqual([{ opcode: opcodes.pong, payload: Buffer.from(bytesOf(3)) }]))
    for (let count = 0; count < 3; count += 1) peer.send(opcodes.pong, bytesOf(0))
    await vi.waitFor(() => expect(peer.closeCode()).toBe(4004))
    expect(rig.refusals).toEqual(['framesPerSocket'])
    peer.socket.destroy()
  })

  it('lives on whatever bytes come, before and after the upgrade', async () => {
    const rig = await start()
    const phone = await rig.open()
    // A fixed generator, so that a failure comes again.
    let state = 7
    const noise = (length: number): Buffer =>
      Buffer.from(
        Array.from({ length }, () => {
          state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
          return state >> 16
        }),
      )
    const peers: RawPeer[] = []
    for (let round = 0; round < 100; round += 1) {
      const peer = new RawPeer(rig.listener.port)
      peers.push(peer)
      if (round % 2 === 0) await peer.upgrade(round % 4 === 0 ? '/phone' : '/hub')
      peer.socket.write(round % 3 === 0 ? Buffer.concat([Buffer.from('GET /'), noise(300)]) : noise(2_000))
    }
    phone.send(bytesOf(9))
    await arrived(phone, 1)
    for (const peer of peers) peer.socket.destroy()
    await vi.waitFor(() =>
      expect(rig.engine.accepted.slice(1).every(({ closedCount }) => closedCount === 1)).toBe(true),
    )
    expect((await rig.ask('/health')).status).toBe(200)
    expect(rig.failures).toEqual([])
  })
})

describe('ws, which keeps every fragment and every piece apart', () => {
  const start = rigs.starter('ws')

  it('closes for a fifth fragment (threat D4)', async () => {
    const rig = await start()
    const peer = new RawPeer(rig.listener.port)
    await peer.upgrade('/phone')
    peer.send(opcodes.binary, bytesOf(1), false)
    for (let count = 0; count < 4; count += 1) peer.send(opcodes.continuation, bytesOf(1), count === 3)
    await peer.gone
    expect(peer.closeCode()).toBe(1008)
    expect(rig.engine.last.received).toEqual([])
  })

  it.for([
    [64, undefined],
    [99, 1008],
  ] as const)('given a message in %i pieces too small to read, ends with %s', async ([pieces, code]) => {
    const rig = await start()
    const peer = new RawPeer(rig.listener.port)
    await peer.upgrade('/phone')
    peer.socket.setNoDelay(true)
    // A frame of 100 bytes; its head comes first and is read at once, each further byte waits in a piece of its own.
    peer.socket.write(Buffer.from([0x82, 0x80 | 100, 0, 0, 0, 0]))
    for (let piece = 0; piece < pieces; piece += 1) {
      await nextTurns()
      peer.socket.write(Buffer.from([piece]))
    }
    await nextTurns()
    if (code !== undefined) await peer.gone
    expect(peer.closeCode()).toBe(code)
    peer.socket.destroy()
  })
})

/** Fragments that never end: the native listener counts their bytes, not them; ws counts them. */
const neverEnding: readonly (readonly [string, readonly number[], readonly number[]])[] = [
  ['empty fragments', [0x02, 0x81, 0, 0, 0, 0, 7], [0x00, 0x80, 0, 0, 0, 0, 0x00, 0x80, 0, 0, 0, 0]],
  ['empty fragments of nothing', [0x02, 0x80, 0, 0, 0, 0], [0x00, 0x80, 0, 0, 0, 0, 0x00, 0x80, 0, 0, 0, 0]],
  ['empty fragments of text', [0x01, 0x80, 0, 0, 0, 0], [0x00, 0x80, 0, 0, 0, 0]],
]

/** Long enough for one write to be read by the other end, which lives in the same process. */
async function nextTurns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
