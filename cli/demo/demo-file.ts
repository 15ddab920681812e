// Reads demo.json, as `bandpass serve --demo` wrote it.

import type { DemoFile } from '../../band-sim/demo-world.ts'
import { Field } from '../../server/files/shape.ts'

/** The demo's world. Throws a Fault that names what is missing. */
export function readDemoFile(text: string): DemoFile {
  const file = new Field(JSON.parse(text), 'demo.json')
  const tokens = file.get('tokens')
  const partner = file.get('partner')
  const receipts = file.get('receipts')
  const engine = file.get('engine')
  const vendor = file.get('vendor')
  return {
    url: file.get('url').text,
    tokens: {
      iss: tokens.get('iss').text,
      aud: tokens.get('aud').text,
      kid: tokens.get('kid').text,
      seed: tokens.get('seed').hex,
    },
    partner: { id: partner.get('id').hex, kid: partner.get('kid').count, key: partner.get('key').hex },
    receipts: { issuer: receipts.get('issuer').text, keySet: receipts.get('keySet').text },
    engine: {
      ekid: engine.get('ekid').count,
      key: engine.get('key').hex,
      rkid: engine.get('rkid').count,
      releaseKey: engine.get('releaseKey').hex,
    },
    vendor: {
      vendor: vendor.get('vendor').count,
      model: vendor.get('model').count,
      batch: vendor.get('batch').count,
      issuer: vendor.get('issuer').count,
      seed: vendor.get('seed').hex,
    },
  }
}
