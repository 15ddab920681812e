// Sockets that open and then say nothing, against a server made of bytes: none of them holds up a run.
import { createHash } from 'node:crypto'
import { type Server, createServer } from 'node:http'
import type { Socket } from 'node:net'
import { expect, it, onTestFinished, vi } from 'vitest'
import { encodeEngineFrame } from '../../protocol/messages/frame-codec.ts'
import type { EngineFrame } from '../../protocol/messages/frames.ts'
import { Carriers, openWithinMs, silenceMs } from './carriers.ts'
import { LoadCounters, counterBytes } from '../figures/counters.ts'
import { Fleet } from '../fleet/fleet.ts'
import { FleetSeed } from '../fleet/fleet-seed.ts'

/** RFC 6455 §1.3. */
const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const greeting: EngineFrame = {
  type: 'greeting',
  id: 0,
  challenge: new Uint8Array(32),
  engineVersion: '1',
  frameBytesMax: 4_096,
  slotMax: 255,
  framesPerSecond: 50,
}
const welcome: EngineFrame = {
  type: 'helloAnswer',
  id: 1,
  sessionNumber: 9,
  resumeToken: new Uint8Array(32),
  pendingUntilMs: 0,
  resumed: false,
  timeMs: 1,
  heartbeatS: 30,
}

/** Opens every WebSocket, says these frames, and then never a word, no pong either. */
async function silentAfter(frames: readonly EngineFrame[]) {
  const sockets: Socket[] = []
  const heard: Buffer[] = []
  const server: Server = createServer()
  server.on('upgrade', (request, stream) => {
    const socket = request.socket
    sockets.push(socket)
    const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}${guid}`).digest('base64')
    const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade']
    const rest = [`Sec-WebSocket-Accept: ${accept}`, 'Sec-WebSocket-Protocol: bandpass.v1', '', '']
    stream.write([...head, ...rest].join('\r\n'))
    stream.on('data', (bytes: Buffer) => heard.push(bytes))
    stream.on('error', () => undefined)
    for (const frame of frames) {
      const bytes = encodeEngineFrame(frame)
      stream.write(Uint8Array.of(0x82, bytes.length, ...bytes))
    }
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return { url: `ws://127.0.0.1:${address.port}`, sockets, heard }
}

function carriersTo(url: string) {
  const seed = new FleetSeed('carriers test')
  const counters = new LoadCounters(new SharedArrayBuffer(counterBytes))
  const fleet = new Fleet(seed, { first: 0, count: 1 })
  const at = { ms: 1_000 }
  const nothing = (): void => undefined
  const carriers = new Carriers({
    plan: { url, kind: 'phone', count: 1, bandsPerCarrier: 1, first: 0, tokens: ['a.b.c'], linkWindow: 10 },
    fleet,
    seed,
    counters,
    events: { decided: nothing, failed: nothing, linked: nothing, dropped: nothing, dirty: nothing, gaveUp: nothing },
    nowMs: () => at.ms,
  })
  onTestFinished(() => carriers.closeAll())
  /** Time passes in the steps of a run, not in one leap. */
  const pass = (ms: number): void => {
    for (const untilMs = at.ms + ms; at.ms < untilMs;) {
      at.ms = Math.min(untilMs, at.ms + 1_000)
      carriers.pump(at.ms)
      carriers.flush()
    }
  }
  carriers.openAll(at.ms, 0)
  carriers.pump(at.ms)
  return { carriers, counters, at, pass }
}

it('A socket that opens and says nothing is cut in time and opened again', async () => {
  for (const frames of [[], [greeting]]) {
    const { url, sockets } = await silentAfter(frames)
    const { pass, counters } = carriersTo(url)
    await vi.waitFor(() => expect(sockets).toHaveLength(1))
    pass(openWithinMs - 1)
    expect(counters.get('socketsLost')).toBe(0)
    pass(1)
    await vi.waitFor(() => expect(counters.get('socketsLost')).toBe(1))
    pass(5_000)
    await vi.waitFor(() => expect(sockets).toHaveLength(2))
  }
})

it('A live socket that dies without a word is asked, then cut and opened again', async () => {
  const { url, sockets, heard } = await silentAfter([greeting, welcome])
  const { pass, counters } = carriersTo(url)
  await vi.waitFor(() => expect(counters.get('sockets')).toBe(1))
  pass(silenceMs)
  // A ping of nothing, with a mask of zeros.
  await vi.waitFor(() => expect(Buffer.concat(heard).toString('hex')).toContain('898000000000'))
  pass(silenceMs - 1)
  expect(counters.get('socketsLost')).toBe(0)
  pass(1)
  await vi.waitFor(() => expect(counters.get('socketsLost')).toBe(1))
  pass(5_000)
  await vi.waitFor(() => expect(sockets).toHaveLength(2))
})

it('A tester that stood still for a minute blames no socket for it', async () => {
  const { url } = await silentAfter([greeting, welcome])
  const { pass, counters, at, carriers } = carriersTo(url)
  await vi.waitFor(() => expect(counters.get('sockets')).toBe(1))
  at.ms += 10 * silenceMs
  carriers.pump(at.ms)
  pass(silenceMs)
  expect([counters.get('sockets'), counters.get('socketsLost')]).toEqual([1, 0])
})
