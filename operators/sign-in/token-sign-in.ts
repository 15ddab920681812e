// Token authentication: signing in with a name and a token of 256 random bits. Against user enumeration an unknown name takes as long as
// a known one, and both are answered alike. The token is looked at before the attempts are: a guesser at a name or behind the same proxy
// must not lock out those who need not guess, and 256 bits are not guessed; the limit keeps guessers from the log and the processor.

import { createHash } from 'node:crypto'
import { equalSecret } from '../../crypto/primitives/secret.ts'
import { AddressAttempts, Attempts } from '../guards/attempts.ts'
import { operatorLimits } from '../ports/limits.ts'
import type { ListedOperator } from '../ports/ports.ts'

export type TokenJudged =
  | { readonly type: 'admitted'; readonly operator: ListedOperator }
  | { readonly type: 'refused' }
  | { readonly type: 'too-many'; readonly retryAfterMs: number }

/** The hash that the list keeps of a token. */
export function hashToken(salt: Uint8Array, token: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(salt).update(token).digest())
}

const nobody = { salt: new Uint8Array(32), hash: new Uint8Array(32) }

export class TokenSignIn {
  readonly #perName = new Attempts(operatorLimits.wrongPerName)
  readonly #perAddress = new AddressAttempts(operatorLimits.wrongPerAddress)

  judge(
    shown: { readonly name: string; readonly token: string; readonly address: string },
    listed: readonly ListedOperator[],
    nowMs: number,
  ): TokenJudged {
    const operator = listed.find((one) => one.name === shown.name)
    const { salt, hash } = operator?.token ?? nobody
    const isRight = equalSecret(hashToken(salt, shown.token), hash)
    if (isRight && operator !== undefined) return { type: 'admitted', operator }
    // Both are counted, whichever is the first to be one too many.
    const isWithin = [this.#perName.take(shown.name, nowMs), this.#perAddress.take(shown.address, nowMs)]
    return isWithin.every(Boolean) ? { type: 'refused' } : { type: 'too-many', retryAfterMs }
  }
}

/** A minute refills a handful; so this is when there is one again. */
const retryAfterMs = Math.ceil(60_000 / operatorLimits.wrongPerName.perMinute)
