// One WebSocket connection, from opening to its end: subprotocol, greeting, authentication by hello, and then frames both ways. It
// never reconnects; that is the session's business.

import { decodeEngineFrame, encodePhoneFrame, helloToSign } from '../../protocol/messages/frame-codec.ts'
import type { EngineFrame, EngineFrameOf, PhoneFrame } from '../../protocol/messages/frames.ts'
import type { PhoneId } from '../../protocol/ids.ts'
import { idBytes } from '../../protocol/ids.ts'
import { phoneProtocolVersion, subprotocol } from '../../protocol/versions.ts'
import { helloMessage } from '../../crypto/signed/phone-auth.ts'
import type { Primitives } from '../../crypto/primitives/primitives.ts'
import type { PhoneClock } from './phone-clock.ts'
import { PhoneError, asPhoneError, errorOfClose, errorOfFrame, textOf } from './phone-errors.ts'
import type { PhoneKeys } from './phone-keys.ts'
import { defaultTimeouts } from './phone-timeouts.ts'

/** Subset of the WebSocket interface that the client uses; the browser's, React Native's and Node's own all fit. */
export type WebSocketLike = {
  binaryType: string
  send: (bytes: Uint8Array<ArrayBuffer>) => void
  close: (code?: number) => void
  addEventListener: (
    type: 'message' | 'close' | 'error',
    listener: (event: { readonly type: string; readonly data?: unknown; readonly code?: number }) => void,
  ) => void
}
export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike

type Greeting = EngineFrameOf<'greeting'>
export type Welcome = EngineFrameOf<'helloAnswer'>

export type ConnectionOptions = {
  readonly url: string
  readonly webSocket: WebSocketConstructor
  readonly phoneId: PhoneId
  readonly keys: PhoneKeys
  readonly token: string
  readonly resumeToken: Uint8Array | null
  readonly clock: PhoneClock
  readonly primitives: Pick<Primitives, 'sha256'>
  /** Handshake timeout, from the start to answer 101, ms. */
  readonly helloMs?: number
  readonly received: (frame: EngineFrame) => void
  /** The socket is gone, and why; called exactly once, also when hello fails. */
  readonly closed: (error: PhoneError) => void
}

const helloId = 1

/** An authenticated connection. */
export type Connection = {
  readonly greeting: Greeting
  readonly welcome: Welcome
  /** Throws a RangeError on what fits no frame; a socket that does not take it ends the connection. */
  readonly send: (frame: PhoneFrame) => void
  /** Ends it, with what `closed` is told. The socket's own closing is not waited for. */
  readonly close: (error: PhoneError) => void
  /** Why it is over; undefined while it is open. */
  readonly ended: () => PhoneError | undefined
}

/** Opens, says hello and resolves once the engine has answered; rejects with a PhoneError. */
export function openConnection(options: ConnectionOptions): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const opening = new Opening(options, resolve, reject)
    opening.start()
  })
}

/** The host that a phone's signatures name: the authority of the URL, as the socket sends it in its Host header. */
export function hostOf(url: string): string {
  return new URL(url).host
}

class Opening {
  readonly #options: ConnectionOptions
  readonly #resolve: (connection: Connection) => void
  readonly #reject: (error: PhoneError) => void
  #socket: WebSocketLike | undefined
  #greeting: Greeting | undefined
  #isLive = false
  #over: PhoneError | undefined
  #cancelTimeout: () => void = () => {}

  constructor(
    options: ConnectionOptions,
    resolve: (connection: Connection) => void,
    reject: (error: PhoneError) => void,
  ) {
    this.#options = options
    this.#resolve = resolve
    this.#reject = reject
  }

  start(): void {
    const { url, webSocket, clock, helloMs = defaultTimeouts.helloMs } = this.#options
    this.#cancelTimeout = clock.after(helloMs, () => this.#end(new PhoneError('timeout', { about: 'hello' })))
    try {
      const socket = new webSocket(url, [subprotocol])
      this.#socket = socket
      socket.binaryType = 'arraybuffer'
      socket.addEventListener('message', (event) => this.#message(event.data))
      socket.addEventListener('close', (event) => this.#end(errorOfClose(event.code ?? 1006)))
      // A close follows every error, with a code; some implementations leave it out.
      socket.addEventListener('error', () => this.#end(new PhoneError('offline')))
    } catch (error) {
      this.#end(new PhoneError('offline', { about: textOf(error), cause: error }))
    }
  }

  #message(data: unknown): void {
    if (this.#over !== undefined) return
    const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : data
    if (!(bytes instanceof Uint8Array)) return this.#misspoke('a text message')
    const frame = decodeEngineFrame(bytes)
    if (frame.type === 'malformed') {
      // An event of a newer engine is not for us; before hello is answered there are no such.
      return this.#isLive ? undefined : this.#misspoke(frame.expected)
    }
    try {
      if (this.#isLive) this.#options.received(frame)
      else this.#handshake(frame)
    } catch (error) {
      // What cannot be served ends its socket; thrown out of a listener it would end the app.
      this.#end(asPhoneError(error, 'offline'))
    }
  }

  #handshake(frame: EngineFrame): void {
    if (frame.type === 'greeting' && this.#greeting === undefined) {
      this.#greeting = frame
      this.#hello(frame).catch((error: unknown) =>
        this.#end(new PhoneError('no-signature', { about: textOf(error), cause: error })),
      )
    } else if (frame.type === 'helloAnswer' && frame.id === helloId) this.#welcome(frame)
    else if (frame.type === 'error') this.#end(errorOfFrame(frame, 'hello'))
    else this.#misspoke(`${frame.type} before hello`)
  }

  async #hello(greeting: Greeting): Promise<void> {
    const { url, phoneId, keys, token, resumeToken, primitives } = this.#options
    const hello = {
      type: 'hello',
      id: helloId,
      version: phoneProtocolVersion,
      token,
      phoneId: idBytes(phoneId),
      sessionKey: keys.session.publicKey,
      verifyKey: keys.verify.publicKey,
      resumeToken,
    } as const
    const { challenge } = greeting
    const message = helloMessage(primitives, { challenge, fields: helloToSign(hello), host: hostOf(url) })
    const signature: unknown = await keys.session.sign(message)
    if (!isSignature(signature)) throw new RangeError('a signature of 64 bytes expected')
    this.#send({ ...hello, signature })
  }

  #welcome(welcome: Welcome): void {
    const greeting = this.#greeting
    if (greeting === undefined) return this.#misspoke('an answer to no hello')
    this.#isLive = true
    this.#cancelTimeout()
    this.#resolve({
      greeting,
      welcome,
      send: (frame) => this.#send(frame),
      close: (error) => this.#end(error),
      ended: () => this.#over,
    })
  }

  #send(frame: PhoneFrame): void {
    if (this.#over !== undefined) return
    const bytes = encodePhoneFrame(frame)
    try {
      this.#socket?.send(bytes)
    } catch (error) {
      this.#end(new PhoneError('offline', { about: textOf(error), cause: error }))
    }
  }

  #misspoke(about: string): void {
    this.#end(new PhoneError('engine-misspoke', { about }))
  }

  #end(error: PhoneError): void {
    if (this.#over !== undefined) return
    this.#over = error
    this.#cancelTimeout()
    try {
      this.#socket?.close(1000)
    } catch {
      // One that cannot even be closed is left: nothing that it does is heard any more.
    }
    this.#reject(error)
    this.#options.closed(error)
  }
}

/** Signatures of both kinds of phone key are 64 bytes. */
export function isSignature(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === 64
}
