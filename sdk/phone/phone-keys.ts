// Signing keys of a phone (PROTOCOL §1): the session key says "this phone", the verify key says "its user, just now". An app
// keeps both in secure hardware and releases the second by biometric; the software keys here are for demos and tests.

import type { Bytes } from '../../base/bytes.ts'
import { noblePrimitives } from '../../crypto/primitives/noble-primitives.ts'
import type { Primitives } from '../../crypto/primitives/primitives.ts'

/** P-256 (SEC1 compressed, 33 bytes; signatures r‖s over SHA-256) or Ed25519 (32 bytes). */
export type PhoneKey = {
  readonly publicKey: Bytes
  /** 64 bytes. May ask the user; reject to say that the user did not agree. */
  readonly sign: (message: Bytes) => Promise<Bytes> | Bytes
}

export type PhoneKeys = { readonly session: PhoneKey; readonly verify: PhoneKey }

/** Throws a RangeError on what are no keys of a phone. */
export function requireKeys(keys: PhoneKeys): void {
  for (const name of ['session', 'verify'] as const) {
    const { publicKey, sign }: { readonly publicKey: unknown; readonly sign: unknown } = keys[name]
    const isKey = publicKey instanceof Uint8Array && (publicKey.length === 32 || publicKey.length === 33)
    if (!isKey || typeof sign !== 'function') {
      throw new RangeError(`keys.${name}: a publicKey of 32 or 33 bytes and a function sign expected`)
    }
  }
}

/** Keys in memory, for demos and tests: nothing protects them. */
export function createSoftwareKeys(primitives: Primitives = noblePrimitives): PhoneKeys {
  return { session: ed25519Key(primitives), verify: ed25519Key(primitives) }
}

/** As `createSoftwareKeys`, of the kind secure hardware makes. */
export function createSoftwareP256Keys(primitives: Primitives = noblePrimitives): PhoneKeys {
  return { session: p256Key(primitives), verify: p256Key(primitives) }
}

function ed25519Key(primitives: Primitives): PhoneKey {
  const seed = primitives.randomBytes(32)
  return {
    publicKey: primitives.ed25519PublicKey(seed),
    sign: async (message) => primitives.ed25519Sign(seed, message),
  }
}

function p256Key(primitives: Primitives): PhoneKey {
  const secret = primitives.randomBytes(32)
  // Below the group's order, whose first byte is ff.
  secret[0] = (secret[0] ?? 0) & 0x7f
  return {
    publicKey: primitives.p256PublicKey(secret),
    sign: async (message) => primitives.p256Sign(secret, message),
  }
}
