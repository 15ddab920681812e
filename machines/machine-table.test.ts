import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AnyStateMachine, assign, createActor, createMachine, getNextSnapshot, setup } from 'xstate'
import { bandStates } from '../protocol/states.ts'
import { eventsIn, ordinaryEvent, sampleBandId } from './band-invariants.ts'
import { bandMachine, bandSnapshot, bandStateOf } from './band-machine.ts'
import { tableOf } from './machine-table.ts'
import { type SessionEvent, sessionMachine } from './session-machine.ts'
import { TableActor } from './table-actor.ts'

const fail = (error: unknown) => {
  throw error
}

describe('A table made of a machine', () => {
  it('takes every step of a random life of a band as the machine and its actor do', () => {
    const table = tableOf(bandMachine)
    const visited = new Set<string>()
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), fc.nat(10)), { minLength: 1, maxLength: 80 }), (choices) => {
        const actor = createActor(bandMachine, { input: { bandId: sampleBandId } }).start()
        let machine = actor.getSnapshot()
        const driven = new TableActor(table, { place: table.initial, context: machine.context }, fail)
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
          driven.send(event)
          expect(driven.value).toEqual(machine.value)
          expect(driven.context).toEqual(machine.context)
          expect(actor.getSnapshot().value).toEqual(machine.value)
          expect(actor.getSnapshot().context).toEqual(machine.context)
          visited.add(`${bandStateOf(driven)} ${event.type}`)
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
    const table = tableOf(sessionMachine)
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
        const driven = new TableActor(table, { place: table.initial, context: machine.context }, fail)
        for (const event of [...events.slice(0, ordinary), ...chosen]) {
          actor.send(event)
          machine = getNextSnapshot(sessionMachine, machine, event)
          driven.send(event)
          expect(driven.value).toEqual(machine.value)
          expect(driven.context).toEqual(machine.context)
          expect(actor.getSnapshot().context).toEqual(machine.context)
          visited.add(`${driven.value} ${event.type}`)
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

  it('refuses an action that is no assign when the event first comes', () => {
    const machine = setup({}).createMachine({ initial: 'a', states: { a: { on: { go: { actions: () => {} } } } } })
    const table = tableOf(machine)
    expect(() => table.step(table.initial, {}, { type: 'go' })).toThrow('no assign')
  })
})

describe('An actor on a table', () => {
  const broken = setup({}).createMachine({
    context: { count: 0 },
    initial: 'a',
    states: {
      a: {
        on: {
          count: { actions: assign({ count: 1 }) },
          burst: { actions: assign(() => fail(new Error('a bug'))) },
        },
      },
    },
  })

  it('tells of its first error, keeps what it was before, and takes nothing after it', () => {
    const errors: unknown[] = []
    const table = tableOf(broken)
    const actor = new TableActor(table, { place: table.initial, context: { count: 0 } }, (error) => errors.push(error))
    actor.send({ type: 'burst' })
    expect(errors).toEqual([new Error('a bug')])
    expect(actor.isActive).toBe(false)
    actor.send({ type: 'count' })
    expect(actor.context).toEqual({ count: 0 })
  })
})
