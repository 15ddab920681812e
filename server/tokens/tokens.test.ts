import { type JWTPayload, SignJWT, UnsecuredJWT, base64url, exportJWK, generateKeyPair } from 'jose'
import { describe, expect, it, onTestFinished } from 'vitest'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import type { TokenRefusal } from '../../engine/ports/surroundings.ts'
import { fromHex } from '../../base/bytes.ts'
import { realClock } from '../machine/real-clock.ts'
import { remoteKeys } from './remote-keys.ts'
import { testLog } from '../log/test-folder.ts'
import { createTokens, fixedIssuer, issuerOfSeed, localIssuer, mintToken, thumbprintOf } from './tokens.ts'

const nowMs = 1_800_000_000_000
const nowS = nowMs / 1_000
const audience = 'bandpass'
const issuer = 'https://issuer.test'
const sessionKey = nodePrimitives.ed25519PublicKey(new Uint8Array(32).fill(5))

type Pair = Awaited<ReturnType<typeof generateKeyPair>>
const ed25519 = await generateKeyPair('EdDSA', { extractable: true })
const p256 = await generateKeyPair('ES256', { extractable: true })
const rsa = await generateKeyPair('RS256', { extractable: true })
const jwks = {
  keys: [
    { ...(await exportJWK(ed25519.publicKey)), kid: 'ed' },
    { ...(await exportJWK(p256.publicKey)), kid: 'p' },
    { ...(await exportJWK(rsa.publicKey)), kid: 'r' },
  ],
}
const tokens = createTokens({ issuers: [fixedIssuer(issuer, jwks, 'test')], audience, nowMs: () => nowMs })

const claims: JWTPayload = {
  iss: issuer,
  aud: audience,
  sub: 'alice',
  iat: nowS,
  exp: nowS + 60,
  auth_time: nowS - 10,
  cnf: { jkt: thumbprintOf(sessionKey) },
}

function sign(
  payload: JWTPayload,
  header: { alg: string; kid?: string; [more: string]: unknown },
  key: Pair['privateKey'] | Uint8Array,
) {
  return new SignJWT(payload).setProtectedHeader(header).sign(key)
}

function signed(changes: Readonly<Record<string, unknown>>): Promise<string> {
  const payload: JWTPayload = { ...claims, ...changes }
  for (const [name, value] of Object.entries(payload)) if (value === undefined) delete payload[name]
  return sign(payload, { alg: 'EdDSA', kid: 'ed' }, ed25519.privateKey)
}

/** Why this token is refused, as the engine's side hears it. */
async function reasonsOf(token: string): Promise<readonly TokenRefusal[]> {
  const heard: TokenRefusal[] = []
  const issuers = [fixedIssuer(issuer, jwks, 'test')]
  const told = createTokens({ issuers, audience, nowMs: () => nowMs, refused: (reason) => heard.push(reason) })
  expect(await told.verify(token, sessionKey)).toBeUndefined()
  return heard
}

