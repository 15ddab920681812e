// The issuers of account tokens, as the configuration names them: each with the keys that it has now. A key that was taken out of a file
// ends without a restart.

import { Fault } from '../engine/ports/fault.ts'
import type { ServerConfig } from './settings.ts'
import type { Surroundings } from './surroundings.ts'
import { readTextFile } from './text-file.ts'
import { type TokenIssuer, fixedIssuer, issuerOfSeed, localIssuer, remoteIssuer } from './tokens.ts'

/** Throws a Fault `keys-missing` when the file of an issuer's keys has none. */
export function tokenIssuers(
  { tokens, demo }: Pick<ServerConfig, 'tokens' | 'demo'>,
  surroundings: Pick<Surroundings, 'keySet' | 'follow'>,
): readonly TokenIssuer[] {
  const issuers: TokenIssuer[] = []
  const { issuer, jwksUrl, jwksFile } = tokens
  if (issuer !== undefined && jwksUrl !== undefined) issuers.push(remoteIssuer(issuer, jwksUrl))
  else if (issuer !== undefined && jwksFile !== undefined) {
    const file = surroundings.follow(jwksFile, () => fixedIssuer(issuer, readJwks(jwksFile), jwksFile))
    issuers.push({ issuer, keys: (header, token) => file().keys(header, token) })
  }
  const isLocal = tokens.local === 'on' || (tokens.local === 'auto' && (demo || issuers.length === 0))
  if (isLocal) issuers.push(localOne(surroundings))
  return issuers
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
    return JSON.parse(readTextFile(path))
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    throw new Fault('keys-missing', `${path}: a readable JWK set expected: ${said}`, { cause: error })
  }
}
