import { expect, it } from 'vitest'
import { OutputGate } from './output-gate.ts'

it('A gate that nothing waits at is never late', () => {
  const gate = new OutputGate()
  expect(gate.isLate(1_000_000, 20)).toBe(false)
  gate.enter(0)
  gate.leave(30)
  expect(gate.isLate(1_000_000, 20)).toBe(false)
})

it('A gate is late when nothing left it for longer than it may, and not a moment before', () => {
  const gate = new OutputGate()
  gate.enter(100)
  gate.enter(110)
  expect(gate.isLate(120, 20)).toBe(false)
  expect(gate.isLate(120.1, 20)).toBe(true)
  gate.leave(125)
  expect(gate.isLate(145, 20)).toBe(false)
  expect(gate.isLate(145.1, 20)).toBe(true)
  gate.leave(146)
  expect(gate.isLate(500, 20)).toBe(false)
})