describe('an account token', () => {
  it.for([
    ['EdDSA', 'ed', ed25519],
    ['Ed25519', 'ed', ed25519],
    ['ES256', 'p', p256],
  ] as const)('signed with %s by a listed key is good', async ([alg, kid, pair]) => {
    const token = await sign(claims, { alg, kid }, pair.privateKey)
    expect(await tokens.verify(token, sessionKey)).toEqual({
      account: 'alice',
      authTimeMs: nowMs - 10_000,
      expiresAtMs: nowMs + 60_000,
      scopes: [],
      boundToKey: true,
      hubAccounts: [],
    })
  })

  it('is refused without a signature (alg none)', async () => {
    expect(await tokens.verify(new UnsecuredJWT(claims).encode(), sessionKey)).toBeUndefined()
  })

  it('is refused with HS256, even when the secret is the public key', async () => {
    for (const kid of ['ed', 'p']) {
      const jwk = jwks.keys.find((one) => one.kid === kid)
      const secrets = [base64url.decode(jwk?.x ?? ''), new TextEncoder().encode(JSON.stringify(jwk))]
      for (const secret of secrets) {
        const token = await sign(claims, { alg: 'HS256', kid }, secret)
        expect(await tokens.verify(token, sessionKey)).toBeUndefined()
      }
    }
  })

  it('is refused with RS256: a listed RSA key is no key of ours', async () => {
    expect(
      await tokens.verify(await sign(claims, { alg: 'RS256', kid: 'r' }, rsa.privateKey), sessionKey),
    ).toBeUndefined()
  })

  it('is refused when its algorithm is not that of the key it names', async () => {
    const token = await sign(claims, { alg: 'ES256', kid: 'ed' }, p256.privateKey)
    expect(await tokens.verify(token, sessionKey)).toBeUndefined()
    const other = await sign(claims, { alg: 'EdDSA', kid: 'p' }, ed25519.privateKey)
    expect(await tokens.verify(other, sessionKey)).toBeUndefined()
  })

  it('cannot bring its own key', async () => {
    const own = await generateKeyPair('EdDSA', { extractable: true })
    const jwk = await exportJWK(own.publicKey)
    for (const header of [
      { alg: 'EdDSA', jwk },
      { alg: 'EdDSA', kid: 'ed', jwk },
      { alg: 'EdDSA', kid: 'ed', jku: 'https://thief.test/jwks' },
      { alg: 'EdDSA', kid: 'thief' },
      { alg: 'EdDSA', kid: 'ed', x5u: 'https://thief.test/cert' },
    ]) {
      expect(await tokens.verify(await sign(claims, header, own.privateKey), sessionKey)).toBeUndefined()
    }
  })

  it.for([
    ['of another issuer', { iss: 'https://thief.test' }],
    ['without an issuer', { iss: undefined }],
    ['for another audience', { aud: 'elsewhere' }],
    ['without an audience', { aud: undefined }],
    ['without a subject', { sub: undefined }],
    ['whose subject is no account id', { sub: 'alice/../bob' }],
    ['without an expiry', { exp: undefined }],
    ['that expired 6 s ago', { exp: nowS - 6 }],
    ['that is valid from 6 s from now', { nbf: nowS + 6 }],
  ] as const)('%s is refused', async ([, changes]) => {
    expect(await tokens.verify(await signed(changes), sessionKey)).toBeUndefined()
  })

  it('is taken as providers write it', async () => {
    const accountIn = async (changes: Readonly<Record<string, unknown>>) =>
      (await tokens.verify(await signed(changes), sessionKey))?.account
    expect(await accountIn({ sub: 'auth0|65f0c0ffee' })).toBe('sub.auth0.7C65f0c0ffee')
    expect(await accountIn({ iss: `${issuer}/` })).toBe('alice')
    expect(await accountIn({ aud: ['elsewhere', audience], azp: 'app' })).toBe('alice')
    expect(await accountIn({ exp: nowS + 60.5 })).toBe('alice')
    for (const iss of [`${issuer}//`, `${issuer}/x`, issuer.toUpperCase()])
      expect(await accountIn({ iss })).toBeUndefined()
    const typed = await sign(claims, { alg: 'EdDSA', typ: 'at+jwt' }, ed25519.privateKey)
    expect(await tokens.verify(typed, sessionKey)).toBeDefined()
  })

  it('may be of any key with its name, or of any key when it has none', async () => {
    const twins = { keys: [p256, ed25519, await generateKeyPair('EdDSA')] }
    const keys = await Promise.all(
      twins.keys.map(async ({ publicKey }) => ({ ...(await exportJWK(publicKey)), kid: 'same' })),
    )
    const of = createTokens({
      issuers: [fixedIssuer(issuer, { keys: keys.toReversed() }, 'test')],
      audience,
      nowMs: () => nowMs,
    })
    for (const header of [{ alg: 'EdDSA', kid: 'same' }, { alg: 'EdDSA' }]) {
      expect(await of.verify(await sign(claims, header, ed25519.privateKey), sessionKey)).toBeDefined()
    }
    const other = await generateKeyPair('EdDSA')
    expect(await of.verify(await sign(claims, { alg: 'EdDSA' }, other.privateKey), sessionKey)).toBeUndefined()
  })

  it('is of the account that the claim says which the setting names', async () => {
    const accountBy = async (accountClaim: string, changes: Readonly<Record<string, unknown>>) => {
      const from = { ...fixedIssuer(issuer, jwks, 'test'), accountClaim }
      const of = createTokens({ issuers: [from], audience, nowMs: () => nowMs })
      return (await of.verify(await signed(changes), sessionKey))?.account
    }
    expect(await accountBy('wallet', { wallet: 'w-1', sub: undefined })).toBe('w-1')
    expect(await accountBy('https://app.example/wallet', { 'https://app.example/wallet': 'w-2' })).toBe('w-2')
    expect(await accountBy('app.wallet', { app: { wallet: 'w-3' } })).toBe('w-3')
    expect(await accountBy('app.wallet', { app: { wallet: 7 } })).toBeUndefined()
    expect(await accountBy('email', { email: 'a@b.example', email_verified: true })).toBe('sub.a.40b.2Eexample')
    for (const verified of [undefined, false, 'true']) {
      expect(await accountBy('email', { email: 'a@b.example', email_verified: verified })).toBeUndefined()
    }
  })

  it('says in its scope, also by another name, what kind of session it is for', async () => {
    const scopesIn = async (changes: Readonly<Record<string, unknown>>) =>
      (await tokens.verify(await signed(changes), sessionKey))?.scopes
    expect(await scopesIn({ scp: 'hub x' })).toEqual(['hub', 'x'])
    expect(await scopesIn({ scp: ['hub'] })).toEqual(['hub'])
    expect(await scopesIn({ scope: 'web', scp: ['hub'] })).toEqual(['web'])
    for (const scp of [7, null, [7], { hub: true }]) expect(await scopesIn({ scp })).toBeUndefined()
  })

  it.for([
    ['issuer', { iss: 'https://thief.test' }],
    ['audience', { aud: 'elsewhere' }],
    ['expired', { exp: nowS - 6 }],
    ['not-yet-valid', { nbf: nowS + 6 }],
    ['subject', { sub: 'alice/../bob' }],
    ['scope', { scope: ['hub'] }],
  ] as const)('that is refused for its %s says so to those who run the engine', async ([reason, changes]) => {
    expect(await reasonsOf(await signed(changes))).toEqual([reason])
  })

  it('that is refused for its key, algorithm, signature or shape says so to those who run the engine', async () => {
    const own = await generateKeyPair('EdDSA')
    expect(await reasonsOf(await sign(claims, { alg: 'EdDSA', kid: 'none' }, own.privateKey))).toEqual(['key'])
    expect(await reasonsOf(await sign(claims, { alg: 'RS256', kid: 'r' }, rsa.privateKey))).toEqual(['algorithm'])
    expect(await reasonsOf(await sign(claims, { alg: 'EdDSA', kid: 'ed' }, own.privateKey))).toEqual(['signature'])
    for (const text of ['', 'a.b.c', 'x']) expect(await reasonsOf(text)).toEqual(['malformed'])
  })

  it('may be off by the 5 s that clocks may differ', async () => {
    expect(await tokens.verify(await signed({ exp: nowS - 4, nbf: nowS - 60 }), sessionKey)).toBeDefined()
    expect(await tokens.verify(await signed({ nbf: nowS + 4 }), sessionKey)).toBeDefined()
  })

  it('of somebody else, or altered, is refused', async () => {
    const token = await signed({})
    const [header, payload, signature] = token.split('.')
    const mallory = base64url.encode(JSON.stringify({ ...claims, sub: 'bob' }))
    for (const altered of [
      `${header}.${mallory}.${signature}`,
      `${header}.${payload}.`,
      `${header}.${payload}`,
      '',
      'a.b.c',
      `${token}x`,
    ]) {
      expect(await tokens.verify(altered, sessionKey)).toBeUndefined()
    }
  })

  it('says whether it is bound to the session key, of either kind', async () => {
    const p256Key = nodePrimitives.p256PublicKey(new Uint8Array(32).fill(7))
    const bound = async (cnf: unknown, key: Uint8Array) => (await tokens.verify(await signed({ cnf }), key))?.boundToKey
    expect(await bound({ jkt: thumbprintOf(p256Key) }, p256Key)).toBe(true)
    expect(await bound({ jkt: thumbprintOf(p256Key) }, sessionKey)).toBe(false)
    expect(await bound(undefined, sessionKey)).toBe(false)
    expect(await bound({ jkt: '' }, sessionKey)).toBe(false)
    expect(await bound({ jkt: thumbprintOf(sessionKey) }, new Uint8Array(33))).toBe(false)
    expect(await bound({ jkt: undefined }, new Uint8Array(5))).toBe(false)
  })

  it('carries scopes, and the accounts of a hub', async () => {
    const token = await signed({ scope: 'hub  web', accounts: ['alice', 3, 'bob'] })
    expect(await tokens.verify(token, sessionKey)).toMatchObject({
      scopes: ['hub', 'web'],
      hubAccounts: ['alice', 'bob'],
    })
    expect(await tokens.verify(await signed({ accounts: '*' }), sessionKey)).toMatchObject({ hubAccounts: [] })
  })

  it.each([[['hub']], [7], [null], [{ hub: true }]])(
    'is refused with scopes %j, which would read as none',
    async (scope) => {
      expect(await tokens.verify(await signed({ scope }), sessionKey)).toBeUndefined()
    },
  )

  it('rejects, rather than refuses, when the keys cannot be had', async () => {
    const { log } = testLog()
    const options = { issuer, url: 'http://127.0.0.1:1/jwks', staleMs: 0, waitMs: 1_000, clock: realClock, log }
    const remoteIssuer = () => {
      const remote = remoteKeys(options)
      onTestFinished(() => remote.stop())
      return remote
    }
    const unreachable = createTokens({
      issuers: [remoteIssuer()],
      audience,
      nowMs: () => nowMs,
    })
    await expect(unreachable.verify(await signed({}), sessionKey)).rejects.toMatchObject({
      code: 'issuer-unreachable',
      retry: true,
    })
  })
})

