// OpenID Connect sign-in through a provider: authorization code with PKCE, state and nonce. The one door to openid-client. What
// an operator may do here comes from one claim; one who has none of its roles is refused, and told so.

import { createHash } from 'node:crypto'
import {
  type ClientAuth,
  type Configuration,
  ClientSecretBasic,
  ClientSecretPost,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  discovery,
  fetchUserInfo,
} from 'openid-client'
import { type OperatorRole, operatorRoles } from '../../protocol/operator-api.ts'
import { claimAt } from './claim.ts'
import { type JsonObject, isObject, isUnknownList } from '../http/json.ts'
import { isOperatorName } from '../ports/names.ts'
import { keptFresh } from './kept-fresh.ts'
import { operatorLimits } from '../ports/limits.ts'
import { type OidcClientAuth, type OidcSettings, type OperatorPorts, oidcClientAuths } from '../ports/ports.ts'

/** State, nonce and PKCE verifier of one authorization request: bound to the browser by a cookie, each 32 bytes in base64url. */
export type OidcWay = { readonly state: string; readonly nonce: string; readonly verifier: string }

type OidcJudged =
  | { readonly type: 'admitted'; readonly name: string; readonly role: OperatorRole }
  /** Signed in at the provider, but none of the roles is theirs. */
  | { readonly type: 'no-role'; readonly name: string }
  /** The provider said no, or what came back is not what was begun. */
  | { readonly type: 'refused'; readonly error: unknown }

export type Oidc = {
  readonly name: string
  /** The authorization URL to send the browser to; rejects when the provider cannot be reached. */
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
      const location = buildAuthorizationUrl((await provider()).configuration, {
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
        const { configuration, auth } = await provider()
        const granted = () =>
          authorizationCodeGrant(configuration, cameBack, {
            pkceCodeVerifier: way.verifier,
            expectedState: way.state,
            expectedNonce: way.nonce,
            idTokenExpected: true,
          })
        // The code is looked at after the client: it is still good.
        const tokens = await granted().catch((error: unknown) => {
          if (said(error).providerError === 'invalid_client' && auth.tryOther()) return granted()
          throw error
        })
        const claims: unknown = tokens.claims()
        if (!isObject(claims)) return { type: 'refused', error: 'no claims' }
        return judged(await withUserInfo(configuration, tokens.access_token, { claims, settings }), settings)
      } catch (error) {
        return { type: 'refused', error }
      }
    },
  }
}

type Discovered = { readonly configuration: Configuration; readonly auth: ClientAuthChoice }

