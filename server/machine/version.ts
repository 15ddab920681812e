// The version, from package.json: the one place where it stands.

import { readFileSync } from 'node:fs'
import { Field } from '../files/shape.ts'

/** Such as `0.1.0`. */
export const version: string = new Field(
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')),
  'package.json',
).get('version').text
