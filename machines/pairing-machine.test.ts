import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createActor } from 'xstate'
import { adjacencyMapToArray, getAdjacencyMap } from 'xstate/graph'
import { parsePairingId } from '../protocol/ids.ts'
import { pairRefusedDelayMs, pairingFailuresMax, pairingWindowMs } from '../protocol/limits.ts'
import {
  type PairingEffect,
  type PairingEvent,
  type PairingState,
  pairingMachine,
  pairingStates,
} from './pairing-machine.ts'

const startedAtMs = 1_000
const endMs = startedAtMs + pairingWindowMs
const input = { pairingId: parsePairingId('0d'.repeat(16)), startedAtMs }
const eventTypes = [
  'pair1.opened',
  'proof.failed',
  'pair3.opened',
  'pair3.refused',
  'commit.durable',
  'commit.refused',
  'ack.received',
  'ack.durable',
  'window.expired',
  'pairing.cancel',
] as const satisfies readonly PairingEvent['type'][]
const ended: readonly PairingState[] = ['bound', 'refused', 'expired', 'cancelled']

/** The effects of each event in turn, and where it ends. */
function play(...events: readonly (PairingEvent['type'] | PairingEvent)[]) {
  const actor = createActor(pairingMachine, { input })
  actor.start()
  let snapshot = actor.getSnapshot()
  for (const event of events) {
    actor.send(typeof event === 'string' ? { type: event, atMs: startedAtMs } : event)
    snapshot = actor.getSnapshot()
  }
  return {
    state: snapshot.value,
    effects: snapshot.context.effects,
    names: snapshot.context.effects.map((one) => one.type),
  }
}

