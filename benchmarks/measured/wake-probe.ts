// Cold-read benchmark: how long a sleeping band takes to wake, in a data folder that a server has left: the engine's own registry
// on the real view, bands of all of the fleet in no order. A process of its own, so that nothing is warm but what waking made
// warm.

import { readConfig } from '../../server/settings/config.ts'
import { openDataFolder } from '../../server/documents/data-folder.ts'
import { openStore } from '../../server/data/open-store.ts'
import { realClock } from '../../server/machine/real-clock.ts'
import { Actors } from '../../engine/core/actors.ts'
import { Ledger } from '../../engine/ledger/ledger.ts'
import { Registry } from '../../engine/core/registry.ts'
import { fleetBand } from '../driver/fleet.ts'
import { Latencies } from '../figures/latencies.ts'

const [data = '', seed = '', bindings = '0', wakes = '0'] = process.argv.slice(2)
const config = readConfig({ environment: {}, flags: { data } })
const { view, journal } = await openStore(config, openDataFolder(config, process.env, false), () => {}, 'beside')
const failed = (error: unknown): never => {
  throw error
}
const ledger = new Ledger({
  journal,
  view,
  clock: realClock,
  viewFlushMs: 100,
  viewFlushRecords: 4_096,
  // None: every wake reads its row from the view.
  cachedRowsMax: 1,
  changed: () => undefined,
  viewFailed: failed,
})
await ledger.recover()
const registry = new Registry({
  actors: new Actors(),
  ledger,
  awakeBandsMax: 1_000,
  awakeIdleMs: 60_000,
  monotonicMs: () => performance.now(),
  actorFailed: (_bandId, error) => failed(error),
})
// A prime that divides no size of a fleet here: every wake is of another band.
const stride = 7_919
const wake = (count: number, from: number): Latencies => {
  const bands = Array.from({ length: count }, (_, index) =>
    fleetBand(seed, ((from + index) * stride) % Number(bindings)),
  )
  const took = new Latencies()
  for (const { bandId } of bands) {
    const startMs = performance.now()
    registry.wake(bandId)
    took.add(performance.now() - startMs)
    registry.forget(bandId)
  }
  return took
}
wake(2_000, 0)
process.send?.({ type: 'ready', ...wake(Number(wakes), 2_000).summary() })
await ledger.close()
await journal.close()
await view.close()
