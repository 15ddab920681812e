import { describe, expect, it } from 'vitest'
import type { EngineStatus } from '../engine/engine.ts'
import { httpAnswers, notReadyReasons } from './http-answers.ts'

const fine = { journal: 'open', clockCertain: true } as EngineStatus

function ask(path: string, notReady: readonly string[] = []) {
  const answer = httpAnswers({
    version: '1',
    notReady: () => notReady,
    receiptKeys: () => [],
    metrics: undefined,
    admin: () => undefined,
  })
  const given = answer({ method: 'GET', path, query: '', remoteAddress: '', header: () => '' })
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
    expect(notReadyReasons({ ...fine, journal: 'failed' })[0]).toMatch(/restart/)
  })

  it('does not make a process that cannot serve look dead', () => {
    expect(ask('/healthz', ['draining']).status).toBe(200)
  })
})
