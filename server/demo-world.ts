// A demo's world: a vendor and a partner of its own, made by the same code as `bandpass vendor` and `bandpass partner`,
// and demo.json with the secrets of both and of the local token issuer, so that an example can play all parts.

import { nodePrimitives } from '../crypto/primitives/node-primitives.ts'
import { fromHex, toHex } from '../base/bytes.ts'
import type { DataFolder } from './documents/data-folder.ts'
import { kidOf } from './documents/engine-keys.ts'
import { addPartner, addVendor } from './documents/lists.ts'
import { readPartners } from './documents/partner-list.ts'
import { readPrivateFile, writePrivateFile } from './files/private-file.ts'
import type { ServerConfig } from './settings/settings.ts'
import { readFileJson } from './files/json-file.ts'
import { hex, object } from '../base/json.ts'
import type { Surroundings } from './documents/surroundings.ts'
import { localIssuer } from './tokens/tokens.ts'
import { readVendors } from './documents/vendor-list.ts'

const demoName = 'Demo'
/** The demo vendor's number and the rest of what its bands state; far from where real numbers begin. */
const demoVendor = { vendor: 0xfffe, model: 1, batch: 1, issuer: 1 }

/** Provisions vendor and partner if they are not there, and writes demo.json, mode 0600. */
export function provisionDemo(from: {
  readonly config: ServerConfig
  readonly folder: DataFolder
  readonly surroundings: Surroundings
  readonly url: string
  readonly nowMs: number
}): void {
  const { config, folder, surroundings, url, nowMs } = from
  const { partners, vendors } = folder.places
  const path = folder.demoPath
  const vendorSeed = knownSeed(path) ?? nodePrimitives.randomBytes(32)
  const rootKey = nodePrimitives.ed25519PublicKey(vendorSeed)
  const isListed = readVendors(vendors).some(
    (one) => one.vendor === demoVendor.vendor && one.roots.some((root) => toHex(root.publicKey) === toHex(rootKey)),
  )
  if (!isListed) {
    const root = { issuer: demoVendor.issuer, signatureType: 'ed25519', publicKey: rootKey } as const
    addVendor(vendors, { vendor: demoVendor.vendor, name: demoName, root })
  }
  const partner = readPartners(partners).find((one) => one.name === demoName) ?? addPartner(partners, demoName, nowMs)
  surroundings.reload()
  const keys = surroundings.keySet()
  const [engine] = keys.engine
  const [release] = keys.release
  const [offerKey] = partner.keys
  const content = {
    url,
    tokens: {
      iss: localIssuer,
      aud: config.tokens.audience,
      kid: kidOf(nodePrimitives.ed25519PublicKey(keys.issuerSeed)),
      seed: toHex(keys.issuerSeed),
    },
    partner: { id: partner.id, kid: offerKey?.kid, key: toHex(offerKey?.key ?? new Uint8Array()) },
    receipts: { issuer: config.issuer, keySet: keySetOf(url) },
    engine: {
      ekid: engine?.id,
      key: toHex(engine?.publicKey ?? new Uint8Array()),
      rkid: release?.id,
      releaseKey: toHex(release?.publicKey ?? new Uint8Array()),
    },
    vendor: { ...demoVendor, seed: toHex(vendorSeed) },
  }
  writePrivateFile(path, `${JSON.stringify(content, undefined, 2)}\n`)
}

/** Beside the phones' WebSocket. */
function keySetOf(url: string): string {
  const { protocol, host } = new URL(url)
  return `${protocol === 'wss:' ? 'https:' : 'http:'}//${host}/.well-known/jwks.json`
}

/** The vendor seed of an earlier start of the same demo: its bands stay good. */
function knownSeed(path: string): Uint8Array | undefined {
  const text = readPrivateFile(path)
  if (text === undefined) return undefined
  const { vendor } = readFileJson(object({ vendor: object({ seed: hex }) }), JSON.parse(text), path)
  return fromHex(vendor.seed)
}
