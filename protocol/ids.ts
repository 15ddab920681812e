// Branded identifier types, each minted only by the parse functions here; they throw a RangeError on what is no such id.
// Binary ids are kept as lower-case hex strings: they are map keys, log fields and row keys.

import { type Bytes, fromHex, hexAt, toHex } from '../base/bytes.ts'

declare const brand: unique symbol
type Branded<Value, Name extends string> = Value & { readonly [brand]: Name }

/** The device, from its BandCert: 16 bytes, as 32 hex digits. Never on the air. */
export type BandId = Branded<string, 'BandId'>
/** A binding's name on the air, random per binding: 8 bytes, as 16 hex digits. */
export type Bid = Branded<string, 'Bid'>
/** The wallet identity, from the token's `sub`: 1 to 64 of `A-Z a-z 0-9 . _ : -`. */
export type AccountId = Branded<string, 'AccountId'>
/** A phone's installation: 16 bytes, as 32 hex digits. */
export type PhoneId = Branded<string, 'PhoneId'>
/** A relying party: 16 bytes, as 32 hex digits. */
export type PartnerId = Branded<string, 'PartnerId'>
/** The resource that an offer is about (a till, a door): 16 bytes, as 32 hex digits. */
export type ResourceId = Branded<string, 'ResourceId'>
/** A partner's idempotency reference for one offer: 8 bytes, as 16 hex digits. */
export type Rid = Branded<string, 'Rid'>
/** One pairing window: 16 bytes, as 32 hex digits. */
export type PairingId = Branded<string, 'PairingId'>

function fixed<Name extends string>(name: Name, lengthBytes: number) {
  // What was just made of bytes is hex: only its length is in question.
  const isId = (hex: string, isHex: boolean): hex is Branded<string, Name> =>
    hex.length === 2 * lengthBytes && (isHex || isLowerHex(hex))
  return (value: Bytes | string, at?: number): Branded<string, Name> => {
    const isBytes = typeof value !== 'string'
    const hex = isBytes ? hexOf(value, at, lengthBytes) : value
    if (isId(hex, isBytes)) return hex
    throw new RangeError(`${name} is ${lengthBytes} bytes (${2 * lengthBytes} lower-case hex digits), got "${hex}"`)
  }
}

function isLowerHex(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (!((code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66))) return false
  }
  return true
}

/** All of `value`, or as many bytes as an id has from `at` on; fewer, which are no id, when they are not there. */
function hexOf(value: Bytes, at: number | undefined, lengthBytes: number): string {
  if (at === undefined) return toHex(value)
  return hexAt(value, at, Math.min(lengthBytes, Math.max(0, value.length - at)))
}

export const parseBandId: (value: Bytes | string) => BandId = fixed('BandId', 16)
export const parseBid: (value: Bytes | string) => Bid = fixed('Bid', 8)
export const parsePhoneId: (value: Bytes | string) => PhoneId = fixed('PhoneId', 16)
export const parsePartnerId: (value: Bytes | string, at?: number) => PartnerId = fixed('PartnerId', 16)
export const parseResourceId: (value: Bytes | string, at?: number) => ResourceId = fixed('ResourceId', 16)
export const parseRid: (value: Bytes | string, at?: number) => Rid = fixed('Rid', 8)
export const parsePairingId: (value: Bytes | string) => PairingId = fixed('PairingId', 16)

/** Parses a text from outside without throwing: undefined when `parse` throws, because the text is no such id. */
export function tryParse<Id>(parse: (text: string) => Id, text: string): Id | undefined {
  try {
    return parse(text)
  } catch {
    return undefined
  }
}

/** Checks an account id; throws a RangeError on anything but 1 to 64 of `A-Z a-z 0-9 . _ : -`. */
export function parseAccountId(value: string): AccountId {
  if (isAccountId(value)) return value
  throw new RangeError(`an account id is 1 to 64 of A-Z a-z 0-9 . _ : -, got ${JSON.stringify(value.slice(0, 80))}`)
}

function isAccountId(value: string): value is AccountId {
  return /^[A-Za-z0-9._:-]{1,64}$/.test(value)
}

/** The bytes of a binary id. */
export function idBytes(
  id: BandId | Bid | PhoneId | PartnerId | ResourceId | Rid | PairingId,
): Uint8Array<ArrayBuffer> {
  return fromHex(id)
}
