// Signing in through a provider of OpenID Connect that is not ours: code, PKCE, state, nonce, and roles out of a claim.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider from 'oidc-provider'
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { operatorLimits } from '../../operators/ports/limits.ts'
import type { OidcSettings } from '../../operators/ports/ports.ts'
import { type Browser, testSite } from '../../operators/test-site.ts'
import { type OperatorRole, operatorPaths } from '../../protocol/operator-api.ts'
import { freePort } from '../support/free-port.ts'

// The provider warns that its keys and its memory are for tests, which is what they are for.
beforeAll(() => {
  for (const level of ['info', 'warn'] as const) vi.spyOn(console, level).mockImplementation(() => undefined)
})

type Person = { readonly sub: string; readonly roles?: unknown; readonly preferred_username?: string }

type ProviderConfiguration = NonNullable<ConstructorParameters<typeof Provider>[1]>
/** What is different at a provider, and about its client. */
type ProviderChange = ProviderConfiguration & {
  /** The only way in which it takes the secret, whatever it says. */
  readonly takes?: 'basic' | 'post'
  readonly client?: Partial<NonNullable<ProviderConfiguration['clients']>[number]>
}

/** A provider on this machine, at which this person signs in and agrees whenever asked. */
async function provider(person: Person, backTo: string, { client, takes, ...more }: ProviderChange = {}) {
  const port = await freePort()
  const issuer = `http://localhost:${port}`
  const oidc = new Provider(issuer, {
    clients: [
      {
        client_id: 'bandpass',
        client_secret: 'a secret',
        redirect_uris: [backTo],
        token_endpoint_auth_method: 'client_secret_post',
        ...client,
      },
    ],
    pkce: { required: () => true },
    claims: { openid: ['sub', 'roles', 'preferred_username', 'realm_access'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['test'] },
    features: { devInteractions: { enabled: false } },
    findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ ...person }) }),
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    ...more,
  })
  const seen: URLSearchParams[] = []
  const callback = oidc.callback()
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', issuer)
    if (url.pathname === '/auth') seen.push(url.searchParams)
    const isBasic = request.headers.authorization !== undefined
    if (url.pathname === '/token' && takes !== undefined && isBasic !== (takes === 'basic')) {
      const error = JSON.stringify({ error: 'invalid_client', error_description: `by ${takes}` })
      return void response.writeHead(401, { 'content-type': 'application/json' }).end(error)
    }
    if (!url.pathname.startsWith('/interaction/')) return void callback(request, response)
    void agreed(oidc, request, response, person)
  })
  await new Promise<void>((resolve) => server.listen(port, 'localhost', resolve))
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  return { issuer, seen, address: server.address() as AddressInfo }
}

/** A provider that says where it signs people in, as long as it has a path, and nothing else. */
async function discoverable(below = '') {
  const port = await freePort()
  const issuer = `http://localhost:${port}${below}`
  const state: { path: string | undefined; failedCount: number } = {
    path: `${below.replace(/\/$/, '')}/auth-1`,
    failedCount: 0,
  }
  const server = createServer((_, response) => {
    if (state.path === undefined) {
      state.failedCount += 1
      return void response.writeHead(503).end()
    }
    const said = {
      issuer,
      authorization_endpoint: `http://localhost:${port}${state.path}`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(said))
  })
  await new Promise<void>((resolve) => server.listen(port, 'localhost', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return Object.assign(state, { issuer })
}

type Details = Awaited<ReturnType<Provider['interactionDetails']>>

/** The person signs in and agrees to everything. */
async function agreed(
  oidc: Provider,
  request: Parameters<Provider['interactionDetails']>[0],
  response: Parameters<Provider['interactionDetails']>[1],
  { sub }: Person,
): Promise<void> {
  const details: Details = await oidc.interactionDetails(request, response)
  const grant = new oidc.Grant({ accountId: sub, clientId: 'bandpass' })
  grant.addOIDCScope('openid profile email')
  const result = { login: { accountId: sub }, consent: { grantId: await grant.save() } }
  await oidc.interactionFinished(request, response, result, {
    mergeWithLastSubmission: Boolean(details.lastSubmission),
  })
}

const roles = new Map<string, OperatorRole>([
  ['bandpass-viewer', 'viewer'],
  ['bandpass-operator', 'operator'],
  ['bandpass-admin', 'admin'],
])

async function world(person: Person, more: Partial<OidcSettings> = {}, change: ProviderChange = {}) {
  const port = await freePort()
  const { issuer, seen } = await provider(person, `http://localhost:${port}${operatorPaths.oidcBack}`, change)
  const settings = {
    issuer,
    clientId: 'bandpass',
    clientSecret: () => 'a secret',
    clientAuth: 'auto' as const,
    scopes: 'openid',
    rolesClaim: 'roles',
    roles,
  }
  const site = await testSite(onTestFinished, { port, oidc: { ...settings, name: 'Example', ...more } })
  return { site, seen, issuer }
}

/** Goes where a browser is sent, each host with its own cookies, until it comes back to us; gives that last address. */
async function sent(browser: Browser, from = operatorPaths.oidc as string): Promise<URL> {
  const start = await browser.raw(from, { method: 'GET', headers: { 'sec-fetch-site': 'same-origin' } })
  const theirs = new Map<string, string>()
  let at = new URL(start.headers.get('location') ?? '', browser.origin)
  while (at.origin !== browser.origin) {
    const cookie = [...theirs].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await fetch(at, { redirect: 'manual', headers: { cookie } })
    for (const set of answer.headers.getSetCookie()) {
      const [pair = ''] = set.split(';')
      theirs.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1))
    }
    const location = answer.headers.get('location')
    if (location === null) throw new Error(`the provider said ${answer.status}: ${await answer.text()}`)
    at = new URL(location, at)
  }
  return at
}

