# Verifies a receipt offline, as a partner does in a language other than this repository's: is it genuine, and of this very offer?
# Needs PyJWT 2 and cryptography (Debian: python3-jwt, python3-cryptography).
#   python3 verify_receipt.py KEY_SET ISSUER OFFER RECEIPT      KEY_SET: the engine's /.well-known/jwks.json, an address or a file
#                                                               OFFER: the 117 bytes that you made and kept, as hex
# Prints the claims; ends with 1 and the reason when there is anything wrong. Fulfil each offer once.
import hashlib
import json
import sys
import urllib.request

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

# Where the terms of an offer stand in its 117 bytes (docs/protocol.md §5).
PARTNER, RESOURCE, ACTION, AMOUNT, CURRENCY, NONCE = (0, 16), (16, 32), (32, 33), (33, 41), (41, 43), (43, 59)
CANON_AND_LABEL = (0, 97)


def verify(key_set, issuer, offer, receipt):
    """The claims of a receipt that answers `offer` (bytes); raises jwt.InvalidTokenError on any other."""
    if len(offer) != 117:
        raise jwt.InvalidTokenError(f"an offer is 117 bytes, got {len(offer)}")
    part = lambda place: offer[slice(*place)]
    header = jwt.get_unverified_header(receipt)
    if header.get("typ") != "bandpass-receipt+jwt":
        raise jwt.InvalidTokenError(f"a receipt expected, got a token of type {header.get('typ')}")
    # Only a key of the engine's own list, which the token names: never one that the token brings.
    named = [one.key for one in jwt.PyJWKSet.from_dict(key_set).keys if one.key_id == header.get("kid")]
    if len(named) != 1 or not isinstance(named[0], Ed25519PublicKey):
        raise jwt.InvalidTokenError("the engine's list has no such key: read it again")
    claims = jwt.decode(
        receipt,
        named[0],
        algorithms=["EdDSA"],
        audience=part(PARTNER).hex(),
        issuer=issuer,
        leeway=5,
        options={"require": ["iss", "aud", "sub", "iat", "exp", "jti", "nonce", "rd"]},
    )
    asked = {
        "nonce": part(NONCE).hex(),
        "rd": hashlib.sha256(b"bnd1 req" + part(CANON_AND_LABEL)).hexdigest(),
        "action": int.from_bytes(part(ACTION), "big"),
        "resource": part(RESOURCE).hex(),
        "amountMinor": int.from_bytes(part(AMOUNT), "big"),
        "currency": int.from_bytes(part(CURRENCY), "big"),
    }
    for name, value in asked.items():
        if claims.get(name) != value:
            raise jwt.InvalidTokenError(f"{name} {value} expected, as in the offer, got {claims.get(name)}")
    return claims


def main(key_set, issuer, offer, receipt):
    address = key_set if "://" in key_set else f"file:{key_set}"
    with urllib.request.urlopen(address, timeout=10) as listed:
        keys = json.load(listed)
    try:
        print(json.dumps(verify(keys, issuer, bytes.fromhex(offer), receipt)))
    except jwt.InvalidTokenError as error:
        sys.exit(f"not a receipt of this offer: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
