import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AnyStateMachine, assign, createActor, createMachine, getNextSnapshot, setup } from 'xstate'
import { bandStates } from '../protocol/states.ts'
import { eventsIn, ordinaryEvent, sampleBandId } from './band-invariants.ts'
import { bandLogic, sessionLogic } from './actor-logic.ts'
import type { BandEffect } from './band-context.ts'
import { bandMachine, bandSnapshot, bandStateOf } from './band-machine.ts'
import { tableOf } from './machine-table.ts'
import { type SessionEffect, type SessionEvent, sessionMachine } from './session-machine.ts'
import { fromTable } from './table-logic.ts'

const fail = (error: unknown) => {
  throw error
}

describe('A table made of a machine', () => {
  it('takes every step of a random life of a band as the machine and its actor do', () => {
    const visited = new Set<string>()
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), fc.nat(10)), { minLength: 1, maxLength: 80 }), (choices) => {
        const actor = createActor(bandMachine, { input: { bandId: sampleBandId } }).start()
        let machine = actor.getSnapshot()
        const driven = createActor(bandLogic, { input: { context: machine.context } }).start()
        let effects: BandEffect[] = []
        driven.on('*', (effect) => effects.push(effect))
        let atMs = 1_000_000
        for (const [choice, ordinary] of choices) {
          atMs += 60_000
          const { band } = machine.context
          const worth = eventsIn(band, atMs)
          const state = bandStateOf(machine)
          // A deactivation ends by the next ordinary event: stay a while.
          const isOrdinary = ordinary < 5 && state !== 'deactivating'
          const event = isOrdinary ? ordinaryEvent(state, band, atMs) : worth[choice % worth.length]
          if (event === undefined) return
          actor.send(event)
          machine = getNextSnapshot(bandMachine, machine, event)
          effects = []
          driven.send(event)
          expect(driven.getSnapshot().value).toEqual(machine.value)
          // What is to be done was emitted, and is kept nowhere.
          expect(driven.getSnapshot().context).toEqual({ ...machine.context, effects: [] })
          expect(effects).toEqual(machine.context.effects)
          expect(actor.getSnapshot().value).toEqual(machine.value)
          expect(actor.getSnapshot().context).toEqual(machine.context)
          visited.add(`${bandStateOf(driven.getSnapshot())} ${event.type}`)
        }
      }),
      { numRuns: 1_000 },
    )
    // Every state was walked through, most with most events.
    for (const state of Object.keys(bandStates)) {
      expect([...visited].filter((one) => one.startsWith(`${state} `)).length, state).toBeGreaterThan(8)
    }
  })

  it('takes every step of a random session as the machine and its actor do', () => {
    const events: readonly SessionEvent[] = [
      { type: 'session.opened', atMs: 1 },
      { type: 'hello.received', atMs: 1 },
      { type: 'hello.verified', atMs: 1, sessionNumber: 7, pendingUntilMs: 9 },
      { type: 'hello.refused', atMs: 1, close: 'auth-failed' },
      { type: 'auth.timeout', atMs: 1 },
      { type: 'session.fenced', atMs: 1, sessionNumber: 7 },
      { type: 'session.fenced', atMs: 1, sessionNumber: 8 },
      { type: 'session.drain', atMs: 1 },
      { type: 'drain.done', atMs: 1 },
      { type: 'socket.closed', atMs: 1 },
      { type: 'frame.received', atMs: 1 },
      { type: 'frame.received', atMs: 2 },
    ]
    const visited = new Set<string>()
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...events), { maxLength: 40 }), fc.nat(3), (chosen, ordinary) => {
        const actor = createActor(sessionMachine).start()
        let machine = actor.getSnapshot()
        const driven = createActor(sessionLogic, { input: { context: machine.context } }).start()
        let effects: SessionEffect[] = []
        driven.on('*', (effect) => effects.push(effect))
        for (const event of [...events.slice(0, ordinary), ...chosen]) {
          actor.send(event)
          machine = getNextSnapshot(sessionMachine, machine, event)
          effects = []
          driven.send(event)
          const { value, context } = driven.getSnapshot()
          expect(value).toEqual(machine.value)
          expect(context).toEqual({ ...machine.context, effects: [] })
          expect(effects).toEqual(machine.context.effects)
          expect(actor.getSnapshot().context).toEqual(machine.context)
          visited.add(`${value} ${event.type}`)
        }
      }),
      { numRuns: 1_000 },
    )
    expect(visited.size).toBeGreaterThan(35)
  })

  it('starts a band from its row where the machine does', () => {
    const table = tableOf(bandMachine)
    for (const state of ['unbound', 'pairing', 'offWrist', 'disarmed', 'armed', 'deactivating'] as const) {
      for (const holds of [0, 1]) {
        const memory = {
          ...createActor(bandMachine, { input: { bandId: sampleBandId } }).getSnapshot().context.band,
          holds,
        }
        const snapshot = bandSnapshot(state, memory)
        expect(table.at(snapshot.value).value).toEqual(snapshot.value)
      }
    }
    expect(() => table.at(JSON.parse('{"binding":"flying","holds":"free"}'))).toThrow(/flying/)
  })

  it.each<[string, AnyStateMachine]>([
    ['entry or exit actions', createMachine({ id: 'm', initial: 'a', states: { a: { entry: () => {} } } })],
    ['an eventless transition', createMachine({ id: 'm', initial: 'a', states: { a: { always: 'b' }, b: {} } })],
    ['a delayed transition', createMachine({ id: 'm', initial: 'a', states: { a: { after: { 5: 'b' } }, b: {} } })],
    ['a final state', createMachine({ id: 'm', initial: 'a', states: { a: { type: 'final' } } })],
    ['the event descriptor a.*', createMachine({ id: 'm', initial: 'a', states: { a: { on: { 'a.*': {} } } } })],
  ])('refuses %s instead of skipping it', (what, machine) => {
    expect(() => tableOf(machine)).toThrow(what)
  })

  it.each<[string, object]>([
    [
      'a guard that is no function',
      { initial: 'a', states: { a: { on: { go: { guard: 'ready', target: 'b' } } }, b: {} } },
    ],
    ['an action that is no assign', { initial: 'a', states: { a: { on: { go: { actions: () => {} } } } } }],
    ['several targets', { initial: 'a', states: { a: { on: { go: { target: ['b', 'a'] } } }, b: {} } }],
    [
      'a target in another region',
      {
        type: 'parallel',
        states: {
          a: { initial: 'x', states: { x: { on: { go: '#m.b.y' } } } },
          b: { initial: 'y', states: { y: {} } },
        },
      },
    ],
    ['transitions of the root', { initial: 'a', on: { go: '.a' }, states: { a: {} } }],
    [
      'transitions of the root',
      {
        type: 'parallel',
        on: { go: { actions: assign({ count: 1 }) } },
        states: { a: { initial: 'x', states: { x: {} } }, b: { initial: 'y', states: { y: {} } } },
      },
    ],
  ])('refuses %s when it is made, before any event comes', (what, config) => {
    expect(() => tableOf(createMachine({ id: 'm', ...config }))).toThrow(what)
  })
})

