// The limits of the listener, at them and one past them.
import { type Socket, connect } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { operatorHeader, operatorPaths } from '../protocol/operator-api.ts'
import { operatorLimits } from './ports/limits.ts'
import { type TestSite, testSite } from './test-site.ts'

/** What the listener says to these bytes until it closes. */
async function said({ listener }: TestSite, bytes: string): Promise<string> {
  const socket = connect(listener.port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => undefined)
  socket.write(bytes)
  let text = ''
  try {
    for await (const part of socket) text += String(part)
  } catch {
    // It was cut off.
  }
  return text
}

const host = ({ listener }: TestSite) => `host: localhost:${listener.port}`

describe('the listener', () => {
  it(`takes a body of ${operatorLimits.bodyBytesMax} bytes, and none longer, whether its length is told or not`, async () => {
    const site = await testSite(onTestFinished)
    const browser = site.browser()
    const body = (length: number) => {
      const empty = JSON.stringify({ name: 'otto', token: '' }).length
      return { name: 'otto', token: 'x'.repeat(length - empty) }
    }
    const at = await browser.post(operatorPaths.signInByToken, body(operatorLimits.bodyBytesMax))
    expect([at.status, at.body.error]).toEqual([400, 'malformed'])
    const past = await browser.post(operatorPaths.signInByToken, body(operatorLimits.bodyBytesMax + 1))
    expect([past.status, past.body.error]).toEqual([413, 'too-large'])
    const head = [
      `POST ${operatorPaths.signInByToken} HTTP/1.1`,
      host(site),
      `origin: ${browser.origin}`,
      `${operatorHeader}: 1`,
      'connection: close',
      'transfer-encoding: chunked',
    ]
    const chunk = `${operatorLimits.bodyBytesMax.toString(16)}\r\n${'x'.repeat(operatorLimits.bodyBytesMax)}\r\n`
    expect(await said(site, `${head.join('\r\n')}\r\n\r\n${chunk}1\r\nx\r\n0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 413 /)
  })

  it('answers HTTP/1.0, which need not name a host, and a target in absolute form', async () => {
    const site = await testSite(onTestFinished)
    for (const request of [
      `GET ${operatorPaths.session} HTTP/1.0\r\n\r\n`,
      `GET ${operatorPaths.session} HTTP/1.0\r\n${host(site)}\r\n\r\n`,
      `GET http://localhost:${site.listener.port}${operatorPaths.session} HTTP/1.1\r\n${host(site)}\r\nconnection: close\r\n\r\n`,
    ]) {
      expect(await said(site, request), request).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*"signedIn":false/)
    }
    // A name of another that leads here is refused in any version.
    expect(await said(site, `GET / HTTP/1.0\r\nhost: evil.example\r\n\r\n`)).toMatch(/^HTTP\/1\.1 403 /)
    expect(await said(site, `POST ${operatorPaths.signOut} HTTP/1.0\r\ncontent-length: 0\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 403 /,
    )
  })

  it('takes a head within its limit, and cuts off one beyond', async () => {
    const site = await testSite(onTestFinished)
    const ask = (filler: number) =>
      said(site, `GET /api/session HTTP/1.1\r\n${host(site)}\r\nconnection: close\r\nx: ${'y'.repeat(filler)}\r\n\r\n`)
    expect(await ask(operatorLimits.headerBytesMax - 200)).toMatch(/^HTTP\/1\.1 200 /)
    expect(await ask(operatorLimits.headerBytesMax)).toMatch(/^HTTP\/1\.1 431 /)
  })

  it('answers a query within its limit, and refuses one beyond', async () => {
    const site = await testSite(onTestFinished)
    const browser = await site.signedIn('vera')
    const query = (length: number) => `${operatorPaths.bands}?name=${'x'.repeat(length - '?name='.length)}`
    expect((await browser.get(query(operatorLimits.queryMax))).status).toBe(400)
    expect((await browser.get(query(operatorLimits.queryMax + 1))).status).toBe(414)
  })

  it('waits for the whole head and body as long as it must, and then no longer', async () => {
    const site = await testSite(onTestFinished)
    const began = performance.now()
    const [head, body] = await Promise.all([
      said(site, `GET / HTTP/1.1\r\n${host(site)}\r\nx: `),
      said(site, `POST /api/acts HTTP/1.1\r\n${host(site)}\r\ncontent-length: 10\r\n\r\n{`),
    ])
    expect(head).toMatch(/^HTTP\/1\.1 408 /)
    expect(body).toMatch(/^HTTP\/1\.1 40[38] /)
    expect(performance.now() - began).toBeGreaterThan(operatorLimits.headersTimeoutMs - 500)
  })

  const silent = async (site: TestSite, first = ''): Promise<Socket> => {
    const socket = connect(site.listener.port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.on('error', () => undefined)
    socket.write(first)
    socket.resume()
    await new Promise((resolve) => socket.once('connect', resolve))
    return socket
  }
  const gone = (sockets: readonly Socket[]): readonly number[] =>
    sockets.flatMap(({ closed }, at) => (closed ? [at] : []))

  it(`holds ${operatorLimits.strangers.perOwnerMax} connections of a stranger, and one more takes the place of the longest unused`, async () => {
    const site = await testSite(onTestFinished)
    const sockets: Socket[] = []
    for (let at = 0; at < operatorLimits.strangers.perOwnerMax; at++) sockets.push(await silent(site))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(gone(sockets)).toEqual([])
    sockets.push(await silent(site))
    await vi.waitFor(() => expect(gone(sockets)).toEqual([0]))
  })

  it(`gives a stranger past ${operatorLimits.crowded.perOwnerMax} others of its address a moment for its head, and then its place is free`, async () => {
    const site = await testSite(onTestFinished)
    const sockets: Socket[] = []
    for (let at = 0; at < operatorLimits.crowded.perOwnerMax; at++) sockets.push(await silent(site))
    const [late, prompt] = [await silent(site), await silent(site)]
    const head = `GET /api/session HTTP/1.1\r\n${host(site)}\r\n\r\n`
    prompt.write(head)
    await new Promise((resolve) => prompt.once('data', resolve))
    site.clock.pass(operatorLimits.crowdedHeadMs - 1)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(gone([...sockets, late, prompt])).toEqual([])
    site.clock.pass(1)
    await vi.waitFor(() => expect(gone([late, prompt])).toEqual([0]))
    expect(gone(sockets)).toEqual([])
  })

  it(`holds ${operatorLimits.signedIn.perOwnerMax} connections of an operator, whose own make room for one more`, async () => {
    const site = await testSite(onTestFinished)
    const ask = async (name: string): Promise<Socket> => {
      const { cookieHeader } = await site.signedIn(name)
      return silent(site, `GET /api/session HTTP/1.1\r\n${host(site)}\r\ncookie: ${cookieHeader}\r\n\r\n`)
    }
    const olga = await ask('olga')
    const otto: Socket[] = []
    const { cookieHeader } = await site.signedIn('otto')
    const head = `GET /api/session HTTP/1.1\r\n${host(site)}\r\ncookie: ${cookieHeader}\r\n\r\n`
    for (let at = 0; at <= operatorLimits.signedIn.perOwnerMax; at++) otto.push(await silent(site, head))
    await vi.waitFor(() => expect(gone(otto)).toEqual([0]))
    // However many strangers come.
    for (let at = 0; at <= operatorLimits.strangers.max; at++) await silent(site)
    expect(gone([olga, ...otto.slice(1)])).toEqual([])
  })

  it('says of each path which method it takes, and of no other path anything', async () => {
    const site = await testSite(onTestFinished)
    const browser = await site.signedIn('adam')
    expect((await browser.get(operatorPaths.acts)).status).toBe(405)
    expect((await browser.post(operatorPaths.fleet, {})).status).toBe(405)
    expect((await browser.raw(operatorPaths.fleet, { method: 'HEAD', headers: {} })).status).toBe(405)
    expect((await browser.get('/api/nothing')).status).toBe(404)
    expect((await browser.post('/', {})).status).toBe(405)
  })
})
