import { describe, expect, it } from 'vitest'
import { didYouMean } from './did-you-mean.ts'

const names = ['serve', 'demo', 'partner', 'vendor', 'audit']

describe('did you mean', () => {
  it.for([
    ['serv', 'serve'],
    ['sevre', 'serve'],
    ['partnr', 'partner'],
    ['PARTNER', 'partner'],
    ['dmeo', 'demo'],
  ])('%s is taken for %s', ([written, meant]) => {
    expect(didYouMean(written ?? '', names)).toBe(meant)
  })

  it('guesses nothing when nothing is near', () => {
    expect(didYouMean('backup', names)).toBeUndefined()
    expect(didYouMean('', names)).toBeUndefined()
  })
})
