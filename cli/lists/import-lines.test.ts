import { describe, expect, it } from 'vitest'
import { decodeImport, importBindingsMax } from '../../protocol/messages/imported-binding.ts'
import { type ImportAnswer, type RefusedLine, importLineMax, importLines, readLine } from './import-lines.ts'
import { sampleLine } from '../../server/http/test-import.ts'

const armed = { secret: 'a5'.repeat(16), armEpoch: 1, wearEpoch: 2, armedUntilMs: 3, verifiedAtMs: 4 }

function object(index: number, change: Record<string, unknown> = {}): Record<string, unknown> {
  return sampleLine(index, { name: 'left', k: 3, armed, ...change })
}

async function* from(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines
}

/** Imports into an engine that answers as told. */
async function imported(lines: readonly string[], answer: (count: number) => ImportAnswer | Promise<ImportAnswer>) {
  const refused: RefusedLine[] = []
  const counts: number[] = []
  const totals = await importLines(from(lines), {
    send: async (body) => {
      const read = decodeImport(body)
      if ('expected' in read) throw new Error(read.expected)
      counts.push(read.length)
      return answer(read.length)
    },
    refused: (line) => refused.push(line),
    progressed: () => undefined,
  })
  return { totals, refused, counts }
}

describe('a line of an import', () => {
  it('is read as the binding it describes, with or without what may be left out', () => {
    expect(readLine(JSON.stringify(object(1)))).toMatchObject({
      bandId: '00000000000000000000000000000001',
      account: 'account-1',
      root: new Uint8Array(32).fill(0x5e),
      armed: { secret: new Uint8Array(16).fill(0xa5), verifiedAtMs: 4 },
    })
    const { name: _name, armed: _armed, ...least } = object(1)
    expect(readLine(JSON.stringify(least))).toMatchObject({ name: '', armed: null })
  })

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['digits missing', { root: '5e'.repeat(31) }, /^root: 64 hex digits expected, got 62 characters$/],
    ['no hex', { bandKey: 'zz'.repeat(32) }, /^bandKey: 64 hex digits expected/],
    ['no account', { account: 'Ana M' }, /^account: 1 to 64 of/],
    ['a fraction', { k: 1.5 }, /^k: a whole number expected/],
    ['a text for a number', { vendor: '7' }, /^vendor: a whole number expected, got a string$/],
    ['a number out of range', { vendor: 65_536 }, /^vendor: an integer 0 to 65535 expected$/],
    ['a generation of none', { generation: 0 }, /^generation: an integer 1 to/],
    ['a name that is too long', { name: 'n'.repeat(25) }, /^name: a str of at most 24 bytes/],
    ['a member nobody knows', { rooot: 1 }, /did you mean root\?$/],
    [
      'half an arming',
      { armed: { secret: 'a5'.repeat(16) } },
      /^armed\.armEpoch: a whole number expected, got nothing$/,
    ],
    ['a member of an arming nobody knows', { armed: { ...armed, epoch: 1 } }, /^armed: only secret, /],
    ['an arming that is none', { armed: 5 }, /^armed: a JSON object expected$/],
  ])('with %s says what was expected', (_what, change, expected) => {
    const said = readLine(JSON.stringify(object(1, change)))
    expect(said).toMatch(expected)
  })

  it('that is refused is never repeated, whatever is in it', () => {
    const secret = '5e'.repeat(32)
    for (const text of [`{"root":"${secret}"`, JSON.stringify(object(1, { root: `${secret}x` })), secret, '[]']) {
      const said = readLine(text)
      expect(typeof said, text).toBe('string')
      expect(said).not.toContain('5e5e')
    }
  })

  it('may be as long as the limit, and not one character longer', () => {
    const text = JSON.stringify(object(1))
    expect(readLine(text.padEnd(importLineMax))).toMatchObject({ account: 'account-1' })
    expect(readLine(text.padEnd(importLineMax + 1))).toMatch(/^a line of at most 4096 characters expected, got 4097$/)
  })
})

describe('an import of lines', () => {
  it('sends as many in one request as one may hold, skips empty lines, and counts', async () => {
    const lines = Array.from({ length: importBindingsMax + 1 }, (_, at) => JSON.stringify(object(at + 1)))
    const { totals, counts } = await imported(['', ...lines, ' '], (count) => ({ imported: count, refused: [] }))
    expect(counts).toEqual([importBindingsMax, 1])
    expect(totals).toEqual({ read: importBindingsMax + 1, imported: importBindingsMax + 1, refused: 0 })
  })

  it('names each refused line by its number, whoever refused it', async () => {
    const lines = ['', JSON.stringify(object(1)), 'no', JSON.stringify(object(2)), JSON.stringify(object(3))]
    const { totals, refused } = await imported(lines, () => ({
      imported: 2,
      refused: [{ index: 1, reason: 'band-known' }],
    }))
    expect(refused).toEqual([
      { line: 3, reason: 'a JSON object expected, this is no JSON' },
      { line: 4, reason: 'band-known' },
    ])
    expect(totals).toEqual({ read: 4, imported: 2, refused: 2 })
  })

  it('ends at the first request that the engine did not answer, with why', async () => {
    const lines = Array.from({ length: 10 * importBindingsMax }, (_, at) => JSON.stringify(object(at + 1)))
    let sent = 0
    const failing = imported(lines, () => {
      sent++
      throw new Error('cannot be reached')
    })
    await expect(failing).rejects.toThrow('cannot be reached')
    expect(sent).toBeLessThan(10)
  })
})
