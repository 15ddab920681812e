// Composition root of the engine. Puts a running engine together from its ports: recovers what the journal has, then takes connections.

import type { Primitives } from '../crypto/primitives/primitives.ts'
import { Actors } from './core/actors.ts'
import { Admission } from './budgets/admission.ts'
import { Alarms } from './ledger/alarms.ts'
import { fallDue } from './fall-due.ts'
import type { EngineConfig } from './core/config.ts'
import type { Core } from './core/core.ts'
import { Counters, type CountersSnapshot, tallyNames } from './core/counters.ts'
import { EngineTime, requireFittingWall } from './ledger/engine-time.ts'
import { FailureBudget } from './budgets/failure-budget.ts'
import { type ImportBindings, bindingImporter } from './operators/import.ts'
import { type InspectBand, bandInspector } from './operators/inspect-band.ts'
import { Ledger } from './ledger/ledger.ts'
import { Links } from './core/links.ts'
import type { OperatorPort } from './operators/port.ts'
import { operatorPort } from './operators/operators.ts'
import { OutputGate } from './core/output-gate.ts'
import { tellWindow } from './frames/pairing-effects.ts'
import { PairingWindows } from './core/pairing-window.ts'
import type { Change } from './ports/rows.ts'
import { Chores } from './ports/chores.ts'
import type { Clock, RandomBytes } from './ports/clock.ts'
import type { Acceptor } from './ports/connection.ts'
import { Fault } from './ports/fault.ts'
import type { Journal } from './ports/journal.ts'
import { type Meters, noMeters } from './ports/meters.ts'
import type { EngineKeys, Partners, Tokens, Vendors } from './ports/surroundings.ts'
import type { View } from './ports/view.ts'
import type { RowOf } from './ports/rows.ts'
import { RecordBudget } from './budgets/record-budget.ts'
import { Registry } from './core/registry.ts'
import { acceptBehind } from './ledger/rewind.ts'
import { Releases } from './core/releases.ts'
import { forwardFailuresOfBand, forwardFailuresOfPeer } from './bands/resume-ahead.ts'
import { drainSessions, openSession } from './frames/session-life.ts'
import { SlotDirectory } from './core/slot-directory.ts'
import { ApprovalsUnderWay } from './ledger/under-way.ts'
import { Watch, type WatchEvent } from './core/watch.ts'
import { SessionDirectory } from './core/session-directory.ts'

export type EnginePorts = {
  readonly clock: Clock
  readonly random: RandomBytes
  readonly primitives: Primitives
  readonly journal: Journal
  readonly view: View
  readonly keys: EngineKeys
  readonly tokens: Tokens
  readonly partners: Partners
  readonly vendors: Vendors
  /** Hears how long the work took; nothing does unless given. */
  readonly meters?: Meters
  /** Own what the engine does aside; without them their failures are told to `failed`, once each. */
  readonly chores?: Chores
  /** Hears of failures that no caller waits for: bugs and faults of the outside world. */
  readonly failed: (error: unknown) => void
}

/** What an operator watches. */
export type EngineStatus = CountersSnapshot & {
  readonly bandsAwake: number
  readonly links: number
  readonly sessionsOpen: number
  readonly pairingWindows: number
  readonly gateDepth: number
  readonly alarmsWaiting: number
  readonly journal: Journal['state']
  readonly appendedLsn: number
  readonly durableLsn: number
  readonly appliedLsn: number
  readonly clockCertain: boolean
  /** How far the wall is ahead of engine time, ms; below 0 = behind it. */
  readonly wallAheadMs: number
  /** How far the journal was ahead of the wall at the start, ms. */
  readonly journalAheadMs: number
  /** A record of this engine's start: the one to name if the clock is right and journal time is to run back to it. */
  readonly startedLsn: number
  /** `checking`: nothing is approved before the view was found whole; `believed`: it is, because `approveBeforeProven` says so. */
  readonly view: 'proven' | 'checking' | 'believed'
}

