// Signing in through a provider: OpenID Connect, authorization code with PKCE, state and nonce. The one door to openid-client. What
// somebody may do here comes from one claim; who has none of its roles is refused, and told so.

import { createHash } from 'node:crypto'
import {
  type ClientAuth,
  type Configuration,
  ClientSecretPost,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  discovery,
} from 'openid-client'
import { type OperatorRole, operatorRoles } from '../protocol/operator-api.ts'
import { claimAt } from './claim.ts'
import { isObject, isUnknownList } from './json.ts'
import { isOperatorName } from './names.ts'
import { keptFresh } from './kept-fresh.ts'
import { operatorLimits } from './limits.ts'
import type { OidcSettings, OperatorPorts } from './ports.ts'

/** What must come back: bound to the browser by a cookie, each 32 bytes in base64url. */
export type OidcWay = { readonly state: string; readonly nonce: string; readonly verifier: string }

type OidcJudged =
  | { readonly type: 'admitted'; readonly name: string; readonly role: OperatorRole }
  /** Signed in at the provider, but none of the roles is theirs. */
  | { readonly type: 'no-role'; readonly name: string }
  /** The provider said no, or what came back is not what was begun. */
  | { readonly type: 'refused'; readonly error: unknown }

export type Oidc = {
  readonly name: string
  /** Where to send the browser; rejects when the provider cannot be reached. */
  readonly begin: (way: OidcWay) => Promise<string>
  /** Judges the address that the provider sent the browser back to. */
  readonly finish: (cameBack: URL, way: OidcWay) => Promise<OidcJudged>
}

const timeoutS = 10

export function createOidc(
  settings: OidcSettings,
  from: Pick<OperatorPorts, 'clock' | 'log'> & { readonly backTo: () => string },
): Oidc {
  const { clock, log } = from
  const provider = keptFresh(() => discovered(settings), {
    clock,
    everyMs: operatorLimits.providerReadEveryMs,
    told: (error) => {
      if (error === undefined) log('info', 'operator.provider-back', { issuer: settings.issuer })
      else log('error', 'operator.provider-failed', { issuer: settings.issuer, ...said(error) })
    },
  })
  return {
    name: settings.name,
    async begin(way) {
      const location = buildAuthorizationUrl(await provider(), {
        redirect_uri: from.backTo(),
        scope: settings.scopes,
        response_type: 'code',
        code_challenge: await calculatePKCECodeChallenge(way.verifier),
        code_challenge_method: 'S256',
        state: way.state,
        nonce: way.nonce,
      })
      return location.href
    },
    async finish(cameBack, way) {
      try {
        const tokens = await authorizationCodeGrant(await provider(), cameBack, {
          pkceCodeVerifier: way.verifier,
          expectedState: way.state,
          expectedNonce: way.nonce,
          idTokenExpected: true,
        })
        const claims: unknown = tokens.claims()
        return isObject(claims) ? judged(claims, settings) : { type: 'refused', error: 'no claims' }
      } catch (error) {
        return { type: 'refused', error }
      }
    },
  }
}

async function discovered({ issuer, clientId, clientSecret }: OidcSettings): Promise<Configuration> {
  const address = new URL(issuer)
  const isHere = ['localhost', '127.0.0.1', '[::1]'].includes(address.hostname)
  // Asked for at each use, so that a new secret needs no restart.
  const auth: ClientAuth = (...given) => ClientSecretPost(clientSecret())(...given)
  return discovery(address, clientId, undefined, auth, {
    timeout: timeoutS,
    // Without TLS only to this machine.
    execute: address.protocol === 'http:' && isHere ? [allowInsecureRequests] : [],
  })
}

/** Of an error of the provider's: what else it holds may be somebody's claims or codes. */
export function said(error: unknown): { readonly message: string; readonly code: string | undefined } {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return { message: error instanceof Error ? error.message : String(error), code }
}

function judged(claims: Readonly<Record<string, unknown>>, settings: OidcSettings): OidcJudged {
  const name = nameOf(claims, settings.issuer)
  const role = roleOf(claimAt(claims, settings.rolesClaim), settings.roles)
  return role === undefined ? { type: 'no-role', name } : { type: 'admitted', name, role }
}

/**
 * What the journal calls them. Only the subject is theirs for good (OpenID Connect Core §5.7), so part of its hash stands behind
 * what they are called: no two people are one operator, and none is one of the list.
 */
function nameOf(claims: Readonly<Record<string, unknown>>, issuer: string): string {
  const hash = createHash('sha256')
    .update(`${issuer}\n${String(claims['sub'])}`)
    .digest('hex')
    .slice(0, 10)
  const called = claims['preferred_username'] ?? claims['email']
  const readable = typeof called === 'string' ? called.toLowerCase().replace(/@.*$/, '').slice(0, 20) : ''
  return isOperatorName(readable) ? `${readable}_${hash}` : `oidc_${hash}`
}

/** The greatest of the roles that the claim's values are worth. */
function roleOf(claim: unknown, roles: ReadonlyMap<string, OperatorRole>): OperatorRole | undefined {
  const values = isUnknownList(claim) ? claim : [claim]
  const worth = new Set(values.map((one) => (typeof one === 'string' ? roles.get(one) : undefined)))
  return operatorRoles.findLast((role) => worth.has(role))
}
