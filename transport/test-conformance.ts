// What the conformance tests share: an engine that records what it is told, and one way to be its client over a network
// or in memory. Every listener that runs here goes through the same tests.

import { type IncomingMessage, request as httpRequest } from 'node:http'
import { Chores } from '../engine/ports/chores.ts'
import type { Acceptor, Connection } from '../engine/ports/connection.ts'
import { subprotocol } from '../protocol/versions.ts'
import { chooseListener } from './choose-listener.ts'
import { defaultLimits } from './limits.ts'
import type { ListenLimits } from './limits.ts'
import { createLoopback } from './listen-loopback.ts'
import type { LoopbackListener } from './listen-loopback.ts'
import type {
  HttpAnswer,
  HttpHandler,
  ListenOptions,
  Listener,
  ListenerName,
  PostHandler,
  RefusedBy,
} from './listener.ts'

/** The names of the listeners that run here: a native one if any loads, ws, and the loopback. */
export async function listenersHere(): Promise<readonly ListenerName[]> {
  const { name } = await chooseListener()
  return name === 'ws' ? ['ws', 'loopback'] : [name, 'ws', 'loopback']
}

/** One accepted socket as the engine saw it. */
type Accepted = {
  readonly connection: Connection
  /** Copies of what was received. */
  readonly received: Uint8Array[]
  closedCount: number
}

/** An engine that echoes unless told otherwise. */
class RecordingEngine {
  readonly accepted: Accepted[] = []
  onAccept: (connection: Connection) => void = () => {}
  onReceive: (connection: Connection, bytes: Uint8Array) => void = (connection, bytes) => connection.send(bytes)
  onClosed: () => void = () => {}

  readonly accept: Acceptor = (connection) => {
    const one: Accepted = { connection, received: [], closedCount: 0 }
    this.accepted.push(one)
    this.onAccept(connection)
    return {
      receive: (bytes) => {
        one.received.push(new Uint8Array(bytes))
        this.onReceive(connection, bytes)
      },
      closed: () => {
        one.closedCount += 1
        this.onClosed()
      },
    }
  }

  /** The socket accepted last. */
  get last(): Accepted {
    const last = this.accepted.at(-1)
    if (last === undefined) throw new Error('expected an accepted socket, there was none')
    return last
  }
}

