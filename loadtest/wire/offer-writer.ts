// In-place encoder and MAC of a partner's offers, by a test the same bytes as `makeOffer` of crypto/.

import { canonBytes, offerBytes, offerMacedBytes } from '../../protocol/offer.ts'
import { offerLabelBytesMax } from '../../protocol/limits.ts'
import type { Chance } from '../machine/chance.ts'
import { FixedHmac } from '../machine/fast-hash.ts'

export type PartnerKey = { readonly id: Uint8Array; readonly kid: number; readonly key: Uint8Array }
export type OfferOf = {
  readonly action: number
  readonly amountMinor: number
  /** ISO 4217 numeric. */
  readonly currency: number
  /** ASCII, at most 24. */
  readonly label: Uint8Array
  readonly expiresAtMs: number
}

export class OfferWriter {
  readonly #hmac = new FixedHmac(10 + offerMacedBytes)
  readonly #partner: PartnerKey
  readonly #chance: Chance
  readonly #worker: number
  #made = 0

  /** References count up, so `worker` keeps those of two threads apart. */
  constructor(partner: PartnerKey, worker: number, chance: Chance) {
    this.#partner = partner
    this.#worker = worker
    this.#chance = chance
    this.#hmac.message.set(Buffer.from('bnd1 offer'))
  }

  write(offers: Uint8Array, at: number, offer: OfferOf): void {
    const { amountMinor, currency, expiresAtMs, label } = offer
    const { id, kid, key } = this.#partner
    offers.fill(0, at, at + offerBytes)
    offers.set(id, at)
    offers[at + 32] = offer.action
    putWide(offers, at + 33, amountMinor, 8)
    offers[at + 41] = currency >>> 8
    offers[at + 42] = currency
    for (let i = 0; i < 4; i++) putWide(offers, at + 43 + 4 * i, this.#chance.word(), 4)
    offers[at + 59] = this.#worker >>> 8
    offers[at + 60] = this.#worker
    putWide(offers, at + 61, ++this.#made, 6)
    putWide(offers, at + 67, expiresAtMs, 6)
    for (let i = 0; i < label.length && i < offerLabelBytesMax; i++) offers[at + canonBytes + i] = label[i] ?? 0
    putWide(offers, at + canonBytes + offerLabelBytesMax, kid, 4)
    const { message } = this.#hmac
    for (let i = 0; i < offerMacedBytes; i++) message[10 + i] = offers[at + i] ?? 0
    this.#hmac.mac({ keys: key, keyAt: 0, keyBytes: 32 }, offers, at + offerMacedBytes, 16)
  }
}

function putWide(bytes: Uint8Array, at: number, value: number, width: number): void {
  let rest = value
  for (let i = width - 1; i >= 0; i--) {
    bytes[at + i] = rest % 256
    rest = Math.floor(rest / 256)
  }
}
