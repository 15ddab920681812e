import { describe, expect, it } from 'vitest'
import { PhoneError } from '../../sdk/phone/phone-errors.ts'
import { DemoScore } from './demo-score.ts'
import { type DemoPicture, draw, plainLine, summary } from './demo-view.ts'
import type { StatusLine } from '../engine/serve.ts'

const engine = { listener: 'ws', durability: 'disk', url: 'ws://127.0.0.1:1/phone' }
const status = {
  bands: { unbound: 0, pairing: 1, offWrist: 0, disarmed: 0, armed: 4, deactivating: 0 },
  bandsAwake: 5,
  links: 4,
  took: { p50Ms: 0.3, p99Ms: 0.9, p999Ms: null },
} as unknown as StatusLine

function scored(): DemoScore {
  const score = new DemoScore()
  const decision = { obligation: null, receipt: null, useLeftMinor: 0, dayLeftMinor: 0, lsn: 1 }
  score.see({ type: 'done', index: 0, step: 'connect', latencyMs: 1 })
  score.see({ type: 'done', index: 0, step: 'pair', latencyMs: 1 })
  score.see({ type: 'failed', index: 1, step: 'pair', error: new PhoneError('pair-refused') })
  score.see({ type: 'decided', index: 0, latencyMs: 2, decision: { ...decision, approved: true, reason: 'approved' } })
  for (const reason of ['band-off-wrist', 'over-use-limit', 'band-off-wrist'] as const) {
    score.see({ type: 'decided', index: 0, latencyMs: 2, decision: { ...decision, approved: false, reason } })
  }
  return score
}

const picture: DemoPicture = {
  bands: 2,
  score: scored(),
  status,
  engine,
  phase: 'paying',
  share: 0.5,
  decisionsPerSecond: 7.4,
}

describe('what a demo shows', () => {
  it('names the listener, the durability, the states of the bands and every reason of a denial', () => {
    const shown = draw(picture).join('\n')
    for (const part of [
      'listener ws',
      'durability disk',
      'armed 4',
      'pairing 1',
      'band-off-wrist 2',
      'over-use-limit 1',
    ]) {
      expect(shown).toContain(part)
    }
    expect(shown).toContain('pair: pair-refused 1')
    expect(shown).toContain('[##############..............] 4 decided, 7/s')
  })

  it('works before anything has happened', () => {
    const early: DemoPicture = { ...picture, score: new DemoScore(), status: undefined, phase: 'pairing', share: 0 }
    expect(draw(early).length).toBeGreaterThan(8)
    expect(plainLine(early)).toBe('pairing: 0 signed in, 0 paired, 0 armed of 2')
    expect(summary(early, { seconds: 3 })[0]).toContain('0 of 2 bands paired')
    expect(summary(early, { seconds: 4.1, of: 20 })[0]).toContain('paid for 4.1 s of 20 s: it was interrupted')
  })
})

describe('the result of a demo', () => {
  it('counts approvals, and denials by reason, and says how long they took', () => {
    expect(scored().result(engine)).toEqual({
      paired: 1,
      approved: 1,
      denied: 3,
      deniedByReason: { 'band-off-wrist': 2, 'over-use-limit': 1 },
      p50Ms: 2,
      p99Ms: 2,
      p999Ms: 2,
      durability: 'disk',
      listener: 'ws',
    })
  })
})
