// Each alert against series made up for it, by promtool's own evaluation: silent while all is well, and it alone speaks when
// its one figure is wrong.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { testFolder } from '../../server/log/test-folder.ts'
import { root } from '../tidy/source-files.ts'
import { alertNames, alertsPath } from './ops-files.ts'
import { hasPrometheus, promtool } from './prometheus-tools.ts'

/** Series by name and labels, in promtool's notation: `a+bxn` starts at a and grows by b, n times. */
type Series = Readonly<Record<string, string>>

/** Seconds between samples, and how many there are: an hour. */
const intervalS = 30
const steps = 120
const constant = (value: number): string => `${value}+0x${steps}`
const rising = (byEachStep: number): string => `0+${byEachStep}x${steps}`

/** An engine that is well: a hundred approvals a second in half a millisecond, two denials. */
const well: Series = {
  'up{job="bandpass"}': constant(1),
  bandpass_ready: constant(1),
  bandpass_clock_certain: constant(1),
  bandpass_journal_witnessed: constant(1),
  'bandpass_journal_state{state="open"}': constant(1),
  'bandpass_journal_state{state="failed"}': constant(0),
  bandpass_journal_appended_lsn: rising(3_060),
  bandpass_journal_durable_lsn: rising(3_060),
  bandpass_view_applied_lsn: rising(3_060),
  bandpass_view_lag_limit: constant(70_000),
  'bandpass_decisions_total{outcome="approved",reason="approved"}': rising(3_000),
  'bandpass_decisions_total{outcome="denied",reason="band-not-armed"}': rising(60),
  'bandpass_answer_duration_seconds_bucket{le="0.001"}': rising(3_060),
  'bandpass_answer_duration_seconds_bucket{le="0.005"}': rising(3_060),
  'bandpass_answer_duration_seconds_bucket{le="0.1"}': rising(3_060),
  'bandpass_answer_duration_seconds_bucket{le="+Inf"}': rising(3_060),
  bandpass_gate_depth: constant(3),
  bandpass_gate_depth_limit: constant(20_000),
  bandpass_actor_errors_total: constant(0),
  'bandpass_bands_ahead_total{answer="refused"}': constant(0),
  bandpass_unexpected_events_total: constant(0),
  'bandpass_refusals_total{limit="framesPerSocket"}': rising(3),
  'bandpass_sessions{state="live"}': constant(500),
  'bandpass_sessions{state="closed"}': constant(1),
  bandpass_sessions_limit: constant(100_000),
  bandpass_links: constant(500),
  bandpass_links_limit: constant(100_000),
  bandpass_token_keys_age_seconds: constant(600),
  bandpass_event_loop_delay_p99_seconds: constant(0.002),
  bandpass_event_loop_delay_max_seconds: constant(0.03),
  'bandpass_process_resident_memory_bytes{kind="anonymous"}': constant(4e8),
  'bandpass_process_resident_memory_bytes{kind="mapped"}': constant(6e9),
  bandpass_process_memory_limit_bytes: constant(4e9),
  bandpass_process_heap_used_bytes: constant(2e8),
  bandpass_process_heap_limit_bytes: constant(2e9),
}