describe('the thumbprint of a session key', () => {
  it('is that of RFC 8037, appendix A.3', () => {
    const key = fromHex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a')
    expect(thumbprintOf(key)).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
  })

  it('of a P-256 key is taken over its point, which must be on the curve', async () => {
    const { x, y } = await exportJWK(p256.publicKey)
    const point = base64url.decode(y ?? '')
    const compressed = new Uint8Array([2 + ((point[31] ?? 0) & 1), ...base64url.decode(x ?? '')])
    const { calculateJwkThumbprint } = await import('jose')
    expect(thumbprintOf(compressed)).toBe(
      await calculateJwkThumbprint({ kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '' }),
    )
    expect(thumbprintOf(new Uint8Array(33).fill(255))).toBeUndefined()
  })
})

describe('the local issuer', () => {
  const seed = new Uint8Array(32).fill(9)
  const local = createTokens({ issuers: [issuerOfSeed(seed)], audience, nowMs: () => nowMs })
  const request = { account: 'alice', sessionKey, audience, lifeS: 60, nowMs }

  it('makes tokens that say the wearer has just signed in, bound to the phone', async () => {
    const claimed = await local.verify(await mintToken(seed, request), sessionKey)
    expect(claimed).toMatchObject({
      account: 'alice',
      authTimeMs: nowMs,
      boundToKey: true,
      expiresAtMs: nowMs + 60_000,
    })
  })

  it('is not believed where it is not accepted, nor by an engine with another seed', async () => {
    const token = await mintToken(seed, request)
    expect(await tokens.verify(token, sessionKey)).toBeUndefined()
    const others = createTokens({ issuers: [issuerOfSeed(new Uint8Array(32))], audience, nowMs: () => nowMs })
    expect(await others.verify(token, sessionKey)).toBeUndefined()
  })

  it("cannot be claimed with another issuer's key", async () => {
    const both = createTokens({
      issuers: [issuerOfSeed(seed), fixedIssuer(issuer, jwks, 'test')],
      audience,
      nowMs: () => nowMs,
    })
    expect(await both.verify(await signed({ iss: localIssuer }), sessionKey)).toBeUndefined()
    expect(await both.verify(await signed({}), sessionKey)).toBeDefined()
  })
})

