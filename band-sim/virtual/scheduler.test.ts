import { describe, expect, it } from 'vitest'
import { NamedTimers, VirtualTime } from './scheduler.ts'

describe('virtual time', () => {
  it('runs what is due in order, also what is set meanwhile, and nothing that is not due', async () => {
    const time = new VirtualTime(0)
    const ran: string[] = []
    time.after(20, () => ran.push(`b ${time.nowMs()}`))
    time.after(10, () => {
      ran.push(`a ${time.nowMs()}`)
      time.after(5, () => ran.push(`a2 ${time.nowMs()}`))
    })
    time.after(20, () => ran.push(`c ${time.nowMs()}`))
    time.after(31, () => ran.push('late'))
    time.after(15, () => ran.push('cancelled'))()
    await time.advance(30)
    expect(ran).toEqual(['a 10', 'a2 15', 'b 20', 'c 20'])
    expect(time.nowMs()).toBe(30)
    expect(time.waitingCount).toBe(1)
  })

  it('lets promises that hang on one another settle between two timers', async () => {
    const time = new VirtualTime(0)
    const ran: number[] = []
    time.after(1, () => {
      let chain = Promise.resolve()
      for (let link = 0; link < 20; link++) chain = chain.then(() => undefined)
      void chain.then(() => ran.push(time.nowMs()))
    })
    time.after(2, () => ran.push(2))
    await time.advance(5)
    expect(ran).toEqual([1, 2])
  })
})

describe('named timers', () => {
  it('are replaced by name, and all stop together', async () => {
    const time = new VirtualTime(0)
    const timers = new NamedTimers<'one' | 'two'>(time)
    const ran: string[] = []
    timers.set('one', 10, () => ran.push('first'))
    timers.set('one', 20, () => ran.push('second'))
    await time.advance(15)
    expect(timers.isSet('one')).toBe(true)
    await time.advance(10)
    expect(ran).toEqual(['second'])
    timers.set('one', 5, () => ran.push('never'))
    timers.set('two', 5, () => ran.push('never'))
    timers.cancelAll()
    await time.advance(10)
    expect(ran).toEqual(['second'])
  })
})
