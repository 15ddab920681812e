// The band: its binding and its holds, two regions side by side (docs/architecture.md §5). It reads no clock and does no I/O: time
// comes in the event, and what is to be done leaves in `context.effects`, which the engine executes after each send.
// An event belongs to one region: `holds` answers the hold events, `binding` all others, and the other only follows.

import { type SnapshotFrom, assign, setup } from 'xstate'
import { holdsAfterUnbinding } from '../policy/holds.ts'
import type { ErrorCode } from '../protocol/errors.ts'
import type { BandId } from '../protocol/ids.ts'
import type { BandState } from '../protocol/states.ts'
import * as binding from './band-changes.ts'
import { type BandContext, type BandMemory, initialBandMemory } from './band-context.ts'
import type { BandEvent } from './band-events.ts'
import * as holds from './hold-changes.ts'

const types: {
  readonly context?: BandContext
  readonly events?: BandEvent
  readonly input?: { readonly bandId: BandId }
} = {}

/** A named action of the machine, with its parameter. */
const refuse = (error: ErrorCode) => ({ type: 'refuse', params: { error } }) as const
const isOfBinding = ({ event }: { readonly event: BandEvent }) => !holds.isHoldEvent(event)

const band = setup({
  types,
  actions: {
    ignore: assign(() => binding.nothing),
    refuse: assign((_, params: { readonly error: ErrorCode }) => binding.refuse(params.error)),
  },
})

