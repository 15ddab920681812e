import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { staticFiles } from './static-files.ts'
import { testSite } from '../test-site.ts'

/** A built page, with a secret beside it. */
function built(): string {
  const around = mkdtempSync(join(tmpdir(), 'bandpass-page-'))
  onTestFinished(() => rmSync(around, { recursive: true, force: true }))
  const folder = join(around, 'page')
  mkdirSync(join(folder, 'assets'), { recursive: true })
  writeFileSync(join(around, 'secret.json'), '{"secret":1}')
  writeFileSync(join(around, 'page-secret.txt'), 'secret')
  writeFileSync(join(folder, 'index.html'), '<!doctype html>page')
  writeFileSync(join(folder, '.hidden.txt'), 'secret')
  writeFileSync(join(folder, 'assets', 'index-DiwrgTda.js'), 'script()')
  writeFileSync(join(folder, 'assets', 'index-DiwrgTda.js.br'), 'brotli')
  writeFileSync(join(folder, 'assets', 'index-DiwrgTda.js.gz'), 'gzip')
  writeFileSync(join(folder, 'assets', 'run.sh'), 'secret')
  return folder
}

const text = (body: Uint8Array) => new TextDecoder().decode(body)

describe('the page', () => {
  it('is sent in a coding that the browser takes, however it says so', async () => {
    const files = staticFiles(built())
    const codingOf = async (accepted: string) =>
      (await files('/assets/index-DiwrgTda.js', accepted)).headers['content-encoding']
    const brotli = ['br', 'gzip, BR ; Q=0.5', '*', 'gzip;q=0, *']
    for (const accepted of brotli) expect(await codingOf(accepted), accepted).toBe('br')
    for (const accepted of ['gzip', 'br;q=0, gzip', 'br; q=0.000,GZIP']) expect(await codingOf(accepted)).toBe('gzip')
    for (const accepted of ['', 'identity', '*;q=0', 'br ; q=0', 'brx'])
      expect(await codingOf(accepted)).toBeUndefined()
  })

  it('is index.html, at every place in it, asked for anew each time', async () => {
    const files = staticFiles(built())
    for (const path of ['/', '/bands', '/bands/5a5a']) {
      const { status, headers, body } = await files(path, '')
      expect([status, headers['content-type'], text(body)]).toEqual([
        200,
        'text/html; charset=utf-8',
        '<!doctype html>page',
      ])
      expect(headers['cache-control']).toBe('no-cache')
    }
  })

  it('has scripts that browsers keep for good, because their names change with them', async () => {
    const { headers, body } = await staticFiles(built())('/assets/index-DiwrgTda.js', '')
    expect([headers['cache-control'], headers['content-type']]).toEqual([
      'public, max-age=31536000, immutable',
      'text/javascript; charset=utf-8',
    ])
    expect([text(body), headers['content-encoding']]).toEqual(['script()', undefined])
  })

  it.for([
    ['gzip, deflate, br', 'br', 'brotli'],
    ['gzip', 'gzip', 'gzip'],
    ['br;q=0, gzip', 'gzip', 'gzip'],
    ['identity', undefined, 'script()'],
  ] as const)('is sent to who takes %s as it was compressed', async ([accepts, encoding, content]) => {
    const { headers, body } = await staticFiles(built())('/assets/index-DiwrgTda.js', accepts)
    expect([headers['content-encoding'], text(body), headers['vary']]).toEqual([encoding, content, 'accept-encoding'])
  })

  it.for([
    '/../secret.json',
    '/assets/../../secret.json',
    '/%2e%2e/secret.json',
    '/..%2fsecret.json',
    '/%2e%2e%2fsecret.json',
    '/assets/..%5c..%5csecret.json',
    '/../page-secret.txt',
    '//secret.json',
    '/.hidden.txt',
    '/assets/run.sh',
    '/index.html%00.js',
    '/%ff.js',
    '/assets.json/index.js',
    '/index-DiwrgTda.js.br',
  ])('gives nothing for %s', async (path) => {
    const { status, body } = await staticFiles(built())(path, '')
    expect([status, text(body)]).toEqual([404, 'There is nothing here.\n'])
  })

  it('that was not built says how to build it', async () => {
    const { status, body } = await staticFiles(join(tmpdir(), 'bandpass-no-such-page'))('/', 'br')
    expect([status, text(body)]).toEqual([503, expect.stringContaining('make setup')])
  })
})

describe('over the listener', () => {
  it('no path leads out of the folder, however it is written on the wire', async () => {
    const site = await testSite(onTestFinished, { pageFolder: built() })
    for (const path of ['/../secret.json', '/%2e%2e/secret.json', '/assets/../../secret.json', '//../secret.json']) {
      const socket = connect(site.listener.port, '127.0.0.1')
      socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost:${site.listener.port}\r\nconnection: close\r\n\r\n`)
      let said = ''
      for await (const part of socket) said += String(part)
      expect(said).not.toContain('"secret"')
    }
  })

  it('every answer tells the browser to run and show nothing from elsewhere', async () => {
    const site = await testSite(onTestFinished, { pageFolder: built() })
    const browser = site.browser()
    for (const path of ['/', '/nothing.js', '/api/session', '/api/fleet', '/api/none']) {
      const { headers } = await browser.get(path)
      expect(headers.get('content-security-policy')).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
          "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
      )
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(headers.get('cross-origin-opener-policy')).toBe('same-origin')
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin')
    }
  })

  it('a page of another name that leads to this machine gets nothing', async () => {
    const site = await testSite(onTestFinished, { pageFolder: built() })
    const socket = connect(site.listener.port, '127.0.0.1')
    socket.write(`GET / HTTP/1.1\r\nhost: evil.example:${site.listener.port}\r\nconnection: close\r\n\r\n`)
    let said = ''
    for await (const part of socket) said += String(part)
    expect(said).toMatch(/^HTTP\/1\.1 403 /)
  })
})
