// Conformance, third part: however a socket ends, both sides learn it once, and nothing else ends with it.
import { afterEach, describe, expect, it, vi } from 'vitest'
import { closeCodes } from '../protocol/errors.ts'
import type { CloseCode } from '../protocol/errors.ts'
import { Rigs, listenersHere } from './test-conformance.ts'
import type { Rig } from './test-conformance.ts'
import { RawPeer } from './test-raw-peer.ts'

const names = await listenersHere()
const rigs = new Rigs()

afterEach(() => rigs.close())

const one = new Uint8Array([1])
/** The engine learns of the end once, and never again. */
const closedOnce = async (rig: Rig): Promise<void> => {
  await vi.waitFor(() => expect(rig.engine.last.closedCount).toBe(1))
  expect(rig.engine.last.connection.isOpen).toBe(false)
  // Whatever is still on its way gets its chance to call a second time.
  await rig.listener.close()
  expect(rig.engine.last.closedCount).toBe(1)
}

const closeCodeNames = Object.keys(closeCodes) as CloseCode[]

describe.each(names)('%s at the end of a socket', (name) => {
  const start = rigs.starter(name)
  it.for(closeCodeNames)('tells the client %s by number and name', async (code) => {
    const rig = await start()
    const client = await rig.open()
    rig.engine.last.connection.close(code)
    expect(rig.engine.last.connection.isOpen).toBe(false)
    expect(await client.closed).toEqual({ code: closeCodes[code].number, reason: code })
    await closedOnce(rig)
  })

  it('tells the engine once when the client closes', async () => {
    const rig = await start()
    const client = await rig.open()
    client.close(1000, 'bye')
    expect((await client.closed).code).toBe(1000)
    await closedOnce(rig)
  })

  it('tells the engine once when it closes several times, and the client the first reason', async () => {
    const rig = await start()
    const client = await rig.open()
    const { connection } = rig.engine.last
    connection.close('fenced')
    connection.close('draining')
    connection.close('unavailable')
    expect(await client.closed).toEqual({ code: 4003, reason: 'fenced' })
    await closedOnce(rig)
  })

  it('tells the engine once when both close at the same time', async () => {
    const rig = await start()
    const client = await rig.open()
    client.close()
    rig.engine.last.connection.close('fenced')
    await client.closed
    await closedOnce(rig)
  })

  it('never tells it from inside a call the engine makes', async () => {
    const rig = await start()
    const client = await rig.open()
    const { connection } = rig.engine.last
    connection.close('fenced')
    expect(rig.engine.last.closedCount).toBe(0)
    await client.closed
    await closedOnce(rig)
  })

  it('tells it also when the engine closes the socket while accepting it', async () => {
    const rig = await start()
    rig.engine.onAccept = (connection) => connection.close('draining')
    const client = await rig.open()
    expect(await client.closed).toEqual({ code: 4006, reason: 'draining' })
    await closedOnce(rig)
  })

  it('gives the engine no message after its close', async () => {
    const rig = await start()
    rig.engine.onReceive = (connection) => connection.close('malformed')
    const client = await rig.open()
    for (let count = 0; count < 10; count += 1) client.send(one)
    expect((await client.closed).code).toBe(4000)
    expect(rig.engine.last.received).toHaveLength(1)
    await closedOnce(rig)
  })

  it('lets the engine send and cork on a socket that has ended, to no effect', async () => {
    const rig = await start()
    const client = await rig.open()
    const { connection } = rig.engine.last
    client.close()
    await vi.waitFor(() => expect(rig.engine.last.closedCount).toBe(1))
    let worked = false
    connection.send(one)
    connection.cork(() => {
      worked = true
      connection.send(one)
    })
    connection.close('fenced')
    expect(worked).toBe(true)
    await closedOnce(rig)
  })

  it('closes with unavailable when the engine throws on a message, reports it, and serves the others', async () => {
    const rig = await start()
    const [broken, other] = [await rig.open(), await rig.open()]
    rig.engine.onReceive = (connection, bytes) => {
      if (bytes[0] === 13) throw new Error('a bug')
      connection.send(bytes)
    }
    broken.send(new Uint8Array([13]))
    expect(await broken.closed).toEqual({ code: 4007, reason: 'unavailable' })
    other.send(one)
    await vi.waitFor(() => expect(other.received).toEqual([one]))
    expect(rig.failures).toMatchObject([{ during: 'receive', error: new Error('a bug') }])
    await vi.waitFor(() => expect(rig.engine.accepted[0]?.closedCount).toBe(1))
    expect(rig.engine.accepted[1]?.closedCount).toBe(0)
  })

  it('closes with unavailable when the engine throws on a new socket, reports it, and takes the next', async () => {
    const rig = await start()
    rig.engine.onAccept = () => {
      throw new Error('a bug')
    }
    const client = await rig.open()
    expect(await client.closed).toEqual({ code: 4007, reason: 'unavailable' })
    expect(rig.failures).toMatchObject([{ during: 'accept', error: new Error('a bug') }])
    rig.engine.onAccept = () => {}
    const next = await rig.open()
    next.send(one)
    await vi.waitFor(() => expect(next.received).toEqual([one]))
  })

  it('reports an engine that throws on the end of a socket, and serves the others', async () => {
    const rig = await start()
    const [leaving, other] = [await rig.open(), await rig.open()]
    rig.engine.onClosed = () => {
      throw new Error('a bug')
    }
    leaving.close()
    await vi.waitFor(() => expect(rig.failures).toMatchObject([{ during: 'closed', error: new Error('a bug') }]))
    other.send(one)
    await vi.waitFor(() => expect(other.received).toEqual([one]))
    rig.engine.onClosed = () => {}
  })

  it('opens and ends a thousand sockets and has as many places as before', async () => {
    const rig = await start({ socketsMax: 20, socketsPerAddressMax: 20 })
    for (let round = 0; round < 50; round += 1) {
      const clients = await Promise.all(Array.from({ length: 20 }, () => rig.open()))
      for (const client of clients) client.close()
      await Promise.all(clients.map(({ closed }) => closed))
      await vi.waitFor(() => expect(rig.engine.accepted.every(({ closedCount }) => closedCount === 1)).toBe(true))
    }
    expect(rig.engine.accepted).toHaveLength(1_000)
    expect(rig.refusals).toEqual([])
  })
})

describe.each(names.filter((name) => name !== 'loopback'))('%s at the end of a connection', (name) => {
  const start = rigs.starter(name)

  it('ends the connection at once when the engine closes within a cork', async () => {
    const rig = await start()
    const peer = new RawPeer(rig.listener.port)
    await peer.upgrade('/phone')
    const { connection } = rig.engine.last
    connection.cork(() => {
      connection.send(one)
      connection.close('fenced')
    })
    // The peer does not answer the close frame: the end must come from the server, long before any of its timeouts.
    const finished = new Promise((resolve) => peer.socket.once('end', resolve))
    await vi.waitFor(() => expect(peer.closeCode()).toBe(4003))
    await finished
    await closedOnce(rig)
  }, 5_000)

  it.for(['reset', 'half-closed'] as const)('tells the engine once when the connection is %s', async (how) => {
    const rig = await start()
    const peer = new RawPeer(rig.listener.port)
    await peer.upgrade('/phone')
    if (how === 'reset') peer.socket.resetAndDestroy()
    else peer.socket.end()
    await vi.waitFor(() => expect(rig.engine.last.closedCount).toBe(1))
    await rig.listener.close()
    expect(rig.engine.last.closedCount).toBe(1)
    peer.socket.destroy()
  })
})