export const bandMachine = band.createMachine({
  id: 'band',
  context: ({ input }) => ({ band: initialBandMemory(input.bandId), effects: [] }),
  type: 'parallel',
  states: {
    binding: {
      initial: 'unbound',
      states: {
        unbound: {
          on: {
            'pairing.commit': [
              { guard: binding.isPairable, target: 'pairing', actions: assign(binding.commitPairing) },
              { actions: assign(binding.refusePairing) },
            ],
            'band.authorize': { actions: assign(binding.decideIn('unbound')) },
            'band.arm': { actions: refuse('wrong-state') },
            'deactivation.begin': { actions: refuse('wrong-state') },
            'deactivation.veto': { actions: refuse('nothing-to-veto') },
            'pairing.acked': { actions: 'ignore' },
            'pairing.expired': { actions: 'ignore' },
            'arm.expired': { actions: 'ignore' },
            'epoch.raised': { actions: 'ignore' },
            'deactivation.due': { actions: 'ignore' },
            '*': { guard: isOfBinding, actions: assign(binding.unexpectedIn('unbound')) },
          },
        },

        pairing: {
          on: {
            'pairing.commit': { actions: assign(binding.refusePairing) },
            'pairing.acked': [
              { guard: binding.isAckInTime, target: 'bound', actions: assign(binding.bind) },
              { actions: 'ignore' },
            ],
            'pairing.expired': [
              { guard: binding.isExpiryOfThisPairing, target: 'unbound', actions: assign(binding.rollBack) },
              { actions: 'ignore' },
            ],
            'band.authorize': { actions: assign(binding.decideIn('pairing')) },
            'band.arm': { actions: refuse('wrong-state') },
            'deactivation.begin': { actions: refuse('wrong-state') },
            'deactivation.veto': { actions: refuse('nothing-to-veto') },
            'arm.expired': { actions: 'ignore' },
            'epoch.raised': { actions: 'ignore' },
            'deactivation.due': { actions: 'ignore' },
            '*': { guard: isOfBinding, actions: assign(binding.unexpectedIn('pairing')) },
          },
        },

        bound: {
          initial: 'offWrist',
          on: {
            'pairing.commit': { actions: assign(binding.refusePairing) },
            'pairing.acked': { actions: 'ignore' },
            'pairing.expired': { actions: 'ignore' },
            'arm.expired': { actions: 'ignore' },
            'epoch.raised': { actions: 'ignore' },
            'deactivation.veto': { actions: refuse('nothing-to-veto') },
            'deactivation.due': { actions: 'ignore' },
          },
          states: {
            offWrist: {
              on: {
                'band.worn': [
                  { guard: binding.isNewWearing, target: 'disarmed', actions: assign(binding.putOn) },
                  { actions: 'ignore' },
                ],
                'band.removed': [
                  { guard: binding.isRemovalUnseen, actions: assign(binding.takeOff) },
                  { actions: 'ignore' },
                ],
                'band.arm': { actions: refuse('not-worn') },
                'band.authorize': { actions: assign(binding.decideIn('offWrist')) },
                'deactivation.begin': {
                  target: '#band.binding.deactivating',
                  actions: assign(binding.beginDeactivation('offWrist')),
                },
              },
            },
            disarmed: {
              on: {
                'band.worn': [{ guard: binding.isNewWearing, actions: assign(binding.putOn) }, { actions: 'ignore' }],
                'band.removed': [
                  { guard: binding.isRemovalNow, target: 'offWrist', actions: assign(binding.takeOff) },
                  { actions: 'ignore' },
                ],
                'band.arm': [
                  { guard: binding.mayArm, target: 'armed', actions: assign(binding.arm) },
                  { actions: assign(binding.refuseArm) },
                ],
                'band.authorize': { actions: assign(binding.decideIn('disarmed')) },
                'deactivation.begin': {
                  target: '#band.binding.deactivating',
                  actions: assign(binding.beginDeactivation('disarmed')),
                },
              },
            },
            armed: {
              on: {
                'band.worn': [
                  { guard: binding.isNewWearing, target: 'disarmed', actions: assign(binding.putOn) },
                  { actions: 'ignore' },
                ],
                'band.removed': [
                  { guard: binding.isRemovalNow, target: 'offWrist', actions: assign(binding.takeOff) },
                  { actions: 'ignore' },
                ],
                'band.arm': [
                  { guard: binding.mayArm, actions: assign(binding.arm) },
                  { actions: assign(binding.refuseArm) },
                ],
                'arm.expired': [
                  { guard: binding.isArmOver, target: 'disarmed', actions: assign(binding.disarm) },
                  { actions: 'ignore' },
                ],
                'epoch.raised': [
                  { guard: binding.isEpochNewer, target: 'disarmed', actions: assign(binding.disarm) },
                  { actions: 'ignore' },
                ],
                'hold.set': { guard: holds.setsHold, target: 'disarmed' },
                'clone.suspected': { guard: holds.setsHold, target: 'disarmed' },
                'band.authorize': { actions: assign(binding.decideIn('armed')) },
                'deactivation.begin': {
                  target: '#band.binding.deactivating',
                  actions: assign(binding.beginDeactivation('armed')),
                },
              },
            },
          },
        },

        deactivating: {
          on: {
            'deactivation.veto': [
              { guard: binding.isArmedBefore, target: 'bound.armed', actions: assign(binding.vetoDeactivation) },
              { guard: binding.isWornBefore, target: 'bound.disarmed', actions: assign(binding.vetoDeactivation) },
              { target: 'bound.offWrist', actions: assign(binding.vetoDeactivation) },
            ],
            'deactivation.due': [
              { guard: binding.isDeactivationDue, target: 'unbound', actions: assign(binding.release) },
              { actions: 'ignore' },
            ],
            'deactivation.begin': { actions: refuse('wrong-state') },
            'band.worn': [
              { guard: binding.isNewWearing, actions: assign(binding.putOnDeactivating) },
              { actions: 'ignore' },
            ],
            'band.removed': [
              { guard: binding.isRemovalToNote, actions: assign(binding.takeOffDeactivating) },
              { actions: 'ignore' },
            ],
            'arm.expired': [{ guard: binding.isArmOver, actions: assign(binding.disarm) }, { actions: 'ignore' }],
            'epoch.raised': [{ guard: binding.isEpochNewer, actions: assign(binding.disarm) }, { actions: 'ignore' }],
            'band.arm': { actions: refuse('wrong-state') },
            'band.authorize': { actions: assign(binding.decideIn('deactivating')) },
            'pairing.commit': { actions: assign(binding.refusePairing) },
            'pairing.acked': { actions: 'ignore' },
            'pairing.expired': { actions: 'ignore' },
          },
        },
      },
    },

    holds: {
      initial: 'free',
      states: {
        free: {
          on: {
            'hold.set': [
              { guard: holds.setsHold, target: 'held', actions: assign(holds.setHold) },
              { actions: assign(holds.refuseHold) },
            ],
            'clone.suspected': [
              { guard: holds.setsHold, target: 'held', actions: assign(holds.setHold) },
              { actions: assign(holds.refuseHold) },
            ],
            'hold.lift': { actions: 'ignore' },
            'rekey.cleared': { actions: 'ignore' },
            'found.begin': { actions: refuse('wrong-state') },
            'found.veto': { actions: refuse('nothing-to-veto') },
            'found.due': { actions: 'ignore' },
            // What operators froze with the whole account stays with a band that leaves it.
            'deactivation.due': {
              guard: (happened) => binding.isDeactivationDue(happened) && !isFreedBy(happened),
              target: 'held',
            },
          },
        },
        held: {
          on: {
            'hold.set': [
              { guard: holds.setsHold, actions: assign(holds.setHold) },
              { actions: assign(holds.refuseHold) },
            ],
            'clone.suspected': { actions: assign(holds.setHold) },
            'hold.lift': [
              { guard: holds.liftsLast, target: 'free', actions: assign(holds.liftHold) },
              { actions: assign(holds.liftHold) },
            ],
            'rekey.cleared': [
              { guard: holds.liftsLast, target: 'free', actions: assign(holds.liftHold) },
              { actions: assign(holds.liftHold) },
            ],
            'found.begin': { actions: assign(holds.beginFound) },
            'found.veto': { actions: assign(holds.vetoFound) },
            'found.due': [
              { guard: holds.liftsLast, target: 'free', actions: assign(holds.liftHold) },
              { actions: assign(holds.liftHold) },
            ],
            // A binding that ends takes its holds with it; the binding's region does the work.
            'deactivation.due': {
              guard: (happened) => binding.isDeactivationDue(happened) && isFreedBy(happened),
              target: 'free',
            },
            'pairing.expired': {
              guard: (happened) =>
                binding.isExpiryOfThisPairing(happened) && holdsAfterUnbinding(happened.context.band.holds) === 0,
              target: 'free',
            },
          },
        },
      },
    },
  },
})

/** A band's actor at rest between two events. */
export type BandSnapshot = SnapshotFrom<typeof bandMachine>

/** The state as the wire and the rows spell it. */
export function bandStateOf({ value }: Pick<BandSnapshot, 'value'>): BandState {
  const state = value.binding
  return typeof state === 'string' ? state : state.bound
}

/** The snapshot of a row, to start an actor from: `createActor(bandMachine, { snapshot, input: { bandId } })`. */
export function bandSnapshot(state: BandState, band: BandMemory): BandSnapshot {
  return bandMachine.resolveState({ value: bandValue(state, band), context: { band, effects: [] } })
}

/** The machine's value for what a row says. */
export function bandValue(state: BandState, { holds }: Pick<BandMemory, 'holds'>): BandSnapshot['value'] {
  const isOfBound = state === 'offWrist' || state === 'disarmed' || state === 'armed'
  return { binding: isOfBound ? { bound: state } : state, holds: holds === 0 ? 'free' : 'held' }
}

function isFreedBy({ context: { band }, event }: binding.Happened<'deactivation.due'>): boolean {
  return holdsAfterUnbinding(band.holds | event.accountHolds) === 0
}
