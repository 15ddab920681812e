// Demo configuration, as `bandpass serve --demo` writes it to demo.json: where the engine listens, who signs its tokens, a
// partner, and a vendor whose bands it trusts. Enough for an example to make bands, phones and offers of its own.

import { fromHex, toHex } from '../base/bytes.ts'
import { nodePrimitives } from '../crypto/primitives/node-primitives.ts'
import type { PhoneClientOptions } from '../sdk/phone-client.ts'
import { systemClock } from '../sdk/phone/phone-clock.ts'
import { createSoftwareKeys } from '../sdk/phone/phone-keys.ts'
import { mintToken } from './demo-tokens.ts'
import { type Vendor, makeBand, pinsOf } from './band/package.ts'
import { Radio } from './radio.ts'
import { seededRandom } from './virtual/seeded-random.ts'
import { Wearer } from './band/wearer.ts'

/** Schema of demo.json. Keys and seeds are hex; everything in it is public knowledge of the demo, nothing of it is for production. */
export type DemoFile = {
  readonly url: string
  /** The demo's token issuer, so that a demo's phones can sign in. */
  readonly tokens: { readonly iss: string; readonly aud: string; readonly kid: string; readonly seed: string }
  readonly partner: { readonly id: string; readonly kid: number; readonly key: string }
  /** `iss` of receipts, and where the keys are that sign them. */
  readonly receipts: { readonly issuer: string; readonly keySet: string }
  readonly engine: { readonly ekid: number; readonly key: string; readonly rkid: number; readonly releaseKey: string }
  readonly vendor: {
    readonly vendor: number
    readonly model: number
    readonly batch: number
    readonly issuer: number
    readonly seed: string
  }
}

export type DemoWorld = {
  readonly partner: { readonly id: string; readonly kid: number; readonly key: Uint8Array }
  /** What a partner verifies receipts with: who signs them, and where the keys are. */
  readonly receipts: DemoFile['receipts']
  readonly vendor: Vendor
  /** A new phone with keys of its own, signed in to a new account unless one is named. */
  readonly phone: (account?: string) => PhoneClientOptions
  /** A new band in its package, on a wearer, within reach of a radio. */
  readonly newBand: () => { readonly wearer: Wearer; readonly radio: Radio }
}

/** Reads demo.json; throws a TypeError that names what is missing. */
export function demoWorld(json: string): DemoWorld {
  const file = readDemoFile(JSON.parse(json))
  const vendor = { ...file.vendor, seed: fromHex(file.vendor.seed) }
  const pins = pinsOf(file.engine)
  const issuer = { ...file.tokens, seed: fromHex(file.tokens.seed) }
  const primitives = nodePrimitives
  return {
    partner: { ...file.partner, key: fromHex(file.partner.key) },
    receipts: file.receipts,
    vendor,
    phone(account = `demo-${toHex(primitives.randomBytes(4))}`) {
      const keys = createSoftwareKeys(primitives)
      const signIn = (): string =>
        mintToken(primitives, issuer, { account, nowMs: systemClock.nowMs() }, keys.session.publicKey)
      return { url: file.url, token: signIn, phoneId: toHex(primitives.randomBytes(16)), keys, primitives }
    },
    newBand() {
      const device = makeBand(primitives, vendor, pins)
      const wearer = new Wearer({ device, scheduler: systemClock, primitives })
      const random = seededRandom(primitives, device.bandId)
      return { wearer, radio: new Radio(wearer.band, { scheduler: systemClock, random }) }
    },
  }
}

/** Parses and validates the shape only. */
function readDemoFile(value: unknown): DemoFile {
  const file = objectOf(value, 'demo.json')
  const partner = objectOf(file['partner'], 'partner')
  const receipts = objectOf(file['receipts'], 'receipts')
  const engine = objectOf(file['engine'], 'engine')
  const tokens = objectOf(file['tokens'], 'tokens')
  const vendor = objectOf(file['vendor'], 'vendor')
  return {
    url: textOf(file, 'url'),
    tokens: {
      iss: textOf(tokens, 'iss'),
      aud: textOf(tokens, 'aud'),
      kid: textOf(tokens, 'kid'),
      seed: textOf(tokens, 'seed'),
    },
    partner: { id: textOf(partner, 'id'), kid: countOf(partner, 'kid'), key: textOf(partner, 'key') },
    receipts: { issuer: textOf(receipts, 'issuer'), keySet: textOf(receipts, 'keySet') },
    engine: {
      ekid: countOf(engine, 'ekid'),
      key: textOf(engine, 'key'),
      rkid: countOf(engine, 'rkid'),
      releaseKey: textOf(engine, 'releaseKey'),
    },
    vendor: {
      vendor: countOf(vendor, 'vendor'),
      model: countOf(vendor, 'model'),
      batch: countOf(vendor, 'batch'),
      issuer: countOf(vendor, 'issuer'),
      seed: textOf(vendor, 'seed'),
    },
  }
}

type Fields = Readonly<Record<string, unknown>>

function objectOf(value: unknown, name: string): Fields {
  if (!isFields(value)) throw new TypeError(`${name}: an object expected, got ${typeof value}`)
  return value
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}

function textOf(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string') throw new TypeError(`${name}: a string expected, got ${typeof value}`)
  return value
}

function countOf(fields: Fields, name: string): number {
  const value = fields[name]
  if (typeof value !== 'number') throw new TypeError(`${name}: a number expected, got ${typeof value}`)
  return value
}
