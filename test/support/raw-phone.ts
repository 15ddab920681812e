// Protocol-level test client, a phone that speaks frame by frame and follows no rules: what an attacker, or a test of one frame,
// needs.

import { helloMessage, uvMessage } from '../../crypto/signed/phone-auth.ts'
import { toHex } from '../../base/bytes.ts'
import {
  decodeEngineFrame,
  encodePhoneFrame,
  fieldsBeforeUv,
  helloToSign,
} from '../../protocol/messages/frame-codec.ts'
import {
  type EngineFrame,
  type EngineFrameOf,
  type PhoneFrame,
  type PhoneFrameOf,
  phoneFrames,
} from '../../protocol/messages/frames.ts'
import { idBytes, parsePhoneId } from '../../protocol/ids.ts'
import { type PhoneKeys, createSoftwareKeys } from '../../sdk/phone/phone-keys.ts'
import type { ClientSocket } from '../../transport/loopback-socket.ts'
import type { World } from './world.ts'

/** Man in the middle where TLS ends, which changes a hello that the phone has signed. */
export type Tamper = (hello: PhoneFrameOf<'hello'>) => PhoneFrameOf<'hello'> | Uint8Array<ArrayBuffer>

type Unnumbered<Frame> = Frame extends PhoneFrame ? Omit<Frame, 'id'> : never

export class RawPhone {
  readonly world: World
  readonly socket: ClientSocket
  readonly keys: PhoneKeys
  readonly phoneId: string
  /** Everything the engine sent, in order. */
  readonly heard: EngineFrame[] = []
  /** The close code, once the socket has ended. */
  closeCode: number | undefined
  readonly #tamper: Tamper
  #lastId = 0

  constructor(
    world: World,
    as: {
      readonly keys?: PhoneKeys
      readonly phoneId?: string
      readonly path?: string
      readonly address?: string
      readonly tamper?: Tamper
    } = {},
  ) {
    this.world = world
    this.keys = as.keys ?? createSoftwareKeys(world.primitives)
    this.phoneId = as.phoneId ?? toHex(world.random.bytes(16))
    this.#tamper = as.tamper ?? ((hello) => hello)
    this.socket = world.listener.connect({
      path: as.path ?? '/phone',
      host: 'engine.test',
      remoteAddress: as.address ?? '127.0.0.1',
    })
    this.socket.binaryType = 'arraybuffer'
    this.socket.addEventListener('message', (event) => {
      const bytes = event.data instanceof ArrayBuffer ? new Uint8Array(event.data) : event.data
      if (!(bytes instanceof Uint8Array)) return
      const frame = decodeEngineFrame(bytes)
      if (frame.type !== 'malformed') this.heard.push(frame)
    })
    this.socket.addEventListener('close', (event) => {
      this.closeCode = event.code
    })
  }

  /** Connects and says hello; the account's token binds the session key. */
  static async connect(
    world: World,
    account: string,
    as: ConstructorParameters<typeof RawPhone>[1] & {
      readonly scopes?: readonly string[]
      readonly hubAccounts?: readonly string[]
      readonly resumeToken?: Uint8Array
      readonly authTimeMs?: number
      readonly expiresAtMs?: number
      readonly boundToKey?: boolean
    } = {},
  ): Promise<RawPhone> {
    const phone = new RawPhone(world, as)
    await world.time.advance(0)
    const { scopes = [], hubAccounts = [], authTimeMs = world.time.nowMs(), boundToKey = true } = as
    const { expiresAtMs = world.time.nowMs() + 30 * 86_400_000 } = as
    const claims = { account, scopes, hubAccounts, authTimeMs, boundToKey, expiresAtMs }
    await phone.hello(world.token(claims), as.resumeToken ?? null)
    await world.time.advance(100)
    return phone
  }

  async hello(token: string, resumeToken: Uint8Array | null = null): Promise<void> {
    const greeting = this.last('greeting')
    const challenge = greeting?.challenge.slice() ?? new Uint8Array(32)
    const hello = {
      type: 'hello',
      id: ++this.#lastId,
      version: 1,
      token,
      phoneId: idBytes(parsePhoneId(this.phoneId)),
      sessionKey: this.keys.session.publicKey,
      verifyKey: this.keys.verify.publicKey,
      resumeToken,
    } as const
    const fields = helloToSign(hello)
    const message = helloMessage(this.world.primitives, { challenge, fields, host: 'engine.test' })
    const sent = this.#tamper({ ...hello, signature: await this.keys.session.sign(message) })
    this.socket.send(sent instanceof Uint8Array ? sent : encodePhoneFrame(sent))
  }

  send(frame: PhoneFrame): void {
    this.socket.send(encodePhoneFrame(frame))
  }

  /** Sends a frame and lets a little time pass; the answer with its id, if one came. */
  async ask(frame: Unnumbered<PhoneFrame>, waitMs = 100): Promise<EngineFrame | undefined> {
    const id = ++this.#lastId
    this.send({ ...frame, id })
    await this.world.time.advance(waitMs)
    return this.heard.find((answer) => answer.id === id)
  }

  /** Adds a user verification to a frame that takes one. */
  async verified<
    Type extends 'authorize' | 'pairStart' | 'arm' | 'unfreeze' | 'found' | 'deactivate' | 'limits' | 'removePhone',
  >(
    frame: Omit<PhoneFrameOf<Type>, 'id' | 'uv'> & { readonly type: Type },
    host = 'engine.test',
  ): Promise<Unnumbered<PhoneFrameOf<Type>>> {
    const answer = await this.ask({ type: 'challenge' })
    const challenge = answer?.type === 'challengeAnswer' ? answer.challenge.slice() : new Uint8Array(32)
    const fields = fieldsBeforeUv({ ...frame, id: 0, uv: null } as unknown as PhoneFrame)
    const message = uvMessage(this.world.primitives, {
      purpose: phoneFrames[frame.type].number,
      challenge,
      fields,
      host,
    })
    const signature = await this.keys.verify.sign(message)
    const uv = new Uint8Array(96)
    uv.set(challenge)
    uv.set(signature, 32)
    return { ...frame, uv } as unknown as Unnumbered<PhoneFrameOf<Type>>
  }

  last<Type extends EngineFrame['type']>(type: Type): EngineFrameOf<Type> | undefined {
    return this.all(type).at(-1)
  }

  all<Type extends EngineFrame['type']>(type: Type): readonly EngineFrameOf<Type>[] {
    return this.heard.filter((frame): frame is EngineFrameOf<Type> => frame.type === type)
  }

  /** The error code of an answer, for expectations. */
  static errorOf(answer: EngineFrame | undefined): number | undefined {
    return answer?.type === 'error' ? answer.code : undefined
  }
}
