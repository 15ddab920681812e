// Message authentication of offers: the partner's MAC over its offer vouches for a request (PROTOCOL §5). A MAC, because an Ed25519
// verification would cost 100 µs a request.

import { type Bytes, ascii, concatBytes } from '../../base/bytes.ts'
import { type Offer, type OfferTerms, encodeOfferTerms } from '../../protocol/offer.ts'
import { type Primitives, requireLength } from '../primitives/primitives.ts'
import { equalSecret } from '../primitives/secret.ts'

/** MAC of an offer: `HMAC(partner key, "bnd1 offer" ‖ canon ‖ label ‖ kid)[0..15]`. */
export function offerMac(primitives: Primitives, key: Bytes, maced: Bytes): Uint8Array<ArrayBuffer> {
  return primitives.tag(key, concatBytes(offerLabel, maced))
}

/** Verifies the MAC of an offer under this partner key. Whether `kid` and `partner` name that key is for the caller. */
export function verifyOffer(primitives: Primitives, key: Bytes, offer: Offer): boolean {
  return equalSecret(offerMac(primitives, key, offer.maced), offer.mac)
}

/** The 117 bytes of an offer. Throws a RangeError on terms that do not fit or a key that is not 32 bytes. */
export function makeOffer(primitives: Primitives, key: Bytes, terms: OfferTerms): Uint8Array<ArrayBuffer> {
  requireLength('a partner key', key, 32)
  const maced = encodeOfferTerms(terms)
  return concatBytes(maced, offerMac(primitives, key, maced))
}

const offerLabel = ascii('bnd1 offer')
