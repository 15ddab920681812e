import { describe, expect, it } from 'vitest'
import { phoneUnusedMs } from '../protocol/limits.ts'
import { givesWay } from './phone-places.ts'

const nowMs = 1_000_000_000_000
const phone = (name: string, enrolledMsAgo: number, seenMsAgo = enrolledMsAgo, pendingMs = 0) => ({
  name,
  enrolledAtMs: nowMs - enrolledMsAgo,
  seenAtMs: nowMs - seenMsAgo,
  pendingUntilMs: pendingMs === 0 ? 0 : nowMs + pendingMs,
})
const none = () => false

describe('of a full account the phone that gives way', () => {
  it('is the one that is pending longest, whatever else is unused', () => {
    const phones = [phone('old', phoneUnusedMs), phone('newer', 10, 10, 60), phone('older', 20, 20, 50)]
    expect(givesWay(phones, { nowMs, isLive: none })?.name).toBe('older')
  })

  it('is else the one not seen for longest, at half a year and not a millisecond before', () => {
    const phones = [phone('seen', phoneUnusedMs + 9, 1), phone('old', phoneUnusedMs), phone('older', phoneUnusedMs + 1)]
    expect(givesWay(phones, { nowMs, isLive: none })?.name).toBe('older')
    expect(givesWay([phone('almost', phoneUnusedMs - 1)], { nowMs, isLive: none })).toBeUndefined()
    expect(givesWay([phone('just', phoneUnusedMs)], { nowMs, isLive: none })?.name).toBe('just')
  })

  it('is none that has been signed in all the while', () => {
    const phones = [phone('live', phoneUnusedMs + 1), phone('gone', phoneUnusedMs)]
    expect(givesWay(phones, { nowMs, isLive: ({ name }) => name === 'live' })?.name).toBe('gone')
    expect(givesWay(phones.slice(0, 1), { nowMs, isLive: () => true })).toBeUndefined()
  })
})
