// The operator's port of a running engine: each method in a file of its own, put together here.

import { noteAct } from './act-record.ts'
import { targetFingerprint } from './target-fingerprint.ts'
import type { Core } from '../core/core.ts'
import { explainDecision, replayDecision } from './explain.ts'
import { findBands } from './find-bands.ts'
import { bandInspector } from './inspect-band.ts'
import { performAct } from './acts.ts'
import type { OperatorPort } from './port.ts'
import { previewAct } from './targets.ts'
import { bandTimeline } from './timeline.ts'

/** What the server does itself and only takes rights away, or ends work: it must not wait for room on the disk. */
const reserved: ReadonlySet<string> = new Set(['revoke-vendor', 'drain'])

export function operatorPort(core: Core): OperatorPort {
  const inspect = bandInspector(core)
  return {
    findBands: (name, by) => findBands(core, name, by),
    band: (bandId, wish) => inspect({ bandId }, wish),
    timeline: (bandId, wish) => bandTimeline(core, bandId, wish),
    explain: (lsn) => explainDecision(core, lsn),
    replay: (lsn) => replayDecision(core, lsn),
    preview: (act) => previewAct(core, act),
    fingerprintOf: (act) => targetFingerprint(core, act),
    perform: (act, who) => performAct(core, act, who),
    journal: (act, subject, { by, also = null, reason }) => {
      const about = { account: null, bandId: null, subject }
      return noteAct(core, { cause: act, by, also, reason, ...about }, reserved.has(act) ? 'reserve' : 'normal')
    },
    watchBand: (bandId, told) => core.watch.subscribeBand(bandId, told),
    watchSteps: (bandId, took) => core.actors.watchBand(bandId, (step) => took({ atMs: core.time.nowMs(), ...step })),
  }
}
