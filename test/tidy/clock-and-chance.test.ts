import { describe, expect, it } from 'vitest'
import { sourceFiles } from './source-files.ts'

/** Folders that start things, measure them or test them: there the real clock and real chance belong. */
const freeFolders = ['server', 'cli', 'benchmarks', 'examples', 'test', 'scripts']

/** Adapters: each file here is the one place where its folder touches the real clock, timers or chance. */
const adapters: Readonly<Record<string, string>> = {
  'crypto/primitives/noble-primitives.ts': 'chance for phones and bands, as one of their primitives',
  'crypto/primitives/system-random.ts': 'chance for the engine, as one of its primitives',
  'dashboard/state/clock.ts': 'the clock and timers of the page',
  'loadtest/machine/real-time.ts': 'clock, timers and a seed for the load tester, which measures in real time',
  'sdk/phone/phone-clock.ts': 'the clock and timers of the phone, as one of the ports of its client',
}

/** Reaching for the real thing; a port or an argument of the same name is what the rule asks for. */
const touches: Readonly<Record<string, RegExp>> = {
  'the clock': /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.(now|timeOrigin)\b|\bhrtime\b/,
  timers: /\b(setTimeout|setInterval)\b/,
  chance:
    /\bMath\.random\b|\bgetRandomValues\b|\brandomUUID\b|\bcrypto\.random\w+|\{[^{}]*\brandom\w+[^{}]*\}\s*from\s*'(node:crypto|@noble\/[^']*)'/,
}

describe('time and chance come in from outside', () => {
  const guarded = sourceFiles.filter(
    (file) => !file.isTest && !freeFolders.includes(file.folder) && file.project !== '.',
  )

  it.for(Object.keys(touches))('no engine, policy or protocol code reaches for %s itself', (what) => {
    const found = guarded.filter((file) => touches[what]?.test(file.code)).filter((file) => !(file.path in adapters))
    expect(found.map((file) => file.path)).toEqual([])
  })

  it.for(Object.entries(adapters))('the adapter %s is on the list for a reason: %s', ([path]) => {
    const file = guarded.find((one) => one.path === path)
    expect(Object.values(touches).some((touch) => file !== undefined && touch.test(file.code))).toBe(true)
  })

  it('nothing decides by Math.random, not even where chance is allowed', () => {
    const found = sourceFiles.filter(
      (file) => !file.isTest && file.project !== 'test' && /\bMath\.random\b/.test(file.code),
    )
    expect(found.map((file) => file.path)).toEqual([])
  })
})
