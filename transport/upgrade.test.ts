import { describe, expect, it } from 'vitest'
import { judgeRequest } from './upgrade.ts'
import type { RequestHead } from './upgrade.ts'

const upgrade: Readonly<Record<string, string>> = {
  host: 'engine.test',
  connection: 'keep-alive, Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  'sec-websocket-protocol': 'bandpass.v1',
}

type Change = Partial<Omit<RequestHead, 'header'>> & { readonly headers?: Readonly<Record<string, string>> }

function judge({ headers = {}, ...change }: Change): string {
  const all: Readonly<Record<string, string>> = { ...upgrade, ...headers }
  const verdict = judgeRequest({
    method: 'GET',
    path: '/phone',
    query: '',
    remoteAddress: '192.0.2.1',
    canUpgrade: true,
    hostsCount: () => 1,
    header: (name) => all[name] ?? '',
    ...change,
  })
  if (verdict.type === 'refuse') return `${verdict.answer.status} ${verdict.answer.body.trim()}`
  return verdict.type === 'upgrade' ? verdict.kind : verdict.type
}

describe('a request', () => {
  it('becomes a socket on /phone and /hub with the subprotocol, also among others', () => {
    expect(judge({})).toBe('phone')
    expect(judge({ path: '/hub' })).toBe('hub')
    expect(judge({ headers: { 'sec-websocket-protocol': 'mqtt,  bandpass.v1' } })).toBe('phone')
    expect(judge({ headers: { upgrade: 'WebSocket' } })).toBe('phone')
  })

  it.for([
    [{ headers: { host: '' } }, '400 expected one Host header'],
    [{ path: '/watch' }, '404 expected a WebSocket at /phone or /hub'],
    [{ path: '/phone/' }, '404 expected a WebSocket at /phone or /hub'],
    [{ method: 'POST' }, '400 expected a WebSocket upgrade by GET'],
    [{ headers: { 'sec-websocket-version': '8' } }, '426 expected Sec-WebSocket-Version: 13'],
    [{ headers: { 'sec-websocket-key': 'short' } }, '400 expected a Sec-WebSocket-Key of 16 bytes in base64'],
    [{ headers: { 'sec-websocket-protocol': '' } }, '400 expected Sec-WebSocket-Protocol: bandpass.v1'],
    [{ headers: { 'sec-websocket-protocol': 'bandpass.v2' } }, '400 expected Sec-WebSocket-Protocol: bandpass.v1'],
    [{ headers: { 'sec-websocket-protocol': 'bandpass.v11' } }, '400 expected Sec-WebSocket-Protocol: bandpass.v1'],
    [{ canUpgrade: false }, '426 expected a WebSocket upgrade with subprotocol bandpass.v1'],
    [{ headers: { upgrade: '' } }, '426 expected a WebSocket upgrade with subprotocol bandpass.v1'],
    [{ headers: { upgrade: 'h2c' } }, '426 expected a WebSocket upgrade with subprotocol bandpass.v1'],
    [{ headers: { connection: 'close' } }, '426 expected a WebSocket upgrade with subprotocol bandpass.v1'],
    [{ path: '/', method: 'PUT', headers: { upgrade: '' } }, '405 expected GET or HEAD'],
    [
      { path: '/hub', method: 'POST', headers: { upgrade: '' } },
      '426 expected a WebSocket upgrade with subprotocol bandpass.v1',
    ],
  ] as const satisfies readonly (readonly [Change, string])[])('%j is answered %s', ([change, expected]) => {
    expect(judge(change)).toBe(expected)
  })

  it('for anything else by GET or HEAD goes to the handler', () => {
    expect(judge({ path: '/health', headers: { upgrade: '' } })).toBe('ask')
    expect(judge({ path: '/health', method: 'HEAD', headers: { upgrade: 'h2c' } })).toBe('ask')
  })

  it('by POST is one with a body, for whoever takes it', () => {
    expect(judge({ path: '/import', method: 'POST', headers: { upgrade: '' } })).toBe('post')
  })

  it('costs time in proportion to its head only, however its protocols are spelled', () => {
    // CVE-2021-32640: blanks in Sec-WebSocket-Protocol once took quadratic time.
    expect(judge({ headers: { 'sec-websocket-protocol': `x${' '.repeat(1_000_000)}y` } })).toMatch(/^400/)
  })
})
