import { describe, expect, it } from 'vitest'
import { Closing } from './closing.ts'

describe('what was opened', () => {
  it('is closed in the other order, each before the next', async () => {
    const closing = new Closing()
    const closed: string[] = []
    closing.add(() => void closed.push('first'))
    closing.add(async () => {
      await Promise.resolve()
      closed.push('second')
    })
    closing.add(() => void closed.push('third'))
    await closing.closeAll()
    await closing.closeAll()
    expect(closed).toEqual(['third', 'second', 'first'])
  })

  it('is not closed when something else closes it from now on', async () => {
    const closing = new Closing()
    const closed: string[] = []
    const close = (): void => void closed.push('closed')
    closing.add(close).release()
    closing.add(close)
    await closing.closeAll()
    expect(closed).toEqual(['closed'])
  })

  it('is closed although another could not be: the first failure is told at the end', async () => {
    const closing = new Closing()
    const closed: string[] = []
    closing.add(() => void closed.push('first'))
    closing.add(() => Promise.reject(new Error('second')))
    closing.add(() => {
      throw new Error('third')
    })
    await expect(closing.closeAll()).rejects.toThrow('third')
    expect(closed).toEqual(['first'])
  })
})
