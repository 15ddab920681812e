// Reads demo.json, as `bandpass serve --demo` wrote it.

import type { DemoFile } from '../../band-sim/demo-world.ts'
import { count, hex, object, readJson, text } from '../../base/json.ts'

const demoFile = object({
  url: text,
  tokens: object({ iss: text, aud: text, kid: text, seed: hex }),
  partner: object({ id: hex, kid: count, key: hex }),
  receipts: object({ issuer: text, keySet: text }),
  engine: object({ ekid: count, key: hex, rkid: count, releaseKey: hex }),
  vendor: object({ vendor: count, model: count, batch: count, issuer: count, seed: hex }),
})

/** The demo's world. Throws a JsonError that names what is missing. */
export function readDemoFile(json: string): DemoFile {
  return readJson(demoFile, JSON.parse(json), 'demo.json')
}