/** What is different, and whom it makes speak. */
const troubles: readonly { readonly fires: readonly string[]; readonly when: Series }[] = [
  { fires: ['BandpassNotScraped'], when: { 'up{job="bandpass"}': constant(0) } },
  { fires: ['BandpassNobodyScraped'], when: { 'up{job="bandpass"}': '' } },
  { fires: ['BandpassJournalNotOpen'], when: { 'bandpass_journal_state{state="open"}': constant(0) } },
  { fires: ['BandpassClockUncertain'], when: { bandpass_clock_certain: constant(0) } },
  { fires: ['BandpassChoreFailing'], when: { 'bandpass_chore_failing{chore="file-reload"}': constant(1) } },
  { fires: ['BandpassEngineFailures'], when: { bandpass_engine_failures_total: rising(0.01) } },
  { fires: ['BandpassWitnessNotWritten'], when: { bandpass_journal_witnessed: constant(0) } },
  { fires: ['BandpassNotReady'], when: { bandpass_ready: constant(0) } },
  {
    fires: ['BandpassAnswersSlow'],
    when: { 'bandpass_answer_duration_seconds_bucket{le="0.001"}': rising(2_900) },
  },
  {
    fires: ['BandpassAnswersSlow', 'BandpassAnswersVerySlow'],
    when: {
      'bandpass_answer_duration_seconds_bucket{le="0.001"}': rising(2_900),
      'bandpass_answer_duration_seconds_bucket{le="0.005"}': rising(2_900),
    },
  },
  // Slow, all of them, but too few to say so: a p99 of few answers is the slowest of them.
  {
    fires: [],
    when: {
      'bandpass_answer_duration_seconds_bucket{le="0.001"}': constant(0),
      'bandpass_answer_duration_seconds_bucket{le="0.005"}': constant(0),
      'bandpass_answer_duration_seconds_bucket{le="0.1"}': rising(40),
      'bandpass_answer_duration_seconds_bucket{le="+Inf"}': rising(40),
    },
  },
  { fires: ['BandpassViewBehind'], when: { bandpass_view_applied_lsn: constant(0) } },
  {
    fires: ['BandpassJournalBehind'],
    when: {
      bandpass_journal_appended_lsn: constant(60),
      bandpass_journal_durable_lsn: constant(50),
      bandpass_view_applied_lsn: constant(50),
    },
  },
  { fires: ['BandpassGateDeep'], when: { bandpass_gate_depth: constant(10_001) } },
  { fires: [], when: { bandpass_gate_depth: constant(10_000) } },
  {
    fires: ['BandpassOlderThanBands'],
    when: { 'bandpass_bands_ahead_total{answer="refused"}': `0+0x${steps - 4} 1+0x4` },
  },
  { fires: ['BandpassActorErrors'], when: { bandpass_actor_errors_total: `0+0x${steps - 4} 1+0x4` } },
  { fires: ['BandpassUnexpectedEvents'], when: { bandpass_unexpected_events_total: rising(6) } },
  {
    fires: ['BandpassDenialsSpike'],
    when: {
      'bandpass_decisions_total{outcome="denied",reason="band-not-armed"}': `0+60x${steps - 20} 6060+3000x20`,
    },
  },
  // Many denied, but no more of them than ever.
  { fires: [], when: { 'bandpass_decisions_total{outcome="denied",reason="band-not-armed"}': rising(3_000) } },
  { fires: ['BandpassTurnsPeersAway'], when: { 'bandpass_refusals_total{limit="framesPerSocket"}': rising(600) } },
  { fires: ['BandpassSessionsNearLimit'], when: { 'bandpass_sessions{state="live"}': constant(90_001) } },
  { fires: ['BandpassLinksNearLimit'], when: { bandpass_links: constant(90_001) } },
  { fires: ['BandpassTokenKeysOld'], when: { bandpass_token_keys_age_seconds: constant(901) } },
  { fires: [], when: { bandpass_token_keys_age_seconds: constant(900) } },
  { fires: ['BandpassEventLoopDelayed'], when: { bandpass_event_loop_delay_p99_seconds: constant(0.03) } },
  { fires: ['BandpassEventLoopStalled'], when: { bandpass_event_loop_delay_max_seconds: constant(1.5) } },
  {
    fires: ['BandpassMemoryHigh'],
    when: { 'bandpass_process_resident_memory_bytes{kind="anonymous"}': constant(3.1e9) },
  },
  { fires: ['BandpassHeapNearLimit'], when: { bandpass_process_heap_used_bytes: constant(1.8e9) } },
]

/** A test of promtool. It is told which alerts fire at the end of the hour, and of no other. */
function judged({ fires, when }: (typeof troubles)[number]) {
  const series = Object.entries({ ...well, ...when }).filter(([, values]) => values !== '')
  return {
    interval: `${intervalS}s`,
    name: `${fires.join(' and ') || 'nothing'} on ${Object.keys(when).join(' and ') || 'a quiet day'}`,
    input_series: series.map(([name, values]) => ({ series: labelled(name), values })),
    promql_expr_test: [
      {
        expr: 'group by (alertname) (ALERTS{alertstate="firing"})',
        eval_time: `${(steps * intervalS) / 60}m`,
        exp_samples: fires.toSorted().map((alertname) => ({ labels: `{alertname="${alertname}"}`, value: 1 })),
      },
    ],
  }
}

/** As if scraped: every series has its job and its instance. */
function labelled(name: string): string {
  const [, metric = '', inside = ''] = /^(\w+)(?:\{(.*)\})?$/.exec(name) ?? []
  const own = inside.replace('job="bandpass"', '')
  return `${metric}{job="bandpass",instance="engine:8484"${own === '' ? '' : `,${own}`}}`
}

it('there is a trouble for every alert', () => {
  expect([...new Set(troubles.flatMap(({ fires }) => fires))].toSorted()).toEqual(alertNames.toSorted())
})

describe.skipIf(!hasPrometheus())('the alerts', { timeout: 120_000 }, () => {
  it('are rules that promtool finds nothing wrong with', () => {
    const { status, said } = promtool(['check', 'rules', join(root, alertsPath)])
    expect(said).toContain(`SUCCESS: ${alertNames.length} rules found`)
    expect(status, said).toBe(0)
  })

  it('are silent while all is well, and each speaks when its figure is wrong, and no other', () => {
    const path = join(testFolder(onTestFinished), 'alerts-test.json')
    // JSON is YAML.
    const tests = [{ fires: [], when: {} }, ...troubles].map(judged)
    writeFileSync(path, JSON.stringify({ rule_files: [join(root, alertsPath)], evaluation_interval: '30s', tests }))
    const { status, said } = promtool(['test', 'rules', path])
    expect(status, said).toBe(0)
  })
})
