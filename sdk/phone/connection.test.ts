import { describe, expect, it } from 'vitest'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { helloMessage } from '../../crypto/signed/phone-auth.ts'
import { decodePhoneFrame, encodeEngineFrame, helloToSign } from '../../protocol/messages/frame-codec.ts'
import type { EngineFrame, PhoneFrame } from '../../protocol/messages/frames.ts'
import { errorCodes } from '../../protocol/errors.ts'
import { parsePhoneId } from '../../protocol/ids.ts'
import { phoneFrameBytesMax } from '../../protocol/limits.ts'
import { type ConnectionOptions, type WebSocketLike, openConnection } from './connection.ts'
import { createSoftwareKeys } from './phone-keys.ts'

type Listener = (event: { readonly type: string; readonly data?: unknown; readonly code?: number }) => void

const challenge = new Uint8Array(32).fill(4)
const greeting: EngineFrame = {
  type: 'greeting',
  id: 0,
  challenge,
  engineVersion: '1',
  frameBytesMax: 4_096,
  slotMax: 255,
  framesPerSecond: 50,
}
const welcome: EngineFrame = {
  type: 'helloAnswer',
  id: 1,
  sessionNumber: 9,
  resumeToken: new Uint8Array(32).fill(6),
  pendingUntilMs: 0,
  resumed: false,
  timeMs: 1,
  heartbeatS: 30,
}

/** A socket in the hand: what the client sent, and what the engine says next. */
function onTheTable(options: Partial<ConnectionOptions> = {}) {
  const listeners = new Map<string, Listener>()
  const sent: PhoneFrame[] = []
  const received: EngineFrame[] = []
  const ends: string[] = []
  const timers: { readonly afterMs: number; readonly work: () => void }[] = []
  const opened: { readonly url: string; readonly protocols: readonly string[] }[] = []
  let isClosed = false
  class Socket implements WebSocketLike {
    binaryType = 'blob'
    constructor(url: string, protocols: string[]) {
      opened.push({ url, protocols })
    }
    send(bytes: Uint8Array): void {
      const frame = decodePhoneFrame(bytes, phoneFrameBytesMax)
      if (frame.type !== 'malformed') sent.push(frame)
    }
    close(): void {
      isClosed = true
    }
    addEventListener(type: string, listener: Listener): void {
      listeners.set(type, listener)
    }
  }
  const keys = createSoftwareKeys(nodePrimitives)
  const connecting = openConnection({
    url: 'wss://engine.test:8443/phone',
    webSocket: Socket,
    phoneId: parsePhoneId('0d'.repeat(16)),
    keys,
    token: 'a.token',
    resumeToken: null,
    primitives: nodePrimitives,
    clock: {
      nowMs: () => 0,
      after: (afterMs, work) => {
        timers.push({ afterMs, work })
        return () => undefined
      },
    },
    received: (frame) => received.push(frame),
    closed: (error) => ends.push(error.code),
    ...options,
  })
  connecting.catch(() => undefined)
  const say = async (frame: EngineFrame | Uint8Array | string): Promise<void> => {
    const bytes = typeof frame === 'string' || frame instanceof Uint8Array ? frame : encodeEngineFrame(frame)
    listeners.get('message')?.({ type: 'message', data: bytes instanceof Uint8Array ? bytes.slice().buffer : bytes })
    for (let turn = 0; turn < 10; turn++) await Promise.resolve()
  }
  const close = (code: number): void => listeners.get('close')?.({ type: 'close', code })
  return { connecting, say, close, sent, received, ends, timers, opened, keys, isClosed: () => isClosed }
}

describe('a connection', () => {
  it('asks for the subprotocol, and proves with the session key that this phone means this engine', async () => {
    const table = onTheTable()
    expect(table.opened).toEqual([{ url: 'wss://engine.test:8443/phone', protocols: ['bandpass.v1'] }])
    await table.say(greeting)
    const [hello] = table.sent
    if (hello?.type !== 'hello') throw new Error('no hello')
    expect(hello).toMatchObject({ version: 1, token: 'a.token', resumeToken: null })
    const message = helloMessage(nodePrimitives, { challenge, fields: helloToSign(hello), host: 'engine.test:8443' })
    expect(nodePrimitives.ed25519Verify(hello.sessionKey, message, hello.signature)).toBe(true)
    await table.say(welcome)
    expect((await table.connecting).welcome.sessionNumber).toBe(9)
  })

  it('shows the resume token it was given before', async () => {
    const table = onTheTable({ resumeToken: new Uint8Array(32).fill(8) })
    await table.say(greeting)
    expect(table.sent[0]).toMatchObject({ resumeToken: new Uint8Array(32).fill(8) })
  })

  it('is not taken for live by anything but the answer to its hello', async () => {
    const wrongs: readonly (EngineFrame | Uint8Array | string)[] = [
      { ...welcome, id: 7 },
      welcome,
      { type: 'challengeAnswer', id: 0, challenge },
      new Uint8Array(0),
      Uint8Array.of(0xc1),
      nodePrimitives.randomBytes(64),
      'text',
    ]
    for (const wrong of wrongs) {
      const table = onTheTable()
      if (wrong !== welcome) await table.say(greeting)
      await table.say(wrong)
      await expect(table.connecting).rejects.toMatchObject({ code: 'engine-misspoke', then: 'stop' })
      expect(table.isClosed()).toBe(true)
      expect(table.ends).toEqual(['engine-misspoke'])
    }
  })

  it('fails with what the engine says: an error, a close code, or nothing at all', async () => {
    const refused = onTheTable()
    await refused.say(greeting)
    await refused.say({ type: 'error', id: 1, code: errorCodes['token-invalid'], retryAfterMs: null })
    await expect(refused.connecting).rejects.toMatchObject({ code: 'token-invalid', then: 're-authenticate' })
    const closed = onTheTable()
    await closed.say(greeting)
    closed.close(4009)
    await expect(closed.connecting).rejects.toMatchObject({ code: 'version-unsupported', then: 'stop' })
    const silent = onTheTable()
    silent.timers[0]?.work()
    await expect(silent.connecting).rejects.toMatchObject({ code: 'timeout', then: 'retry' })
  })

  it('tells of its end once, and after it nothing more arrives or leaves', async () => {
    const table = onTheTable()
    await table.say(greeting)
    await table.say(welcome)
    const connection = await table.connecting
    table.close(4003)
    table.close(1006)
    await table.say({ type: 'challengeAnswer', id: 3, challenge })
    connection.send({ type: 'challenge', id: 4 })
    expect(table.ends).toEqual(['fenced'])
    expect(connection.ended()?.code).toBe('fenced')
    expect(table.received).toEqual([])
    expect(table.sent.length).toBe(1)
  })

  it('passes on what it understands and steps over what a newer engine may say', async () => {
    const table = onTheTable()
    await table.say(greeting)
    await table.say(welcome)
    await table.connecting
    // [250, 0]: a frame type of a later version.
    await table.say(Uint8Array.of(0x92, 0xcc, 250, 0))
    await table.say({ type: 'detachAnswer', id: 5 })
    expect(table.received).toEqual([{ type: 'detachAnswer', id: 5 }])
    expect(table.ends).toEqual([])
  })

  it('cannot even begin where the address is none', async () => {
    const table = onTheTable({
      webSocket: class {
        constructor() {
          throw new SyntaxError('bad url')
        }
        binaryType = ''
        send(): void {}
        close(): void {}
        addEventListener(): void {}
      },
    })
    await expect(table.connecting).rejects.toMatchObject({ code: 'offline' })
  })
})
