// Virtual time (fake timers) for whole worlds: between two timers every promise callback runs, however long a chain. Node's tick
// queue has its turn once no callback is left, which is told at a sixth of the cost of waiting for as many as there might be.

import { VirtualTime } from '../../band-sim/virtual/scheduler.ts'

export class SettledTime extends VirtualTime {
  override settle(): Promise<void> {
    return new Promise((resolve) => process.nextTick(resolve))
  }
}
