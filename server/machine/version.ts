// The version, from package.json: the one place where it stands.

import { readFileSync } from 'node:fs'
import { object, readJson, text } from '../../base/json.ts'

/** Such as `0.1.0`. */
export const { version } = readJson(
  object({ version: text }),
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')),
  'package.json',
)
