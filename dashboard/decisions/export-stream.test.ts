import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { exportColumns } from '../../protocol/operator-api.ts'
import { followExport } from './export-stream.ts'

const csv = `${exportColumns.join(',')}\r\n90,a,"quoted, ""twice"""\r\n50,b,c\r\n10,d,ä\r\n`
const lines = '{"lsn":90,"label":"ä"}\n{"lsn":50,"label":"{\\"lsn\\":1,"}\n{"lsn":10,"label":""}\n'

describe('the progress of an export', () => {
  it.for([
    ['csv', csv],
    ['jsonl', lines],
  ] as const)('counts the rows of %s however the bytes are cut', ([format, text]) => {
    const bytes = new TextEncoder().encode(text)
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: bytes.length })), (cuts) => {
        const ends = [...cuts, bytes.length].sort((a, b) => a - b)
        const follow = followExport(format, { newest: 110, oldest: 10 })
        const told = ends.map((end, at) => follow(bytes.subarray(ends[at - 1] ?? 0, end)))
        expect(told.at(-1)).toEqual({ rows: 3, bytes: bytes.length, part: 1 })
      }),
    )
  })

  it('is how much of the journal it came through, from the newest position back', () => {
    const follow = followExport('csv', { newest: 110, oldest: 10 })
    expect(follow(new TextEncoder().encode('lsn,at\r\n110,a\r\n')).part).toBe(0)
    expect(follow(new TextEncoder().encode('60,a\r\n')).part).toBe(0.5)
  })

  it('is not known when the engine did not say where it ends', () => {
    expect(followExport('csv', undefined)(new TextEncoder().encode(csv))).toMatchObject({ rows: 3, part: undefined })
  })
})