describe('a set of issuer keys', () => {
  it('may have keys that are not ours beside those that are, and write them as base64', async () => {
    const [ed] = jwks.keys
    const padded = { ...ed, x: `${(ed?.x ?? '').replaceAll('-', '+').replaceAll('_', '/')}=`, alg: 'EdDSA', use: 'sig' }
    const strange = [
      null,
      7,
      { kty: 'oct', k: 'x' },
      { kty: 'EC', crv: 'P-256', x: ed?.x },
      { kty: 'OKP', crv: 'X25519', x: ed?.x },
    ]
    const { kids } = fixedIssuer(
      issuer,
      { keys: [...strange, { ...ed, kid: 'enc', alg: 'ECDH-ES' }, padded] },
      'keys.json',
    )
    expect([...kids]).toEqual(['ed'])
    const of = createTokens({ issuers: [fixedIssuer(issuer, { keys: [padded] }, 'x')], audience, nowMs: () => nowMs })
    expect(await of.verify(await signed({}), sessionKey)).toBeDefined()
  })

  it('must have at least one key that we take', () => {
    expect(() => fixedIssuer(issuer, { keys: [jwks.keys[2]] }, 'keys.json')).toThrow(/keys\.json.*at least one/)
    expect(() => fixedIssuer(issuer, [], 'keys.json')).toThrow(/at least one/)
    expect(() => fixedIssuer(issuer, { keys: [{ ...jwks.keys[0], use: 'enc' }] }, 'keys.json')).toThrow(/at least one/)
  })
})
