// The version, from package.json: the one place where it stands. Read without the schemas of base/json.ts: `bandpass --help` loads this, and is
// to be there at once.

import { readFileSync } from 'node:fs'

/** Such as `0.1.0`. */
export const version: string = versionIn(
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')),
)

function versionIn(manifest: unknown): string {
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) {
    const { version } = manifest
    if (typeof version === 'string') return version
  }
  throw new TypeError('package.json: a version expected')
}
