import { describe, expect, it } from 'vitest'
import { tableOf } from '../docs/documents.ts'
import { sourceFiles } from '../tidy/source-files.ts'
import { Budget } from './budget.ts'
import { boundOf, checkVariables, isOn, longTests, seedOf, sizeOf, variables } from './budgets.ts'

describe('a budget of the tests', () => {
  it('is a number, or a time', () => {
    expect(sizeOf('POWER_CUTS', { POWER_CUTS: '100000' })).toEqual({ type: 'count', count: 100_000 })
    expect(sizeOf('POWER_CUTS', { POWER_CUTS: '90s' })).toEqual({ type: 'time', ms: 90_000 })
    expect(sizeOf('KILLS', { KILLS: '10m' })).toEqual({ type: 'time', ms: 600_000 })
    expect(sizeOf('KILLS', { KILLS: '2h' })).toEqual({ type: 'time', ms: 7_200_000 })
    expect(boundOf('MODEL_DEPTH', { MODEL_DEPTH: '3' })).toBe(3)
    expect(seedOf('POWER_SEED', { POWER_SEED: '0' })).toBe(0)
    expect(isOn('MODEL_TRACES', { MODEL_TRACES: '1' })).toBe(true)
  })

  it('is what the table says where a variable says nothing, and no less in a long run', () => {
    expect(sizeOf('POWER_CUTS', {})).toEqual({ type: 'count', count: variables.POWER_CUTS.short })
    expect(sizeOf('POWER_CUTS', { BUDGETS: 'long' })).toEqual({ type: 'count', count: variables.POWER_CUTS.long })
    expect(boundOf('MODEL_DEPTH', { BUDGETS: 'long' })).toBe(variables.MODEL_DEPTH.long)
    expect(seedOf('POWER_SEED', {})).toBeUndefined()
    expect(isOn('MODEL_TRACES', {})).toBe(false)
    for (const one of Object.values(variables)) if ('long' in one) expect(one.long).toBeGreaterThanOrEqual(one.short)
  })

  it.for([
    '',
    '0',
    '-1',
    '1.5',
    '1e5',
    '1_000',
    '1,000',
    ' 5',
    '5 ',
    '10 m',
    '10d',
    'm',
    '0s',
    'many',
    '9007199254740992',
  ])('is refused when it is "%s", with what was expected', (text) => {
    const said = `POWER_CUTS: a whole number from 1, or a time such as 90s, 10m or 2h expected, got "${text}"`
    expect(() => sizeOf('POWER_CUTS', { POWER_CUTS: text })).toThrow(said)
    expect(() => checkVariables({ POWER_CUTS: text })).toThrow(said)
  })

  it('is refused when it is a depth, a seed, a switch or a kind of run that is none', () => {
    for (const [name, text] of [
      ['MODEL_DEPTH', '10m'],
      ['MODEL_STATES', '0'],
      ['POWER_SEED', '2147483648'],
      ['HOSTILE_SEED', 'x'],
      ['MODEL_TRACES', 'yes'],
      ['SIMULATION_SHRINK', ''],
      ['BUDGETS', 'Long'],
    ] as const)
      expect(() => checkVariables({ [name]: text }), name).toThrow(new RegExp(`^${name}: .* expected, got "${text}"$`))
  })

  it.for([
    ['POWER_CUT', 'POWER_CUTS'],
    ['POWER_CUTSS', 'POWER_CUTS'],
    ['SIMULATION_RUN', 'SIMULATION_RUNS'],
    ['MODEL_DEPHT', 'MODEL_DEPTH'],
    ['MODEL_DEPT', 'MODEL_DEPTH'],
    ['MODEL_PATH', undefined],
    ['KILLZ', 'KILLS'],
  ] as const)('with a letter wrong in its name, %s, is not taken for another program’s', ([written, meant]) => {
    const check = (): void => checkVariables({ [written]: '5' })
    if (meant === undefined) expect(check).not.toThrow()
    else expect(check).toThrow(`${written} is no variable of the tests; did you mean ${meant}?`)
  })

  it('gives its test time in proportion', () => {
    const [some, many] = [1_000, 100_000].map((count) => new Budget('POWER_CUTS', { type: 'count', count }).timeoutMs)
    expect(many).toBeGreaterThan(90 * (some ?? 0) - 100 * 120_000)
    expect(new Budget('POWER_CUTS', { type: 'time', ms: 600_000 }).timeoutMs).toBeGreaterThan(600_000)
  })
})

