import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createActor } from 'xstate'
import { adjacencyMapToArray, getAdjacencyMap } from 'xstate/graph'
import { closeCodes } from '../protocol/errors.ts'
import { type SessionState, sessionStates } from '../protocol/states.ts'
import { type SessionEffect, type SessionEvent, sessionMachine } from './session-machine.ts'

const atMs = 1_000
const events: readonly SessionEvent[] = [
  { type: 'session.opened', atMs },
  { type: 'hello.received', atMs },
  { type: 'hello.verified', atMs, sessionNumber: 7, pendingUntilMs: 9_000 },
  { type: 'hello.refused', atMs, close: 'auth-failed' },
  { type: 'auth.timeout', atMs },
  { type: 'session.fenced', atMs, sessionNumber: 7 },
  { type: 'session.fenced', atMs, sessionNumber: 8 },
  { type: 'session.drain', atMs },
  { type: 'drain.done', atMs },
  { type: 'socket.closed', atMs },
  { type: 'frame.received', atMs },
]
const [opened, hello, verified] = [events[0], events[1], events[2]] as readonly [
  SessionEvent,
  SessionEvent,
  SessionEvent,
]
const drain: SessionEvent = { type: 'session.drain', atMs }
const frame: SessionEvent = { type: 'frame.received', atMs }

const waysTo: Readonly<Record<SessionState, readonly SessionEvent[]>> = {
  connecting: [],
  authenticating: [opened],
  live: [opened, hello, verified],
  draining: [opened, hello, verified, drain],
  closed: [opened, hello, verified, { type: 'socket.closed', atMs }],
}

function play(...played: readonly SessionEvent[]) {
  const actor = createActor(sessionMachine)
  actor.start()
  for (const event of played) actor.send(event)
  const { value, context } = actor.getSnapshot()
  return { state: value, ...context }
}

describe('a session', () => {
  it('greets the phone and gives it a time to prove itself', () => {
    expect(play(opened)).toMatchObject({
      state: 'authenticating',
      effects: [{ type: 'greet' }, { type: 'awaitHello' }],
    })
    expect(play(opened, { type: 'auth.timeout', atMs: 6_000 })).toMatchObject({
      state: 'closed',
      effects: [{ type: 'close', code: 'auth-timeout' }, { type: 'release' }],
    })
  })

  it('lets a phone in when its hello is verified, and keeps its number and its Security Delay', () => {
    expect(play(opened, hello).effects).toEqual([{ type: 'verify' }])
    expect(play(opened, hello, verified)).toMatchObject({
      state: 'live',
      sessionNumber: 7,
      pendingUntilMs: 9_000,
      effects: [{ type: 'admit' }],
    })
  })

  it('does not let a phone in that said no hello, and hears one hello only', () => {
    expect(play(opened, verified).state).toBe('authenticating')
    expect(play(opened, hello, hello).effects).toEqual([{ type: 'refuse', error: 'busy' }])
    expect(play(opened, hello, verified, hello)).toMatchObject({
      state: 'live',
      effects: [{ type: 'refuse', error: 'wrong-state' }],
    })
  })

  it('says why a hello is refused, with the code that fits', () => {
    for (const close of ['auth-failed', 'token-expired', 'version-unsupported'] as const) {
      const refused = play(opened, hello, { type: 'hello.refused', atMs, close })
      expect(refused).toMatchObject({ state: 'closed', effects: [{ type: 'close', code: close }, { type: 'release' }] })
    }
  })

  it('serves frames only while it is live', () => {
    const served = sessionStates.map((state) => play(...waysTo[state], frame).effects)
    expect(served).toEqual([
      [{ type: 'refuse', error: 'not-authenticated' }],
      [{ type: 'refuse', error: 'not-authenticated' }],
      [{ type: 'serve' }],
      [{ type: 'refuse', error: 'draining' }],
      [],
    ])
  })

  it('yields to a newer session of the same phone, never to itself or an older one', () => {
    const fenced = (sessionNumber: number): SessionEvent => ({ type: 'session.fenced', atMs, sessionNumber })
    for (const state of ['live', 'draining'] as const) {
      expect(play(...waysTo[state], fenced(8))).toMatchObject({
        state: 'closed',
        effects: [{ type: 'close', code: 'fenced' }, { type: 'release' }],
      })
      expect(play(...waysTo[state], fenced(7))).toMatchObject({ state, effects: [] })
      expect(play(...waysTo[state], fenced(6))).toMatchObject({ state, effects: [] })
    }
    expect(closeCodes.fenced.then).toBe('stop')
  })

  it('drains what is under way before it closes; one that is not live yet just closes', () => {
    expect(play(...waysTo.live, drain)).toMatchObject({ state: 'draining', effects: [] })
    expect(play(...waysTo.draining, { type: 'drain.done', atMs })).toMatchObject({
      state: 'closed',
      effects: [{ type: 'close', code: 'draining' }, { type: 'release' }],
    })
    expect(play(opened, hello, drain)).toMatchObject({ state: 'closed' })
  })

  it('has the states of the protocol, and no others', () => {
    expect(Object.keys(sessionMachine.states)).toEqual([...sessionStates])
  })

  it('answers every event in every state, and nothing is left over from the event before', () => {
    const steps = adjacencyMapToArray(
      getAdjacencyMap(sessionMachine, {
        events,
        serializeState: ({ value, context: { effects: _, ...rest } }) => JSON.stringify([value, rest]),
        serializeEvent: (event) => JSON.stringify(event),
      }),
    )
    const stale: readonly SessionEffect[] = [{ type: 'greet' }]
    const unanswered: string[] = []
    for (const { state, event } of steps) {
      const snapshot = sessionMachine.resolveState({
        value: state.value,
        context: { ...state.context, effects: stale },
      })
      const actor = createActor(sessionMachine, { snapshot })
      actor.start()
      actor.send(event)
      if (actor.getSnapshot().context.effects === stale) unanswered.push(`${event.type} in ${state.value}`)
    }
    expect(unanswered).toEqual([])
    expect(new Set(steps.map(({ state }) => state.value))).toEqual(new Set(sessionStates))
  })

  it('in any history is admitted at most once and gives up its slots exactly once, when it closes', () => {
    let closed = 0
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...events), { maxLength: 30 }), (history) => {
        const actor = createActor(sessionMachine)
        actor.start()
        const counts = { admit: 0, release: 0, close: 0 }
        for (const event of [opened, hello, ...history]) {
          const before = actor.getSnapshot().value
          actor.send(event)
          const { effects } = actor.getSnapshot().context
          for (const { type } of effects) if (type in counts) counts[type as keyof typeof counts]++
          if (effects.some((effect) => effect.type === 'serve')) expect(before).toBe('live')
          if (before === 'closed') expect(actor.getSnapshot().value).toBe('closed')
        }
        const hasClosed = actor.getSnapshot().value === 'closed'
        if (hasClosed) closed++
        expect(counts.admit).toBeLessThanOrEqual(1)
        expect(counts.release).toBe(hasClosed ? 1 : 0)
        expect(counts.close).toBeLessThanOrEqual(counts.release)
      }),
      { numRuns: 3_000 },
    )
    expect(closed).toBeGreaterThan(100)
  })
})
