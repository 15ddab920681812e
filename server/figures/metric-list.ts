// Metric registry: everything that /metrics shows, in its order: one list from which the answer, the table in docs/operating.md and the tests
// come. Names follow Prometheus: base units last, `_total` for what only grows. A label's values are a closed list of the code or of this
// build; no band, account, partner or address is ever one, or the series would grow with the users.

import type { EngineStatus } from '../../engine/engine.ts'
import { type Chores, choreNames } from '../../engine/ports/chores.ts'
import { namesOf } from '../../base/names.ts'
import { reasons } from '../../protocol/reasons.ts'
import type { RefusedBy } from '../../transport/listener.ts'
import type { LoopDelay } from './delay-window.ts'
import type { DurationBuckets } from './duration-buckets.ts'
import type { MeterTotals } from './meters.ts'
import type { MemoryBytes } from './process-memory.ts'
import type { TokenRefusals } from '../tokens/token-refusals.ts'

/** What one scrape is answered from, all of it read at once. */
export type MetricSources = {
  readonly build: Readonly<Record<'version' | 'node' | 'listener' | 'durability', string>>
  readonly status: EngineStatus
  readonly isReady: boolean
  readonly isWitnessed: boolean
  readonly chores: Pick<Chores, 'failing' | 'failures'>
  readonly engineFailures: number
  readonly openFilesAllowed: number
  readonly totals: MeterTotals
  readonly refused: ReadonlyMap<RefusedBy, number>
  readonly tokensRefused: TokenRefusals['totals']
  /** 0 when no keys are fetched. */
  readonly keysAgeMs: number
  readonly limits: {
    readonly gateDepth: number
    readonly links: number
    readonly sessions: number
    readonly sockets: number
    readonly viewLag: number
  }
  readonly process: {
    readonly startedAtS: number
    readonly cpuS: { readonly user: number; readonly system: number }
    /** How long the event loop was at work and not waiting. */
    readonly loopActiveS: number
    readonly loopDelay: LoopDelay
    readonly memory: MemoryBytes
    readonly memoryLimitBytes: number
    readonly heapLimitBytes: number
  }
}

export type Labels = Readonly<Record<string, string>>
type Sample = { readonly labels: Labels; readonly value: number }
export type LabelledBuckets = { readonly labels: Labels; readonly buckets: DurationBuckets }

/** One line of the table. */
export type Metric = {
  readonly name: string
  readonly labels: readonly string[]
  readonly unit: 'seconds' | 'bytes' | 'lsn' | 'yes or no' | 'number'
  /** One sentence: what stands in `# HELP` and in the document. */
  readonly help: string
} & (
  | { readonly type: 'gauge' | 'counter'; readonly read: (from: MetricSources) => readonly Sample[] }
  | { readonly type: 'histogram'; readonly read: (from: MetricSources) => readonly LabelledBuckets[] }
)

/** The compiler sees to it that none is missing. */
const journalStates: Readonly<Record<EngineStatus['journal'], true>> = {
  open: true,
  full: true,
  failed: true,
  closed: true,
}