describe('a test with a budget', () => {
  const run = (size: Budget['size'], msEach: number) => {
    const said: string[] = []
    let nowMs = 5_000
    const goesOn = new Budget(
      'POWER_CUTS',
      size,
      () => nowMs,
      (line) => said.push(line),
    ).start()
    let done = 0
    for (; goesOn(done); done++) nowMs += msEach
    return { done, said }
  }

  it('does so many, and tells every ten seconds how far it is, how fast, and what is left', () => {
    expect(run({ type: 'count', count: 250 }, 100)).toEqual({
      done: 250,
      said: [
        'POWER_CUTS: 100 of 250 in 10 s, 10 a second, 15 s to go',
        'POWER_CUTS: 200 of 250 in 20 s, 10 a second, 5 s to go',
        'POWER_CUTS: 250 of 250 in 25 s, 10 a second, 0 s to go',
      ],
    })
  })

  it('does as many as it can in a time, and one at least', () => {
    expect(run({ type: 'time', ms: 15_000 }, 4_000)).toEqual({
      done: 4,
      said: ['POWER_CUTS: 3 in 12 s, 0.25 a second, 3 s to go', 'POWER_CUTS: 4 in 16 s, 0.25 a second, 0 s to go'],
    })
    expect(run({ type: 'time', ms: 1_000 }, 60_000).done).toBe(1)
  })

  it('that is over soon says nothing', () => {
    expect(run({ type: 'count', count: 20 }, 100)).toEqual({ done: 20, said: [] })
  })
})

describe('the variables of the tests', () => {
  it('stand in CONTRIBUTING.md with what they set, where, and how far both runs go', () => {
    const columns = ['variable', 'what it sets', 'test', '`make test`', '`make test-long`']
    const expected = Object.entries(variables).map(([name, one]) => {
      const numbers = 'short' in one ? [one.short, one.long].map((number) => number.toLocaleString('en')) : ['', '']
      const says = one.type === 'amount' ? `${one.says}; or for how long` : one.says
      return [`\`${name}\``, says, `\`${one.test}\``, ...numbers]
    })
    const shown = tableOf('CONTRIBUTING.md', columns)
    expect(shown.slice(0, -1)).toEqual(expected)
    expect(shown.at(-1)?.[0]).toBe('`CHROMIUM`')
  })

  it('are read by the one reader, in the files that they name', () => {
    const reading = sourceFiles.filter(({ path, code }) => {
      const isTest = path.startsWith('test/') || path.endsWith('.test.ts')
      return isTest && Object.keys(variables).some((name) => code.includes(`process.env['${name}`))
    })
    expect(reading.map(({ path }) => path)).toEqual([])
    for (const [name, { test }] of Object.entries(variables)) {
      const code = sourceFiles.find(({ path }) => path === test)?.code
      expect(code, `${name} in ${test}`).toContain(`'${name}'`)
    }
  })

  it('are all in the long run', () => {
    for (const [name, one] of Object.entries(variables)) {
      if (one.test.endsWith('.test.ts')) expect(longTests, name).toContain(one.test)
      else
        expect(
          longTests.some((path) => path.startsWith(one.test.replace(/[^/]+$/, ''))),
          name,
        ).toBe(true)
    }
    const models = sourceFiles.filter(({ path }) => /^test\/model\/.*\.test\.ts$/.test(path)).map(({ path }) => path)
    expect(longTests).toEqual(expect.arrayContaining(models.filter((path) => path !== 'test/model/checker.test.ts')))
  })
})
