import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createActor } from 'xstate'
import { adjacencyMapToArray, getAdjacencyMap } from 'xstate/graph'
import { bandStates } from '../protocol/states.ts'
import type { BandEffect } from './band-context.ts'
import type { BandEvent } from './band-events.ts'
import { eventsIn, faultsOfSnapshot, faultsOfStep, ordinaryEvent, sampleBandId } from './band-invariants.ts'
import { type BandSnapshot, bandMachine, bandSnapshot, bandStateOf } from './band-machine.ts'

const startMs = 1_000
const input = { bandId: sampleBandId }

/** Two snapshots that no event tells apart: who the owner is, and numbers that only grow, make no difference. */
function sameness({ value, context: { band } }: BandSnapshot): string {
  const { wearEpoch, armedUntilMs, pairingUntilMs, deactivateAtMs, foundAtMs, before, holds } = band
  const armedOwnerEpoch = armedUntilMs > 0 ? band.armedOwnerEpoch : 0
  const holdSurfaces = band.holdSurfaces.toSorted()
  return JSON.stringify([
    value,
    [wearEpoch, armedUntilMs, pairingUntilMs, deactivateAtMs, foundAtMs, before, holds],
    [armedOwnerEpoch, holdSurfaces, band.generation === 0],
  ])
}

/** Everything a band can come to, with two wearings and a fixed time. */
const steps = adjacencyMapToArray(
  getAdjacencyMap(bandMachine, {
    input,
    events: ({ context }) =>
      eventsIn(context.band, startMs).filter((event) => !('wearEpoch' in event) || event.wearEpoch <= 2),
    serializeState: (snapshot) => sameness(snapshot),
    serializeEvent: (event) => JSON.stringify(event),
  }),
).map(({ state, event, nextState }) => ({ before: state, event, after: nextState }))
const states = [...new Map(steps.map(({ before }) => [sameness(before), before])).values()]

function startedFrom(snapshot: BandSnapshot) {
  const actor = createActor(bandMachine, { snapshot, input })
  actor.start()
  return actor
}

describe('every step a band can take', () => {
  it('covers every state and every hold, alone and together', () => {
    expect(new Set(states.map(bandStateOf))).toEqual(new Set(Object.keys(bandStates)))
    expect(new Set(states.map((state) => state.context.band.holds)).size).toBe(16)
    expect(steps.length).toBeGreaterThan(10_000)
  })

  it('leaves the state and the facts telling the same story', () => {
    const faults = [...states, ...steps.map(({ after }) => after)].flatMap(faultsOfSnapshot)
    expect([...new Set(faults)]).toEqual([])
  })

  it('keeps every rule of the binding, the wear, the arming and the holds', () => {
    const faults = steps.flatMap(({ before, event, after }) =>
      faultsOfStep(before, event, after).map((fault) => `${fault}: ${event.type} in ${bandStateOf(before)}`),
    )
    expect([...new Set(faults)]).toEqual([])
  })

  it('answers the event: nothing is left over from the one before, in any state', () => {
    const stale: readonly BandEffect[] = [{ type: 'destroyKeys' }]
    const unanswered = new Set<string>()
    for (const { before, event } of steps) {
      const actor = startedFrom({ ...before, context: { ...before.context, effects: stale } })
      actor.send(event)
      if (actor.getSnapshot().context.effects === stale) unanswered.add(`${event.type} in ${bandStateOf(before)}`)
    }
    expect([...unanswered]).toEqual([])
  })

  it('is the same for a band that was put to sleep and woken from its row', () => {
    const different = new Set<string>()
    for (const { before, event, after } of steps) {
      const actor = startedFrom(bandSnapshot(bandStateOf(before), before.context.band))
      actor.send(event)
      const woken = actor.getSnapshot()
      const isSame =
        JSON.stringify(woken.value) === JSON.stringify(after.value) &&
        JSON.stringify(woken.context) === JSON.stringify(after.context)
      if (!isSame) different.add(`${event.type} in ${bandStateOf(before)}`)
    }
    expect([...different]).toEqual([])
  })

  it('can always lead back to a free band: no state is a dead end', () => {
    const leadsFrom = new Map<string, string[]>()
    for (const { before, after } of steps) {
      const [from, to] = [sameness(before), sameness(after)]
      leadsFrom.set(to, [...(leadsFrom.get(to) ?? []), from])
    }
    const free = states.filter((state) => state.matches({ binding: 'unbound', holds: 'free' }))
    const seen = new Set(free.map(sameness))
    const queue = [...seen]
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      for (const from of leadsFrom.get(next) ?? []) {
        if (seen.has(from)) continue
        seen.add(from)
        queue.push(from)
      }
    }
    expect(seen.size).toBe(states.length)
  })
})

describe('any history of a band', () => {
  const anyStep = fc.record({
    isOrdinary: fc.boolean(),
    pick: fc.nat(),
    laterMs: fc.constantFrom(0, 1, 500, 3_000, 200_000),
  })

  it('never binds it twice without a tombstone between, never binds what is tombstoned, never approves what is held', () => {
    const seen = { approvals: 0, bindings: 0, secondBindings: 0, arms: 0, removalsFromArmed: 0, heldRequests: 0 }
    fc.assert(
      fc.property(fc.array(anyStep, { minLength: 20, maxLength: 60 }), (plan) => {
        const actor = createActor(bandMachine, { input })
        actor.start()
        const tombstones = new Set<number>()
        const bound = new Map<number, string>()
        let lastArmEpoch = 0
        let nowMs = startMs
        for (const { isOrdinary, pick, laterMs } of plan) {
          nowMs += laterMs
          const before = actor.getSnapshot()
          const { band } = before.context
          const all = eventsIn(band, nowMs)
          const event: BandEvent | undefined = isOrdinary
            ? ordinaryEvent(bandStateOf(before), band, nowMs)
            : all[pick % all.length]
          if (event === undefined) continue
          actor.send(event)
          const after = actor.getSnapshot()
          expect(faultsOfSnapshot(after)).toEqual([])
          expect(faultsOfStep(before, event, after)).toEqual([])

          const { effects, band: now } = after.context
          if (now.tombstoned !== band.tombstoned) tombstones.add(now.tombstoned)
          for (const effect of effects) {
            if (effect.type === 'decided' && effect.decision.approved) seen.approvals++
          }
          if (event.type === 'band.authorize' && band.holds !== 0) seen.heldRequests++
          if (event.type === 'band.removed' && bandStateOf(before) === 'armed') seen.removalsFromArmed++
          if (now.account !== null) {
            expect(tombstones.has(now.generation)).toBe(false)
            if (!bound.has(now.generation)) {
              for (const earlier of bound.keys()) {
                expect(tombstones.has(earlier)).toBe(true)
                expect(earlier).toBeLessThan(now.generation)
              }
              seen.bindings++
              if (bound.size > 0) seen.secondBindings++
            }
            expect(bound.get(now.generation) ?? now.account).toBe(now.account)
            bound.set(now.generation, now.account)
          }
          if (event.type === 'band.arm' && bandStateOf(after) === 'armed' && now.armEpoch !== band.armEpoch) {
            expect(now.armEpoch).toBeGreaterThan(lastArmEpoch)
            lastArmEpoch = now.armEpoch
            seen.arms++
          }
        }
      }),
      { numRuns: 2_000 },
    )
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(100)
  })
})
