import { describe, expect, it } from 'vitest'
import { Chores, choreNames, choreRetryMaxMs, chores as meaningOf, choreWaitMs } from './chores.ts'

/** Chores on a clock that moves only when told, and what they told. */
function owned() {
  let nowMs = 0
  let waiting: { readonly atMs: number; readonly work: () => void }[] = []
  const after = (afterMs: number, work: () => void) => {
    const entry = { atMs: nowMs + afterMs, work }
    waiting.push(entry)
    return () => {
      waiting = waiting.filter((one) => one !== entry)
    }
  }
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, after }
  const told: string[] = []
  const say = (error: unknown) => (error instanceof Error ? error.message : 'works')
  const chores = new Chores({ clock, told: (name, error, item) => told.push(`${name} ${item}: ${say(error)}`) })
  /** Passes a second at a time, with what promises do in between. */
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      nowMs += 1_000
      const due = waiting.filter((one) => one.atMs <= nowMs)
      waiting = waiting.filter((one) => one.atMs > nowMs)
      for (const { work } of due) work()
      for (let turn = 0; turn < 5; turn++) await Promise.resolve()
    }
  }
  return { clock, chores, told, pass, isIdle: () => waiting.length === 0 }
}

const failures = {
  throws: () => {
    throw new Error('no')
  },
  rejects: () => Promise.reject(new Error('no')),
} as const

describe('a chore that fails', () => {
  it.each(['throws', 'rejects'] as const)(
    'when it %s, is told once and tried again until it works, which is told too',
    async (how) => {
      const { chores, told, pass } = owned()
      let isWell = false
      let runs = 0
      chores.every('refusals', {
        everyMs: 1_000,
        work: () => {
          runs++
          return isWell ? undefined : failures[how]()
        },
      })
      await pass(10)
      // After one second, then with backoff: 2, 4 and 8 seconds in.
      expect([runs, chores.failing('refusals'), chores.failures('refusals')]).toEqual([4, 1, 4])
      expect(told).toEqual(['refusals : no'])
      isWell = true
      await pass(20)
      expect([chores.failing('refusals'), chores.failures('refusals')]).toEqual([0, 4])
      expect(told).toEqual(['refusals : no', 'refusals : works'])
      expect(runs).toBeGreaterThan(10)
    },
  )

  it('waits a second after the first failure, twice as long after each further one, and a minute at most', () => {
    expect([1, 2, 3, 6, 7, 60].map(choreWaitMs)).toEqual([1_000, 2_000, 4_000, 32_000, 60_000, choreRetryMaxMs])
  })

  it('keeps neither others of its name nor other chores from working', async () => {
    const { chores, told, pass } = owned()
    const done: string[] = []
    chores.every('file-reload', { everyMs: 1_000, item: 'a', work: failures.throws })
    chores.every('file-reload', { everyMs: 1_000, item: 'b', work: () => void done.push('b') })
    chores.every('last-minute', { everyMs: 1_000, work: () => void done.push('minute') })
    await pass(2)
    expect(done).toEqual(['b', 'minute', 'b', 'minute'])
    expect([told, chores.failing('file-reload')]).toEqual([['file-reload a: no'], 1])
  })

  it('does not end by a log that fails', async () => {
    const { clock, pass } = owned()
    const chores = new Chores({ clock, told: failures.throws })
    chores.every('refusals', { everyMs: 1_000, work: failures.throws })
    await pass(3)
    expect(chores.failures('refusals')).toBe(2)
  })

  it('is over when it is ended, and does not count as failing then', async () => {
    const { chores, pass, isIdle } = owned()
    const end = chores.every('refusals', { everyMs: 1_000, work: failures.rejects })
    await pass(1)
    expect(chores.failing('refusals')).toBe(1)
    end()
    expect([chores.failing('refusals'), isIdle()]).toEqual([0, true])
  })

  it('that throws nothing at all has failed all the same', async () => {
    const { chores, told, pass } = owned()
    chores.every('refusals', { everyMs: 1_000, work: () => Promise.reject(undefined) })
    await pass(1)
    expect(told).toEqual(['refusals : it failed without an error'])
  })
})

describe('what is done once, later', () => {
  it('ends nothing but itself', async () => {
    const { clock, chores, told, pass } = owned()
    chores.clock(clock).after(1_000, failures.throws)
    await pass(2)
    expect([told, chores.failures('timer'), chores.failing('timer')]).toEqual([['timer : no'], 1, 0])
  })
})

describe('work that must be done', () => {
  it('is tried again while what it meets may pass, and given up at what does not', async () => {
    const { chores, pass } = owned()
    const { signal } = new AbortController()
    const answers = ['busy', 'busy', 'damaged']
    const work = () => Promise.reject(new Error(answers.shift()))
    const mayPass = (error: unknown) => error instanceof Error && error.message === 'busy'
    const done = chores.untilDone('view-check', work, { mayPass, signal }).catch((error: unknown) => error)
    await pass(4)
    expect(await done).toEqual(new Error('damaged'))
  })

  it('is not waited for by those who end it', async () => {
    const { chores } = owned()
    const ending = new AbortController()
    const work = () => Promise.reject(new Error('busy'))
    const done = chores.untilDone('view-check', work, { mayPass: () => true, signal: ending.signal })
    ending.abort()
    await expect(done).rejects.toThrow('busy')
  })
})

describe('readiness', () => {
  it('has a note for each chore that fails and matters, and none for the others', () => {
    const { chores } = owned()
    for (const name of choreNames) chores.failed(name, new Error('no'))
    expect(chores.notes()).toEqual(choreNames.map((name) => meaningOf[name]).filter((note) => note !== null))
    for (const name of choreNames) chores.worked(name)
    expect(chores.notes()).toEqual([])
  })
})
