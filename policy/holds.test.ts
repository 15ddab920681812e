import { describe, expect, it } from 'vitest'
import { type Hold, holdBits } from '../protocol/states.ts'
import { type Surface, cloneRule, holdsAfterUnbinding, mayLiftHold, maySetHold } from './holds.ts'

const holds = Object.keys(holdBits) as Hold[]
const surfaces: readonly Surface[] = ['phone:a', 'band', 'web', 'recovery', 'operator:ann', 'rule:velocity']

/** PROTOCOL §7, "who sets it". */
const setters: Readonly<Record<Hold, readonly Surface[]>> = {
  'owner-freeze': ['phone:a', 'band', 'web', 'recovery'],
  'operator-freeze': ['operator:ann'],
  'risk-freeze': ['rule:velocity'],
  lost: ['phone:a', 'web', 'recovery'],
}

describe('setting a hold', () => {
  it.for(holds)('%s is for those who may stop in that way, and nobody else', (hold) => {
    expect(surfaces.filter((by) => maySetHold(hold, by))).toEqual(setters[hold])
  })
})

describe('lifting an owner freeze', () => {
  const lifts = (by: Surface, ...setBy: readonly string[]) => mayLiftHold({ hold: 'owner-freeze', by, setBy })

  it('is for the phone that set it alone, and for the web whoever set it', () => {
    expect(lifts('phone:a', 'phone:a')).toBe(true)
    expect(lifts('web', 'phone:a')).toBe(true)
    expect(lifts('web', 'web', 'band')).toBe(true)
  })

  it('is never for the one phone when another surface set it, or set it too', () => {
    expect(lifts('phone:a', 'web')).toBe(false)
    expect(lifts('phone:a', 'band')).toBe(false)
    expect(lifts('phone:a', 'phone:b')).toBe(false)
    expect(lifts('phone:a', 'phone:a', 'web')).toBe(false)
    expect(lifts('phone:a', 'phone:a', 'band')).toBe(false)
    expect(lifts('phone:a')).toBe(false)
  })

  it('does not mind a rule that froze for its own reason', () => {
    expect(lifts('phone:a', 'phone:a', cloneRule)).toBe(true)
  })

  it('is never for the band, a recovery code, an operator or a rule', () => {
    for (const by of ['band', 'recovery', 'operator:ann', 'rule:velocity'] as const) expect(lifts(by, by)).toBe(false)
  })
})

describe('lifting the other holds', () => {
  it('an operator freeze needs two different operators', () => {
    const lifts = (by: Surface, also?: Surface) =>
      mayLiftHold({ hold: 'operator-freeze', by, setBy: [], ...(also === undefined ? {} : { also }) })
    expect(lifts('operator:ann', 'operator:bob')).toBe(true)
    expect(lifts('operator:ann', 'operator:ann')).toBe(false)
    expect(lifts('operator:ann')).toBe(false)
    expect(lifts('operator:ann', 'web')).toBe(false)
    expect(lifts('web', 'operator:bob')).toBe(false)
  })

  it('a risk freeze is lifted by the rule that set it, and the clone alarm by no lift at all', () => {
    const lifts = (by: Surface, ...setBy: readonly string[]) => mayLiftHold({ hold: 'risk-freeze', by, setBy })
    expect(lifts('rule:velocity', 'rule:velocity')).toBe(true)
    expect(lifts('rule:velocity', 'rule:other')).toBe(false)
    expect(lifts(cloneRule, cloneRule)).toBe(false)
    for (const by of ['web', 'phone:a', 'operator:ann'] as const) expect(lifts(by, 'rule:velocity')).toBe(false)
  })

  it('lost is lifted by no lift, whoever asks', () => {
    for (const by of surfaces) expect(mayLiftHold({ hold: 'lost', by, setBy: [by] })).toBe(false)
  })

  it('the end of a binding lifts all but an operator freeze', () => {
    expect(holdsAfterUnbinding(0x0f)).toBe(holdBits['operator-freeze'])
    expect(holdsAfterUnbinding(holdBits.lost | holdBits['owner-freeze'] | holdBits['risk-freeze'])).toBe(0)
  })
})
