// Worker thread of the load: a share of the fleet, its sockets, its loop. Told what to do by run-load.ts; what it counts and how
// long answers took stands in memory that both see.

import { createHistogram } from 'node:perf_hooks'
import { parentPort, workerData } from 'node:worker_threads'
import { Chance } from '../machine/chance.ts'
import { LoadCounters } from '../figures/counters.ts'
import { FleetSeed } from '../fleet/fleet-seed.ts'
import { LoadDriver } from './load-driver.ts'
import type { LoadOrder, ThreadAnswer, ThreadAsk } from './load-threads.ts'
import type { StretchEnd } from './stretch.ts'

/** 1 ns to 1,000 s, three figures. */
const histogramRange = { lowest: 1, highest: 1e12, figures: 3 }

// Not awaited: V8 crashes when a thread is ended just as its module, having awaited, is done.
void load()

async function load(): Promise<void> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- load-threads.ts started this thread with one
  const order = workerData as LoadOrder
  const answer = (what: ThreadAnswer): void => parentPort?.postMessage(what)
  const seed = new FleetSeed(order.seed)
  const latencies = {
    all: createHistogram(histogramRange),
    interval: createHistogram(histogramRange),
    live: createHistogram(histogramRange),
  }
  const driver = new LoadDriver({
    seed,
    chance: new Chance(seed.draw('chance', 0x8000_0000 + order.worker).slice()),
    share: order.share,
    carriers: order.carriers,
    partner: order.partner,
    worker: order.worker,
    counters: new LoadCounters(order.counters),
    latencies,
    floodToken: order.floodToken,
    gaveUp: (why) => answer({ type: 'gave-up', why }),
  })
  parentPort?.on('message', (ask: ThreadAsk) => {
    switch (ask.type) {
      case 'link':
        return void driver.link().then(() => answer({ type: 'linked' }))
      case 'run':
        return void driver.run(ask.stretch).then((end: StretchEnd) => answer({ type: 'ran', end }))
      case 'end-early':
        return driver.endEarly()
      case 'stop':
        driver.stop()
    }
  })
  answer({ type: 'ready', latencies })
}
