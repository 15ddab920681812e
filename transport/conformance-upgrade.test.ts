// Conformance, first part: what becomes a socket, what is answered, and who is turned away at the door.
import { once } from 'node:events'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Rigs, listenersHere, startRig } from './test-conformance.ts'
import { fewConnections, keptForFew } from './limits.ts'
import { RawPeer } from './test-raw-peer.ts'

const names = await listenersHere()
const rigs = new Rigs()

afterEach(() => rigs.close())

describe('the listeners that are tested here', () => {
  it.runIf(hasNativeBuild())('include a native one on Linux with x64 and glibc', () => {
    expect(names.filter((name) => name.startsWith('uws'))).toHaveLength(1)
  })

  it('include ws and the loopback everywhere', () => {
    expect(names).toEqual(expect.arrayContaining(['ws', 'loopback']))
  })
})

describe.each(names)('%s at the door', (name) => {
  const start = rigs.starter(name)

  it('says which listener it is', async () => {
    expect((await start()).listener.name).toBe(name)
  })

  it.for([
    ['/phone', 'phone'],
    ['/hub', 'hub'],
    ['/phone?v=1', 'phone'],
  ] as const)('opens a socket on %s as a %s, with the address and the host it came to', async ([path, kind]) => {
    const rig = await start()
    const client = await rig.open(path)
    expect(client.protocol()).toBe('bandpass.v1')
    const { connection } = rig.engine.last
    expect(connection.kind).toBe(kind)
    expect(connection.remoteAddress).toBe('127.0.0.1')
    expect(connection.host).toBe(rig.host)
    expect(connection.isOpen).toBe(true)
  })

  it('speaks bandpass.v1 when it is offered among others', async () => {
    const rig = await start()
    expect((await rig.open('/phone', ['mqtt', 'bandpass.v1'])).protocol()).toBe('bandpass.v1')
  })

  it.for([
    ['/phone', [], 400, 'Sec-WebSocket-Protocol: bandpass.v1'],
    ['/phone', ['bandpass.v0'], 400, 'Sec-WebSocket-Protocol: bandpass.v1'],
    ['/hub', ['mqtt'], 400, 'Sec-WebSocket-Protocol: bandpass.v1'],
    ['/watch', ['bandpass.v1'], 404, '/phone or /hub'],
  ] as const)(
    'refuses an upgrade of %s with %j by %i, and says what it expected',
    async ([path, protocols, status, hint]) => {
      const rig = await start()
      const answer = await rig.refusedUpgrade(path, protocols)
      expect(answer.status).toBe(status)
      expect(answer.body).toContain(hint)
      expect(rig.engine.accepted).toEqual([])
    },
  )

  it('answers a plain request to /phone and /hub with 426', async () => {
    const rig = await start()
    for (const path of ['/phone', '/hub']) {
      const answer = await rig.ask(path)
      expect(answer.status).toBe(426)
      expect(answer.headers['upgrade']).toBe('websocket')
      expect(answer.body).toContain('bandpass.v1')
    }
  })

  it('asks the handler for every other GET and HEAD', async () => {
    const rig = await start()
    const answer = await rig.ask('/health/ready?verbose=1', 'GET', { accept: 'application/json' })
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } })
    expect(JSON.parse(answer.body)).toEqual({
      method: 'GET',
      path: '/health/ready',
      query: 'verbose=1',
      accept: 'application/json',
    })
    expect(await rig.ask('/', 'HEAD')).toMatchObject({ status: 200, body: '' })
  })

  it('refuses other methods with 405', async () => {
    const rig = await start()
    for (const method of ['POST', 'PUT', 'DELETE']) {
      expect(await rig.ask('/health', method)).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
    }
  })

  it('answers 500 without a reason when the handler throws, reports it, and lives on', async () => {
    const rig = await start({}, () => {
      throw new Error('a secret detail')
    })
    const answer = await rig.ask('/health')
    expect(answer).toMatchObject({ status: 500, body: 'unavailable\n' })
    expect(rig.failures).toMatchObject([{ during: 'http', error: new Error('a secret detail') }])
    await rig.open()
  })

  it('waits for an answer that takes a moment, also to HEAD and to who would upgrade to something else', async () => {
    const rig = await start({}, ({ method, header }) => {
      // The head is borrowed: what is needed of it is read before the wait.
      const wanted = header('accept')
      return async () => {
        await new Promise<void>((resolve) => setImmediate(resolve))
        return { status: 200, contentType: 'text/plain', body: `${method} ${wanted}` }
      }
    })
    const asked = { accept: 'text/plain' }
    expect(await rig.ask('/metrics', 'GET', asked)).toMatchObject({ status: 200, body: 'GET text/plain' })
    expect(await rig.ask('/metrics', 'HEAD', asked)).toMatchObject({ status: 200, body: '' })
    const other = { ...asked, connection: 'Upgrade', upgrade: 'h2c' }
    expect(await rig.ask('/metrics', 'GET', other)).toMatchObject({ status: 200, body: 'GET text/plain' })
  })

  it('answers 500 without a reason when such an answer fails, reports it, and lives on', async () => {
    const rig = await start({}, () => () => Promise.reject(new Error('a secret detail')))
    expect(await rig.ask('/metrics')).toMatchObject({ status: 500, body: 'unavailable\n' })
    expect(rig.failures).toMatchObject([{ during: 'http', error: new Error('a secret detail') }])
    await rig.open()
  })

  it('goes on when it closes under an answer that is still being made', async () => {
    const waiting: (() => void)[] = []
    const answer = { status: 200, contentType: 'text/plain', body: 'late' }
    const rig = await start({}, () => () => new Promise((resolve) => waiting.push(() => resolve(answer))))
    const asked = rig.ask('/metrics').then(
      () => 'answered',
      () => 'cut',
    )
    await vi.waitFor(() => expect(waiting).toHaveLength(1))
    await rig.listener.close()
    waiting[0]?.()
    expect(await asked).toBe('cut')
    expect(rig.failures).toEqual([])
  })

  it('opens sockets by the hosts that are ours, and answers 421 to an upgrade for any other', async () => {
    const rig = await rigs.hosted(name)(['engine.example', 'engine.example:8484'])
    for (const host of ['evil.example', 'engine.example:9', 'engine.example.evil.example', 'localhost', '127.0.0.1']) {
      const answer = await rig.refusedUpgrade('/phone', ['bandpass.v1'], { host })
      expect([host, answer.status]).toEqual([host, 421])
      expect(answer.body).toContain('expected a Host of this engine')
    }
    expect(rig.refusals).toEqual(Array(5).fill('hosts'))
    expect(rig.engine.accepted).toEqual([])
    // A plain request signs nothing: whatever asks for health may name it as it likes.
    expect((await rig.ask('/health', 'GET', { host: 'pod-7:8484' })).status).toBe(200)
  })

  it('is there for this machine alone when no host is listed, at whatever port', async () => {
    const rig = await start()
    for (const host of ['evil.example', '192.0.2.7', '0.0.0.0:8484', 'localhost.evil.example']) {
      expect((await rig.refusedUpgrade('/hub', ['bandpass.v1'], { host })).status).toBe(421)
    }
    await rig.open()
  })

  it('gives an address as many sockets as it may have, not one more, and the place of one that went', async () => {
    const rig = await start({ socketsPerAddressMax: 2 })
    const first = await rig.open()
    await rig.open('/hub')
    const refused = await rig.refusedUpgrade()
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '5' } })
    expect(rig.refusals).toEqual(['socketsPerAddressMax'])
    first.close()
    await vi.waitFor(() => expect(rig.engine.accepted[0]?.closedCount).toBe(1))
    await rig.open()
    expect(rig.engine.accepted).toHaveLength(3)
  })

  it('gives out as many sockets as there may be, not one more', async () => {
    const rig = await start({ socketsMax: 1 })
    await rig.open()
    expect((await rig.refusedUpgrade()).status).toBe(503)
    expect(rig.refusals).toEqual(['socketsMax'])
  })

  it('answers as many requests and upgrades of an address as its rate allows, not one more', async () => {
    const rig = await start({ requestsPerAddress: { perSecond: 1, burst: 3 } })
    expect((await rig.ask('/health')).status).toBe(200)
    await rig.open()
    expect((await rig.refusedUpgrade('/watch')).status).toBe(404)
    expect(await rig.ask('/health')).toMatchObject({ status: 429, headers: { 'retry-after': '1' } })
    expect((await rig.refusedUpgrade()).status).toBe(429)
    expect(rig.refusals).toEqual(['requestsPerAddress', 'requestsPerAddress'])
    rig.clock.advance(1_000)
    expect((await rig.ask('/health')).status).toBe(200)
  })

  it('cuts the one connection too many of an address before it reads a byte of it', async () => {
    const rig = await start({ connectionsPerAddress: { perSecond: 1, burst: 2 } })
    await rig.open()
    await rig.open()
    await expect(rig.open()).rejects.toThrow('expected the socket to open')
    expect(rig.refusals).toEqual(['connectionsPerAddress'])
    rig.clock.advance(1_000)
    await rig.open()
  })

  it('refuses upgrades with 503 while it drains, serves the sockets it has, and still answers health', async () => {
    const rig = await start()
    const client = await rig.open()
    rig.listener.stopAccepting()
    expect(await rig.refusedUpgrade()).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
    expect((await rig.ask('/health')).status).toBe(200)
    client.send(new Uint8Array([7]))
    await vi.waitFor(() => expect(client.received).toEqual([new Uint8Array([7])]))
  })

  it('tells every open socket that it drains when it closes, and is then gone', async () => {
    const rig = await start()
    const clients = await Promise.all([rig.open(), rig.open('/hub'), rig.open()])
    await rig.listener.close()
    for (const client of clients) expect(await client.closed).toEqual({ code: 4006, reason: 'draining' })
    expect(rig.engine.accepted.map(({ closedCount }) => closedCount)).toEqual([1, 1, 1])
    await expect(rig.open()).rejects.toThrow('expected the socket to open')
    await rig.listener.close()
  })

  it('does not start with limits that make no sense', async () => {
    await expect(startRig(name, { socketsMax: -1 })).rejects.toThrow('socketsMax must be a whole number above 0')
  })
})