/** The client's end of a socket, however it is carried. */
export type Client = {
  readonly protocol: () => string
  readonly received: readonly Uint8Array[]
  readonly send: (data: Uint8Array<ArrayBuffer> | string) => void
  readonly close: (code?: number, reason?: string) => void
  /** Resolves when the socket is gone. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
}

type Answer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A running listener with its engine, its clock and what it reported. */
export type Rig = {
  readonly listener: Listener
  /** The Host that clients name. */
  readonly host: string
  readonly engine: RecordingEngine
  readonly failures: { readonly during: string; readonly error: unknown }[]
  readonly refusals: RefusedBy[]
  /** Monotonic time stands still until a test moves it. */
  readonly clock: TestClock
  readonly open: (path?: string, protocols?: readonly string[]) => Promise<Client>
  /** Tries to upgrade and returns the refusal; fails when it was granted. */
  readonly refusedUpgrade: (path?: string, protocols?: readonly string[], more?: Headers) => Promise<Answer>
  readonly ask: (path: string, method?: string, headers?: Readonly<Record<string, string>>) => Promise<Answer>
  /** Posts a body in these parts; undefined when the connection ended without an answer. */
  readonly post: (path: string, body: readonly Uint8Array[], how?: PostHow) => Promise<Answer | undefined>
}

type Headers = Readonly<Record<string, string>>

type PostHow = {
  readonly headers?: Readonly<Record<string, string>>
  /** The end of the body never comes. */
  readonly isUnfinished?: true
  /** Without a declared length. */
  readonly isChunked?: true
}

/** A clock whose time a test moves; what is due then runs. */
class TestClock {
  #nowMs = 1_000
  #alarms: { readonly atMs: number; readonly work: () => void }[] = []

  readonly monotonicMs = (): number => this.#nowMs

  readonly after = (afterMs: number, work: () => void): (() => void) => {
    const alarm = { atMs: this.#nowMs + afterMs, work }
    this.#alarms.push(alarm)
    return () => {
      this.#alarms = this.#alarms.filter((one) => one !== alarm)
    }
  }

  advance(byMs: number): void {
    this.#nowMs += byMs
    const due = this.#alarms.filter(({ atMs }) => atMs <= this.#nowMs)
    this.#alarms = this.#alarms.filter(({ atMs }) => atMs > this.#nowMs)
    for (const { work } of due) work()
  }
}

const greeting: HttpHandler = ({ method, path, query, header }) => ({
  status: 200,
  contentType: 'application/json',
  body: JSON.stringify({ method, path, query, accept: header('accept') }),
})

/** Starts a listener by name. `http` is a handler that says what it was asked. */
export async function startRig(
  name: ListenerName,
  limits: Partial<ListenLimits> = {},
  http: HttpHandler = greeting,
  port = 0,
  post?: PostHandler,
  hosts: readonly string[] = [],
): Promise<Rig> {
  const engine = new RecordingEngine()
  const clock = new TestClock()
  const failures: Rig['failures'] = []
  const refusals: Rig['refusals'] = []
  const options: ListenOptions = {
    host: '127.0.0.1',
    port,
    hosts,
    accept: engine.accept,
    http,
    ...(post === undefined ? {} : { post }),
    limits: { ...defaultLimits, ...limits },
    clock,
    chores: new Chores({ clock, told: () => undefined }),
    observe: {
      failed: (during, error) => failures.push({ during, error }),
      refused: (limit) => refusals.push(limit),
    },
  }
  const shared = { engine, clock, failures, refusals }
  if (name === 'loopback') return { ...shared, ...memoryClient(await createLoopback()(options)) }
  const { listen } = await chooseListener(name)
  return { ...shared, ...networkClient(await listen(options)) }
}

/** The rigs of one test file; each test leaves none running. */
export class Rigs {
  readonly #rigs: Rig[] = []

  /** Starts rigs of one name. */
  starter(name: ListenerName): (limits?: Partial<ListenLimits>, http?: HttpHandler, port?: number) => Promise<Rig> {
    return async (limits, http, port) => this.#keep(await startRig(name, limits, http, port))
  }

  /** Starts rigs of one name whose listener takes bodies. */
  posted(name: ListenerName): (post: PostHandler, limits?: Partial<ListenLimits>) => Promise<Rig> {
    return async (post, limits) => this.#keep(await startRig(name, limits, undefined, undefined, post))
  }

  /** Starts rigs of one name for these hosts. */
  hosted(name: ListenerName): (hosts: readonly string[]) => Promise<Rig> {
    return async (hosts) => this.#keep(await startRig(name, {}, undefined, undefined, undefined, hosts))
  }

  #keep(rig: Rig): Rig {
    this.#rigs.push(rig)
    return rig
  }

  async close(): Promise<void> {
    await Promise.all(this.#rigs.splice(0).map((rig) => rig.listener.close()))
  }
}

type RigClient = Pick<Rig, 'listener' | 'host' | 'open' | 'refusedUpgrade' | 'ask' | 'post'>

function networkClient(listener: Listener): RigClient {
  const ask: Rig['ask'] = (path, method = 'GET', headers = {}) =>
    new Promise((resolve, reject) => {
      const request = httpRequest({ host: '127.0.0.1', port: listener.port, path, method, headers, agent: false })
      request.on('error', reject)
      request.on('upgrade', (_response, socket) => {
        socket.destroy()
        reject(new Error('expected a refusal, the upgrade was granted'))
      })
      request.on('response', (response) => answered(response, resolve))
      request.end()
    })
  const post: Rig['post'] = (path, body, { headers = {}, isUnfinished, isChunked } = {}) =>
    new Promise((resolve) => {
      const length = body.reduce((sum, part) => sum + part.length, isUnfinished === true ? 1 : 0)
      const framing = isChunked === true ? { 'transfer-encoding': 'chunked' } : { 'content-length': length }
      const all = { ...framing, ...headers }
      const options = { host: '127.0.0.1', port: listener.port, path, method: 'POST', headers: all, agent: false }
      const request = httpRequest(options)
      request.on('error', () => resolve(undefined))
      request.on('response', (response) => answered(response, resolve))
      for (const part of body) request.write(part)
      if (isUnfinished !== true) request.end()
    })
  return {
    listener,
    host: `127.0.0.1:${listener.port}`,
    ask,
    post,
    open: (path = '/phone', protocols = [subprotocol]) =>
      opened(new WebSocket(`ws://127.0.0.1:${listener.port}${path}`, [...protocols])),
    refusedUpgrade: (path = '/phone', protocols = [subprotocol], more = {}) =>
      ask(path, 'GET', {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
        ...(protocols.length === 0 ? {} : { 'sec-websocket-protocol': protocols.join(', ') }),
        ...more,
      }),
  }
}

function answered(response: IncomingMessage, resolve: (answer: Answer) => void): void {
  const chunks: Buffer[] = []
  response.on('data', (chunk: Buffer) => chunks.push(chunk))
  response.on('end', () => {
    const entries = Object.entries(response.headers).map(([name, value]) => [name, String(value)] as const)
    resolve({
      status: response.statusCode ?? 0,
      headers: Object.fromEntries(entries),
      body: Buffer.concat(chunks).toString(),
    })
  })
}

function memoryClient(listener: LoopbackListener): RigClient {
  const answerOf = ({ status, headers = {}, body, contentType }: HttpAnswer): Answer => ({
    status,
    headers: { ...headers, 'content-type': contentType },
    body,
  })
  return {
    listener,
    host: '127.0.0.1',
    open: (path = '/phone', protocols = [subprotocol]) =>
      opened(new listener.webSocket(`ws://127.0.0.1${path}`, protocols)),
    async refusedUpgrade(path = '/phone', protocols = [subprotocol], { host } = {}) {
      const socket = listener.connect({ path, protocols, ...(host === undefined ? {} : { host }) })
      await new Promise<void>((resolve) => socket.addEventListener('error', () => resolve()))
      if (socket.refusal === undefined) throw new Error('expected a refusal with an answer')
      return answerOf(socket.refusal)
    },
    ask: async (path, method = 'GET', headers = {}) => {
      const given = await listener.request({ path, method, headers })
      if (given === undefined) throw new Error('expected an answer, the listener closed')
      const answer = answerOf(given)
      return method === 'HEAD' ? { ...answer, body: '' } : answer
    },
    async post(path, body, { headers = {}, isUnfinished, isChunked } = {}) {
      const length = isChunked === true ? { 'content-length': '' } : {}
      const unfinished = isUnfinished === true ? { isUnfinished } : {}
      const answer = await listener.post({ path, body, headers: { ...length, ...headers }, ...unfinished })
      return answer === undefined ? undefined : answerOf(answer)
    },
  }
}

/** What the tests use of a WebSocket; Node's own and the loopback's both fit. */
type AnyWebSocket = {
  binaryType: string
  readonly protocol: string
  readonly send: (data: Uint8Array<ArrayBuffer> | string) => void
  readonly close: (code?: number, reason?: string) => void
  readonly addEventListener: (type: 'open' | 'message' | 'close' | 'error', listener: (event: AnyEvent) => void) => void
}
type AnyEvent = { readonly type: string; readonly data?: unknown; readonly code?: number; readonly reason?: string }

function opened(socket: AnyWebSocket): Promise<Client> {
  socket.binaryType = 'arraybuffer'
  const received: Uint8Array[] = []
  const closed: Client['closed'] = new Promise((resolve) =>
    socket.addEventListener('close', ({ code = 0, reason = '' }) => resolve({ code, reason })),
  )
  socket.addEventListener('message', ({ data }) => {
    if (data instanceof ArrayBuffer) received.push(new Uint8Array(data))
  })
  const client: Client = {
    protocol: () => socket.protocol,
    received,
    send: (data) => socket.send(data),
    close: (code, reason) => socket.close(code, reason),
    closed,
  }
  return new Promise((resolve, reject) => {
    socket.addEventListener('open', () => resolve(client))
    socket.addEventListener('error', () => reject(new Error('expected the socket to open')))
  })
}
