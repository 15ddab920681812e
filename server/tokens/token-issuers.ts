// The issuers of account tokens, as the configuration names them: each with the keys that it has now. A key that was taken out of a file
// ends without a restart.

import { closeSync, readFileSync } from 'node:fs'
import { Fault } from '../../engine/ports/fault.ts'
import type { Clock } from '../../engine/ports/clock.ts'
import { helperFileBytesMax, openRegular } from '../../store/files/regular-file.ts'
import type { Log } from '../log/log.ts'
import { type RemoteKeys, remoteKeys } from './remote-keys.ts'
import type { ServerConfig } from '../settings/settings.ts'
import type { Surroundings } from '../documents/surroundings.ts'
import { utf8Of } from '../files/text-file.ts'
import { type TokenIssuer, fixedIssuer, issuerOfSeed, localIssuer } from './tokens.ts'

export type TokenIssuers = {
  readonly all: readonly TokenIssuer[]
  /** How old the fetched keys are, ms; undefined when none are fetched. */
  readonly keysAgeMs: () => number | undefined
}

/** A hello that waits for keys is answered before its deadline, ms. */
const keysWaitMaxMs = 2_000

/** Throws a Fault `keys-missing` when the file of an issuer's keys has none. */
export function tokenIssuers(
  { tokens, demo, sessions }: Pick<ServerConfig, 'tokens' | 'demo' | 'sessions'>,
  surroundings: Pick<Surroundings, 'keySet' | 'follow' | 'keep'>,
  from: { readonly clock: Clock; readonly log: Log },
): TokenIssuers {
  const all: TokenIssuer[] = []
  const { issuer, jwksUrl, jwksFile, accountClaim, keysStaleMs: staleMs } = tokens
  let remote: RemoteKeys | undefined
  if (issuer !== undefined && jwksUrl !== undefined) {
    const waitMs = Math.min(keysWaitMaxMs, sessions.authDeadlineMs / 2)
    remote = remoteKeys({ issuer, url: jwksUrl, staleMs, waitMs, ...from })
    surroundings.keep(remote)
    all.push({ issuer, keys: remote.keys, accountClaim })
  } else if (issuer !== undefined && jwksFile !== undefined) {
    const file = surroundings.follow(jwksFile, () => fixedIssuer(issuer, readJwks(jwksFile), jwksFile))
    all.push({ issuer, keys: (header, token) => file().keys(header, token), accountClaim })
  }
  const isLocal = tokens.local === 'on' || (tokens.local === 'auto' && (demo || all.length === 0))
  if (isLocal) all.push(localOne(surroundings))
  return { all, keysAgeMs: () => remote?.ageMs() }
}

/** Made anew when the engine's own keys are others. */
function localOne({ keySet }: Pick<Surroundings, 'keySet'>): TokenIssuer {
  let from = keySet()
  let one = issuerOfSeed(from.issuerSeed)
  return {
    issuer: localIssuer,
    keys: (header, token) => {
      const now = keySet()
      if (now !== from) one = issuerOfSeed(now.issuerSeed)
      from = now
      return one.keys(header, token)
    },
  }
}

function readJwks(path: string): unknown {
  try {
    const fd = openRegular(path, 'read', helperFileBytesMax)
    try {
      return JSON.parse(utf8Of(readFileSync(fd), path))
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    throw new Fault('file-damaged', `${path}: a readable JWK set expected: ${said}`, { cause: error })
  }
}