/** Comes back as a browser does: from another site, with the cookies that go along. */
async function cameBack(browser: Browser, at: URL): Promise<string | null> {
  const headers = { 'sec-fetch-site': 'cross-site' }
  const answer = await browser.raw(`${at.pathname}${at.search}`, { method: 'GET', headers })
  expect(answer.status).toBe(302)
  return answer.headers.get('location')
}

describe('an operator of a provider', () => {
  it('is sent there with PKCE, state and nonce, and comes back signed in', async () => {
    const { site, seen } = await world({
      sub: 'u-1',
      roles: ['bandpass-operator'],
      preferred_username: 'Alice@example',
    })
    const browser = site.browser()
    expect((await browser.get(operatorPaths.session)).body.methods.oidc).toBe('Example')
    const back = await sent(browser)
    expect(Object.fromEntries(seen[0] ?? [])).toMatchObject({
      response_type: 'code',
      code_challenge_method: 'S256',
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
    })
    expect(await cameBack(browser, back)).toBe('/')
    const { body } = await browser.get(operatorPaths.session)
    expect([body.signedIn, body.role]).toEqual([true, 'operator'])
    expect(body.name).toMatch(/^alice_[0-9a-f]{10}$/)
    expect((await browser.get(operatorPaths.fleet)).status).toBe(200)
    expect(site.logged.at(-1)).toMatchObject({ event: 'operator.signed-in', fields: { method: 'oidc' } })
    expect(JSON.stringify(site.logged)).not.toMatch(/a secret|code=/)
  })

  it('has the greatest of the roles that the claim is worth, wherever the claim is', async () => {
    const person = { sub: 'u-1', realm_access: { roles: ['other', 'staff', 'bandpass-viewer'] } }
    const rolesOfHouse = new Map<string, OperatorRole>([...roles, ['staff', 'admin']])
    const { site } = await world(person, { rolesClaim: 'realm_access.roles', roles: rolesOfHouse })
    const browser = site.browser()
    expect(await cameBack(browser, await sent(browser))).toBe('/')
    expect((await browser.get(operatorPaths.session)).body.role).toBe('admin')
  })

  it.for([
    ['none', undefined],
    ['others', ['bandpass', 'admin', 'viewer']],
    ['a name of ours in another case', 'BANDPASS-ADMIN'],
    ['what is no text', [1, null, { admin: true }]],
  ] as const)('whose roles are %s is refused, and told so', async ([, claimed]) => {
    const { site } = await world({ sub: 'u-1', roles: claimed })
    const browser = site.browser()
    expect(await cameBack(browser, await sent(browser))).toBe('/?error=no-role')
    expect((await browser.get(operatorPaths.session)).body.signedIn).toBe(false)
    expect(site.logged.at(-1)).toMatchObject({ event: 'operator.sign-in-refused', fields: { says: 'no-role' } })
  })

  it('is nobody of the list, whatever the provider calls them', async () => {
    const { site } = await world({ sub: 'u-2', roles: 'bandpass-viewer', preferred_username: 'adam' })
    const browser = site.browser()
    await cameBack(browser, await sent(browser))
    const { body } = await browser.get(operatorPaths.session)
    expect([body.name.startsWith('adam_'), body.role]).toEqual([true, 'viewer'])
    expect((await browser.post(operatorPaths.beginNewPasskey, {})).body.error).toBe('not-listed')
  })
})

