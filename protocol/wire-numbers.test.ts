import { describe, expect, it } from 'vitest'
import { actions, parseAction } from './actions.ts'
import { closeCodes, errorCodes, parseCloseCode, parseErrorCode } from './errors.ts'
import { alertKinds, changes, engineFrames, phoneFrames } from './messages/frames.ts'
import { gestures, opCodes, patterns, verdicts, wears } from './ops.ts'
import { obligations, parseObligation, parseReason, reasons } from './reasons.ts'
import { recordTypes } from './records.ts'
import { bandStates, holdBits, holdsOf, parseBandState } from './states.ts'

const everyNumber = Array.from({ length: 70_000 }, (_, number) => number)

describe('numbers on the wire', () => {
  it.for([
    ['error', errorCodes, parseErrorCode],
    ['reason', reasons, parseReason],
    ['obligation', obligations, parseObligation],
    ['band state', bandStates, parseBandState],
  ] as const)('of each %s lead to its name, and all other numbers to none', ([, numbers, parse]) => {
    const names: ReadonlyMap<number, string> = new Map(Object.entries(numbers).map(([name, number]) => [number, name]))
    expect(everyNumber.filter((number) => parse(number) !== names.get(number))).toEqual([])
    for (const number of [-1, 0.5, Number.NaN, 2 ** 40]) expect(parse(number)).toBeUndefined()
  })

  it('of close codes lead to their names, and all other numbers to none', () => {
    const names: ReadonlyMap<number, string> = new Map(
      Object.entries(closeCodes).map(([name, code]) => [code.number, name]),
    )
    expect(everyNumber.filter((number) => parseCloseCode(number) !== names.get(number))).toEqual([])
    expect([...names.keys()].filter((number) => number < 4000 || number > 4099)).toEqual([])
  })

  it('of actions are 1 to 7, and 128 to 255 for a partner’s own; 0 and 8 to 127 mean nothing yet', () => {
    const names: ReadonlyMap<number, string> = new Map(Object.entries(actions).map(([name, number]) => [number, name]))
    const wrong = everyNumber.filter((number) => {
      const isOwn = number >= 128 && number <= 255
      return parseAction(number) !== (isOwn ? 'partner-own' : names.get(number))
    })
    expect(wrong).toEqual([])
  })

  it.for([
    ['errors', errorCodes],
    ['reasons', reasons],
    ['obligations', obligations],
    ['states', bandStates],
    ['holds', holdBits],
    ['actions', actions],
    ['ops', opCodes],
    ['records', recordTypes],
    ['verdicts', verdicts],
    ['wear', wears],
    ['gestures', gestures],
    ['patterns', patterns],
    ['alerts', alertKinds],
    ['changes', changes],
    ['frames', Object.fromEntries(Object.entries(phoneFrames).map(([name, { number }]) => [name, number]))],
    ['answers', Object.fromEntries(Object.entries(engineFrames).map(([name, { number }]) => [name, number]))],
  ] as const)('of %s are never given twice', ([, numbers]) => {
    const given = Object.values(numbers)
    expect(new Set(given).size).toBe(given.length)
  })

  it('of an answer are those of its question and 100 more', () => {
    const answers: ReadonlySet<number> = new Set(Object.values(engineFrames).map(({ number }) => number))
    expect(Object.values(phoneFrames).filter(({ number }) => !answers.has(number + 100))).toEqual([])
  })
})

describe('holds', () => {
  it('are a set of bits, each named once', () => {
    expect(holdsOf(0)).toEqual([])
    expect(holdsOf(1)).toEqual(['owner-freeze'])
    expect(holdsOf(2 | 8)).toEqual(['operator-freeze', 'lost'])
    expect(holdsOf(15)).toEqual(['owner-freeze', 'operator-freeze', 'risk-freeze', 'lost'])
    expect(holdsOf(0xf0)).toEqual([])
  })
})