describe('An actor on a table', () => {
  type Counted = { readonly count: number; readonly effects: readonly CountEvent[] }
  type CountEvent = { readonly type: 'count' | 'burst' }
  const types: { readonly context?: Counted; readonly events?: CountEvent } = {}
  const broken = setup({ types }).createMachine({
    context: { count: 0, effects: [] },
    initial: 'a',
    states: {
      a: {
        on: {
          count: { target: 'b', actions: assign({ count: 1 }) },
          burst: { actions: assign(() => fail(new Error('a bug'))) },
        },
      },
      b: {},
    },
  })
  const logic = () => fromTable<'a' | 'b', CountEvent, Counted, CountEvent>(tableOf(broken))
  const input = { context: { count: 0, effects: [] } }

  it('tells of its first error, keeps what it was before, and takes nothing after it', () => {
    const errors: unknown[] = []
    const actor = createActor(logic(), { input })
    actor.subscribe({ error: (error) => errors.push(error) })
    actor.start()
    actor.send({ type: 'burst' })
    expect(errors).toEqual([new Error('a bug')])
    expect(actor.getSnapshot().status).toBe('error')
    actor.send({ type: 'count' })
    expect(actor.getSnapshot().context).toEqual(input.context)
  })

  it('is an actor of XState: subscribed to, inspected, persisted and restored as any other', () => {
    const inspected: string[] = []
    const actor = createActor(logic(), { input, inspect: ({ type }) => inspected.push(type) })
    const values: string[] = []
    actor.subscribe(({ value }) => values.push(value))
    actor.start()
    actor.send({ type: 'count' })
    expect(values).toEqual(['a', 'b'])
    expect(inspected).toEqual([
      '@xstate.actor',
      '@xstate.event',
      '@xstate.snapshot',
      '@xstate.event',
      '@xstate.snapshot',
    ])
    const persisted = JSON.parse(JSON.stringify(actor.getPersistedSnapshot()))
    const again = createActor(logic(), { input, snapshot: persisted }).start()
    expect(again.getSnapshot()).toMatchObject({ value: 'b', context: { count: 1 } })
    expect(createActor(logic(), { input, snapshot: { ...persisted, value: 'z' } }).getSnapshot().status).toBe('error')
    actor.stop()
    actor.send({ type: 'count' })
    expect(actor.getSnapshot()).toMatchObject({ status: 'stopped', value: 'b' })
  })
})