describe('a provider that does it in its own way', () => {
  const person = { sub: 'u-1', roles: ['bandpass-viewer'] }
  const basic = { token_endpoint_auth_method: 'client_secret_basic' } as const

  it.for([
    ['only the basic scheme', { clientAuthMethods: ['client_secret_basic'], client: basic, takes: 'basic' }],
    ['both, and knows this client for the basic scheme', { client: basic, takes: 'basic' }],
    ['both, and knows this client for the body', { takes: 'post' }],
    ['only the body', { clientAuthMethods: ['client_secret_post'], takes: 'post' }],
  ] as const)('is shown the secret as it takes it: %s', async ([, change]: readonly [string, ProviderChange]) => {
    const secret = 'secret: 100% +&=/?'
    const client = { ...change.client, client_secret: secret }
    const { site } = await world(person, { clientSecret: () => secret }, { ...change, client })
    for (const browser of [site.browser(), site.browser()]) {
      expect(await cameBack(browser, await sent(browser))).toBe('/')
    }
  })

  it('is not tried by another way than the setting says', async () => {
    const { site } = await world(person, { clientAuth: 'post' }, { client: basic, takes: 'basic' })
    const browser = site.browser()
    expect(await cameBack(browser, await sent(browser))).toBe('/?error=sign-in-refused')
    expect(site.logged.at(-1)?.fields).toMatchObject({ providerError: 'invalid_client', described: 'by basic' })
  })

  it('that takes no secret is told as what it is', async () => {
    const { site } = await world(person, {}, { clientAuthMethods: ['private_key_jwt'], clients: [] })
    const answer = await site.browser().raw(operatorPaths.oidc, { method: 'GET', headers: {} })
    expect(answer.headers.get('location')).toBe('/?error=provider-failed')
    expect(site.logged.at(-1)).toMatchObject({
      event: 'operator.provider-failed',
      fields: { message: expect.stringContaining('it says private_key_jwt') },
    })
  })

  it('says why a sign-in was refused, and the log has it, shortened', async () => {
    const { site } = await world(person)
    const browser = site.browser()
    const back = await sent(browser)
    back.searchParams.delete('code')
    back.searchParams.set('error', 'access_denied')
    back.searchParams.set('error_description', `not in the group ${'x'.repeat(500)}`)
    expect(await cameBack(browser, back)).toBe('/?error=sign-in-refused')
    const { fields } = site.logged.at(-1) ?? {}
    expect(fields).toMatchObject({
      providerError: 'access_denied',
      described: expect.stringMatching(/^not in the group x{183}$/),
    })
  })

  it('tells the roles only where it is asked for them', async () => {
    const { site } = await world(
      person,
      {},
      { conformIdTokenClaims: true, claims: { openid: ['sub'], profile: ['roles'] } },
    )
    const browser = site.browser()
    expect(await cameBack(browser, await sent(browser))).toBe('/?error=no-role')
    const asked = await world(
      person,
      { scopes: 'openid profile' },
      { conformIdTokenClaims: true, claims: { openid: ['sub'], profile: ['roles'] } },
    )
    const other = asked.site.browser()
    expect(await cameBack(other, await sent(other))).toBe('/')
  })

  it.for([
    ['one text', 'bandpass-viewer', 'viewer'],
    ['a text of several', 'staff, bandpass-viewer bandpass-operator', 'operator'],
    ['names of an object', { staff: {}, 'bandpass-admin': { org: '1' }, 'bandpass-viewer': false }, 'admin'],
  ] as const)('has the roles as %s', async ([, claimed, role]) => {
    const { site } = await world({ sub: 'u-1', roles: claimed })
    const browser = site.browser()
    expect(await cameBack(browser, await sent(browser))).toBe('/')
    expect((await browser.get(operatorPaths.session)).body.role).toBe(role)
  })

  it('may be named with or without a slash at the end', async () => {
    const { site, issuer } = await world(person)
    expect(issuer).not.toMatch(/\/$/)
    const browser = site.browser()
    expect(await cameBack(browser, await sent(browser))).toBe('/')
    const provider = await discoverable('/realms/a/')
    for (const named of [provider.issuer, provider.issuer.replace(/\/$/, '')]) {
      const settings = {
        issuer: named,
        clientId: 'b',
        clientSecret: () => 's',
        clientAuth: 'auto' as const,
        scopes: 'openid',
      }
      const oidc = { ...settings, rolesClaim: 'roles', roles, name: 'Example' }
      const other = await testSite(onTestFinished, { oidc })
      const answer = await other.browser().raw(operatorPaths.oidc, { method: 'GET', headers: {} })
      expect(new URL(answer.headers.get('location') ?? '', 'http://x').pathname, named).toBe('/realms/a/auth-1')
    }
  })
})

