// Secret handling: constant-time comparison, zeroization after use, and a redacting holder that refuses to be printed.

import type { Bytes } from '../../base/bytes.ts'

/** Constant-time comparison: its time depends on the lengths only. Lengths are public. */
export function equalSecret(left: Bytes, right: Bytes): boolean {
  if (left.length !== right.length) return false
  let difference = 0
  for (let i = 0; i < left.length; i++) difference |= (left[i] ?? 0) ^ (right[i] ?? 0)
  return difference === 0
}

/** Zeroizes secrets; `undefined` is skipped so that optional ones need no branch. */
export function wipe(...secrets: readonly (Bytes | undefined)[]): void {
  for (const secret of secrets) secret?.fill(0)
}

const redacted = '[secret]'

/**
 * Holds secret bytes that never appear in logs: `String`, template strings, JSON and util.inspect all say `[secret]`.
 * Owns the array it is given. Throws an Error when used after `wipe`.
 */
export class Secret {
  readonly #bytes: Bytes
  #wiped = false

  constructor(bytes: Bytes) {
    this.#bytes = bytes
  }

  /** The bytes themselves, not a copy: valid until `wipe`. */
  get bytes(): Bytes {
    if (this.#wiped) throw new Error('this secret was wiped')
    return this.#bytes
  }

  use<Result>(work: (bytes: Bytes) => Result): Result {
    return work(this.bytes)
  }

  wipe(): void {
    this.#bytes.fill(0)
    this.#wiped = true
  }

  toString(): string {
    return redacted
  }

  toJSON(): string {
    return redacted
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return redacted
  }
}
