import { describe, expect, it, onTestFinished } from 'vitest'
import { Rigs, listenersHere } from './test-conformance.ts'
import { headBytesMax, healthConnectionsMax, listenHealth } from './listen-health.ts'
import { ListenError } from './listener.ts'
import { RawPeer } from './test-raw-peer.ts'

const names = await listenersHere()
const rigs = new Rigs()

async function health() {
  const listener = await listenHealth({
    host: '127.0.0.1',
    port: 0,
    failed: (error) => expect(error).toBeUndefined(),
    answer: (path) => (path === '/healthz' ? { status: 200, contentType: 'text/plain', body: 'alive\n' } : undefined),
  })
  onTestFinished(() => listener.close())
  return listener
}

/** What comes back for these bytes, until the connection ends. */
async function answerTo(port: number, bytes: string): Promise<string> {
  const peer = new RawPeer(port)
  peer.socket.write(bytes)
  await peer.gone
  return peer.received.toString('latin1')
}

const old = [
  ['nothing but its version', 'GET /healthz HTTP/1.0\r\n\r\n'],
  ['a host', 'GET /healthz HTTP/1.0\r\nHost: x\r\n\r\n'],
  ['a query', 'GET /healthz?from=lb HTTP/1.0\r\n\r\n'],
  ['a target in absolute form', 'GET http://engine.example/healthz HTTP/1.0\r\n\r\n'],
  ['the wish that the connection ends, in HTTP/1.1', 'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
  ['absolute form and that wish, in HTTP/1.1', 'GET http://x/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
] as const

describe('the listener for health checks', () => {
  it.for([...old, ['a wish to go on', 'GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n']] as const)(
    'answers a request with %s, and ends the connection',
    async ([, bytes]) => {
      const { port } = await health()
      expect(await answerTo(port, bytes)).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*connection: close[^]*\r\n\r\nalive\n$/i)
    },
  )

  it('answers HEAD without a body, and says what it does not know', async () => {
    const { port } = await health()
    expect(await answerTo(port, 'HEAD /healthz HTTP/1.0\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 200 OK[^]*content-length: 6[^]*\r\n\r\n$/,
    )
    expect(await answerTo(port, 'GET /metrics HTTP/1.0\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 404 [^]*expected \/healthz or \/readyz\n$/,
    )
    expect(await answerTo(port, 'POST /healthz HTTP/1.0\r\ncontent-length: 9\r\n\r\n')).toMatch(/^HTTP\/1\.1 405 /)
    expect(await answerTo(port, 'GET /healthz HTTP/1.1\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /)
  })

  it('bears with so many connections and no more, and with none that says nothing', async () => {
    const { port } = await health()
    const silent = Array.from({ length: healthConnectionsMax }, () => new RawPeer(port))
    await Promise.all(silent.map(({ socket }) => new Promise((resolve) => socket.once('connect', resolve))))
    expect(await answerTo(port, old[0][1])).toBe('')
    await Promise.all(silent.map(({ gone }) => gone))
    expect(await answerTo(port, old[0][1])).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('bears with a head so long and no longer', async () => {
    const { port } = await health()
    const head = (bytes: number) => {
      const [before, after] = ['GET /healthz HTTP/1.0\r\nx: ', '\r\n\r\n']
      return before + 'y'.repeat(bytes - before.length - after.length) + after
    }
    expect(await answerTo(port, head(headBytesMax - 100))).toMatch(/^HTTP\/1\.1 200 /)
    expect(await answerTo(port, head(headBytesMax + 100))).toMatch(/^HTTP\/1\.1 431 /)
  })

  it('says which address it cannot have', async () => {
    const { port } = await health()
    const second = listenHealth({ host: '127.0.0.1', port, answer: () => undefined, failed: () => undefined })
    await expect(second).rejects.toBeInstanceOf(ListenError)
  })
})

describe('the fallback listener', () => {
  const start = rigs.starter('ws')

  it.for(old)('answers a request with %s, and ends the connection', async ([, bytes]) => {
    const { listener } = await start()
    onTestFinished(() => rigs.close())
    const answer = await answerTo(listener.port, bytes.replaceAll('/healthz', '/here'))
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*connection: close[^]*"path":"\/here"/i)
  })

  it('makes no socket of a request without a host', async () => {
    const { listener, engine } = await start()
    onTestFinished(() => rigs.close())
    const head = await new RawPeer(listener.port).say(
      'GET /phone HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: bandpass.v1\r\n\r\n',
    )
    expect(head).toMatch(/^HTTP\/1\.1 400 /)
    expect(engine.accepted).toEqual([])
  })
})

describe.each(names.filter((name) => name.startsWith('uws')))('the native listener %s', (name) => {
  it('answers HTTP/1.0 by itself, with 505: that is what the listener for health checks is for', async () => {
    const { listener } = await rigs.starter(name)()
    onTestFinished(() => rigs.close())
    expect(await answerTo(listener.port, old[0][1])).toMatch(/^HTTP\/1\.1 505 /)
  })
})