export type Engine = {
  /** Give this to a listener. */
  readonly accept: Acceptor
  readonly status: () => EngineStatus
  /** Whether new work can be served durably. */
  readonly ready: () => boolean
  readonly watch: (watcher: (event: WatchEvent) => void) => () => void
  readonly importBindings: ImportBindings
  /** What an operator sees of one band; reads only, but for what it tells the journal. */
  readonly inspectBand: InspectBand
  readonly operators: OperatorPort
  /** Where journal time ran back the last time, knowingly; undefined when it never did. */
  readonly rewound: Pick<RowOf<'rewound'>, 'lsn' | 'atMs' | 'fromMs'> | undefined
  /** Which text of each sealed document was taken last, as the journal has it. */
  readonly documents: {
    readonly known: (name: string) => RowOf<'document'> | undefined
    readonly take: (name: string, text: RowOf<'document'>) => void
  }
  /** Ends all sessions as a stop does, and goes on: phones come back unless their listener accepts none. */
  readonly drain: (withinMs: number) => Promise<void>
  /** Answers what is under way for at most `withinMs`, closes all sessions, writes the view, closes journal and view. */
  readonly stop: (withinMs: number) => Promise<void>
}

/** How often idle actors are put to sleep, ms, and how many are looked at each time. */
const sleepEveryMs = 100
const sleepLookMax = 200

/** A band's own row, its account's, its usage, its ratchet. */
const cachedRowsPerBand = 4

/** Starts an engine: replays the journal's tail into the view first. Rejects with a Fault when it must not run. */
export async function createEngine(config: EngineConfig, ports: EnginePorts): Promise<Engine> {
  const { journal, view } = ports
  const clock = withOwnFailures(ports.clock, ports.failed)
  const chores = ports.chores ?? choresTold(ports)
  const counters = new Counters()
  const onChange: { alarm: (change: Change) => void } = { alarm: () => undefined }
  const sessions = new SessionDirectory()
  const underWay: ApprovalsUnderWay = new ApprovalsUnderWay({
    band: (bandId) => ledger.get('band', bandId),
    account: (account) => ledger.get('account', account),
    nowMs: () => time.nowMs(),
    reversed: (count) => {
      counters.reversals += count
    },
  })
  const ledger = new Ledger({
    journal,
    view,
    clock,
    viewFlushMs: config.viewFlushMs,
    viewFlushRecords: config.viewFlushRecords,
    cachedRowsMax: cachedRowsPerBand * config.awakeBandsMax,
    viewFailed: (error) => void chores.failed('view-write', error),
    viewWritten: () => chores.worked('view-write'),
    before: (record) => underWay.before(record),
    changed: (change) => {
      if (change.table === 'tally' && change.row !== null) counters.setTally(change.key, change.row.count)
      onChange.alarm(change)
      if (change.table === 'phone') sessions.phoneChanged(change.key, change.row)
    },
  })
  await ledger.recover()
  await acceptBehind(ledger, { clock, acceptedLsn: config.clockAcceptBehindLsn, delays: config.delays })
  const { newestAtMs, rewound } = ledger
  requireFittingWall(clock, newestAtMs, config.clockAheadMaxMs)
  for (const name of tallyNames) counters.setTally(name, ledger.get('tally', name)?.count ?? 0)
  const time = new EngineTime(clock, newestAtMs, rewound?.atMs)
  const monotonicMs = () => clock.monotonicMs()
  const actors = new Actors()

  const core: Core = {
    config,
    primitives: ports.primitives,
    time,
    random: ports.random,
    keys: ports.keys,
    tokens: ports.tokens,
    partners: ports.partners,
    vendors: ports.vendors,
    ledger,
    actors,
    registry: new Registry({
      actors,
      ledger,
      awakeBandsMax: config.awakeBandsMax,
      awakeIdleMs: config.awakeIdleMs,
      monotonicMs,
      actorFailed: (_bandId, error) => {
        counters.actorErrors++
        ports.failed(error)
      },
    }),
    links: new Links(config.linksMax),
    slots: new SlotDirectory(config.linksMax),
    sessions,
    windows: new PairingWindows(config.pairingWindowsMax, (window) => {
      tellWindow(core, window, { type: 'ack.received', atMs: time.nowMs() })
    }),
    admission: new Admission({
      perSecond: config.accountFramesPerSecond,
      burst: config.accountFramesBurst,
      monotonicMs,
    }),
    forward: {
      bandFailures: new FailureBudget({ ...forwardFailuresOfBand, monotonicMs }),
      peerFailures: new FailureBudget({ ...forwardFailuresOfPeer, monotonicMs }),
    },
    records: new RecordBudget(
      { perSecond: config.accountRecordsPerSecond, burst: config.accountRecordsBurst },
      monotonicMs,
    ),
    gate: new OutputGate(),
    underWay,
    meters: ports.meters ?? noMeters,
    releases: new Releases(ports.failed),
    hellosUnderWay: 0,
    counters,
    watch: new Watch(),
    epoch: journal.epoch,
    failed: ports.failed,
  }

  const started = ledger.append(
    { type: 'engine.started', atMs: time.nowMs(), epoch: journal.epoch, version: config.engineVersion },
    'reserve',
  )
  if (typeof started !== 'number') {
    throw new Fault(
      'journal-failed',
      'the journal took no record at start: free disk space or check the disk, then start again',
    )
  }
  await ledger.durable(started)
  const alarms = new Alarms({
    clock,
    nowMs: () => time.nowMs(),
    ledger,
    fire: (alarm) => fallDue(core, alarm),
    chores,
  })
  alarms.start()
  onChange.alarm = (change) => {
    if (change.table === 'alarm' && change.row !== null) alarms.add(change.row)
  }
  const stopSleeping = chores.every('idle-bands', {
    everyMs: sleepEveryMs,
    work: () => core.registry.sleepIdle(sleepLookMax),
  })

  return {
    accept: (connection) => openSession(core, connection),
    status: () => statusOf(core, alarms, ports, started),
    ready: () => journal.state === 'open' && time.certain(),
    watch: (watcher) => core.watch.subscribe(watcher),
    importBindings: bindingImporter(core),
    inspectBand: bandInspector(core),
    operators: operatorPort(core),
    rewound: ledger.rewound,
    documents: {
      known: (name) => ledger.get('document', name),
      take: (name, { number, digest }) => {
        // On a full disk it is not noted, and noted at the next start: the document itself is taken all the same.
        ledger.append({ type: 'document', atMs: time.nowMs(), name, number, digest }, 'normal')
      },
    },
    drain: (withinMs) => drainSessions(core, withinMs),
    stop: async (withinMs) => {
      await drainSessions(core, withinMs)
      alarms.stop()
      stopSleeping()
      await ledger.close()
      await journal.close()
      await view.close()
    },
  }
}

