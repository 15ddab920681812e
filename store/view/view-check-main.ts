// Walks the view file named on the command line and prints what it found (view-check.ts). Dies when the file makes it die.

import { openLmdb } from './lmdb.ts'
import { type Walked, walkRows } from './view-check.ts'
import { storedTables } from './view-state.ts'

const [path = '', mapBytes = ''] = process.argv.slice(2)
process.stdout.write(JSON.stringify(walk()))

function walk(): Walked {
  try {
    return walkRows(openLmdb({ path, tables: storedTables, mapBytes: Number(mapBytes), isReadOnly: true }))
  } catch (error) {
    return { damage: `reading failed: ${error instanceof Error ? error.message : String(error)}` }
  }
}
