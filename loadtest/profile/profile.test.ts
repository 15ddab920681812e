import { describe, expect, it } from 'vitest'
import { ProfileError, parseProfile } from './profile.ts'
import { loadProfile, profileNames } from '../profiles.ts'

const least = { name: 'mine', about: 'a test', requests: [{}] }

function problemsOf(raw: unknown): string {
  try {
    parseProfile(typeof raw === 'string' ? raw : JSON.stringify(raw), 'mine.json')
    return 'none'
  } catch (error) {
    expect(error).toBeInstanceOf(ProfileError)
    return String(error)
  }
}

describe('profiles', () => {
  it('that come with Bandpass are these, each under its own name', () => {
    expect(profileNames()).toEqual(['adversary', 'reconnect-storm', 'rush-hour', 'soak', 'steady', 'turnstile'])
    for (const name of profileNames()) expect(loadProfile(name).name).toBe(name)
  })

  it('need little: a payment of a few cents with a tap is what is meant by a request', () => {
    const profile = parseProfile(JSON.stringify(least), 'mine.json')
    expect(profile.requests).toEqual([
      { weight: 1, action: 1, amountMinor: [1, 20], currency: 978, verdict: 2, label: 'Load' },
    ])
    expect(profile).toMatchObject({ arrivals: 'poisson', rate: [], bursts: null, storm: null, attacks: null })
  })

  it('with mistakes tell all of them, with where, what was expected and what stood there', () => {
    const told = problemsOf({
      ...least,
      arrivals: 'often',
      requests: [{ action: 'fly', amountMinor: [5, 2] }],
      storm: { at: 2 },
      bursts: { everyMs: 100, withinMs: 200 },
      surprise: 1,
      failIf: ['p98>1ms'],
    })
    expect(told).toContain('mine.json: arrivals: one of poisson, fixed expected, got "often"')
    expect(told).toContain('requests[0].action: one of pay, receive')
    expect(told).toContain('requests[0].amountMinor[1]: a number from 5 to')
    expect(told).toContain('storm.at: a number from 0 to 1 expected, got 2')
    expect(told).toContain('bursts.withinMs: a number from 1 to 100 expected, got 200')
    expect(told).toContain('surprise: one of name, about')
    expect(told).toContain('failIf[0]: unknown metric p98')
  })

  it.for([
    ['not json', '{'],
    ['a list', '[]'],
    ['no requests', '{"name":"a","about":"b"}'],
  ] as const)('that are %s are refused', ([, text]) => {
    expect(problemsOf(text)).not.toBe('none')
  })

  it('that do not exist name those that do', () => {
    expect(() => loadProfile('stedy')).toThrow(/one of adversary, .*steady.*got "stedy"/)
    expect(() => loadProfile('./nowhere.json')).toThrow(/nowhere\.json/)
  })
})
