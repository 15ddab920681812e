import { Mistake } from '../../base/request.ts'
import { describe, expect, it } from 'vitest'
import { operatorReasonBytesMax } from '../../engine/ports/rows.ts'
import { decisionsMax, readAfter, readBandRequest } from './admin-requests.ts'

const hex32 = 'AB'.repeat(16)

describe('what names a band', () => {
  it('is a band id, a bid or an account; what looks like an id may be an account, too', () => {
    expect(readBandRequest(hex32, '').named).toEqual({ bandId: hex32.toLowerCase(), account: hex32 })
    expect(readBandRequest('ab'.repeat(8), '').named).toEqual({ bid: 'ab'.repeat(8), account: 'ab'.repeat(8) })
    expect(readBandRequest('alice', '')).toEqual({
      named: { account: 'alice' },
      decisionsMax: 10,
      openReason: undefined,
    })
    expect(readBandRequest('a%3Ab', '').named).toEqual({ account: 'a:b' })
  })

  it.for(['', 'a b', 'a%20b', '%zz', 'a/b', 'x'.repeat(65), 'ä'])('is not "%s"', (name) => {
    expect(() => readBandRequest(name, '')).toThrow(/^a band id of 32 hex digits, a bid of 16, or an account/)
  })
})

describe('a question about a band', () => {
  it('asks for so many decisions, none or the most', () => {
    expect(readBandRequest('a', 'decisions=0').decisionsMax).toBe(0)
    expect(readBandRequest('a', `decisions=${decisionsMax}`).decisionsMax).toBe(decisionsMax)
    for (const wrong of ['-1', '1.5', 'x', '', String(decisionsMax + 1), '9'.repeat(20)])
      expect(() => readBandRequest('a', `decisions=${wrong}`), wrong).toThrow(/decisions: a whole number from 0 to 100/)
  })

  it('opens an account for a reason in text, not for none and not for more than the journal takes', () => {
    const open = (reason: string) => readBandRequest('a', new URLSearchParams({ open: reason }).toString()).openReason
    expect(open(' ticket 4711: ärgert sich ')).toBe('ticket 4711: ärgert sich')
    expect(open('x'.repeat(operatorReasonBytesMax))).toHaveLength(operatorReasonBytesMax)
    for (const wrong of [
      '',
      '  ',
      'x'.repeat(operatorReasonBytesMax + 1),
      'ä'.repeat(101),
      'a\nb',
      'a\u001b[2Jb',
      '\u3164',
    ])
      expect(() => open(wrong), wrong).toThrow(/open: a reason of 1 to 200 bytes of text/)
  })

  it('says nothing else, and nothing twice', () => {
    expect(() => readBandRequest('a', 'opn=x')).toThrow(/only decisions, open expected, got "opn"/)
    expect(() => readBandRequest('a', 'decisions=1&decisions=2')).toThrow(/decisions: expected once/)
  })
})

describe('since when the last minute is asked for', () => {
  it('is an instant, or the beginning', () => {
    expect([readAfter(''), readAfter('afterMs=1800000000000')]).toEqual([0, 1_800_000_000_000])
    for (const wrong of ['afterMs=-1', 'afterMs=', 'after=1']) expect(() => readAfter(wrong), wrong).toThrow(Mistake)
  })
})
