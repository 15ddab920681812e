// Encryption and authentication at rest (PROTOCOL §1, master key): XChaCha20-Poly1305 for secrets, a MAC for rows that are not
// secret, both bound to table, key and version so that no value passes in another's place. A sealed value starts with
// the id of its master key, for key rotation: a new key seals at once while older ones still open.

import { type Bytes, ascii, concatBytes, readU32, u16, u32, u8 } from '../base/bytes.ts'
import { type Primitives, requireLength, tagBytes } from './primitives/primitives.ts'
import { equalSecret } from './primitives/secret.ts'
import { xchachaOpen, xchachaSeal } from './primitives/sodium-aead.ts'

/** A master key: `id` is a u32 that is never used again for another key; 32 bytes. */
export type MasterKey = { readonly id: number; readonly key: Bytes }

export type Keyring = {
  /** `key id u32 ‖ nonce[24] ‖ ciphertext ‖ tag[16]` under the current master key. */
  readonly seal: (table: string, key: Bytes, version: number, plaintext: Bytes) => Uint8Array<ArrayBuffer>
  /** The plaintext; undefined when altered, moved to another place, or sealed under a key no longer held. */
  readonly open: (table: string, key: Bytes, version: number, sealed: Bytes) => Uint8Array<ArrayBuffer> | undefined
  /** 16 bytes that bind a row's bytes to its place, under the current master key. */
  readonly mac: (table: string, key: Bytes, bytes: Bytes) => Uint8Array<ArrayBuffer>
  /** The key that `mac` works with, a copy: for a thread that does nothing but write rows. */
  readonly macKey: () => Uint8Array<ArrayBuffer>
  /** Does `mac` fit under any master key held? */
  readonly checkMac: (table: string, key: Bytes, bytes: Bytes, mac: Bytes) => boolean
}

const idBytes = 4
const nonceBytes = 24
const overheadBytes = idBytes + nonceBytes + tagBytes

/** A keyring: opens with any of `keys`, seals with the first. Copies what it needs of them; throws a RangeError on a bad list. */
export function createKeyring(primitives: Primitives, keys: readonly MasterKey[]): Keyring {
  // One master key, two uses: each gets a key of its own.
  const derived = keys.map(({ id, key }) => {
    requireLength('a master key', key, 32)
    if (!Number.isInteger(id) || id < 0 || id > 0xffff_ffff) throw new RangeError(`a key id is a u32, got ${id}`)
    return {
      id,
      sealKey: primitives.expand(key, ascii('bnd1 seal')),
      macKey: primitives.expand(key, ascii('bnd1 row')),
    }
  })
  const byId = new Map(derived.map((one) => [one.id, one]))
  const [current] = derived
  if (current === undefined) throw new RangeError('a keyring needs at least one master key')
  if (byId.size !== keys.length) throw new RangeError('two master keys have one id')

  return {
    seal(table, key, version, plaintext) {
      const nonce = primitives.randomBytes(nonceBytes)
      const aad = placed(table, key, u32(version))
      return concatBytes(u32(current.id), nonce, xchachaSeal(current.sealKey, nonce, aad, plaintext))
    },
    open(table, key, version, sealed) {
      if (sealed.length < overheadBytes) return undefined
      const sealedWith = byId.get(readU32(sealed, 0))
      if (sealedWith === undefined) return undefined
      const nonce = sealed.subarray(idBytes, idBytes + nonceBytes)
      const aad = placed(table, key, u32(version))
      return xchachaOpen(sealedWith.sealKey, nonce, aad, sealed.subarray(idBytes + nonceBytes))
    },
    mac: (table, key, bytes) => rowMac(primitives, current.macKey, table, key, bytes),
    macKey: () => current.macKey.slice(),
    checkMac(table, key, bytes, mac) {
      return derived.some((one) => equalSecret(rowMac(primitives, one.macKey, table, key, bytes), mac))
    },
  }
}

/** `Keyring.mac` under the key of `Keyring.macKey`. */
export function rowMac(
  primitives: Primitives,
  macKey: Bytes,
  table: string,
  key: Bytes,
  bytes: Bytes,
): Uint8Array<ArrayBuffer> {
  return primitives.tag(macKey, placed(table, key, bytes))
}

/** Length-prefixed encoding of a place and what is there, so that no two places have the same bytes. */
function placed(table: string, key: Bytes, bytes: Bytes): Uint8Array<ArrayBuffer> {
  if (key.length > 0xffff) throw new RangeError('a table name or key is too long')
  return concatBytes(nameOf(table), u16(key.length), key, bytes)
}

const names = new Map<string, Bytes>()

/** A table's name behind its length, made once: there are a dozen tables. */
function nameOf(table: string): Bytes {
  const known = names.get(table)
  if (known !== undefined) return known
  const name = ascii(table)
  if (name.length > 0xff) throw new RangeError('a table name or key is too long')
  const made = concatBytes(u8(name.length), name)
  names.set(table, made)
  return made
}
