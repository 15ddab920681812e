// Pairing and ownership, checked exhaustively within bounds, and once more with each rule missing. The bounds and the
// environment variables that raise them are in budget.ts; the counts reached are printed.
import { describe, expect, it } from 'vitest'
import { extraFaults, extraHandshakes, isComplete, isSmall, report, statesMax } from './budget.ts'
import { check, describeVerdict } from './checker.ts'
import { pairingModel } from './pairing-model.ts'
import { pairingRules } from './pairing-rules.ts'
import type { PairingBounds, PairingState } from './pairing-state.ts'
import { ruleNames } from './rules.ts'

const timeout = 600_000

const bounds: PairingBounds = {
  windowsMax: 2 + extraHandshakes,
  handshakesMax: 2 + extraHandshakes,
  crashesMax: 1 + extraFaults,
  rebootsMax: 1 + extraFaults,
  resetsMax: 1 + extraFaults,
  deactivationsMax: 1 + extraFaults,
}

describe('pairing a band', () => {
  it('keeps every promise while both ends crash and every message is replayed or lost', { timeout }, () => {
    const verdict = check(pairingModel(isSmall ? { ...bounds, resetsMax: 0 } : bounds), statesMax)
    report('pairing', verdict)
    expect(describeVerdict(verdict)).not.toContain('breaks')
    if (!isComplete) return
    expect(verdict.complete).toBe(true)
    expect(verdict.statesCount).toBeGreaterThan(isSmall ? 100_000 : 300_000)
  })

  it.each(ruleNames(pairingRules).map((name) => ({ name, ...pairingRules[name] })))(
    'loses a promise without the rule that $says',
    { timeout },
    ({ name, breaks }) => {
      const verdict = check(pairingModel(bounds, name), statesMax)
      report(`pairing without ${name}`, verdict)
      expect(verdict.broken).toBe(breaks)
    },
  )

  it('can hand a band from one account to another', { timeout }, () => {
    const model = pairingModel(bounds)
    const isHandedOver = ({ rows: [first, second] }: PairingState): boolean =>
      first?.status === 'tombstoned' && second?.status === 'bound' && first.account !== second.account
    const broken = (state: PairingState): string | undefined => (isHandedOver(state) ? 'there' : undefined)
    expect(check({ ...model, broken }, statesMax).broken).toBe('there')
  })
})
