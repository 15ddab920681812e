// Configuration of a peer's process, passed as JSON when it starts.

import type { PeerLimits } from './ledger.ts'

export type PeerConfig = {
  readonly database: 'postgres' | 'redis'
  /** PostgreSQL: the folder of its socket and the user; Redis: the socket itself, as `socketFolder`. */
  readonly place: { readonly socketFolder: string; readonly user: string }
  readonly connections: number
  readonly limits: PeerLimits
  readonly seed: string
  readonly bands: number
  readonly linkEpoch: number
}

/** Reads what `JSON.stringify` made of a config. Throws on anything else. */
export function readPeerConfig(text: string): PeerConfig {
  const read: unknown = JSON.parse(text)
  if (!isConfig(read)) throw new TypeError('a peer config expected')
  return read
}

function isConfig(read: unknown): read is PeerConfig {
  return (
    typeof read === 'object' &&
    read !== null &&
    'database' in read &&
    (read.database === 'postgres' || read.database === 'redis') &&
    'place' in read &&
    'connections' in read &&
    'limits' in read &&
    'seed' in read &&
    'bands' in read &&
    'linkEpoch' in read
  )
}
