import { type AddressInfo } from 'node:net'
import { type RequestListener, createServer } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { jwksBytesMax, jwksPauseMs, jwksReadEveryMs, remoteKeys } from './remote-keys.ts'
import { realClock } from '../machine/real-clock.ts'
import { TestClock, testLog } from '../log/test-folder.ts'
import { createTokens, jwksKeysMax, localIssuer, mintToken, publicJwk } from './tokens.ts'

const seeds = [1, 2, 3].map((one) => new Uint8Array(32).fill(one))
const [k1, k2, k3] = seeds as [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>]
const sessionKey = nodePrimitives.ed25519PublicKey(new Uint8Array(32).fill(5))
const staleMs = 3_600_000
const jwk = (seed: Uint8Array) => publicJwk(nodePrimitives.ed25519PublicKey(seed))
const setOf = (...of: readonly Uint8Array[]) => JSON.stringify({ keys: of.map(jwk) })

/** An issuer that answers what it is told to, with the engine's side of it. */
function away(first: string | undefined, stale = staleMs) {
  const clock = new TestClock()
  const { log, lines } = testLog()
  let answer = first
  let asks = 0
  const remote = remoteKeys({
    issuer: localIssuer,
    url: 'https://issuer.test/jwks',
    staleMs: stale,
    waitMs: 1_000,
    clock,
    log,
    get: async () => {
      asks++
      if (answer === undefined) throw new TypeError('fetch failed')
      return new Response(answer)
    },
  })
  onTestFinished(() => remote.stop())
  const tokens = createTokens({ issuers: [remote], audience: 'bandpass', nowMs: () => clock.nowMs() })
  const hello = async (seed: Uint8Array<ArrayBuffer>): Promise<'good' | 'refused' | 'unavailable'> => {
    const token = await mintToken(seed, { account: 'alice', audience: 'bandpass', lifeS: 60, nowMs: clock.nowMs() })
    try {
      return (await tokens.verify(token, sessionKey)) === undefined ? 'refused' : 'good'
    } catch (error) {
      expect(error).toMatchObject({ code: 'issuer-unreachable', retry: true })
      return 'unavailable'
    }
  }
  return {
    remote,
    hello,
    lines,
    pass: async (ms: number) => {
      clock.pass(ms)
      await new Promise((resolve) => setImmediate(resolve))
    },
    answers: (text: string | undefined) => {
      answer = text
    },
    asks: () => asks,
    events: () => lines.map(({ event }) => event),
  }
}

describe('the keys of an issuer that is away', () => {
  it('are used on for as long as the setting says, and then no phone is let in; the log says it once', async () => {
    const { hello, answers, pass, events, remote, lines } = away(setOf(k1))
    expect(await hello(k1)).toBe('good')
    answers(undefined)
    await pass(jwksReadEveryMs)
    for (let minute = 0; minute < 11; minute++) {
      await pass(60_000)
      expect(await hello(k1)).toBe('good')
    }
    expect(events()).toEqual(['tokens.keys-failed'])
    expect(lines[0]?.fields).toMatchObject({ usedOnForMs: staleMs })
    expect(remote.ageMs()).toBe(jwksReadEveryMs + 11 * 60_000)
    await pass(staleMs - 11 * 60_000 - 1)
    expect(await hello(k1)).toBe('good')
    await pass(1)
    expect(await hello(k1)).toBe('unavailable')
    await pass(jwksPauseMs)
    expect(await hello(k1)).toBe('unavailable')
    expect(events()).toEqual(['tokens.keys-failed', 'tokens.keys-gone'])
    answers(setOf(k1))
    await pass(jwksPauseMs)
    expect(await hello(k1)).toBe('good')
    expect(events()).toEqual(['tokens.keys-failed', 'tokens.keys-gone', 'tokens.keys-back'])
  })

  it('are found when it comes back, without a hello that asks for them', async () => {
    const { hello, answers, pass, asks } = away(undefined)
    expect([await hello(k1), await hello(k1)]).toEqual(['unavailable', 'unavailable'])
    expect(asks()).toBe(1)
    answers(setOf(k1))
    await pass(jwksPauseMs)
    expect([asks(), await hello(k1)]).toEqual([2, 'good'])
  })

  it.for([
    ['another page', '<!doctype html><title>Sorry</title>'],
    ['a set without a key of ours', '{"keys":[{"kty":"RSA","n":"x","e":"AQAB"}]}'],
    ['more than a set has', 'x'.repeat(jwksBytesMax + 1)],
    ['too many keys', JSON.stringify({ keys: Array.from({ length: jwksKeysMax + 1 }, () => jwk(k2)) })],
    ['UTF-16', '\uFFFD\0'],
  ] as const)('stay as they were when it answers %s', async ([, text]) => {
    const { hello, answers, pass, events } = away(setOf(k1))
    expect(await hello(k1)).toBe('good')
    answers(text)
    await pass(jwksReadEveryMs)
    expect([await hello(k1), events()]).toEqual(['good', ['tokens.keys-failed']])
  })
})

