import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { nodePrimitives } from './node-primitives.ts'
import { randomBytesMax } from './primitives.ts'

/** Bytes that this thread has read from files and devices (proc(5)). */
const ledger = '/proc/thread-self/io'
function bytesRead(): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync(ledger, 'utf8'))?.[1])
}

describe.skipIf(!existsSync(ledger))('what is drawn at random', () => {
  // A virtual machine that is resumed twice from one snapshot has twice what lies in the memory of a process.
  it.each([1, 8, 16, 24, 32, 64, 65, 4_096, randomBytesMax])(
    'comes from the kernel when it is drawn, all %i bytes of it: nothing is drawn ahead',
    (length) => {
      nodePrimitives.randomBytes(length)
      const ownOf = (work: () => unknown) => {
        const before = bytesRead()
        work()
        return bytesRead() - before
      }
      const none = ownOf(() => undefined)
      for (let turn = 0; turn < 20; turn++) {
        const read = ownOf(() => nodePrimitives.randomBytes(length))
        // The ledger's own length may grow by a digit or two.
        expect(Math.abs(read - none - length)).toBeLessThan(Math.min(length, 8) || 1)
      }
    },
  )
})

describe('a draw', () => {
  it('gives every byte its turn, and never the same bytes again', () => {
    const seen = new Set<string>()
    const values = new Set<number>()
    for (let draw = 0; draw < 1_000; draw++) {
      const bytes = nodePrimitives.randomBytes(16)
      seen.add(bytes.join())
      for (const byte of bytes) values.add(byte)
    }
    expect(seen.size).toBe(1_000)
    expect(values.size).toBe(256)
    // No end of a long draw is left empty.
    expect(
      nodePrimitives
        .randomBytes(randomBytesMax)
        .slice(-32)
        .some((byte) => byte !== 0),
    ).toBe(true)
  })
})
