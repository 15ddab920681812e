// Test vectors that others made, read from where VECTORS_DIR says (default: ../shared/vectors beside the repository). They
// are not part of the repository; where they are absent, each test that needs them is skipped and says so.
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const vectorsDir = resolve(root, process.env['VECTORS_DIR'] ?? '../shared/vectors')

let said = false

/** A test on one file of outside vectors: `check` gets the parsed JSON. */
export function testVectors(name: string, file: string, check: (vectors: unknown) => void): void {
  const path = resolve(vectorsDir, file)
  it(name, ({ skip }) => {
    if (!existsSync(path)) {
      const note = `no outside vectors at ${path}: set VECTORS_DIR`
      if (!said) console.warn(`tests are skipped: ${note}`)
      said = true
      skip(note)
    }
    check(JSON.parse(readFileSync(path, 'utf8')))
  })
}
