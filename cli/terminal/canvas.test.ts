import { describe, expect, it } from 'vitest'
import { Canvas } from './canvas.ts'

describe('a picture on a terminal', () => {
  it('is drawn over itself, no line wider than the terminal', () => {
    let written = ''
    const canvas = new Canvas({ columns: 20, write: (text) => (written += text) })
    canvas.show(['a'.repeat(50), 'b'])
    written = ''
    canvas.show(['c'.repeat(50)])
    expect(written).toBe(`\u001b[2A${'c'.repeat(19)}\u001b[K\n\u001b[J`)
  })

  it('does not vanish on a terminal that says it has no columns', () => {
    let written = ''
    new Canvas({ columns: 0, write: (text) => (written += text) }).show(['shown'])
    expect(written).toContain('shown')
  })
})