async function discovered(settings: OidcSettings): Promise<Discovered> {
  const auth = new ClientAuthChoice(settings)
  const configuration = await discoveredAt(settings.issuer, settings, auth).catch((error: unknown) => {
    // What a provider calls itself may differ from what it is called in the slash at the end.
    const other = settings.issuer.endsWith('/') ? settings.issuer.replace(/\/+$/, '') : `${settings.issuer}/`
    if (said(error).code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED') return discoveredAt(other, settings, auth)
    throw error
  })
  auth.choose(configuration.serverMetadata().token_endpoint_auth_methods_supported)
  return { configuration, auth }
}

function discoveredAt(issuer: string, { clientId }: OidcSettings, auth: ClientAuthChoice): Promise<Configuration> {
  const address = new URL(issuer)
  const isHere = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(address.hostname)
  return discovery(address, clientId, undefined, auth.authenticate, {
    timeout: timeoutS,
    // Without TLS only to this machine.
    execute: address.protocol === 'http:' && isHere ? [allowInsecureRequests] : [],
  })
}

/**
 * Client authentication at the provider (RFC 6749 §2.3.1): as the setting says, else as the provider says it takes it. Where it says
 * nothing, it takes the basic scheme (OpenID Connect Discovery §3); where it takes both, this client may be known for one of them only.
 */
class ClientAuthChoice {
  readonly #settings: OidcSettings
  #methods: readonly OidcClientAuth[] = ['basic']

  constructor(settings: OidcSettings) {
    this.#settings = settings
  }

  /** Throws when there is none that we know. */
  choose(supported: readonly string[] = ['client_secret_basic']): void {
    const { clientAuth } = this.#settings
    const known = oidcClientAuths.filter((one) => one !== 'auto' && supported.includes(`client_secret_${one}`))
    this.#methods = clientAuth === 'auto' ? known : [clientAuth]
    if (this.#methods.length > 0) return
    throw new Error(
      `a provider that takes client_secret_basic or client_secret_post expected, it says ${supported.join(', ').slice(0, saidMax)}`,
    )
  }

  /** Whether there is another method, which is the first from now on. */
  tryOther(): boolean {
    const [first, ...others] = this.#methods
    if (first === undefined || others.length === 0) return false
    this.#methods = [...others, first]
    return true
  }

  readonly authenticate: ClientAuth = (...given) => {
    // Asked for at each use, so that a new secret needs no restart.
    const secret = this.#settings.clientSecret()
    const isPost = this.#methods[0] === 'post'
    return isPost ? ClientSecretPost(secret)(...given) : ClientSecretBasic(secret)(...given)
  }
}

/** Some providers put groups and names only where they are asked for (OpenID Connect Core §5.3); the subject must be the same. */
async function withUserInfo(
  configuration: Configuration,
  accessToken: string,
  { claims, settings }: { readonly claims: JsonObject; readonly settings: OidcSettings },
): Promise<JsonObject> {
  const hasRoles = claimAt(claims, settings.rolesClaim) !== undefined
  if (hasRoles || configuration.serverMetadata().userinfo_endpoint === undefined) return claims
  const more: unknown = await fetchUserInfo(configuration, accessToken, String(claims['sub']))
  return isObject(more) ? { ...more, ...claims } : claims
}

const saidMax = 200

type OidcSaid = {
  readonly message: string
  readonly code: string | undefined
  /** The provider's `error` and `error_description` (RFC 6749 §5.2). */
  readonly providerError: string | undefined
  readonly described: string | undefined
}

/** Redacts an error of the provider to what may be logged: what else it holds may be a user's claims or codes. */
export function said(error: unknown): OidcSaid {
  const message = error instanceof Error ? error.message : String(error)
  return {
    message: message.slice(0, saidMax),
    code: textIn(error, 'code') ?? (error instanceof Error ? textIn(error.cause, 'code') : undefined),
    providerError: textIn(error, 'error'),
    described: textIn(error, 'error_description'),
  }
}

function textIn(error: unknown, name: string): string | undefined {
  const value: unknown =
    typeof error === 'object' && error !== null && name in error ? Reflect.get(error, name) : undefined
  return typeof value === 'string' ? value.slice(0, saidMax) : undefined
}

function judged(claims: Readonly<Record<string, unknown>>, settings: OidcSettings): OidcJudged {
  const name = nameOf(claims, settings.issuer)
  const role = roleOf(claimAt(claims, settings.rolesClaim), settings.roles)
  return role === undefined ? { type: 'no-role', name } : { type: 'admitted', name, role }
}

/**
 * Operator name of a provider's user in the journal. Only the subject is theirs for good (OpenID Connect Core §5.7), so part of its hash
 * stands behind what they are called: no two people are one operator, and none is one of the list.
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
  const worth = new Set(claimValues(claim).map((one) => roles.get(one)))
  return operatorRoles.findLast((role) => worth.has(role))
}

/** A list; one text, or several in it with commas or spaces between; or an object that has them as names. */
function claimValues(claim: unknown): readonly string[] {
  if (isUnknownList(claim)) return claim.filter((one) => typeof one === 'string')
  if (typeof claim === 'string') return [claim, ...claim.split(/[\s,]+/)]
  return isObject(claim) ? Object.keys(claim).filter((name) => claim[name] !== false && claim[name] !== null) : []
}
