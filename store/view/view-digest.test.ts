import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32c } from '../files/crc32c.ts'
import { DigestSum, emptyDigest } from './view-digest.ts'

type Row = { readonly table: string; readonly key: string; readonly stored: Uint8Array }

/** One row's number as the format defines it: its MAC, with the checksum of its place across bits 48 to 79. */
function numberOf({ table, key, stored }: Row): bigint {
  const mac = BigInt(`0x${Buffer.from(stored.subarray(-16)).toString('hex')}`)
  return mac ^ (BigInt(crc32c(Buffer.from(`${table} ${key}`, 'latin1'))) << 48n)
}

function counted(sum: DigestSum, how: 'add' | 'remove', rows: readonly Row[]): void {
  for (const { table, key, stored } of rows) sum[how](table, Buffer.from(key, 'latin1'), stored)
}

const anyRow = fc.record({
  table: fc.constantFrom('band', 'history', 'reference'),
  key: fc.string({ minLength: 1, maxLength: 60 }),
  stored: fc.oneof(fc.uint8Array({ minLength: 16, maxLength: 80 }), fc.constant(new Uint8Array(20).fill(0xff))),
})

describe('the digest of a view', () => {
  it('is the sum of what its rows count, modulo 2^128, whatever came and went before', () => {
    fc.assert(
      fc.property(fc.array(anyRow), fc.array(anyRow), (kept, gone) => {
        const sum = new DigestSum(emptyDigest)
        counted(sum, 'add', gone)
        const between = sum.digest()
        const later = new DigestSum(between)
        counted(later, 'add', kept)
        counted(later, 'remove', gone)
        expect(later.digest()).toEqual({
          rows: kept.length,
          sum: BigInt.asUintN(
            128,
            kept.reduce((total, row) => total + numberOf(row), 0n),
          ),
        })
      }),
    )
  })
})
