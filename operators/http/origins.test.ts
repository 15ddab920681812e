import { describe, expect, it } from 'vitest'
import { cookieNames, cookieOf, setCookie } from './cookies.ts'
import { foreign, originsOf, passkeyDomainOf } from './origins.ts'

const headersOf = (headers: Readonly<Record<string, string>>) => ({ get: (name: string) => headers[name] })

describe('where the page is', () => {
  it('is this machine by each of its names, unless an origin is set', () => {
    const { all, main, isSecure } = originsOf(undefined, 8_485)
    expect(all).toEqual(['http://localhost:8485', 'http://127.0.0.1:8485', 'http://[::1]:8485'])
    expect([main, isSecure]).toEqual(['http://localhost:8485', false])
    expect(originsOf('https://bands.example', 8_485)).toMatchObject({ all: ['https://bands.example'], isSecure: true })
  })

  it('is compared as browsers write it, whatever the way it was written down', () => {
    const ask = (configured: string | undefined, port: number, origin: string, host = 'x') =>
      foreign(originsOf(configured, port), { method: 'POST', headers: headersOf({ origin, host }) })
    for (const written of ['https://bands.example:443', 'HTTPS://Bands.Example', 'https://bands.example']) {
      expect(ask(written, 1, 'https://bands.example'), written).toBeUndefined()
      expect(ask(written, 1, 'https://bands.example:444')).toMatch(/expected the origin/)
      expect(ask(written, 1, 'https://bands.example.evil')).toMatch(/expected the origin/)
    }
    expect(ask('https://bücher.example', 1, 'https://xn--bcher-kva.example')).toBeUndefined()
    expect(ask('https://[2001:db8:0::1]', 1, 'https://[2001:db8::1]')).toBeUndefined()
    expect(ask(undefined, 80, 'http://localhost', 'localhost')).toBeUndefined()
    expect(ask(undefined, 8_485, 'http://localhost:8485', 'LOCALHOST:8485')).toBeUndefined()
    for (const origin of ['null', '', 'http://localhost:8485/x', 'http://a@localhost:8485']) {
      expect(ask(undefined, 8_485, origin, 'localhost:8485'), origin).toMatch(/expected the origin/)
    }
    for (const host of ['', 'a@localhost:8485', 'localhost:8485/x', 'localhost:99999']) {
      expect(ask(undefined, 8_485, 'http://localhost:8485', host), host).toMatch(/expected the host/)
    }
  })

  it('has passkeys where it has a name, and none where it is an address', () => {
    const origins = ['https://bands.example:8443', 'http://localhost:1', 'http://127.0.0.1:1', 'http://[::1]:1']
    expect(origins.map(passkeyDomainOf)).toEqual(['bands.example', 'localhost', undefined, undefined])
  })

  it('is not reached by a name of somebody else’s that leads here, but behind a proxy by whatever the proxy says', () => {
    const ask = (origin: string | undefined, host: string) =>
      foreign(originsOf(origin, 1), { method: 'GET', headers: headersOf({ host }) })
    expect(ask(undefined, 'localhost:1')).toBeUndefined()
    expect(ask(undefined, 'evil.example:1')).toMatch(/expected the host/)
    expect(ask('http://localhost:9', 'localhost:9')).toBeUndefined()
    expect(ask('http://localhost:9', 'evil.example:9')).toMatch(/expected the host/)
    expect(ask('https://bands.example', '10.0.0.7:8485')).toBeUndefined()
  })

  it('takes what a person typed or bookmarked, to look and not to act', () => {
    const ask = (method: string) => {
      const headers = headersOf({ host: 'localhost:1', 'sec-fetch-site': 'none', origin: 'http://localhost:1' })
      return foreign(originsOf(undefined, 1), { method, headers })
    }
    expect([ask('GET'), ask('POST')]).toEqual([undefined, 'expected a request of the same origin'])
  })
})

describe('the cookies', () => {
  it('are bound to the host where browsers take that, else to the port by their name', () => {
    expect(cookieNames(originsOf('https://bands.example', 1))).toEqual({
      session: '__Host-bandpass',
      oidc: '__Host-bandpass-oidc',
    })
    expect(cookieNames(originsOf(undefined, 8_485)).session).toBe('bandpass-8485')
    // Two engines behind one name: what one sets must not end the other's session.
    expect(cookieNames(originsOf('https://bands.example:8443', 1)).session).toBe('__Host-bandpass-8443')
  })

  it('are never seen by scripts, and Secure and Strict as said', () => {
    expect(setCookie('a', 'b', { maxAgeS: 5, isSecure: true, sameSite: 'Strict' })).toBe(
      'a=b; Path=/; Max-Age=5; HttpOnly; SameSite=Strict; Secure',
    )
  })

  it('are believed only once: of two with one name nobody knows which is ours', () => {
    expect(cookieOf('x=1; a=b; y=2', 'a')).toBe('b')
    expect(cookieOf('a=b; a=c', 'a')).toBeUndefined()
    expect(cookieOf('aa=b', 'a')).toBeUndefined()
    expect(cookieOf(undefined, 'a')).toBeUndefined()
  })
})
