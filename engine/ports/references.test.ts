import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parseAccountId, parseBandId } from '../../protocol/ids.ts'
import { keepAnswer, keptFor } from './references.ts'
import type { ReferenceRow } from './rows.ts'

const key = 'ab'.repeat(24)
const accounts = ['alice', 'bob', 'carol'].map(parseAccountId)

function answerOf(account: (typeof accounts)[number], reason: number, lsn: number): ReferenceRow {
  return {
    rd: new Uint8Array(32),
    account,
    bandId: parseBandId('cd'.repeat(16)),
    final: true,
    reason,
    obligation: null,
    level: 0,
    useLeftMinor: 0,
    dayLeftMinor: 0,
    lsn,
    decidedAtMs: 1,
    ownerEpoch: 0,
  }
}

it('Each account finds its own last answer, and every other is told by the one approval there is', () => {
  const step = fc.record({
    account: fc.constantFrom(...accounts),
    reason: fc.constantFrom(0, 15),
    isReversed: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const rows = new Map<string, ReferenceRow>()
      const reader: Parameters<typeof keptFor>[0] = {
        get: ((_table: string, at: string) => rows.get(at)) as Parameters<typeof keptFor>[0]['get'],
      }
      const lastOf = new Map<string, ReferenceRow>()
      let standing: string | undefined
      let lsn = 0
      const keep = (answer: ReferenceRow) => {
        for (const change of keepAnswer(reader, key, answer)) {
          if (change.table !== 'reference') throw new Error(`a reference expected, got ${change.table}`)
          if (change.row === null) rows.delete(change.key)
          else rows.set(change.key, change.row)
        }
        lastOf.set(answer.account, answer)
      }
      for (const { account, reason, isReversed } of steps) {
        // The engine decides nothing for others while an approval stands, nor anew what it approved.
        if (standing !== undefined) continue
        keep(answerOf(account, reason, ++lsn))
        if (reason === 0 && isReversed) keep(answerOf(account, 6, ++lsn))
        else if (reason === 0) standing = account
        for (const one of accounts) {
          const kept = keptFor(reader, key, one)
          expect(kept.own).toEqual(lastOf.get(one))
          expect(kept.isTaken).toBe(standing !== undefined && standing !== one)
        }
      }
    }),
  )
})
