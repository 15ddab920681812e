import { describe, expect, it } from 'vitest'
import type { PhoneFrame } from '../../protocol/messages/frames.ts'
import { errorCodes } from '../../protocol/errors.ts'
import { PhoneError } from './phone-errors.ts'
import { Requests } from './requests.ts'

function onTheTable() {
  const sent: PhoneFrame[] = []
  const timers: { readonly atMs: number; readonly work: () => void }[] = []
  let cancelledCount = 0
  const requests = new Requests({
    nowMs: () => 0,
    after: (atMs, work) => {
      timers.push({ atMs, work })
      return () => {
        cancelledCount += 1
      }
    },
  })
  requests.connected((frame) => sent.push(frame))
  return { requests, sent, timers, cancelled: () => cancelledCount }
}

describe('a request', () => {
  it('is answered by the frame with its number, whatever the order', async () => {
    const { requests, sent } = onTheTable()
    const [one, two] = [
      requests.ask({ type: 'challenge' }, 'challengeAnswer'),
      requests.ask({ type: 'challenge' }, 'challengeAnswer'),
    ]
    expect(new Set(sent.map((frame) => frame.id)).size).toBe(2)
    const challenge = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)
    requests.answered({ type: 'challengeAnswer', id: sent[1]?.id ?? 0, challenge: challenge(2) })
    requests.answered({ type: 'challengeAnswer', id: sent[0]?.id ?? 0, challenge: challenge(1) })
    expect((await one).challenge[0]).toBe(1)
    expect((await two).challenge[0]).toBe(2)
  })

  it('is refused with the engine’s error', async () => {
    const { requests, sent } = onTheTable()
    const asked = requests.ask({ type: 'detach', slot: 1 }, 'detachAnswer')
    requests.answered({ type: 'error', id: sent[0]?.id ?? 0, code: errorCodes['slot-empty'], retryAfterMs: null })
    await expect(asked).rejects.toMatchObject({ code: 'slot-empty', then: 'retry' })
  })

  it('is given up in time, and a late answer finds nobody', async () => {
    const { requests, sent, timers } = onTheTable()
    const asked = requests.ask({ type: 'challenge' }, 'challengeAnswer', 5_000)
    expect(timers[0]?.atMs).toBe(5_000)
    timers[0]?.work()
    await expect(asked).rejects.toMatchObject({ code: 'timeout', then: 'retry' })
    const late = { type: 'challengeAnswer', id: sent[0]?.id ?? 0, challenge: new Uint8Array(32) } as const
    expect(requests.answered(late)).toBe(false)
  })

  it('fails at once while offline, and when the connection is lost', async () => {
    const { requests, cancelled } = onTheTable()
    const asked = requests.ask({ type: 'challenge' }, 'challengeAnswer')
    requests.disconnected(new PhoneError('offline'))
    await expect(asked).rejects.toMatchObject({ code: 'offline' })
    expect(cancelled()).toBe(1)
    await expect(requests.ask({ type: 'challenge' }, 'challengeAnswer')).rejects.toMatchObject({ code: 'offline' })
  })

  it('answered by another kind of frame is not believed', async () => {
    const { requests, sent } = onTheTable()
    const asked = requests.ask({ type: 'challenge' }, 'challengeAnswer')
    requests.answered({ type: 'detachAnswer', id: sent[0]?.id ?? 0 })
    await expect(asked).rejects.toMatchObject({ code: 'engine-misspoke', then: 'stop' })
  })
})
