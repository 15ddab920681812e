// A peer of one TCP connection that says any bytes at all, for what a well-behaved client cannot do: half a head, lying
// frames, reading nothing. For tests.

import { connect } from 'node:net'
import type { Socket } from 'node:net'

/** A frame as the server sent it. */
export type ServerFrame = { readonly opcode: number; readonly payload: Buffer }

/** Opcodes of RFC 6455 §5.2. */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export class RawPeer {
  readonly socket: Socket
  /** Everything received since the last upgrade. */
  received: Buffer = Buffer.alloc(0)
  /** Resolves when the connection is gone, whichever side ended it. */
  readonly gone: Promise<void>

  constructor(port: number, localAddress = '127.0.0.1') {
    this.socket = connect({ port, host: '127.0.0.1', localAddress })
    this.socket.on('data', (chunk) => {
      this.received = Buffer.concat([this.received, chunk])
    })
    this.socket.on('error', () => {})
    this.gone = new Promise((resolve) => this.socket.once('close', () => resolve()))
  }

  /** Upgrades and returns the head of the answer; what follows it stays in `received`. */
  async upgrade(path: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
    const all: Readonly<Record<string, string>> = {
      host: 'localhost',
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      'sec-websocket-protocol': 'bandpass.v1',
      ...headers,
    }
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
    this.socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`)
    return this.head()
  }

  /** Says these bytes and returns the head of the answer. */
  say(bytes: string): Promise<string> {
    this.socket.write(bytes)
    return this.head()
  }

  /** The head of an HTTP answer, once it is here whole; what came when the connection ended before. */
  async head(): Promise<string> {
    for (;;) {
      const end = this.received.indexOf('\r\n\r\n')
      if (end !== -1 || this.socket.closed) {
        const head = this.received.subarray(0, end === -1 ? undefined : end).toString('latin1')
        this.received = end === -1 ? Buffer.alloc(0) : this.received.subarray(end + 4)
        return head
      }
      await Promise.race([this.#more(), this.gone])
    }
  }

  /** Sends a frame, masked with zeros as a client's may be (RFC 6455 §5.3 asks for a mask, not for a good one). */
  send(opcode: number, payload: Uint8Array, isFinal = true): void {
    const { length } = payload
    const head = [(isFinal ? 0x80 : 0) | opcode]
    if (length < 126) head.push(0x80 | length)
    else if (length < 65_536) head.push(0x80 | 126, length >> 8, length & 0xff)
    else head.push(0x80 | 127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff)
    this.socket.write(Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload]))
  }

  /** The whole frames received since the upgrade. */
  frames(): readonly ServerFrame[] {
    const frames: ServerFrame[] = []
    let at = 0
    while (at + 2 <= this.received.length) {
      const short = this.received.readUInt8(at + 1) & 0x7f
      const headLength = short < 126 ? 2 : short === 126 ? 4 : 10
      if (at + headLength > this.received.length) break
      const length =
        short < 126
          ? short
          : short === 126
            ? this.received.readUInt16BE(at + 2)
            : Number(this.received.readBigUInt64BE(at + 2))
      const end = at + headLength + length
      if (end > this.received.length) break
      frames.push({
        opcode: this.received.readUInt8(at) & 0x0f,
        payload: this.received.subarray(at + headLength, end),
      })
      at = end
    }
    return frames
  }

  /** The code of the server's close frame; undefined when none came. */
  closeCode(): number | undefined {
    const frame = this.frames().find(({ opcode }) => opcode === opcodes.close)
    return frame === undefined || frame.payload.length < 2 ? undefined : frame.payload.readUInt16BE(0)
  }

  #more(): Promise<void> {
    return new Promise((resolve) => this.socket.once('data', () => resolve()))
  }
}
