// Test vectors that others made, from `data/` beside this file: they travel with the project, so that a clone skips none.
// Where each comes from, and under which licence, is in data/README.md; compact.ts makes them from the published files.
import { readFileSync } from 'node:fs'
import { it } from 'vitest'

/** A test on one file of outside vectors, such as `noise/snow.json`: `check` gets the parsed JSON. */
export function testVectors(name: string, file: string, check: (vectors: unknown) => void): void {
  it(name, () => check(JSON.parse(readFileSync(new URL(`data/${file}`, import.meta.url), 'utf8'))))
}
