// Test double of a WebAuthn authenticator, in software. It makes P-256 passkeys and signs with them (WebAuthn L3 §6.1, CBOR by hand), and does
// what a hostile one would: other origins, no user verification, counters that fall.

import { type KeyObject, createHash, generateKeyPairSync, sign } from 'node:crypto'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'

export type Wish = {
  readonly challenge: string
  readonly origin: string
  readonly domain: string
  /** The authenticator asked its user for a fingerprint or a PIN; true unless given. */
  readonly verified?: boolean
  /** As if for another purpose. */
  readonly type?: string
}

const flags = { userPresent: 1, userVerified: 4, hasCredential: 64 } as const

export class SoftwareAuthenticator {
  readonly #key: KeyObject
  readonly #publicKey: KeyObject
  readonly #id = Buffer.from(nodePrimitives.randomBytes(16))
  counter = 0

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.#key = privateKey
    this.#publicKey = publicKey
  }

  get id(): string {
    return this.#id.toString('base64url')
  }

  /** What navigator.credentials.create gives, as JSON. */
  create(wish: Wish): object {
    const { x = '', y = '' } = this.#publicKey.export({ format: 'jwk' })
    // A COSE key (RFC 9052 §7): kty EC2, alg ES256, crv P-256, x, y.
    const key = Buffer.concat([
      Buffer.from([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]),
      Buffer.from(x, 'base64url'),
      Buffer.from([0x22, 0x58, 0x20]),
      Buffer.from(y, 'base64url'),
    ])
    const credential = Buffer.concat([Buffer.alloc(16), Buffer.from([0, this.#id.length]), this.#id, key])
    const data = Buffer.concat([this.#head(wish, flags.hasCredential), credential])
    const attestationObject = Buffer.concat([
      Buffer.from([0xa3]),
      textOf('fmt'),
      textOf('none'),
      textOf('attStmt'),
      Buffer.from([0xa0]),
      textOf('authData'),
      Buffer.from([0x59, data.length >> 8, data.length & 0xff]),
      data,
    ])
    const response = {
      clientDataJSON: clientData(wish, 'webauthn.create').toString('base64url'),
      attestationObject: attestationObject.toString('base64url'),
      transports: ['internal'],
    }
    return { id: this.id, rawId: this.id, type: 'public-key', response, clientExtensionResults: {} }
  }

  /** What navigator.credentials.get gives, as JSON. */
  get(wish: Wish): object {
    this.counter++
    const data = this.#head(wish, 0)
    const client = clientData(wish, 'webauthn.get')
    const signed = Buffer.concat([data, createHash('sha256').update(client).digest()])
    const response = {
      clientDataJSON: client.toString('base64url'),
      authenticatorData: data.toString('base64url'),
      signature: sign('sha256', signed, this.#key).toString('base64url'),
      userHandle: 'AAAA',
    }
    return { id: this.id, rawId: this.id, type: 'public-key', response, clientExtensionResults: {} }
  }

  #head({ domain, verified = true }: Wish, more: number): Buffer {
    const counter = Buffer.alloc(4)
    counter.writeUInt32BE(this.counter)
    const set = flags.userPresent | (verified ? flags.userVerified : 0) | more
    return Buffer.concat([createHash('sha256').update(domain).digest(), Buffer.from([set]), counter])
  }
}

function clientData({ challenge, origin, type }: Wish, ordinary: string): Buffer {
  return Buffer.from(JSON.stringify({ type: type ?? ordinary, challenge, origin, crossOrigin: false }))
}

/** A CBOR text of less than 24 bytes. */
function textOf(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x60 + text.length]), Buffer.from(text)])
}
