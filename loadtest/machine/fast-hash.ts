// SHA-256, HMAC and HKDF-Expand on preallocated buffers, to spare the garbage collector. A million simulated bands share the
// cores with the engine they measure: what the general primitives allocate for each call would be collected in pauses that look
// like the engine's. Results are checked against them by a test. The secrets here are made up, so they may pass through strings.

import { hash } from 'node:crypto'

const blockBytes = 64

/** `output[outputAt..]` becomes the first `length` bytes of SHA-256(message). */
export function sha256Into(message: Uint8Array, output: Uint8Array, outputAt: number, length = 32): void {
  unpackDigits(hash('sha256', message, 'binary'), output, outputAt, length)
}

/** HMAC-SHA256 of messages of one length; write the message into `message`, then call `mac`. */
export class FixedHmac {
  /** Where the message goes. */
  readonly message: Uint8Array
  readonly #inner: Uint8Array
  readonly #outer = new Uint8Array(blockBytes + 32)

  constructor(messageBytes: number) {
    this.#inner = new Uint8Array(blockBytes + messageBytes)
    this.message = this.#inner.subarray(blockBytes)
  }

  /** The first `length` bytes of the mac under the key of `keyBytes` (at most 64) at `keys[keyAt..]`. */
  mac(
    key: { readonly keys: Uint8Array; readonly keyAt: number; readonly keyBytes: number },
    output: Uint8Array,
    outputAt: number,
    length: number,
  ): void {
    const inner = this.#inner
    const outer = this.#outer
    const { keys, keyAt, keyBytes } = key
    for (let i = 0; i < blockBytes; i++) {
      const byte = i < keyBytes ? (keys[keyAt + i] ?? 0) : 0
      inner[i] = byte ^ 0x36
      outer[i] = byte ^ 0x5c
    }
    unpackDigits(hash('sha256', inner, 'binary'), outer, blockBytes, 32)
    unpackDigits(hash('sha256', outer, 'binary'), output, outputAt, length)
  }
}

/** HKDF-Expand to 32 bytes or fewer under one label. */
export class FixedExpand {
  readonly #hmac: FixedHmac

  /** `info` may end in bytes that change: write them to `info[...]` before each call. */
  readonly info: Uint8Array

  constructor(label: string, variableBytes = 0) {
    const labelBytes = Buffer.from(label, 'latin1')
    this.#hmac = new FixedHmac(labelBytes.length + variableBytes + 1)
    this.#hmac.message.set(labelBytes)
    this.#hmac.message[labelBytes.length + variableBytes] = 1
    this.info = this.#hmac.message.subarray(labelBytes.length, labelBytes.length + variableBytes)
  }

  expand(
    key: { readonly keys: Uint8Array; readonly keyAt: number; readonly keyBytes: number },
    output: Uint8Array,
    outputAt: number,
    length = 32,
  ): void {
    this.#hmac.mac(key, output, outputAt, length)
  }
}

function unpackDigits(digits: string, output: Uint8Array, outputAt: number, length: number): void {
  for (let i = 0; i < length; i++) output[outputAt + i] = digits.charCodeAt(i)
}
