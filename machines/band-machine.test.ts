import { describe, expect, it } from 'vitest'
import { createActor } from 'xstate'
import { type BandState, bandStates, holdBits } from '../protocol/states.ts'
import type { BandEvent } from './band-events.ts'
import { ordinaryEvent, sampleBandId } from './band-invariants.ts'
import { bandMachine, bandStateOf } from './band-machine.ts'

const startMs = 1_000
const input = { bandId: sampleBandId }

describe('a band', () => {
  function bandIn(state: BandState, ...more: readonly BandEvent[]) {
    const actor = createActor(bandMachine, { input })
    actor.start()
    const path: readonly BandState[] = ['unbound', 'pairing', 'offWrist', 'disarmed', 'armed']
    for (const at of path.slice(0, path.indexOf(state === 'deactivating' ? 'armed' : state))) {
      actor.send(ordinaryEvent(at, actor.getSnapshot().context.band, startMs))
    }
    if (state === 'deactivating') actor.send({ type: 'deactivation.begin', atMs: startMs, dueAtMs: startMs + 9_000 })
    expect(bandStateOf(actor.getSnapshot())).toBe(state)
    for (const event of more) actor.send(event)
    const snapshot = actor.getSnapshot()
    return { state: bandStateOf(snapshot), ...snapshot.context }
  }
  const freeze: BandEvent = { type: 'hold.set', atMs: startMs, hold: 'owner-freeze', by: 'phone:a' }

  it('frozen while armed forgets the secret at both ends and tells the wearer', () => {
    const { state, band, effects } = bandIn('armed', freeze)
    expect(state).toBe('disarmed')
    expect(band.holds).toBe(holdBits['owner-freeze'])
    expect(effects).toEqual([
      { type: 'persist', cause: 'hold.set' },
      { type: 'eraseArmSecret' },
      { type: 'sendLock' },
      { type: 'alert', kind: 'band-frozen' },
    ])
  })

  it('frozen a second time from the same surface says nothing twice', () => {
    expect(bandIn('armed', freeze, freeze).effects).toEqual([])
  })

  it('frozen from the web too is not unfrozen by the phone', () => {
    const lift: BandEvent = { type: 'hold.lift', atMs: startMs, hold: 'owner-freeze', by: 'phone:a' }
    expect(bandIn('armed', freeze, lift).band.holds).toBe(0)
    const web: BandEvent = { type: 'hold.set', atMs: startMs, hold: 'owner-freeze', by: 'web' }
    expect(bandIn('armed', freeze, web, lift).effects).toEqual([{ type: 'refused', error: 'wrong-surface' }])
  })

  it('stays disarmed when a freeze is lifted: only a new verification arms', () => {
    const lift: BandEvent = { type: 'hold.lift', atMs: startMs, hold: 'owner-freeze', by: 'web' }
    expect(bandIn('armed', freeze, lift).state).toBe('disarmed')
  })

  it('cannot be armed while frozen, off the wrist, or for another wearing', () => {
    const arm = (wearEpoch: number): BandEvent => ({
      type: 'band.arm',
      atMs: startMs,
      wearEpoch,
      untilMs: startMs + 1,
      ownerEpoch: 1,
      accountHolds: 0,
      armEpochMin: 0,
    })
    expect(bandIn('disarmed', freeze, arm(1)).effects).toEqual([{ type: 'refused', error: 'band-held' }])
    expect(bandIn('offWrist', arm(0)).effects).toEqual([{ type: 'refused', error: 'not-worn' }])
    expect(bandIn('disarmed', arm(2)).effects).toEqual([{ type: 'refused', error: 'not-worn' }])
    expect(bandIn('pairing', arm(0)).effects).toEqual([{ type: 'refused', error: 'wrong-state' }])
  })

  it('armed on one wrist is not armed on the next, even when the removal was never seen', () => {
    const { state, effects } = bandIn('armed', { type: 'band.worn', atMs: startMs, wearEpoch: 2 })
    expect(state).toBe('disarmed')
    expect(effects).toContainEqual({ type: 'eraseArmSecret' })
  })

  it('taken off is not put on again by a late report of the wearing that ended', () => {
    const removed: BandEvent = { type: 'band.removed', atMs: startMs, wearEpoch: 1 }
    expect(bandIn('armed', removed).state).toBe('offWrist')
    expect(bandIn('armed', removed, { type: 'band.worn', atMs: startMs, wearEpoch: 1 }).state).toBe('offWrist')
    expect(bandIn('armed', removed, { type: 'band.worn', atMs: startMs, wearEpoch: 2 }).state).toBe('disarmed')
  })

  it('keeps its arming through a late report of an earlier wearing', () => {
    const rewear: readonly BandEvent[] = [
      { type: 'band.removed', atMs: startMs, wearEpoch: 1 },
      { type: 'band.worn', atMs: startMs, wearEpoch: 2 },
      {
        type: 'band.arm',
        atMs: startMs,
        wearEpoch: 2,
        untilMs: startMs + 1,
        ownerEpoch: 1,
        accountHolds: 0,
        armEpochMin: 0,
      },
    ]
    const late: BandEvent = { type: 'band.removed', atMs: startMs, wearEpoch: 1 }
    expect(bandIn('armed', ...rewear, late)).toMatchObject({ state: 'armed', effects: [] })
  })

  it('stops being armed at the end of its time, not before, and at a raised owner epoch', () => {
    const { armedUntilMs } = bandIn('armed').band
    expect(bandIn('armed', { type: 'arm.expired', atMs: armedUntilMs - 1 }).state).toBe('armed')
    expect(bandIn('armed', { type: 'arm.expired', atMs: armedUntilMs }).state).toBe('disarmed')
    expect(bandIn('armed', { type: 'epoch.raised', atMs: startMs, ownerEpoch: 6 }).state).toBe('disarmed')
    expect(bandIn('armed', { type: 'epoch.raised', atMs: startMs, ownerEpoch: 5 }).state).toBe('armed')
  })

  it('returns by a veto to what it was: armed, or what became of it meanwhile', () => {
    const veto: BandEvent = { type: 'deactivation.veto', atMs: startMs }
    const late: BandEvent = { type: 'deactivation.veto', atMs: startMs + 4_000 }
    expect(bandIn('deactivating', veto).state).toBe('armed')
    expect(bandIn('deactivating', late).state).toBe('disarmed')
    expect(bandIn('deactivating', freeze, veto)).toMatchObject({ state: 'disarmed', band: { holds: 1 } })
    expect(bandIn('deactivating', { type: 'band.removed', atMs: startMs, wearEpoch: 1 }, veto).state).toBe('offWrist')
    expect(bandIn('deactivating', { type: 'epoch.raised', atMs: startMs, ownerEpoch: 6 }, veto).state).toBe('disarmed')
    expect(bandIn('armed', veto).effects).toEqual([{ type: 'refused', error: 'nothing-to-veto' }])
  })

  it('lost is found only after the delay, and deactivation ends it too', () => {
    const lost: BandEvent = { type: 'hold.set', atMs: startMs, hold: 'lost', by: 'web' }
    const begin: BandEvent = { type: 'found.begin', atMs: startMs, dueAtMs: startMs + 100 }
    const due = (atMs: number): BandEvent => ({ type: 'found.due', atMs })
    expect(bandIn('armed', begin).effects).toEqual([{ type: 'refused', error: 'wrong-state' }])
    expect(bandIn('armed', lost, begin, due(startMs + 99)).band.holds).toBe(holdBits.lost)
    expect(bandIn('armed', lost, begin, due(startMs + 100)).band.holds).toBe(0)
    expect(bandIn('armed', lost, begin, { type: 'found.veto', atMs: startMs }, due(startMs + 100)).band.holds).toBe(8)
    const released = bandIn('deactivating', lost, { type: 'deactivation.due', atMs: startMs + 9_000, accountHolds: 0 })
    expect(released).toMatchObject({ state: 'unbound', band: { holds: 0, account: null, bid: null, tombstoned: 1 } })
  })

  it('begun to be found a second time is not found sooner', () => {
    const lost: BandEvent = { type: 'hold.set', atMs: startMs, hold: 'lost', by: 'web' }
    const begin = (dueAtMs: number): BandEvent => ({ type: 'found.begin', atMs: startMs, dueAtMs })
    expect(bandIn('armed', lost, begin(9_000), begin(2_000)).band.foundAtMs).toBe(9_000)
  })

  it('cloned stays frozen until the owner clears it on a rekeyed band', () => {
    const clone: BandEvent = { type: 'clone.suspected', atMs: startMs }
    const { state, band, effects } = bandIn('armed', clone)
    expect([state, band.holds]).toEqual(['disarmed', holdBits['risk-freeze']])
    expect(effects).toContainEqual({ type: 'alert', kind: 'clone-suspected' })
    const lift: BandEvent = { type: 'hold.lift', atMs: startMs, hold: 'risk-freeze', by: 'rule:clone' }
    expect(bandIn('armed', clone, lift).band.holds).toBe(holdBits['risk-freeze'])
    expect(bandIn('armed', clone, { type: 'rekey.cleared', atMs: startMs }).band.holds).toBe(0)
  })

  it('frozen by two rules stays frozen until both are satisfied', () => {
    const velocity: BandEvent = { type: 'hold.set', atMs: startMs, hold: 'risk-freeze', by: 'rule:velocity' }
    const cleared: BandEvent = { type: 'rekey.cleared', atMs: startMs }
    const both = [velocity, { type: 'clone.suspected', atMs: startMs }, cleared] as const
    expect(bandIn('armed', ...both).band).toMatchObject({ holds: 4, holdSurfaces: ['rule:velocity'] })
    const lift: BandEvent = { type: 'hold.lift', atMs: startMs, hold: 'risk-freeze', by: 'rule:velocity' }
    expect(bandIn('armed', ...both, lift).band).toMatchObject({ holds: 0, holdSurfaces: [] })
  })

  it('frozen by an operator stays so when its binding ends, and pairs no more until operators lift it', () => {
    const frozen: readonly BandEvent[] = [
      { type: 'hold.set', atMs: startMs, hold: 'operator-freeze', by: 'operator:ann' },
      { type: 'deactivation.due', atMs: startMs + 9_000, accountHolds: 0 },
    ]
    const again = ordinaryEvent('unbound', bandIn('unbound').band, startMs)
    const lift: BandEvent = {
      type: 'hold.lift',
      atMs: startMs,
      hold: 'operator-freeze',
      by: 'operator:ann',
      also: 'operator:bob',
    }
    expect(bandIn('deactivating', ...frozen, again)).toMatchObject({
      state: 'unbound',
      effects: [{ type: 'refused', error: 'pair-refused' }],
    })
    expect(bandIn('deactivating', ...frozen, lift, again)).toMatchObject({ state: 'pairing', band: { generation: 2 } })
  })

  it('whose pairing runs out leaves its tombstone and nothing else; a late ack changes nothing', () => {
    const expired: BandEvent = { type: 'pairing.expired', atMs: startMs + 180_000, generation: 1 }
    const ack: BandEvent = { type: 'pairing.acked', atMs: startMs + 180_001, generation: 1 }
    const { state, band, effects } = bandIn('pairing', expired)
    expect(state).toBe('unbound')
    expect(band).toMatchObject({ account: null, bid: null, pairingId: null, generation: 1, tombstoned: 1 })
    expect(effects).toEqual([{ type: 'persist', cause: 'pairing.expired' }, { type: 'destroyKeys' }])
    expect(bandIn('pairing', expired, ack)).toMatchObject({ state: 'unbound', effects: [] })
    expect(bandIn('pairing', ack)).toMatchObject({ state: 'pairing', effects: [] })
    expect(bandIn('pairing', { ...ack, atMs: startMs + 179_999 }).state).toBe('offWrist')
  })

  it('has the states that the wire has numbers for, and no others', () => {
    const inBinding = Object.keys(bandMachine.states['binding']?.states ?? {})
    const inBound = Object.keys(bandMachine.states['binding']?.states['bound']?.states ?? {})
    const names = [...inBinding.filter((name) => name !== 'bound'), ...inBound]
    expect(names.sort()).toEqual(Object.keys(bandStates).sort())
  })
})
