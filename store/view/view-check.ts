// Integrity check of the view. Is every row of the view there, and reachable? A walk through the whole file, compared with the digest in the
// state row. It runs in a process of its own: a damaged LMDB file can crash the process that reads it (threat T7).

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { childEnvironment } from '../files/child-environment.ts'
import { Fault } from '../../engine/ports/fault.ts'
import { equalBytes } from '../../base/bytes.ts'
import type { LmdbRows } from './lmdb.ts'
import { DigestSum, emptyDigest } from './view-digest.ts'
import { type RowMacs, decodeState, metaTable, stateKey, storedTableNames, viewDamaged } from './view-state.ts'

/** What a walk found: the stored state row (hex, empty when none) and the digest of the rows, or what is wrong. */
export type Walked =
  { readonly state: string; readonly rows: number; readonly sum: string } | { readonly damage: string }

const checkProgram = fileURLToPath(new URL('./view-check-main.ts', import.meta.url))
/** Keeps the signals that reach the whole group, such as Ctrl-C, from it: its parent says when it is over. */
const keepSignals = fileURLToPath(new URL('../../bin/early.cjs', import.meta.url))
/** Ended by one of these it has met an order to the whole group, before it caught any, and nothing of the file. */
const orders: readonly (NodeJS.Signals | undefined)[] = ['SIGTERM', 'SIGINT', 'SIGHUP']
const attemptsMax = 3

/** Walks all rows: in order, and each found again by its key, so that no damaged page hides one. */
export function walkRows(rows: LmdbRows): Walked {
  const sum = new DigestSum(emptyDigest)
  for (const table of storedTableNames) {
    if (table === metaTable) continue
    let before = ''
    for (const { key, bytes } of rows.all(table)) {
      if (key <= before) return { damage: `keys out of order in table ${table}` }
      before = key
      const again = rows.get(table, key)
      if (again === undefined || !equalBytes(again, bytes))
        return { damage: `the ${table} row ${key} is not found by its key` }
      sum.add(table, Buffer.from(key, 'latin1'), bytes)
    }
  }
  const digest = sum.digest()
  const state = rows.get(metaTable, stateKey)
  return {
    state: state === undefined ? '' : Buffer.from(state).toString('hex'),
    rows: digest.rows,
    sum: digest.sum.toString(16),
  }
}

/** Throws a Fault `view-damaged` unless what was walked is what the state row says. */
function requireWhole(macs: RowMacs, walked: Walked): void {
  if ('damage' in walked) throw viewDamaged(walked.damage)
  const { digest } = decodeState(macs, walked.state === '' ? undefined : Buffer.from(walked.state, 'hex'))
  if (digest.rows === walked.rows && digest.sum.toString(16) === walked.sum) return
  throw viewDamaged(`${digest.rows} rows expected by the view's digest, got ${walked.rows}, or others`)
}

/**
 * Walks the view file at `path` in another process. Rejects with a Fault `view-damaged`, also when that process dies; with `view-failed`
 * when it could not even be started (no open file, no memory left), which says nothing about the view.
 */
export async function checkView(path: string, mapBytes: number, macs: RowMacs): Promise<void> {
  if (!existsSync(path)) return
  for (let attempt = 1; ; attempt++) {
    const said = await walked(path, mapBytes)
    if (said !== undefined) return requireWhole(macs, parseWalked(said))
    if (attempt === attemptsMax) throw notWalked(path)
  }
}

function notWalked(path: string): Fault {
  return new Fault(
    'view-failed',
    `the process that reads the whole of ${path} was ended ${attemptsMax} times by signals`,
    {
      retry: true,
    },
  )
}

/** What the walk found; undefined when an order to end came first. Rejects with a Fault `view-damaged` when it died otherwise. */
function walked(path: string, mapBytes: number): Promise<string | undefined> {
  const args = [
    '--disable-sigusr1',
    '--require',
    keepSignals,
    '--disable-warning=ExperimentalWarning',
    checkProgram,
    path,
    String(mapBytes),
  ]
  return new Promise((resolve, reject) => {
    // Not ours: it holds secrets, and what it has Node load may talk or fail, and would be taken for a damaged view.
    const child = execFile(process.execPath, args, { env: childEnvironment(process.env) }, (error, stdout) => {
      process.removeListener('exit', endWalk)
      if (error === null) resolve(stdout)
      // A number is how it ended; a word is why the system did not start it.
      else if (typeof error.code === 'string' && error.code !== outputTooLong) reject(notStarted(path, error))
      else if (orders.includes(error.signal)) resolve(undefined)
      else reject(viewDamaged(`reading the whole of ${path} ended with ${error.signal ?? `code ${error.code}`}`))
    })
    // It keeps signals, and would open the files of a copy anew that was given up and removed.
    const endWalk = (): void => void child.kill('SIGKILL')
    process.once('exit', endWalk)
  })
}

/** What Node calls an output beyond its `maxBuffer`. */
const outputTooLong = 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER'

function notStarted(path: string, cause: Error): Fault {
  return new Fault(
    'view-failed',
    `the process that reads the whole of ${path} could not be started: ${cause.message}`,
    {
      cause,
      retry: true,
    },
  )
}

function parseWalked(said: string): Walked {
  const value: unknown = JSON.parse(said)
  if (typeof value === 'object' && value !== null) {
    if ('damage' in value && typeof value.damage === 'string') return { damage: value.damage }
    if ('state' in value && 'rows' in value && 'sum' in value) {
      const { state, rows, sum } = value
      if (typeof state === 'string' && typeof rows === 'number' && typeof sum === 'string') return { state, rows, sum }
    }
  }
  throw viewDamaged(`what a walk found expected, got ${said.slice(0, 80)}`)
}
