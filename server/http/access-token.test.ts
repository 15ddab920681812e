import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openAccessToken, wrongTokensRate } from './access-token.ts'
import { TestClock, testFolder } from '../log/test-folder.ts'

function opened(path = join(testFolder(onTestFinished), 'admin-token')) {
  const clock = new TestClock()
  const told: unknown[] = []
  const token = openAccessToken(path, { clock, chores: clock.chores }, (error) => told.push(error))
  onTestFinished(() => token.stop())
  return { path, clock, token, told, text: readFileSync(path, 'utf8').trim() }
}

describe('a token that opens a part of the server', () => {
  it('is made at the first start, for its owner alone, and stays the same at the next', () => {
    const { path, text } = opened()
    expect(text).toMatch(/^[\w-]{43}$/)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(opened(path).text).toBe(text)
  })

  it('admits who shows it whole, and nobody else', () => {
    const { token, text } = opened()
    const judge = (authorization: string, address = '192.0.2.1') => token.judge(authorization, address)
    expect(judge(`Bearer ${text}`)).toBe('admitted')
    // The scheme has no case, and spaces behind it are no part of the token (RFC 9110 §11.1).
    for (const one of [`bearer ${text}`, `BEARER  ${text}`]) expect(judge(one)).toBe('admitted')
    const wrong = ['', 'Bearer', 'Bearer ', text, `Bearer ${text}x`, `Bearer ${text.slice(1)}`, `Basic ${text}`]
    for (const [at, one] of wrong.entries()) expect(judge(one, `192.0.2.${at + 2}`), one.slice(0, 8)).toBe('refused')
  })

  it('bears with so many wrong ones of an address at once, and then with one a second; other addresses do not feel it', () => {
    const { token, text, clock } = opened()
    for (let tries = 0; tries < wrongTokensRate.burst; tries++) {
      expect(token.judge('Bearer guess', '192.0.2.1')).toBe('refused')
    }
    expect(token.judge('Bearer guess', '192.0.2.1')).toBe('too-many')
    expect(token.judge('Bearer guess', '192.0.2.2')).toBe('refused')
    // Who shows the right one from the same address, a proxy's, does not feel it either.
    expect(token.judge(`Bearer ${text}`, '192.0.2.1')).toBe('admitted')
    expect(token.judge('Bearer guess', '192.0.2.1')).toBe('too-many')
    clock.pass(1_000)
    expect(token.judge('Bearer guess', '192.0.2.1')).toBe('refused')
    for (let tries = 0; tries < 100; tries++) expect(token.judge(`Bearer ${text}`, '192.0.2.1')).toBe('admitted')
  })

  it('bears with wrong ones of a whole /64 as with those of one address, and tells hosts behind a NAT64 apart', () => {
    const { token } = opened()
    for (let host = 1; host <= wrongTokensRate.burst; host++) {
      expect(token.judge('Bearer guess', `2001:db8::${host}`)).toBe('refused')
    }
    expect(token.judge('Bearer guess', '2001:db8::ffff')).toBe('too-many')
    for (let host = 1; host <= 2 * wrongTokensRate.burst; host++) {
      expect(token.judge('Bearer guess', `64:ff9b::c000:2${host.toString(16).padStart(2, '0')}`)).toBe('refused')
    }
  })

  it('is another within a second when its file is', () => {
    const { path, token, text, clock, told } = opened()
    writeFileSync(path, `${'n'.repeat(32)}\n`)
    clock.pass(1_000)
    expect(token.judge(`Bearer ${text}`, '192.0.2.1')).toBe('refused')
    expect(token.judge(`Bearer ${'n'.repeat(32)}`, '192.0.2.1')).toBe('admitted')
    expect(told).toEqual([undefined])
  })

  it('is not taken from a file that others may read, or that holds none', () => {
    const { path } = opened()
    chmodSync(path, 0o640)
    expect(() => opened(path)).toThrow(/chmod 600/)
    chmodSync(path, 0o600)
    writeFileSync(path, 'n'.repeat(31))
    expect(() => opened(path)).toThrow(/a token of 32 to 512/)
    writeFileSync(path, 'n'.repeat(32))
    expect(() => opened(path)).not.toThrow()
    writeFileSync(path, 'n'.repeat(513))
    expect(() => opened(path)).toThrow(/a token of 32 to 512/)
  })
})
