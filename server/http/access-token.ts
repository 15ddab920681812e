// Bearer tokens of the server (RFC 6750). Tokens that open a part of the server: the admin token for imports, meters and partners, the metrics
// token for /metrics alone. Each is a file of its own, made at the first start; a new content is taken within a second, so that a token that
// leaked ends without a restart.

import { dirname } from 'node:path'
import { base64url } from '../../base/base64url.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { equalSecret } from '../../crypto/primitives/secret.ts'
import { RecentKeys } from '../../base/recent-keys.ts'
import { addressKey } from '../../engine/ports/address.ts'
import type { Chores } from '../../engine/ports/chores.ts'
import type { Clock } from '../../engine/ports/clock.ts'
import { Fault } from '../../engine/ports/fault.ts'
import { ascii, encodeUtf8 } from '../../base/bytes.ts'
import type { HttpAnswer, HttpRequest } from '../../transport/listener.ts'
import { TokenBucket } from '../../base/token-bucket.ts'
import { refusal } from './json-answer.ts'
import { makePrivateFolder } from '../../store/files/private-folder.ts'
import { createPrivateFile, readPrivateFile } from '../files/private-file.ts'
import { orNotWritten } from '../files/not-written.ts'
import { ReloadedFile } from '../files/reloaded-file.ts'

export type AccessToken = {
  readonly path: string
  /** What an Authorization header is worth; attempts of one address are limited, good ones are not. */
  readonly judge: (authorization: string, remoteAddress: string) => 'admitted' | 'refused' | 'too-many'
  readonly stop: () => void
}

/** Wrong tokens of one address: so many at once, then so many a second. */
export const wrongTokensRate = { perSecond: 1, burst: 10 }
/** Addresses that are remembered for a wrong token; the oldest is forgotten first. */
const addressesMax = 10_000
const tokenBytes = 32

/** Opens the token's file, or makes it. Throws a Fault: `file-not-private` when others may read it, `file-damaged` when it holds no token. */
export function openAccessToken(
  path: string,
  { clock, chores }: { readonly clock: Pick<Clock, 'monotonicMs'>; readonly chores: Chores },
  told: (error: unknown) => void,
): AccessToken {
  orNotWritten(path, () => makePrivateFolder(dirname(path)))
  if (readPrivateFile(path) === undefined) {
    createPrivateFile(path, `${base64url(nodePrimitives.randomBytes(tokenBytes))}\n`)
  }
  const file = new ReloadedFile(path, () => readToken(path), told)
  file.follow(chores)
  const attempts = new RecentKeys<string, TokenBucket>(addressesMax)
  return {
    path,
    judge(authorization, remoteAddress) {
      // Compared first: behind a proxy all have one address, and who guesses there must not lock out who need not.
      if (equalSecret(encodeUtf8(bearerOf(authorization)), ascii(file.content))) return 'admitted'
      const nowMs = clock.monotonicMs()
      const key = addressKey(remoteAddress)
      const bucket = attempts.get(key) ?? new TokenBucket(wrongTokensRate, nowMs)
      if (!bucket.take(1, nowMs)) return 'too-many'
      attempts.set(key, bucket)
      return 'refused'
    },
    stop: () => file.stop(),
  }
}

/** What follows the scheme, which has no case (RFC 9110 §11.1), and one or more spaces; empty without that scheme. */
function bearerOf(authorization: string): string {
  return /^bearer +(\S+)\s*$/i.exec(authorization)?.[1] ?? ''
}

/** The answer for who does not show the token, whose file people know by this name; undefined for who does. */
export function refusedBy(
  token: Pick<AccessToken, 'judge'>,
  name: 'admin-token' | 'metrics-token',
  { header, remoteAddress }: HttpRequest,
): HttpAnswer | undefined {
  switch (token.judge(header('authorization'), remoteAddress)) {
    case 'admitted':
      return undefined
    case 'too-many':
      return refusal(429, 'too-many-attempts', 'expected fewer wrong tokens from this address', 1)
    case 'refused': {
      const answer = refusal(401, 'unauthorized', `expected Authorization: Bearer, and the token of the ${name} file`)
      return { ...answer, headers: { 'www-authenticate': 'Bearer' } }
    }
  }
}

/** The token in a file, for who shows it. Throws a Fault: `keys-missing` when there is none, `file-damaged` when it is no token, `file-not-private`. */
export function readToken(path: string): string {
  const token = readPrivateFile(path)?.trim()
  if (token === undefined) throw new Fault('keys-missing', `${path}: a file with a token expected, there is none`)
  if (/^[\w-]{32,512}$/.test(token)) return token
  throw new Fault(
    'file-damaged',
    `${path}: a token of 32 to 512 of A-Z a-z 0-9 - _ expected; remove the file, and the next start makes one`,
  )
}