export const metricList: readonly Metric[] = [
  {
    name: 'bandpass_build_info',
    type: 'gauge',
    labels: ['version', 'node', 'listener', 'durability'],
    unit: 'number',
    help: 'What runs here; always 1.',
    read: ({ build }) => [{ labels: build, value: 1 }],
  },
  {
    name: 'bandpass_ready',
    type: 'gauge',
    labels: [],
    unit: 'yes or no',
    help: 'Whether new work is served: 0 when `/readyz` gives a reason.',
    read: ({ isReady }) => one(Number(isReady)),
  },
  {
    name: 'bandpass_clock_certain',
    type: 'gauge',
    labels: [],
    unit: 'yes or no',
    help: 'Whether wall and monotonic clock agree; nothing is approved while they do not.',
    read: ({ status }) => one(Number(status.clockCertain)),
  },
  {
    name: 'bandpass_decisions_total',
    type: 'counter',
    labels: ['outcome', 'reason'],
    unit: 'number',
    help: 'Decisions answered, by outcome (`approved`, `denied`) and reason.',
    read: ({ status }) =>
      namesOf(reasons).map((reason) => ({
        labels: { outcome: reason === 'approved' ? 'approved' : 'denied', reason },
        value: status.decisions[reason] ?? 0,
      })),
  },
  {
    name: 'bandpass_reversals_total',
    type: 'counter',
    labels: [],
    unit: 'number',
    help: 'Approvals that a freeze overtook on their way to the disk.',
    read: ({ status }) => one(status.reversals),
  },
  {
    name: 'bandpass_bands_ahead_total',
    type: 'counter',
    labels: ['answer'],
    unit: 'number',
    help: 'Bands that proved a link newer than the journal: `linked` after a restore, `refused` where no restore is known.',
    read: ({ status }) => [
      { labels: { answer: 'linked' }, value: status.bandsAhead },
      { labels: { answer: 'refused' }, value: status.bandsAheadRefused },
    ],
  },
  {
    name: 'bandpass_answer_duration_seconds',
    type: 'histogram',
    labels: [],
    unit: 'seconds',
    help: 'From a frame read off the socket to its answer written.',
    read: ({ totals }) => [{ labels: {}, buckets: totals.answered }],
  },
  {
    name: 'bandpass_gate_duration_seconds',
    type: 'histogram',
    labels: [],
    unit: 'seconds',
    help: 'From a record appended to it durable: what the disk costs.',
    read: ({ totals }) => [{ labels: {}, buckets: totals.gated }],
  },
  {
    name: 'bandpass_gate_depth',
    type: 'gauge',
    labels: [],
    unit: 'number',
    help: 'Requests waiting for the disk.',
    read: ({ status }) => one(status.gateDepth),
  },
  {
    name: 'bandpass_gate_depth_limit',
    type: 'gauge',
    labels: [],
    unit: 'number',
    help: 'How many may wait there before new ones are `busy`: `gate.depthMax`.',
    read: ({ limits }) => one(limits.gateDepth),
  },
  {
    name: 'bandpass_journal_state',
    type: 'gauge',
    labels: ['state'],
    unit: 'yes or no',
    help: 'State of the journal: 1 for the one it is in, 0 for the others.',
    read: ({ status }) =>
      namesOf(journalStates).map((state) => ({ labels: { state }, value: Number(status.journal === state) })),
  },
  {
    name: 'bandpass_journal_witnessed',
    type: 'gauge',
    labels: [],
    unit: 'yes or no',
    help: 'Is the witness written as it should be, if `journal.witness` asks for one? While it is not, it is tried every second.',
    read: ({ isWitnessed }) => one(Number(isWitnessed)),
  },
  {
    name: 'bandpass_journal_appended_lsn',
    type: 'gauge',
    labels: [],
    unit: 'lsn',
    help: 'Newest record of the journal.',
    read: ({ status }) => one(status.appendedLsn),
  },
  {
    name: 'bandpass_journal_durable_lsn',
    type: 'gauge',
    labels: [],
    unit: 'lsn',
    help: 'Newest record that is surely on disk.',
    read: ({ status }) => one(status.durableLsn),
  },
  {
    name: 'bandpass_view_applied_lsn',
    type: 'gauge',
    labels: [],
    unit: 'lsn',
    help: 'Newest record that the view has.',
    read: ({ status }) => one(status.appliedLsn),
  },
  {
    name: 'bandpass_view_proven',
    type: 'gauge',
    labels: [],
    unit: 'yes or no',
    help: 'Was the view found whole since the start? While it was not, nothing is approved, unless `view.approveBeforeProven` is on.',
    read: ({ status }) => one(Number(status.view === 'proven')),
  },
  {
    name: 'bandpass_view_lag_limit',
    type: 'gauge',
    labels: [],
    unit: 'lsn',
    help: 'How far the view may stay behind before new decisions are `busy`: three times `view.flushRecords`.',
    read: ({ limits }) => one(limits.viewLag),
  },
  {
    name: 'bandpass_bands',
    type: 'gauge',
    labels: ['state'],
    unit: 'number',
    help: 'Bands known here, by state.',
    read: ({ status }) => byName('state', status.bands),
  },
  {
    name: 'bandpass_bands_awake',
    type: 'gauge',
    labels: [],
    unit: 'number',
    help: 'Bands with an actor in memory.',
    read: ({ status }) => one(status.bandsAwake),
  },
  {
    name: 'bandpass_sessions',
    type: 'gauge',
    labels: ['state'],
    unit: 'number',
    help: 'Sessions of phones and hubs, by state.',
    read: ({ status }) => byName('state', status.sessions),
  },
  {
    name: 'bandpass_sessions_limit',
    type: 'gauge',
    labels: [],
    unit: 'number',
    help: 'How many sessions there may be: `sessions.max`.',
    read: ({ limits }) => one(limits.sessions),
  },
  {
    name: 'bandpass_links',
    type: 'gauge',
    labels: [],
    unit: 'number',
    help: 'Live links of bands.',
    read: ({ status }) => one(status.links),
  },
  {
    name: 'bandpass_links_limit',
    type: 'gauge',
    labels: [],
    unit: 'number',
    help: 'How many links there may be: `bands.linksMax`.',
    read: ({ limits }) => one(limits.links),
  },
  {
    name: 'bandpass_pairing_windows',
    type: 'gauge',
    labels: [],
    unit: 'number',
    help: 'Pairing windows open.',
    read: ({ status }) => one(status.pairingWindows),
  },
  {
    name: 'bandpass_alarms_waiting',
    type: 'gauge',
    labels: [],
    unit: 'number',
    help: 'Deadlines of the next hour.',
    read: ({ status }) => one(status.alarmsWaiting),
  },
  {
    name: 'bandpass_unexpected_events_total',
    type: 'counter',
    labels: [],
    unit: 'number',
    help: 'Events that came to a machine in a state that does not know them.',
    read: ({ status }) => one(status.unexpected),
  },
  {
    name: 'bandpass_actor_errors_total',
    type: 'counter',
    labels: [],
    unit: 'number',
    help: 'Actors dropped because they threw: each one is a bug.',
    read: ({ status }) => one(status.actorErrors),
  },
  {
    name: 'bandpass_chore_failing',
    type: 'gauge',
    labels: ['chore'],
    unit: 'number',
    help: 'Chores that fail now and are tried again, by chore (`file-reload`, `view-write`, …): how many of each. Those that did not fail since the start are together `none`.',
    read: ({ chores }) => [
      // Always one series, so that an alert finds the name from the start.
      { labels: { chore: 'none' }, value: 0 },
      ...choreNames
        .filter((chore) => chores.failures(chore) > 0)
        .map((chore) => ({ labels: { chore }, value: chores.failing(chore) })),
    ],
  },
  {
    name: 'bandpass_chore_failures_total',
    type: 'counter',
    labels: [],
    unit: 'number',
    help: 'Failures of chores since the start; each is tried again, with up to a minute between.',
    read: ({ chores }) => one(choreNames.reduce((sum, chore) => sum + chores.failures(chore), 0)),
  },
  {
    name: 'bandpass_engine_failures_total',
    type: 'counter',
    labels: [],
    unit: 'number',
    help: 'Failures of the engine outside a request and outside chores: each is an `engine.failed` of the log.',
    read: ({ engineFailures }) => one(engineFailures),
  },
  {
    name: 'bandpass_open_files_limit',
    type: 'gauge',
    labels: [],
    unit: 'number',
    help: 'How many files, and so connections, the process may have open (`ulimit -n`).',
    read: ({ openFilesAllowed }) => one(openFilesAllowed),
  },
  {
    name: 'bandpass_sockets_limit',
    type: 'gauge',
    labels: [],
    unit: 'number',
    help: 'How many sockets there may be: `network.socketsMax`, or fewer where open files do not allow that.',
    read: ({ limits }) => one(limits.sockets),
  },
  {
    name: 'bandpass_refusals_total',
    type: 'counter',
    labels: ['limit'],
    unit: 'number',
    help: 'Peers that a limit of the listener turned away, by limit.',
    read: ({ refused }) => [...refused].map(([limit, value]) => ({ labels: { limit }, value })),
  },
  {
    name: 'bandpass_token_refusals_total',
    type: 'counter',
    labels: ['reason'],
    unit: 'number',
    help: 'Account tokens that were refused, by each reason that there was (`key` also for a signature, `scope` for whatever session they were not for).',
    read: ({ tokensRefused }) => byName('reason', Object.fromEntries(tokensRefused)),
  },
  {
    name: 'bandpass_token_keys_age_seconds',
    type: 'gauge',
    labels: [],
    unit: 'seconds',
    help: 'How long ago the keys behind `tokens.jwksUrl` were last read, or since the start if they never came; 0 when none are fetched.',
    read: ({ keysAgeMs }) => one(keysAgeMs / 1_000),
  },
  {
    name: 'bandpass_event_loop_delay_p50_seconds',
    type: 'gauge',
    labels: [],
    unit: 'seconds',
    help: 'How much later than due half of the timers ran, lately (between scrapes, 10 s or more).',
    read: ({ process }) => one(process.loopDelay.p50S),
  },
  {
    name: 'bandpass_event_loop_delay_p99_seconds',
    type: 'gauge',
    labels: [],
    unit: 'seconds',
    help: 'How much later than due one timer in a hundred ran, lately.',
    read: ({ process }) => one(process.loopDelay.p99S),
  },
  {
    name: 'bandpass_event_loop_delay_max_seconds',
    type: 'gauge',
    labels: [],
    unit: 'seconds',
    help: 'How much later than due the latest timer ran, lately.',
    read: ({ process }) => one(process.loopDelay.maxS),
  },
  {
    name: 'bandpass_event_loop_active_seconds_total',
    type: 'counter',
    labels: [],
    unit: 'seconds',
    help: 'How long the event loop was at work and not waiting.',
    read: ({ process }) => one(process.loopActiveS),
  },
  {
    name: 'bandpass_gc_pause_seconds',
    type: 'histogram',
    labels: ['kind'],
    unit: 'seconds',
    help: 'Pauses of the collector, by kind.',
    read: ({ totals }) => Object.entries(totals.pauses).map(([kind, buckets]) => ({ labels: { kind }, buckets })),
  },
  {
    name: 'bandpass_process_cpu_seconds_total',
    type: 'counter',
    labels: ['mode'],
    unit: 'seconds',
    help: 'Processor time of the whole process, all its threads, by mode (`user`, `system`).',
    read: ({ process }) => byName('mode', process.cpuS),
  },
  {
    name: 'bandpass_process_resident_memory_bytes',
    type: 'gauge',
    labels: ['kind'],
    unit: 'bytes',
    help: 'Memory in use: `anonymous` is its own, `mapped` are pages of files, the view above all, that the system takes back when it wants them.',
    read: ({ process }) =>
      Object.entries({ anonymous: process.memory.anonymous, mapped: process.memory.mapped }).flatMap(([kind, bytes]) =>
        bytes === null ? [] : [{ labels: { kind }, value: bytes }],
      ),
  },
  {
    name: 'bandpass_process_memory_limit_bytes',
    type: 'gauge',
    labels: [],
    unit: 'bytes',
    help: 'The most it can have: the memory of the machine, or of its control group.',
    read: ({ process }) => one(process.memoryLimitBytes),
  },
  {
    name: 'bandpass_process_heap_used_bytes',
    type: 'gauge',
    labels: [],
    unit: 'bytes',
    help: 'JavaScript objects, dead ones that the collector has not seen yet included.',
    read: ({ process }) => one(process.memory.heapUsed),
  },
  {
    name: 'bandpass_process_heap_limit_bytes',
    type: 'gauge',
    labels: [],
    unit: 'bytes',
    help: 'The most the heap can have.',
    read: ({ process }) => one(process.heapLimitBytes),
  },
  {
    name: 'bandpass_process_external_memory_bytes',
    type: 'gauge',
    labels: [],
    unit: 'bytes',
    help: 'Buffers beside the heap, the slab of links among them.',
    read: ({ process }) => one(process.memory.external),
  },
  {
    name: 'bandpass_process_start_time_seconds',
    type: 'gauge',
    labels: [],
    unit: 'seconds',
    help: 'When it started, seconds since 1970.',
    read: ({ process }) => one(process.startedAtS),
  },
]

function one(value: number): readonly Sample[] {
  return [{ labels: {}, value }]
}

function byName(label: string, values: Readonly<Record<string, number>>): readonly Sample[] {
  return Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }))
}