/** What a timer does may fail, a row that cannot be read say: that is told, and ends nothing but itself. */
function withOwnFailures(clock: Clock, failed: (error: unknown) => void): Clock {
  return {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    after: (afterMs, work) =>
      clock.after(afterMs, () => {
        try {
          work()
        } catch (error) {
          failed(error)
        }
      }),
  }
}

function choresTold({ clock, failed }: Pick<EnginePorts, 'clock' | 'failed'>): Chores {
  return new Chores({
    clock,
    told: (_name, error) => {
      if (error !== undefined) failed(error)
    },
  })
}

function statusOf(core: Core, alarms: Alarms, { journal, view }: EnginePorts, startedLsn: number): EngineStatus {
  return {
    ...core.counters.snapshot(),
    bandsAwake: core.registry.awakeCount,
    links: core.links.count,
    sessionsOpen: core.sessions.all.size,
    pairingWindows: core.windows.count,
    gateDepth: core.gate.waiting,
    alarmsWaiting: alarms.waiting,
    journal: journal.state,
    appendedLsn: journal.appendedLsn,
    durableLsn: journal.durableLsn,
    appliedLsn: view.appliedLsn,
    clockCertain: core.time.certain(),
    wallAheadMs: core.time.wallAheadMs(),
    journalAheadMs: core.time.journalAheadMs,
    startedLsn,
    view: view.isProven ? 'proven' : core.config.approveBeforeProven ? 'believed' : 'checking',
  }
}
