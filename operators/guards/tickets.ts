// Stateless challenges (MAC over nonce, expiry and context): a passkey's challenge, the `state` of a redirect to a provider. What was
// begun needs no place in a table until it comes back, so that no number of begun sign-ins keeps another one from coming back.

import { createHmac } from 'node:crypto'
import { base64url } from '../../base/base64url.ts'
import { equalSecret } from '../../crypto/primitives/secret.ts'
import type { RandomBytes } from '../../engine/ports/clock.ts'
import { operatorLimits } from '../ports/limits.ts'

const keyBytes = 32
const nonceBytes = 10
const timeBytes = 6
const signedBytes = nonceBytes + timeBytes
/** Truncated MAC, half of a SHA-256: 128 bits, which are not guessed (NIST SP 800-107 §5.3.3). */
const macBytes = 16
const ticketBytes = signedBytes + macBytes

export class Tickets {
  readonly #key: Uint8Array
  readonly #random: RandomBytes
  /** Replay cache: taken ones until they would have expired anyway, oldest first. */
  readonly #spent = new Map<string, number>()

  /** The key is this object's own: a ticket of another, or of before a restart, is none. */
  constructor(random: RandomBytes) {
    this.#random = random
    this.#key = random(keyBytes)
  }

  /** Issues a ticket, 32 bytes in base64url, good for `waitingMs` and for this context only. `nowMs` is monotonic. */
  issue(context: string, nowMs: number): string {
    const signed = Buffer.alloc(signedBytes)
    signed.set(this.#random(nonceBytes))
    signed.writeUIntBE(Math.floor(nowMs) + operatorLimits.waitingMs, nonceBytes, timeBytes)
    return base64url(Buffer.concat([signed, this.#mac(signed, context)]))
  }

  /** Redeems a ticket, once: false when it is not ours, for another context, too old, or was taken before. */
  take(ticket: string, context: string, nowMs: number): boolean {
    const bytes = Buffer.from(ticket, 'base64url')
    if (bytes.length !== ticketBytes || base64url(bytes) !== ticket) return false
    const signed = bytes.subarray(0, signedBytes)
    if (!equalSecret(bytes.subarray(signedBytes), this.#mac(signed, context))) return false
    const endsAtMs = signed.readUIntBE(nonceBytes, timeBytes)
    if (nowMs >= endsAtMs || this.#spent.has(ticket)) return false
    this.#spend(ticket, endsAtMs, nowMs)
    return true
  }

  /** Derives 32 secret bytes of a ticket, in base64url: the same each time, and not derivable by a holder of the ticket. */
  secretOf(ticket: string, what: string): string {
    return base64url(this.#hmac(`secret ${what}`, Buffer.from(ticket)))
  }

  #spend(ticket: string, endsAtMs: number, nowMs: number): void {
    for (const [old, oldEndsAtMs] of this.#spent) {
      if (oldEndsAtMs > nowMs && this.#spent.size < operatorLimits.ticketsSpentMax) break
      this.#spent.delete(old)
    }
    this.#spent.set(ticket, endsAtMs)
  }

  #mac(signed: Uint8Array, context: string): Uint8Array {
    return this.#hmac(`ticket ${context}`, signed).subarray(0, macBytes)
  }

  #hmac(label: string, message: Uint8Array): Buffer {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(label.length)
    return createHmac('sha256', this.#key).update(length).update(label).update(message).digest()
  }
}
