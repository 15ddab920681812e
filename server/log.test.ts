import { describe, expect, it } from 'vitest'
import { Secret } from '../crypto/secret.ts'
import { createLog } from './log.ts'

function logged(fields: Readonly<Record<string, unknown>>): string {
  const lines: string[] = []
  createLog(
    (line) => lines.push(line),
    () => 0,
  )('error', 'it.happened', fields)
  return lines.join('')
}

const canary = 'c0ffee00c0ffee00'

describe('a log line', () => {
  it('is one JSON object with time, level and event', () => {
    const line = logged({ count: 3, text: 'two\nlines' })
    expect(line.endsWith('}\n')).toBe(true)
    expect(line.split('\n')).toHaveLength(2)
    expect(JSON.parse(line)).toEqual({
      at: '1970-01-01T00:00:00.000Z',
      level: 'error',
      event: 'it.happened',
      count: 3,
      text: 'two\nlines',
    })
  })

  it('never shows a secret, however it is wrapped', () => {
    const bytes = Buffer.from(canary, 'hex')
    const line = logged({
      seed: canary,
      token: canary,
      masterKey: canary,
      key: bytes,
      held: new Secret(bytes),
      nested: { list: [{ apiSecret: canary, bytes }] },
      map: new Map([['psk', canary]]),
      error: new Error('failed', { cause: { releaseSeed: canary } }),
    })
    expect(line).not.toContain(canary)
    expect(line).not.toContain('192,255,238')
    expect(line).not.toContain(bytes.toString('base64'))
  })

  it('shows an error with its code, its cause and where it was made', () => {
    const cause = Object.assign(new Error('no room'), { code: 'ENOSPC' })
    const { error } = JSON.parse(logged({ error: new TypeError('failed', { cause }) }))
    expect(error).toMatchObject({ name: 'TypeError', message: 'failed', cause: { message: 'no room', code: 'ENOSPC' } })
    expect(error.stack[0]).toContain('log.test.ts')
  })

  it('ends with what is deep or goes round in circles', () => {
    const round: Record<string, unknown> = {}
    round['self'] = round
    expect(logged({ round })).toContain('[deeper]')
  })
})
