// Peers that are slow on purpose (threats D3, I29): half a request, silence, a socket that is never read. Each is bounded
// in time and memory. Time is the library's own for the native listener, so those tests wait for it.
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { TestContext } from 'vitest'
import { Rigs, listenersHere, startRig } from './test-conformance.ts'
import type { Rig } from './test-conformance.ts'
import type { ListenLimits } from './limits.ts'
import type { ListenerName } from './listener.ts'
import { RawPeer, opcodes } from './test-raw-peer.ts'
import type { LoopbackListener } from './listen-loopback.ts'

const names = await listenersHere()
const network = names.filter((name) => name !== 'loopback')
const rigs = new Rigs()

afterEach(() => rigs.close())

const frame = new Uint8Array(4_000).fill(5)

/** Sends until the socket is closed for it; how many bytes that took. */
function floodUntilClosed(rig: Rig, bytesMax: number): number {
  const { connection } = rig.engine.last
  let sent = 0
  while (connection.isOpen && sent < bytesMax) {
    connection.send(frame)
    sent += frame.length
  }
  return sent
}

describe.each(network)('%s with a peer that does not read', (name) => {
  const start = rigs.starter(name)

  it('closes it as a slow reader once more than 8 KB wait for it', async () => {
    const rig = await start()
    const peer = new RawPeer(rig.listener.port)
    await peer.upgrade('/phone')
    peer.socket.pause()
    // What the two systems buffer on the way is theirs; it ends long before this.
    const sent = floodUntilClosed(rig, 256_000_000)
    expect(sent).toBeLessThan(256_000_000)
    expect(rig.refusals).toEqual(['bufferedBytesMax'])
    await vi.waitFor(() => expect(rig.engine.last.closedCount).toBe(1))
    peer.socket.resume()
    await vi.waitFor(() => expect(peer.closeCode()).toBe(4005), { timeout: 10_000 })
    const messages = peer.frames().filter(({ opcode }) => opcode === opcodes.binary)
    expect(messages.length * frame.length).toBe(sent)
    expect(messages.every(({ payload }) => payload.equals(frame))).toBe(true)
    peer.socket.destroy()
  })

  it('closes it also when the bytes came in one cork', async () => {
    const rig = await start()
    const peer = new RawPeer(rig.listener.port)
    await peer.upgrade('/phone')
    peer.socket.pause()
    const { connection } = rig.engine.last
    for (let batch = 0; batch < 10_000 && connection.isOpen; batch += 1) {
      connection.cork(() => {
        for (let count = 0; count < 10; count += 1) connection.send(frame)
      })
    }
    expect(connection.isOpen).toBe(false)
    expect(rig.refusals).toEqual(['bufferedBytesMax'])
    peer.socket.destroy()
    await vi.waitFor(() => expect(rig.engine.last.closedCount).toBe(1))
  })

  it('serves a peer that reads in bursts without a byte lost', async () => {
    const rig = await start()
    const peer = new RawPeer(rig.listener.port)
    await peer.upgrade('/phone')
    const { connection } = rig.engine.last
    let expected = 0
    for (let round = 0; round < 200; round += 1) {
      peer.socket.pause()
      for (let count = 0; count < 10; count += 1) connection.send(new Uint8Array(frame.length).fill(round))
      expected += 10
      peer.socket.resume()
      await vi.waitFor(() => expect(peer.received.length).toBe(expected * (frame.length + 4)), { interval: 1 })
    }
    expect(connection.isOpen).toBe(true)
    expect(peer.frames().map(({ payload }) => payload.every((byte) => byte === payload[0]))).not.toContain(false)
    peer.socket.destroy()
  })
})

describe('loopback with a peer that does not read', () => {
  it('takes 8 KB for it, and closes it as a slow reader for one byte more', async () => {
    const rig = await rigs.starter('loopback')()
    const client = (rig.listener as LoopbackListener).connect()
    const closed = new Promise((resolve) => client.addEventListener('close', resolve))
    await new Promise((resolve) => client.addEventListener('open', resolve))
    client.pause()
    const { connection } = rig.engine.last
    connection.send(new Uint8Array(8_192))
    expect(connection.isOpen).toBe(true)
    connection.send(new Uint8Array(1))
    expect(connection.isOpen).toBe(false)
    client.resume()
    expect(await closed).toMatchObject({ code: 4005, reason: 'slow-reader' })
    expect(rig.engine.last.closedCount).toBe(1)
  })
})

// Side by side, because the native listener's limits take seconds to pass.
describe.concurrent('a peer that says too little', () => {
  const start = async (name: ListenerName, limits: Partial<ListenLimits>, context: TestContext): Promise<Rig> => {
    const rig = await startRig(name, limits)
    context.onTestFinished(() => rig.listener.close())
    return rig
  }

  it.for(network)(
    'lives for its limit only with half a head at %s, also when it trickles in',
    async (name, context) => {
      const rig = await start(name, { requestTimeoutMs: 500 }, context)
      const half = new RawPeer(rig.listener.port)
      half.socket.write('GET /health HTTP/1.1\r\nHost: x\r\nX: ')
      const trickle = new RawPeer(rig.listener.port)
      trickle.socket.write('GET /phone HTTP/1.1\r\nHost: x\r\nX: ')
      const trickling = setInterval(() => trickle.socket.write('a'), 100)
      const answers = await Promise.all([half.head(), trickle.head()])
      await Promise.all([half.gone, trickle.gone])
      clearInterval(trickling)
      for (const answer of answers) expect(answer).toMatch(/^$|^HTTP\/1\.1 408/)
      expect((await rig.ask('/health')).status).toBe(200)
    },
  )

  it.for(network)('is refused with a head above 4 KB at %s', async (name, context) => {
    const rig = await start(name, {}, context)
    const peer = new RawPeer(rig.listener.port)
    peer.socket.write(`GET /health HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(8_000)}\r\n\r\n`)
    expect(await peer.head()).toMatch(/^HTTP\/1\.1 431/)
    await peer.gone
  })

  it.for(network.filter((name) => name !== 'ws'))(
    'is cut by %s when its socket falls silent, and one that answers pings is not',
    async (name, context) => {
      const rig = await start(name, { idleTimeoutMs: 8_000 }, context)
      const silent = new RawPeer(rig.listener.port)
      await silent.upgrade('/phone')
      await rig.open()
      await silent.gone
      expect(rig.engine.accepted.map(({ closedCount }) => closedCount)).toEqual([1, 0])
    },
  )

  it('is cut by ws when its socket falls silent, and one that answers pings is not', async (context) => {
    const rig = await start('ws', { idleTimeoutMs: 60_000 }, context)
    const silent = new RawPeer(rig.listener.port)
    await silent.upgrade('/phone')
    const client = await rig.open()
    rig.clock.advance(30_000)
    await vi.waitFor(() => expect(silent.frames()).toEqual([{ opcode: opcodes.ping, payload: Buffer.alloc(0) }]))
    expect(rig.engine.accepted.map(({ closedCount }) => closedCount)).toEqual([0, 0])
    // The client answers by itself; its message says that its pong, sent before, has arrived.
    client.send(new Uint8Array([1]))
    await vi.waitFor(() => expect(client.received).toHaveLength(1))
    rig.clock.advance(30_000)
    await vi.waitFor(() => expect(rig.engine.accepted.map(({ closedCount }) => closedCount)).toEqual([1, 0]))
    await silent.gone
    expect(rig.engine.accepted[1]?.connection.isOpen).toBe(true)
  })
})
