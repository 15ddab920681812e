// Minimal WebSocket client (RFC 6455) with batched writes: one process of two cores must load a server that answers 50,000 times
// a second, and `ws` alone would need more than a core for its end of that. Frames are built before they are needed, many go out
// with one write, and answers are looked at where they lie. Masked with zeros: RFC 6455 §5.3 asks for a mask, and the server
// unmasks as ever.

import { type Socket, connect } from 'node:net'
import { randomBytes } from 'node:crypto'

export type RawSocketOptions = {
  readonly port: number
  readonly path: string
  /** Undefined: none is asked for. */
  readonly subprotocol?: string
  /** Further headers of the request. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Takes one message: `bytes` from `from` to `to`, borrowed until it returns. */
export type TakeMessage = (bytes: Buffer, from: number, to: number) => void

const opcodes = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export class RawSocket {
  /** Called for every whole message. */
  onMessage: TakeMessage = () => {}
  /** Called when all messages of what just arrived were taken: the moment to send what they asked for, in one write. */
  onTurn: () => void = () => {}
  /** Why the connection is gone; undefined while it is there. */
  ended: string | undefined
  /** Host and port as the server sees them in the request. */
  readonly host: string
  readonly #socket: Socket
  #rest: Buffer | undefined

  private constructor(socket: Socket, host: string) {
    this.#socket = socket
    this.host = host
  }

  /** Connects and upgrades; rejects with the server's answer when it refuses. */
  static open(options: RawSocketOptions): Promise<RawSocket> {
    const host = `127.0.0.1:${options.port}`
    const socket = connect({ port: options.port, host: '127.0.0.1', noDelay: true })
    const raw = new RawSocket(socket, host)
    socket.write(requestOf(options, host))
    return new Promise((resolve, reject) => {
      let head = Buffer.alloc(0)
      const fail = (error: Error) => reject(error)
      const ended = () => reject(new Error(`${host} closed the connection before it upgraded`))
      const read = (chunk: Buffer): void => {
        head = Buffer.concat([head, chunk])
        const end = head.indexOf('\r\n\r\n')
        if (end === -1) return
        socket.off('data', read).off('error', fail).off('close', ended)
        const text = head.subarray(0, end).toString('latin1')
        if (!text.startsWith('HTTP/1.1 101')) return reject(new Error(`no upgrade: ${text.split('\r\n')[0]}`))
        raw.#start()
        // The caller that waits for this promise sets its handlers first: what came with the head is read after that.
        const first = head.subarray(end + 4)
        if (first.length > 0) raw.#rest = first
        resolve(raw)
        setImmediate(() => raw.#read(Buffer.alloc(0)))
      }
      socket.on('data', read).on('error', fail).on('close', ended)
    })
  }

  /** Sends bytes that are frames already, as `FrameWriter` makes them. */
  write(frames: Uint8Array): void {
    this.#socket.write(frames)
  }

  /** Sends one message. */
  send(payload: Uint8Array | string): void {
    const writer = new FrameWriter(typeof payload === 'string' ? 'text' : 'binary')
    writer.add(typeof payload === 'string' ? Buffer.from(payload) : payload)
    this.write(writer.finish().frames)
  }

  /** Bytes that the system has not taken yet. */
  get waitingBytes(): number {
    return this.#socket.writableLength
  }

  close(): void {
    this.ended ??= 'closed here'
    this.#socket.destroy()
  }

  #start(): void {
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk))
    this.#socket.on('error', (error) => (this.ended ??= error.message))
    this.#socket.on('close', () => {
      this.ended ??= 'closed by the server'
      this.onTurn()
    })
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    for (;;) {
      const payload = payloadAt(bytes, at)
      if (payload === undefined || payload.to > bytes.length) break
      this.#take(bytes, at, payload)
      at = payload.to
    }
    this.#rest = at === bytes.length ? undefined : bytes.subarray(at)
    this.onTurn()
  }

  #take(bytes: Buffer, at: number, { from, to }: { readonly from: number; readonly to: number }): void {
    const opcode = (bytes[at] ?? 0) & 0x0f
    if (opcode === opcodes.binary || opcode === opcodes.text) return this.onMessage(bytes, from, to)
    if (opcode === opcodes.ping) this.write(controlFrame(opcodes.pong, bytes.subarray(from, to)))
    if (opcode === opcodes.close) {
      this.ended ??= to - from >= 2 ? `closed by the server with ${bytes.readUInt16BE(from)}` : 'closed by the server'
    }
  }
}

/** Where the payload of the frame at `at` lies; undefined while its head is not here. */
function payloadAt(bytes: Buffer, at: number): { readonly from: number; readonly to: number } | undefined {
  const short = (bytes[at + 1] ?? 0) & 0x7f
  const headBytes = short < 126 ? 2 : short === 126 ? 4 : 10
  if (at + headBytes > bytes.length) return undefined
  const length =
    short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2))
  return { from: at + headBytes, to: at + headBytes + length }
}

/** A buffer of concatenated frames, and where each ends: a stretch of them is sent with one write, without a copy. */
export type Frames = { readonly frames: Buffer; readonly ends: readonly number[] }

export class FrameWriter {
  readonly #opcode: number
  readonly #ends: number[] = []
  #bytes = Buffer.allocUnsafe(64 * 1024)
  #at = 0

  constructor(kind: 'text' | 'binary') {
    this.#opcode = opcodes[kind]
  }

  /** Adds a masked frame with this payload, at most 65,535 bytes. */
  add(payload: Uint8Array): void {
    const headBytes = payload.length < 126 ? 6 : 8
    this.#reserve(headBytes + payload.length)
    this.#bytes[this.#at] = 0x80 | this.#opcode
    if (payload.length < 126) this.#bytes[this.#at + 1] = 0x80 | payload.length
    else {
      this.#bytes[this.#at + 1] = 0x80 | 126
      this.#bytes.writeUInt16BE(payload.length, this.#at + 2)
    }
    this.#bytes.fill(0, this.#at + headBytes - 4, this.#at + headBytes)
    this.#bytes.set(payload, this.#at + headBytes)
    this.#at += headBytes + payload.length
    this.#ends.push(this.#at)
  }

  finish(): Frames {
    return { frames: this.#bytes.subarray(0, this.#at), ends: this.#ends }
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(2 * this.#bytes.length + bytes)
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}

function controlFrame(opcode: number, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0]), payload])
}

function requestOf({ path, subprotocol, headers = {} }: RawSocketOptions, host: string): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `host: ${host}`,
    'connection: Upgrade',
    'upgrade: websocket',
    'sec-websocket-version: 13',
    `sec-websocket-key: ${randomBytes(16).toString('base64')}`,
    ...(subprotocol === undefined ? [] : [`sec-websocket-protocol: ${subprotocol}`]),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}
