// Resuming, checked exhaustively within bounds, and once more with each of its rules missing. The bounds and the
// environment variables that raise them are in budget.ts; the counts reached are printed.
import { describe, expect, it } from 'vitest'
import { extraFaults, extraHandshakes, isComplete, isSmall, report, statesMax } from './budget.ts'
import type { Model } from './checker.ts'
import { check, describeVerdict } from './checker.ts'
import { at } from './list.ts'
import { isLockedOutSilently, resumeModel } from './resume-model.ts'
import type { ResumeRule } from './resume-rules.ts'
import { resumeRules } from './resume-rules.ts'
import type { ResumeBounds, ResumeState } from './resume-state.ts'
import { nOf } from './resume-state.ts'
import { ruleNames } from './rules.ts'

const timeout = 600_000

const small: ResumeBounds = {
  slotsCount: 1,
  challengesMax: 2 + extraHandshakes,
  handshakesMax: 2 + extraHandshakes,
  recordsMax: 2,
  crashesMax: 1 + extraFaults,
  rebootsMax: 1 + extraFaults,
  rekeysMax: 0,
  clonesMax: 0,
  restoresMax: 0,
}
const worlds = {
  'one band, one phone': {
    ...small,
    challengesMax: 3 + extraHandshakes,
    handshakesMax: 3 + extraHandshakes,
    ...(isSmall ? { crashesMax: 0 } : {}),
  },
  'one band in two slots': { ...small, slotsCount: 2 },
  'a band that rekeys': { ...small, rekeysMax: 2 },
  'a band whose flash is copied': { ...small, clonesMax: 1 },
  'an engine that is restored': { ...small, crashesMax: 0, rekeysMax: 1, restoresMax: 1 },
  'an engine that is restored beside a copy of the flash': {
    ...small,
    crashesMax: 0,
    rebootsMax: 0,
    clonesMax: 1,
    restoresMax: 1,
  },
} as const satisfies Record<string, ResumeBounds>

/** The rules that need more than the smallest world to matter. */
const worldOf: Partial<Record<ResumeRule, ResumeBounds>> = {
  neBelongsToSlot: worlds['one band in two slots'],
  ackMeansThisRoot: worlds['a band that rekeys'],
  ratchetCancelsPending: worlds['a band that rekeys'],
  droppedRootIsRefused: worlds['a band whose flash is copied'],
  staleRootRaisesAlarm: worlds['a band whose flash is copied'],
  alarmEndsLinks: worlds['a band whose flash is copied'],
  dropEndsPending: worlds['a band whose flash is copied'],
  restoreFollowsRatchet: worlds['an engine that is restored'],
  restoreFollowsPrevious: worlds['an engine that is restored'],
  aheadIsNoClone: worlds['an engine that is restored'],
  aheadNeedsMac: worlds['an engine that is restored'],
  aheadKeepsRoots: worlds['an engine that is restored'],
  aheadKeepsPrevious: worlds['an engine that is restored'],
  aheadIsBounded: worlds['an engine that is restored'],
}

describe('resuming a link', () => {
  it('keeps every promise while replay, loss, crashes and copies of the flash do their worst', { timeout }, () => {
    const verdicts = Object.entries(worlds).map(([name, bounds]) => {
      const verdict = check(resumeModel(bounds), statesMax)
      report(`resume, ${name}`, verdict)
      return verdict
    })
    for (const verdict of verdicts) expect(describeVerdict(verdict)).not.toContain('breaks')
    if (!isComplete) return
    expect(verdicts.map(({ complete }) => complete)).not.toContain(false)
    const statesCount = verdicts.reduce((sum, verdict) => sum + verdict.statesCount, 0)
    expect(statesCount).toBeGreaterThan(isSmall ? 300_000 : 600_000)
  })

  it.each(ruleNames(resumeRules).map((name) => ({ name, ...resumeRules[name] })))(
    'loses a promise without the rule that $says',
    { timeout },
    ({ name, breaks }) => {
      const verdict = check(resumeModel(worldOf[name] ?? small, name), statesMax)
      report(`resume without ${name}`, verdict)
      expect(verdict.broken).toBe(breaks)
    },
  )

  it('shows how the band gets ahead of the engine when the ack does not wait for the disk', () => {
    expect(check(resumeModel(small, 'ackAfterDisk'), statesMax).trace).toEqual([
      'engine: CHAL Ne1 on slot 0',
      'band: answers Ne1 with RESUME 0 (n = 0)',
      'engine: receives RESUME 0 on slot 0',
      'band: receives HELLO (down 1) of link 0',
      'band: sends up 1 of link 0',
      'engine: receives up 1 of link 0',
      'engine: RATCHET_ACK on link 0',
      'band: receives RATCHET_ACK (down 2) of link 0',
    ])
  })

  it('ratchets again and again, also over a crash of the engine', { timeout }, () => {
    const twice = reach(resumeModel(small), ({ bands, engine }) => nOf(at(bands, 0).root) === 2 && engine.dropped)
    expect(twice).toBe(true)
    const behind = ({ engine, crashesCount }: ResumeState): boolean => crashesCount === 1 && nOf(engine.root) === 2
    expect(reach(resumeModel(small), behind)).toBe(true)
  })

  it('catches a copy of the flash', { timeout }, () => {
    const model = resumeModel(worlds['a band whose flash is copied'])
    expect(reach(model, ({ engine }) => engine.alarm)).toBe(true)
  })

  it('cannot tell the wearer when a copy has ratcheted twice before the band came back: the known limit', () => {
    const bounds = { ...small, challengesMax: 3, handshakesMax: 3, crashesMax: 0, rebootsMax: 0, clonesMax: 1 } as const
    expect(reach(resumeModel(bounds), isLockedOutSilently)).toBe(true)
  })

  it('cannot tell the wearer when a copy rekeys just after the band has ratcheted: the known limit', () => {
    const bounds = { ...small, crashesMax: 0, rebootsMax: 0, rekeysMax: 1, clonesMax: 1 } as const
    expect(reach(resumeModel(bounds), isLockedOutSilently)).toBe(true)
  })
})

/** Can the model get into such a state without breaking anything on the way? */
function reach(model: Model<ResumeState>, isThere: (state: ResumeState) => boolean): boolean {
  const broken = (state: ResumeState): string | undefined =>
    model.broken(state) ?? (isThere(state) ? 'there' : undefined)
  return check({ ...model, broken }, statesMax).broken === 'there'
}
