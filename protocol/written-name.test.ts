import { describe, expect, it } from 'vitest'
import { idDigitsMin, writtenName } from './written-name.ts'

const id = 'd0189313a1b2c3d4e5f60718293a4b5c'

describe('the name of a band as people copy it', () => {
  it.for([
    ['whole', id, id],
    ['in capitals', id.toUpperCase(), id],
    ['with spaces around and between', `  d018 9313 a1b2c3d4 e5f60718293a4b5c\n`, id],
    ['with colons or dashes', 'd0:18:93:13', 'd0189313'],
    ['as every table shows it', 'd0189313…', 'd0189313'],
    ['with three dots for the ellipsis', 'D0189313...', 'd0189313'],
    ['as a timeline shows a phone', 'phone:d0189313…', 'd0189313'],
    ['with what is not seen', '\u200bd0189313\u202c', 'd0189313'],
    ['in quotes', '"d0189313"', 'd0189313'],
    ['as its shortest beginning', 'd018', 'd018'],
  ] as const)('is read %s', ([, text, digits]) => {
    expect(writtenName(text).digits).toBe(digits)
  })

  it(`is no id with fewer than ${idDigitsMin} digits, more than there are, or others`, () => {
    for (const text of ['d01', `${id}0`, 'd018931g', '', '…', 'alice']) expect(writtenName(text).digits).toBeUndefined()
  })

  it('may be an account, or its beginning, and is surely an id only when it is long or cut', () => {
    expect(writtenName('alic…')).toEqual({ digits: undefined, isSurelyId: false, account: 'alic', isCut: true })
    expect(writtenName('Alice.B')).toMatchObject({ account: 'Alice.B', isCut: false })
    expect(writtenName('beef')).toMatchObject({ digits: 'beef', isSurelyId: false, account: 'beef' })
    expect(writtenName('beef…')).toMatchObject({ digits: 'beef', isSurelyId: true, isCut: true })
    expect(writtenName('deadbeef')).toMatchObject({ isSurelyId: true })
    expect(writtenName('no account <img>').account).toBeUndefined()
  })
})
