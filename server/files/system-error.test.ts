import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { Fault } from '../../engine/ports/fault.ts'
import { ListenError } from '../../transport/listener.ts'
import { remedyOf } from './system-error.ts'

function thrownBy(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  throw new Error('it did not fail')
}

describe('an error of the system at the start', () => {
  it('comes with what to do', async () => {
    expect(remedyOf(thrownBy(() => readFileSync('/does-not-exist')))).toMatch(/it is not there/)
    expect(remedyOf(thrownBy(() => readFileSync('/')))).toMatch(/a folder is where a file is expected/)
    const held = createServer()
    await new Promise<void>((resolve) => held.listen(0, '127.0.0.1', resolve))
    const address = held.address()
    const second = createServer()
    const error = await new Promise((resolve) => {
      second
        .once('error', resolve)
        .listen(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1')
    })
    held.close()
    expect(remedyOf(new ListenError('cannot listen', { cause: error }))).toMatch(/another program has that address/)
  })

  it('is none where the program is at fault, or where the error says itself what to do', () => {
    expect(remedyOf(thrownBy(() => JSON.parse('{')))).toBeUndefined()
    expect(remedyOf(new TypeError('a bug'))).toBeUndefined()
    const cause = thrownBy(() => readFileSync('/does-not-exist'))
    expect(remedyOf(new Fault('journal-failed', 'make room', { cause }))).toBeUndefined()
  })
})
