// Factory provisioning, what a vendor does at the end of the line: make a device key, sign a BandCert, pin the engine's keys, print
// `ps` on the package (PROTOCOL §1).

import { type Bytes, fromHex } from '../../base/bytes.ts'
import { conformanceBits } from '../../protocol/band-cert.ts'
import { type BandId, parseBandId } from '../../protocol/ids.ts'
import { signBandCert } from '../../crypto/signed/band-certs.ts'
import type { Primitives } from '../../crypto/primitives/primitives.ts'
import type { PinnedKey } from './flash.ts'

/** The vendor as its production line knows it; `seed` is the vendor root's Ed25519 seed. */
export type Vendor = {
  readonly vendor: number
  readonly model: number
  readonly batch: number
  readonly issuer: number
  readonly seed: Bytes
}

/** Provisioned data of a band, burnt into it. `bandSecret` and `ps` never leave it except on the package. */
export type BandDevice = {
  readonly bandId: BandId
  readonly bandSecret: Bytes
  /** 16 bytes: also the QR code or NFC tag on the package. */
  readonly packageSecret: Bytes
  readonly cert: Bytes
  readonly model: number
  readonly conformance: number
  readonly firmware: number
  readonly engineKeys: readonly PinnedKey[]
  readonly releaseKeys: readonly PinnedKey[]
}

/** The engine's public keys that the vendor pins, from the engine's operator. */
export type EnginePins = { readonly engineKeys: readonly PinnedKey[]; readonly releaseKeys: readonly PinnedKey[] }

/** The firmware version this simulator states in PAIR1. */
const firmwareVersion = 1

/** A band that taps, seals its links and latches wear edges, as every production band must. */
const commonConformance: number = conformanceBits.tap | conformanceBits.sealedLinks | conformanceBits.wearEdges

/** Provisions one band, unpaired, with keys from `primitives.randomBytes`. */
export function makeBand(
  primitives: Primitives,
  vendor: Vendor,
  pins: EnginePins,
  conformance = commonConformance,
): BandDevice {
  const bandId = parseBandId(primitives.randomBytes(16))
  const bandSecret = primitives.randomBytes(32)
  const cert = signBandCert(primitives, vendor.seed, {
    vendor: vendor.vendor,
    model: vendor.model,
    signatureType: 'ed25519',
    bandId,
    bandKey: primitives.x25519PublicKey(bandSecret),
    conformance,
    batch: vendor.batch,
    issuer: vendor.issuer,
  })
  return {
    bandId,
    bandSecret,
    packageSecret: primitives.randomBytes(16),
    cert,
    model: vendor.model,
    conformance,
    firmware: firmwareVersion,
    engineKeys: pins.engineKeys,
    releaseKeys: pins.releaseKeys,
  }
}

/** The pins of an engine that publishes its keys as hex, as `bandpass serve --demo` does in demo.json. */
export function pinsOf(engine: {
  readonly ekid: number
  readonly key: string
  readonly rkid: number
  readonly releaseKey: string
}): EnginePins {
  return {
    engineKeys: [{ id: engine.ekid, publicKey: fromHex(engine.key) }],
    releaseKeys: [{ id: engine.rkid, publicKey: fromHex(engine.releaseKey) }],
  }
}