describe('a pairing window', () => {
  it('opens with PAIR0 and ends three minutes later', () => {
    expect(play().effects).toEqual([{ type: 'sendPair0' }, { type: 'alarm', name: 'window.expired', atMs: endMs }])
  })

  it('binds in order: proof, certificate, durable commit, tap, durable ack', () => {
    const road = ['pair1.opened', 'pair3.opened', 'commit.durable', 'ack.received', 'ack.durable'] as const
    const told = road.map((_, at) => play(...road.slice(0, at + 1)))
    expect(told.map((one) => one.state)).toEqual(['proving', 'committing', 'committed', 'acknowledged', 'bound'])
    expect(told.map((one) => one.names)).toEqual([
      ['sendPair2'],
      ['commit'],
      ['sendCommit'],
      ['bind'],
      ['bound', 'eraseSecrets'],
    ])
  })

  it('sends COMMIT only when the commit is durable, and says bound only when the ack is', () => {
    expect(play('pair1.opened', 'pair3.opened').names).not.toContain('sendCommit')
    expect(play('pair1.opened', 'pair3.opened', 'commit.durable', 'ack.received').names).not.toContain('bound')
  })

  it('bears four failures and closes at the fifth, in each of its first two states', () => {
    for (const opened of [[], ['pair1.opened']] as const) {
      const failures = Array.from({ length: pairingFailuresMax }, () => 'proof.failed' as const)
      expect(play(...opened, ...failures.slice(1))).toMatchObject({ effects: [] })
      expect(ended).not.toContain(play(...opened, ...failures.slice(1)).state)
      expect(play(...opened, ...failures)).toMatchObject({ state: 'refused', names: ['refuse', 'eraseSecrets'] })
    }
  })

  it('refuses three seconds after PAIR3, the same way whatever the reason', () => {
    const at = (type: PairingEvent['type'], laterMs: number): PairingEvent => ({ type, atMs: startedAtMs + laterMs })
    const opened = at('pair1.opened', 0)
    const byCertificate = play(opened, at('pair3.refused', 10))
    const byState = play(opened, at('pair3.opened', 10), at('commit.refused', 700))
    expect(byCertificate).toEqual(byState)
    expect(byState.effects).toEqual([
      { type: 'refuse', error: 'pair-refused', atMs: startedAtMs + 10 + pairRefusedDelayMs },
      { type: 'eraseSecrets' },
    ])
  })

  it('tells the band nothing when it refuses', () => {
    expect(play('pair1.opened', 'pair3.refused').names).toEqual(['refuse', 'eraseSecrets'])
    expect(play('pair1.opened', 'pair3.opened', 'commit.refused').names).toEqual(['refuse', 'eraseSecrets'])
  })

  it('rolls back what was committed when the window ends or the wearer cancels, and only then', () => {
    const committed = ['pair1.opened', 'pair3.opened', 'commit.durable'] as const
    const over: PairingEvent = { type: 'window.expired', atMs: endMs }
    for (const [end, state] of [
      [over, 'expired'],
      ['pairing.cancel', 'cancelled'],
    ] as const) {
      expect(play(...committed, end)).toMatchObject({ state, names: ['rollback', 'refuse', 'eraseSecrets'] })
      expect(play('pair1.opened', 'pair3.opened', end)).toMatchObject({
        state,
        names: ['rollback', 'refuse', 'eraseSecrets'],
      })
      expect(play('pair1.opened', end)).toMatchObject({ state, names: ['refuse', 'eraseSecrets'] })
    }
  })

  it('does not end a millisecond early, and takes no ack when it is over', () => {
    const committed = ['pair1.opened', 'pair3.opened', 'commit.durable'] as const
    expect(play(...committed, { type: 'window.expired', atMs: endMs - 1 })).toMatchObject({
      state: 'committed',
      effects: [],
    })
    expect(play(...committed, { type: 'ack.received', atMs: endMs - 1 }).state).toBe('acknowledged')
    expect(play(...committed, { type: 'ack.received', atMs: endMs })).toMatchObject({ state: 'committed', effects: [] })
  })

  it('changes nothing for an ack that comes late, nor for a commit that was on its way', () => {
    const expired = ['pair1.opened', 'pair3.opened', { type: 'window.expired', atMs: endMs }] as const
    for (const late of ['commit.durable', 'ack.received', 'ack.durable'] as const) {
      expect(play(...expired, late)).toMatchObject({ state: 'expired', effects: [] })
    }
  })

  it('is too late to cancel once the ack is in', () => {
    const acknowledged = ['pair1.opened', 'pair3.opened', 'commit.durable', 'ack.received'] as const
    expect(play(...acknowledged, 'pairing.cancel')).toMatchObject({ state: 'acknowledged', effects: [] })
    expect(play(...acknowledged, { type: 'window.expired', atMs: endMs }, 'ack.durable').state).toBe('bound')
  })

  it('has the states it lists, and no others', () => {
    expect(Object.keys(pairingMachine.states).sort()).toEqual([...pairingStates].sort())
  })

  const steps = adjacencyMapToArray(
    getAdjacencyMap(pairingMachine, {
      input,
      events: eventTypes.flatMap((type) => [startedAtMs, endMs].map((atMs): PairingEvent => ({ type, atMs }))),
      serializeState: ({ value, context: { effects: _, ...rest } }) => JSON.stringify([value, rest]),
      serializeEvent: (event) => JSON.stringify(event),
    }),
  )

  it('answers every event in every state, and nothing is left over from the event before', () => {
    const stale: readonly PairingEffect[] = [{ type: 'sendPair0' }]
    const unanswered: string[] = []
    for (const { state, event } of steps) {
      const snapshot = pairingMachine.resolveState({
        value: state.value,
        context: { ...state.context, effects: stale },
      })
      const actor = createActor(pairingMachine, { snapshot, input })
      actor.start()
      actor.send(event)
      if (actor.getSnapshot().context.effects === stale) unanswered.push(`${event.type} in ${state.value}`)
    }
    expect(unanswered).toEqual([])
    expect(new Set(steps.map(({ state }) => state.value))).toEqual(new Set(pairingStates))
    expect(new Set(steps.map(({ event }) => event.type))).toEqual(new Set(eventTypes))
  })

  it('that has ended stays as it is, sends nothing and asks for nothing', () => {
    const wrong = steps
      .filter(({ state }) => ended.includes(state.value))
      .filter(({ state, nextState }) => {
        const isQuiet = nextState.context.effects.every((effect) => effect.type === 'unexpected')
        return state.value !== nextState.value || !isQuiet
      })
    expect(wrong.map(({ state, event }) => `${event.type} in ${state.value}`)).toEqual([])
  })

  it('in any history commits at most once, answers exactly once when it ends, and wipes its secrets then', () => {
    const anyEvent = fc.record({ type: fc.constantFrom(...eventTypes), atMs: fc.constantFrom(startedAtMs, endMs) })
    const seen = new Map<string, number>()
    fc.assert(
      fc.property(fc.array(anyEvent, { minLength: 5, maxLength: 40 }), (events) => {
        const actor = createActor(pairingMachine, { input })
        actor.start()
        const counts = new Map<string, number>()
        for (const event of events) {
          actor.send(event)
          for (const { type } of actor.getSnapshot().context.effects) counts.set(type, (counts.get(type) ?? 0) + 1)
        }
        const count = (type: PairingEffect['type']) => counts.get(type) ?? 0
        const state = actor.getSnapshot().value
        const hasEnded = ended.includes(state) ? 1 : 0
        seen.set(state, (seen.get(state) ?? 0) + 1)
        expect(count('commit')).toBeLessThanOrEqual(1)
        expect(count('bind')).toBeLessThanOrEqual(1)
        expect(count('refuse') + count('bound')).toBe(hasEnded)
        expect(count('eraseSecrets')).toBe(hasEnded)
        expect(count('bound')).toBe(state === 'bound' ? 1 : 0)
        if (count('rollback') > 0) expect([count('commit'), count('bind')]).toEqual([1, 0])
        if ((state === 'expired' || state === 'cancelled') && count('commit') > 0) expect(count('rollback')).toBe(1)
      }),
      { numRuns: 5_000 },
    )
    for (const state of ended) expect(seen.get(state), state).toBeGreaterThan(0)
  })
})