describe('a key that the issuer did not have', () => {
  it('is asked for at once, and is good when it is there', async () => {
    const { hello, answers, pass, asks } = away(setOf(k1))
    expect(await hello(k1)).toBe('good')
    await pass(jwksPauseMs)
    answers(setOf(k1, k2))
    expect([await hello(k2), asks()]).toEqual(['good', 2])
  })

  it('is no verdict on its token while the keys cannot be read again', async () => {
    const { hello, answers, pass, asks } = away(setOf(k1))
    expect([await hello(k1), await hello(k2)]).toEqual(['good', 'unavailable'])
    await pass(jwksPauseMs)
    answers(undefined)
    expect([await hello(k2), await hello(k1), asks()]).toEqual(['unavailable', 'good', 2])
  })

  it('is refused once the keys that were read after it was asked for do not have it', async () => {
    const { hello, pass, asks } = away(setOf(k1))
    expect([await hello(k1), await hello(k2), await hello(k3)]).toEqual(['good', 'unavailable', 'unavailable'])
    await pass(jwksPauseMs)
    const many = await Promise.all(Array.from({ length: 50 }, async () => hello(k2)))
    expect([new Set(many), asks()]).toEqual([new Set(['refused']), 2])
    expect([await hello(k3), await hello(k2), asks()]).toEqual(['refused', 'refused', 2])
  })

  it('that was taken out is not good any more', async () => {
    const { hello, answers, pass } = away(setOf(k1, k2))
    expect(await hello(k2)).toBe('good')
    answers(setOf(k1))
    await pass(jwksReadEveryMs)
    expect([await hello(k1), await hello(k2)]).toEqual(['good', 'unavailable'])
    await pass(jwksPauseMs)
    expect(await hello(k2)).toBe('refused')
  })
})

describe('an issuer that is hostile or slow', () => {
  async function at(listener: RequestListener) {
    const server = createServer(listener).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const { port } = server.address() as AddressInfo
    const { log, lines } = testLog()
    const url = `http://127.0.0.1:${port}/jwks`
    const remote = remoteKeys({ issuer: localIssuer, url, staleMs, waitMs: 200, clock: realClock, log })
    onTestFinished(() => remote.stop())
    const tokens = createTokens({ issuers: [remote], audience: 'bandpass', nowMs: () => Date.now() })
    const token = await mintToken(k1, { account: 'alice', audience: 'bandpass', lifeS: 60, nowMs: Date.now() })
    return { lines, verify: () => tokens.verify(token, sessionKey) }
  }

  it('keeps a hello waiting no longer than the engine says, and gets one request however many come', async () => {
    let asks = 0
    const { verify } = await at(() => asks++)
    const beganAtMs = Date.now()
    const hellos = await Promise.allSettled(Array.from({ length: 20 }, verify))
    expect(hellos.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 'rejected'))
    expect(asks).toBe(1)
    expect(Date.now() - beganAtMs).toBeLessThan(4_000)
  })

  it('leads nowhere else', async () => {
    const paths: unknown[] = []
    const { verify, lines } = await at((request, response) => {
      paths.push(request.url)
      if (request.url === '/jwks') response.writeHead(302, { location: '/internal' }).end()
      else response.end(setOf(k1))
    })
    await expect(verify()).rejects.toMatchObject({ retry: true })
    expect(paths).toEqual(['/jwks'])
    expect(lines.map(({ event }) => event)).toEqual(['tokens.keys-failed'])
  })

  it('is cut off when it sends without end', async () => {
    const { verify, lines } = await at((_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      }
      response.on('drain', more)
      more()
    })
    await verify().catch(() => undefined)
    await expect.poll(() => lines.map(({ event }) => event)).toEqual(['tokens.keys-failed'])
  })
})
