// Longest-processing-time-first order of the test files, so that no worker is left with one of them when the others are done. The
// end-to-end runs and the browser's have a process each and come before the others, which share theirs.
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files of more than some seconds, the longest first. One that is missing here only makes a run longer. */
const long: readonly string[] = [
  'test/end-to-end/kill.test.ts',
  'test/browser/pages.test.ts',
  'test/end-to-end/loadtest.test.ts',
  'test/browser/steering.test.ts',
  'test/end-to-end/full-disk.test.ts',
  'test/browser/live.test.ts',
  'test/browser/harness.test.ts',
  'test/browser/hostile-text.test.ts',
  'test/end-to-end/private-data.test.ts',
  'test/end-to-end/operators.test.ts',
  'cli/engine/restore.test.ts',
  'cli/data-life.test.ts',
  'cli/main.test.ts',
  'test/power/engine-power-cut.test.ts',
  'test/power/view-power-cut.test.ts',
  'test/power/view-flips.test.ts',
  'store/backup.test.ts',
  'cli/lists/import.test.ts',
  'cli/watch/inspect.test.ts',
  'cli/engine/serve.test.ts',
  'cli/watch/top.test.ts',
  'server/admin.test.ts',
  'test/model/resume-model.test.ts',
  'test/model/pairing-model.test.ts',
  'test/simulation/random-days.test.ts',
  'store/journal/journal-damage.test.ts',
  'machines/band-graph.test.ts',
  'transport/slow-peers.test.ts',
  'server/machine/watchdog.test.ts',
  'server/metrics.test.ts',
  'benchmarks/peers/peers.test.ts',
  'test/scenarios/restore.test.ts',
  'test/scenarios/replay.test.ts',
  'test/scenarios/holds.test.ts',
  'test/ops/alerts.test.ts',
]

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId, project }: TestSpecification): number => {
      const at = long.findIndex((path) => moduleId.endsWith(`/${path}`))
      return (project.name === 'folders' ? long.length + 1 : 0) + (at === -1 ? long.length : at)
    }
    // The rest as vitest has them: by how long they took last time, or by their size.
    return (await super.sort(files)).toSorted((left, right) => place(left) - place(right))
  }
}