describe('a way back that is not the one begun', () => {
  const person = { sub: 'u-1', roles: ['bandpass-admin'] }

  it('signs nobody in a second time', async () => {
    const { site } = await world(person)
    const browser = site.browser()
    const back = await sent(browser)
    expect(await cameBack(browser, back)).toBe('/')
    const again = site.browser()
    for (const [name, value] of browser.cookies) again.cookies.set(name, value)
    again.cookies.delete([...browser.cookies.keys()].find((name) => !name.endsWith('-oidc')) ?? '')
    expect(await cameBack(again, back)).toBe('/?error=sign-in-refused')
  })

  it('signs no one in in another browser: a link cannot make anybody someone else', async () => {
    const { site } = await world(person)
    const back = await sent(site.browser())
    expect(await cameBack(site.browser(), back)).toBe('/?error=sign-in-refused')
  })

  it.for([
    ['state', (url: URL) => url.searchParams.set('state', 'A'.repeat(43))],
    ['code', (url: URL) => url.searchParams.set('code', 'A'.repeat(43))],
    ['issuer', (url: URL) => url.searchParams.set('iss', 'https://evil.example')],
  ] as const)('signs nobody in with another %s', async ([, spoil]) => {
    const { site } = await world(person)
    const browser = site.browser()
    const back = await sent(browser)
    spoil(back)
    expect(await cameBack(browser, back)).toBe('/?error=sign-in-refused')
    expect((await browser.get(operatorPaths.session)).body.signedIn).toBe(false)
  })

  it('signs nobody in with a code that was given for another sign-in', async () => {
    const { site } = await world(person)
    const [mine, theirs] = [site.browser(), site.browser()]
    const [back, other] = [await sent(mine), await sent(theirs)]
    back.searchParams.set('code', other.searchParams.get('code') ?? '')
    expect(await cameBack(mine, back)).toBe('/?error=sign-in-refused')
  })

  it('leads back to the page when the provider is away', async () => {
    const port = await freePort()
    const settings = {
      issuer: `http://localhost:${port}`,
      clientId: 'b',
      clientSecret: () => 's',
      clientAuth: 'auto' as const,
      scopes: 'openid',
    }
    const oidc = { ...settings, rolesClaim: 'roles', roles, name: 'Example' }
    const site = await testSite(onTestFinished, { oidc })
    const answer = await site.browser().raw(operatorPaths.oidc, { method: 'GET', headers: {} })
    expect([answer.status, answer.headers.get('location')]).toEqual([302, '/?error=provider-failed'])
    // Whoever asks again and again fills no log.
    await site.browser().raw(operatorPaths.oidc, { method: 'GET', headers: {} })
    expect(site.logged).toMatchObject([{ level: 'error', event: 'operator.provider-failed' }])
  })

  it('signs in with the secret that the engine has now, without a restart of it', async () => {
    let secret = 'the old one'
    const { site } = await world({ sub: '1', roles: ['bandpass-viewer'] }, { clientSecret: () => secret })
    const browser = site.browser()
    expect(await cameBack(browser, await sent(browser))).toBe('/?error=sign-in-refused')
    secret = 'a secret'
    expect(await cameBack(browser, await sent(browser))).toBe('/')
  })

  it('is sent to where the provider is now, and to where it was while it does not say', async () => {
    const provider = await discoverable()
    const oidc = {
      issuer: provider.issuer,
      clientId: 'b',
      clientSecret: () => 's',
      clientAuth: 'auto' as const,
      scopes: 'openid',
      rolesClaim: 'roles',
      roles,
      name: 'Example',
    }
    const site = await testSite(onTestFinished, { oidc })
    const sentTo = async (): Promise<string> => {
      const answer = await site.browser().raw(operatorPaths.oidc, { method: 'GET', headers: {} })
      return new URL(answer.headers.get('location') ?? '', provider.issuer).pathname
    }
    expect(await sentTo()).toBe('/auth-1')
    provider.path = '/auth-2'
    site.clock.pass(operatorLimits.providerReadEveryMs)
    await vi.waitFor(async () => expect(await sentTo()).toBe('/auth-2'))
    provider.path = undefined
    for (let time = 0; time < 2; time++) {
      site.clock.pass(operatorLimits.providerReadEveryMs)
      expect(await sentTo()).toBe('/auth-2')
      await vi.waitFor(() => expect(provider.failedCount).toBe(time + 1))
    }
    expect(site.logged.filter(({ event }) => event === 'operator.provider-failed')).toHaveLength(1)
    provider.path = '/auth-3'
    site.clock.pass(operatorLimits.providerReadEveryMs)
    await vi.waitFor(async () => expect(await sentTo()).toBe('/auth-3'))
    expect(site.logged.filter(({ event }) => event === 'operator.provider-back')).toHaveLength(1)
  })
})
