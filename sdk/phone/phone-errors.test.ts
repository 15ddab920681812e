import { describe, expect, it } from 'vitest'
import { type CloseCode, type ErrorCode, closeCodes, errorCodes } from '../../protocol/errors.ts'
import { PhoneError, afterClose, errorOfClose, errorOfFrame } from './phone-errors.ts'

describe('what a phone does when its socket is closed', () => {
  it.for(Object.entries(closeCodes))('on %s it does what the protocol says', ([name, { number, then }]) => {
    const error = errorOfClose(number)
    expect(error.code).toBe(name satisfies string)
    expect(afterClose(error)).toBe(then)
  })

  it('stops at a close code of the engine that is newer than it, and retries after any other', () => {
    expect(afterClose(errorOfClose(4099))).toBe('stop')
    for (const code of [1000, 1001, 1006, 1011, 3999, 4100]) expect(afterClose(errorOfClose(code))).toBe('retry')
  })
})

describe('an error the engine answers with', () => {
  it.for(Object.entries(errorCodes))('%s says what to do', ([name, code]) => {
    const error = errorOfFrame({ code, retryAfterMs: 250 }, 'arm')
    expect(error).toMatchObject({ code: name, retryAfterMs: 250, name: 'PhoneError' })
    expect(error.message).toContain(`${name} (arm): `)
    expect(error.message.length).toBeGreaterThan(name.length + 20)
    expect(['retry', 're-authenticate', 'ask-user', 'stop']).toContain(error.then)
  })

  it('that is newer than this phone is not guessed at', () => {
    expect(errorOfFrame({ code: 9_999, retryAfterMs: null }, 'arm')).toMatchObject({ code: 'engine-misspoke' })
  })

  it('never tells why a pairing was refused', () => {
    const codes: readonly (ErrorCode | CloseCode)[] = ['pair-refused']
    for (const code of codes) expect(new PhoneError(code).message).toContain('the reason is not told')
  })
})