describe.each(names.filter((name) => name !== 'loopback'))('%s on the network', (name) => {
  const start = rigs.starter(name)

  it.for([
    [{ 'sec-websocket-version': '8' }, 'HTTP/1.1 426'],
    [{ 'sec-websocket-key': 'short' }, 'HTTP/1.1 400'],
    [{ upgrade: 'h2c' }, 'HTTP/1.1 426'],
    [{ connection: 'close' }, 'HTTP/1.1 426'],
  ] as const)('does not open a socket for a handshake with %j', async ([headers, expected]) => {
    const rig = await start()
    const peer = new RawPeer(rig.listener.port)
    const head = await peer.upgrade('/phone', headers)
    expect(head).toMatch(expected)
    expect(rig.engine.accepted).toEqual([])
    peer.socket.destroy()
  })

  it.for([
    ['host: engine.example', 101],
    ['host: ENGINE.example.:8484', 101],
    ['host: evil.example', 421],
    ['host: evil.example\r\nx-forwarded-host: engine.example\r\nforwarded: host=engine.example', 421],
    ['host: engine.example\r\nhost: evil.example', 400],
    ['host: evil.example\r\nhost: engine.example', 400],
    ['host: engine.example\r\nhost: engine.example', 400],
    ['host: engine.example, evil.example', 400],
    ['host: evil.example@engine.example', 400],
    ['host: engine.example:443:8484', 400],
    ['host: [engine.example]', 400],
    [`host: ${'a'.repeat(300)}.example`, 400],
    ['host: ', 400],
    ['x-host: engine.example', 400],
  ] as const)('answers an upgrade with %j by %i', async ([lines, expected]) => {
    const rig = await rigs.hosted(name)(['engine.example', 'engine.example:8484'])
    const peer = new RawPeer(rig.listener.port)
    const head = await peer.say(`GET /phone HTTP/1.1\r\n${lines}\r\n${handshake}`)
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${expected} `))
    expect(rig.engine.accepted.length).toBe(expected === 101 ? 1 : 0)
    peer.socket.destroy()
  })

  it.for([
    'http://evil.example/phone',
    'http://engine.example/phone',
    'ws://engine.example/phone',
    '//engine.example/phone',
    'engine.example/phone',
    '*',
  ])('opens no socket for a target that names a host itself: %s', async (target) => {
    const rig = await rigs.hosted(name)(['engine.example'])
    const peer = new RawPeer(rig.listener.port)
    const head = await peer.say(`GET ${target} HTTP/1.1\r\nhost: engine.example\r\n${handshake}`)
    expect(head).not.toMatch(/^HTTP\/1\.1 (101|2)/)
    expect(rig.engine.accepted).toEqual([])
    peer.socket.destroy()
  })

  it('lets no answer be cached or sniffed unless the handler says so', async () => {
    const plain = await start()
    expect((await plain.ask('/health')).headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    const keys = await start({}, () => ({
      status: 200,
      contentType: 'application/jwk-set+json',
      body: '{"keys":[]}',
      headers: { 'cache-control': 'max-age=300' },
    }))
    expect((await keys.ask('/.well-known/jwks.json')).headers['cache-control']).toBe('max-age=300')
  })

  it('never negotiates compression, whatever is offered', async () => {
    const rig = await start()
    const peer = new RawPeer(rig.listener.port)
    const head = await peer.upgrade('/phone', {
      'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits, x-webkit-deflate-frame',
    })
    expect(head).toMatch(/^HTTP\/1\.1 101/)
    expect(head.toLowerCase()).not.toContain('sec-websocket-extensions')
    const answer = await rig.ask('/health', 'GET', { 'accept-encoding': 'gzip, br' })
    expect(answer.headers['content-encoding']).toBeUndefined()
    peer.socket.destroy()
  })

  it('keeps as many connections that are no sockets as there may be, and cuts one more', async () => {
    const rig = await start({ connectionsMax: 2 })
    await Promise.all([rig.open(), rig.open()])
    await rig.open()
    const idle = [new RawPeer(rig.listener.port), new RawPeer(rig.listener.port)]
    await Promise.all(idle.map(({ socket }) => once(socket, 'connect')))
    await new RawPeer(rig.listener.port).gone
    expect(rig.refusals).toEqual(['connectionsMax'])
    idle[0]?.socket.destroy()
    await vi.waitFor(() => rig.open())
    idle[1]?.socket.destroy()
  })

  // Only there is all of 127.0.0.0/8 this machine.
  it.runIf(process.platform === 'linux')(
    'keeps the last places of connections for addresses that opened few: one that opened many has no more',
    async () => {
      const connectionsMax = 16
      const rig = await start({ connectionsMax })
      const opened = async (address?: string): Promise<RawPeer> => {
        const peer = new RawPeer(rig.listener.port, address)
        await once(peer.socket, 'connect')
        return peer
      }
      for (let count = 0; count <= fewConnections; count += 1) {
        const peer = await opened()
        peer.socket.destroy()
        await peer.gone
      }
      const kept = connectionsMax - Math.ceil(connectionsMax * keptForFew)
      const held: RawPeer[] = []
      await vi.waitFor(async () => {
        while (held.length < kept) {
          const peer = await opened()
          // The places of those before may not be free yet.
          await new Promise((resolve) => setTimeout(resolve, 5))
          if (!peer.socket.closed) held.push(peer)
        }
      })
      await (
        await opened()
      ).gone
      expect(rig.refusals.at(-1)).toBe('connectionsMax')
      for (let count = kept; count < connectionsMax; count += 1) held.push(await opened('127.0.0.2'))
      await (
        await opened('127.0.0.3')
      ).gone
      await new Promise((resolve) => setTimeout(resolve, 20))
      expect(held.filter(({ socket }) => socket.closed)).toEqual([])
      for (const { socket } of held) socket.destroy()
    },
  )

  it('closes in bounded time although a peer does not answer its close', async () => {
    const rig = await start({ closeTimeoutMs: 100 })
    const peer = new RawPeer(rig.listener.port)
    await peer.upgrade('/phone')
    const idle = new RawPeer(rig.listener.port)
    await once(idle.socket, 'connect')
    await rig.listener.close()
    await Promise.all([peer.gone, idle.gone])
    expect(peer.closeCode()).toBe(4006)
  })

  it('does not believe X-Forwarded-For', async () => {
    const rig = await start({ requestsPerAddress: { perSecond: 1, burst: 2 } })
    const statuses: number[] = []
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) {
      const answer = await rig.ask('/health', 'GET', { 'x-forwarded-for': address, forwarded: `for=${address}` })
      statuses.push(answer.status)
    }
    expect(statuses).toEqual([200, 200, 429])
  })

  it('comes back at once on its own port, and never shares it with another', async () => {
    let { port } = (await start()).listener
    await rigs.close()
    for (let life = 0; life < 3; life += 1) {
      const rig = await start({}, undefined, port)
      port = rig.listener.port
      await expect(startRig(name, {}, undefined, port)).rejects.toThrow(`cannot listen on 127.0.0.1:${port}: `)
      // The server ends them, so that the system keeps its end of them (TIME_WAIT) beyond the life of the listener.
      const clients = await Promise.all([rig.open(), rig.open('/hub')])
      await rigs.close()
      await Promise.all(clients.map(({ closed }) => closed))
    }
  })
})

/** What follows the host in the head of an upgrade. */
const handshake = [
  'connection: Upgrade',
  'upgrade: websocket',
  'sec-websocket-version: 13',
  'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==',
  'sec-websocket-protocol: bandpass.v1',
  '\r\n',
].join('\r\n')

/** Linux on x64 with glibc: there a native build exists, and a silent fallback must fail the tests. */
function hasNativeBuild(): boolean {
  const report = process.report.getReport() as { readonly header?: { readonly glibcVersionRuntime?: string } }
  return process.platform === 'linux' && process.arch === 'x64' && report.header?.glibcVersionRuntime !== undefined
}
