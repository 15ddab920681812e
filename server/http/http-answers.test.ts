import { describe, expect, it } from 'vitest'
import type { EngineStatus } from '../../engine/engine.ts'
import { httpAnswers, notReadyReasons } from './http-answers.ts'

const fine = { journal: 'open', clockCertain: true, view: 'proven' } as EngineStatus

function ask(
  path: string,
  notReady: readonly string[] = [],
  from: { accept?: string; remoteAddress?: string; notes?: readonly string[] } = {},
) {
  const { accept = '', remoteAddress = '', notes = [] } = from
  const answer = httpAnswers({
    version: '1',
    notReady: () => notReady,
    notes: () => notes,
    receiptKeys: () => [],
    metrics: undefined,
    admin: () => undefined,
    operatorsUrl: () => 'http://localhost:8485',
  })
  const header = (name: string) => (name === 'accept' ? accept : '')
  const given = answer({ method: 'GET', path, query: '', remoteAddress, header })
  if (typeof given === 'function') throw new Error('expected an answer at once')
  return given
}

describe('readiness', () => {
  it('is denied with every reason', () => {
    expect(ask('/readyz', ['draining'])).toMatchObject({
      status: 503,
      body: '{"ready":false,"reasons":["draining"]}\n',
    })
    expect(notReadyReasons(fine)).toEqual([])
    expect(notReadyReasons({ ...fine, journal: 'full', clockCertain: false })).toHaveLength(2)
    const ahead = { ...fine, clockCertain: false, wallAheadMs: -400 * 86_400_000, journalAheadMs: 400 * 86_400_000 }
    expect(notReadyReasons(ahead)[0]).toMatch(/^the journal is ahead of the clock: its newest record is 400 d later/)
    const leapt = { ...fine, clockCertain: false, wallAheadMs: 3_723_000, journalAheadMs: 0 }
    expect(notReadyReasons(leapt)[0]).toMatch(/^the clock is uncertain: the wall clock is 1 h 2 min ahead of/)
    expect(notReadyReasons({ ...fine, journal: 'failed' })[0]).toMatch(/restart/)
    expect(notReadyReasons({ ...fine, view: 'checking' })).toHaveLength(1)
    expect(notReadyReasons({ ...fine, view: 'believed' })).toEqual([])
  })

  it('is not denied by what does not keep it from serving, which stands beside it', () => {
    expect(ask('/readyz', [], { notes: ['no witness'] })).toMatchObject({
      status: 200,
      body: '{"ready":true,"notes":["no witness"]}\n',
    })
  })

  it('does not make a process that cannot serve look dead', () => {
    expect(ask('/healthz', ['draining']).status).toBe(200)
  })
})

describe('the root', () => {
  const accept = 'text/html,application/xhtml+xml'

  it("leads a browser on this machine to the operators' page", () => {
    for (const remoteAddress of ['127.0.0.1', '::1']) {
      const { status, headers } = ask('/', [], { accept, remoteAddress })
      expect([status, headers?.['location']]).toEqual([302, 'http://localhost:8485'])
    }
  })

  it('tells who is elsewhere, or no browser, what this port is, and not where operators are', () => {
    const told = [
      ask('/', [], { accept, remoteAddress: '192.0.2.7' }),
      ask('/', [], { accept: '*/*', remoteAddress: '127.0.0.1' }),
    ]
    for (const { status, body } of told) {
      expect([status, body.includes('8485')]).toEqual([200, false])
      expect(body).toContain('/phone')
    }
  })
})
