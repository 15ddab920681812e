// Composition root of the server. Puts a server together: master key, keys, view, journal, engine, listener; in that order, and back in the
// other one.

import { dirname, join } from 'node:path'
import { durationText } from '../engine/ledger/engine-time.ts'
import { type Engine, type EngineStatus, createEngine } from '../engine/engine.ts'
import { acceptBehindText } from '../engine/ledger/rewind.ts'
import type { Chores } from '../engine/ports/chores.ts'
import type { Clock } from '../engine/ports/clock.ts'
import { Fault } from '../engine/ports/fault.ts'
import { bothMeters } from '../engine/ports/meters.ts'
import { readBackedUp } from '../store/backup-note.ts'
import { realFiles } from '../store/files/real-files.ts'
import { type ListenerChoice, ListenerNotLoaded, chooseListener } from '../transport/choose-listener.ts'
import { listenHealth } from '../transport/listen-health.ts'
import type { HttpAnswer, Listener, ListenerName } from '../transport/listener.ts'
import { type AccessToken, openAccessToken } from './http/access-token.ts'
import { type AdminAnswers, adminAnswers } from './http/admin-answers.ts'
import { loggedChores } from './log/chore-log.ts'
import { type DataFolder, openDataFolder } from './documents/data-folder.ts'
import { type HeldData, holdData } from './documents/held-data.ts'
import { closeDataFolder } from './documents/private-data.ts'
import { decisionRows } from './page/decision-rows.ts'
import { provisionDemo } from './demo-world.ts'
import { engineConfigOf, listenLimitsOf } from './settings/engine-limits.ts'
import { type HttpSources, healthAnswer, httpAnswers, notReadyReasons } from './http/http-answers.ts'
import { KnownDocuments } from './documents/known-documents.ts'
import { type LastMinute, startLastMinute } from './figures/last-minute.ts'
import { addPartner } from './documents/lists.ts'
import { type Log, stderrLog } from './log/log.ts'
import { type ServerMeters, startMeters } from './figures/meters.ts'
import { metricsAnswer } from './http/metrics-answer.ts'
import { type Store, dropView, openStore } from './data/open-store.ts'
import {
  type FittedLimits,
  type OpenFiles,
  checkAddressSpace,
  fitOpenFiles,
  openFilesAllowed,
  watchOpenFiles,
} from './machine/open-files.ts'
import { type OperatorsPage, openOperatorsPage } from './page/operators-page.ts'
import { realClock } from './machine/real-clock.ts'
import { realPrimitives } from './machine/real-primitives.ts'
import { Refusals } from './figures/refusals.ts'
import { takeEnvironment } from './settings/secret-environment.ts'
import type { ServerConfig } from './settings/settings.ts'
import { type Surroundings, openSurroundings } from './documents/surroundings.ts'
import { type TokenIssuers, tokenIssuers } from './tokens/token-issuers.ts'
import { TokenRefusals } from './tokens/token-refusals.ts'
import { createTokens, localIssuer, mintToken } from './tokens/tokens.ts'
import { traceDecisions, tracedAdmin, tracedImport, tracedView } from './traced.ts'
import { type OpenSpan, type Traces, openTraces, spanned } from './figures/traces.ts'
import { Closing } from './machine/closing.ts'
import { version } from './machine/version.ts'
import { startWatchdog } from './machine/watchdog.ts'

export type ServerOptions = {
  /** Where the master key may stand; unless given, `process.env`, which loses its secrets. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Log lines on stderr, from `log.level` on, unless given. */
  readonly log?: Log
}

export type RunningServer = {
  /** Where phones connect. */
  readonly url: string
  readonly port: number
  readonly listener: ListenerName
  readonly durability: ServerConfig['durability']
  /** Where the operators' page is; undefined when it is off. */
  readonly operatorsUrl: string | undefined
  readonly status: () => EngineStatus
  readonly watch: Engine['watch']
  /** Own what is done again and again beside the requests. */
  readonly chores: Chores
  /** Reads keys, partners and vendors now, if they changed. */
  readonly reload: () => void
  /** Resolves when the server has stopped: with undefined when it was told to, else with why it stopped by itself. */
  readonly ended: Promise<Fault | undefined>
  /** Stops accepting, answers what is under way, closes sessions, writes and closes everything. */
  readonly stop: () => Promise<void>
}

/** Starts a server. Rejects with a Fault or a ListenError whose message says what to do. */
export async function startServer(config: ServerConfig, options: ServerOptions = {}): Promise<RunningServer> {
  const environment = options.environment ?? takeEnvironment(process.env)
  const log = options.log ?? stderrLog(config.log.level)
  const closing = new Closing()
  try {
    const traces = openTraces()
    if (traces !== undefined) log('info', 'traces.started', { means: 'an OpenTelemetry SDK was loaded, and is told' })
    return await spanned(traces, 'server.start', (span) => start(config, { environment, log, closing, traces, span }))
  } catch (error) {
    await closing.closeAll().catch((cause: unknown) => log('error', 'server.not-closed', { error: cause }))
    throw error
  }
}

/** Says that journal time ran back with this start, or that it need not be accepted any more. */
function tellRewound(rewound: Engine['rewound'], openedLsn: number, acceptedLsn: number, log: Log): void {
  if (rewound === undefined || acceptedLsn === 0) return
  const { lsn, atMs, fromMs } = rewound
  if (lsn <= openedLsn)
    return log('warning', 'clock.accept-behind-not-needed', { does: 'goes on; take clock.acceptBehind away' })
  log('warning', 'clock.behind-accepted', {
    lsn,
    from: new Date(fromMs).toISOString(),
    to: new Date(atMs).toISOString(),
    by: durationText(fromMs - atMs),
    means: 'armings and pairings under way end, changes that wait begin anew; take clock.acceptBehind away',
  })
}

type Starting = {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly log: Log
  /** What is open, for the end and for a start that fails. */
  readonly closing: Closing
  readonly traces: Traces | undefined
  readonly span: OpenSpan
}

async function start(wanted: ServerConfig, starting: Starting): Promise<RunningServer> {
  const { environment, log, closing, traces, span } = starting
  const fitted = fitOpenFiles(wanted, openFilesAllowed())
  const { config } = fitted
  checkAddressSpace(config.view.mapBytes)
  const choice = await wantedListener(config.listener)
  if (choice.warning !== undefined) log('warning', 'listener.fallback', { warning: choice.warning })
  if (config.durability === 'process') {
    log('warning', 'durability.process', { means: 'a power cut loses what was answered; for demos and tests only' })
  }
  const chores = loggedChores(realClock, log)
  const clock = chores.clock(realClock)
  const openFiles = watchOpenFiles(chores)
  closing.add(() => openFiles.stop())
  if (Object.keys(fitted.lowered).length > 0) {
    log('warning', 'limits.lowered', {
      to: fitted.lowered,
      openFilesAllowed: fitted.allowed,
      means: 'each connection is an open file: raise the limit (ulimit -n, LimitNOFILE), or set these limits lower',
    })
  }
  const documents = new KnownDocuments({ acceptOlder: config.lists.acceptOlder, log })
  // Before anything of it is read or made: what is there is another engine's as long as it runs.
  const data = holdData(config.data)
  closing.add(() => data.unlock())
  const folder = openDataFolder(config, environment, true, documents)
  closeDataFolder(folder.path, dirname(folder.places.partners.path), log)
  const surroundings = openSurroundings(folder, chores, log)
  closing.add(() => surroundings.stop())
  const issuers = tokenIssuers(config, surroundings, { clock, log })
  const tokenRefusals = new TokenRefusals(clock, log)
  const openToken = (path: string): AccessToken => {
    const token = openAccessToken(path, { clock, chores }, (error) => {
      if (error === undefined) log('info', 'file.reloaded', { path })
      else log('error', 'file.not-reloaded', { path, kept: 'what was read before', error })
    })
    closing.add(() => token.stop())
    return token
  }
  const adminToken = openToken(config.adminToken ?? join(folder.path, 'admin-token'))
  const metricsToken = config.metrics === 'token' ? openToken(join(folder.path, 'metrics-token')) : undefined
  const meters = startMeters()
  const lastMinute = startLastMinute(clock, chores)
  closing.add(() => meters.stop())
  closing.add(() => lastMinute.stop())
  const store = await span.during('store.open', () => openStore(config, folder, log, 'beside', {}, chores))
  const openedLsn = store.journal.durableLsn
  const behind = openedLsn - store.view.appliedLsn
  const openView = closing.add(() => store.view.close())
  const openJournal = closing.add(() => store.journal.close())
  const failures = { engine: 0 }
  const ports = {
    clock,
    chores,
    random: (length: number) => realPrimitives.randomBytes(length),
    primitives: realPrimitives,
    journal: store.journal,
    view: tracedView(traces, store.view),
    keys: surroundings.engineKeys,
    tokens: createTokens({
      issuers: issuers.all,
      audience: config.tokens.audience,
      nowMs: () => clock.nowMs(),
      leewayS: config.tokens.leewayS,
      refused: (reason, token) => tokenRefusals.count(reason, token),
    }),
    partners: surroundings.partners,
    vendors: surroundings.vendors,
    meters: bothMeters(meters, lastMinute),
    failed: (error: unknown) => {
      failures.engine++
      log('error', 'engine.failed', { error })
    },
  }
  const engine = await span.during('engine.recover', () => createEngine(engineConfigOf(config, version), ports), {
    facts: { 'bandpass.records': behind, 'bandpass.durable_lsn': store.journal.durableLsn },
  })
  // It closes them.
  openJournal.release()
  openView.release()
  const openEngine = closing.add(() => engine.stop(0))
  documents.begin(engine.documents)
  tellRewound(engine.rewound, openedLsn, config.clock.acceptBehind, log)
  const { clockCertain, journalAheadMs, startedLsn } = engine.status()
  if (!clockCertain && journalAheadMs > 0) {
    log('error', 'clock.behind-journal', {
      by: durationText(journalAheadMs),
      does: 'approves nothing before the clock gets there',
      ifTheClockIsRight: acceptBehindText(startedLsn),
    })
  }
  lastMinute.follow(() => engine.status())
  traceDecisions(traces, engine.watch, clock.nowMs)
  const server = new Server({
    config,
    fitted,
    openFiles,
    log,
    data,
    clock,
    chores,
    failures,
    folder,
    surroundings,
    store,
    engine,
    documents,
    issuers,
    tokenRefusals,
    adminToken,
    metricsToken,
    meters,
    lastMinute,
    traces,
    closing,
    openEngine,
  })
  await server.listen(choice)
  return server
}

type Parts = {
  readonly config: ServerConfig
  readonly fitted: FittedLimits
  readonly openFiles: OpenFiles
  readonly log: Log
  readonly data: HeldData
  readonly clock: Clock
  readonly chores: Chores
  /** What failed outside a request and is no chore, since the start. */
  readonly failures: { readonly engine: number }
  readonly folder: DataFolder
  readonly surroundings: Surroundings
  readonly store: Store
  readonly engine: Engine
  readonly documents: KnownDocuments
  readonly issuers: TokenIssuers
  readonly tokenRefusals: TokenRefusals
  readonly adminToken: AccessToken
  /** Undefined unless /metrics asks for one. */
  readonly metricsToken: AccessToken | undefined
  readonly meters: ServerMeters
  readonly lastMinute: LastMinute
  readonly traces: Traces | undefined
  readonly closing: Closing
  /** The engine, until the server closes it. */
  readonly openEngine: ReturnType<Closing['add']>
}

class Server implements RunningServer {
  readonly ended: Promise<Fault | undefined>
  readonly #parts: Parts
  readonly #refusals: Refusals
  readonly #openEngine: ReturnType<Closing['add']>
  /** Why the note of the last backup was not believed, as it was logged. */
  #refusedNote: string | undefined
  #listener: Listener | undefined
  #page: OperatorsPage | undefined
  /** Told to drain for maintenance: everything else goes on. */
  #isDraining = false
  readonly #startedAtMs = Date.now()
  #resolveEnded: (why: Fault | undefined) => void = () => {}
  #stopping: Promise<void> | undefined
  /** What the check of the view met. */
  #damage: Fault | undefined

  constructor(parts: Parts) {
    this.#parts = parts
    this.#refusals = new Refusals(parts.log, parts.chores)
    parts.closing.add(() => this.#refusals.stop())
    const watchdog = startWatchdog(parts.config.watchdog.hangMs, parts)
    parts.closing.add(() => watchdog.stop())
    parts.openEngine.release()
    this.#openEngine = parts.closing.add(() => this.#stopEngine())
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve
    })
    this.#awaitView()
    parts.data.follow(parts.chores, (why) => this.#dataIsLost(why))
  }

  /** A view that a crash left is walked beside the engine; it is told when that begins and ends. */
  #awaitView(): void {
    const { config, log, clock, store } = this.#parts
    const { isProven, checked } = store.view
    const atMs = clock.monotonicMs()
    const meanwhile = config.view.approveBeforeProven
      ? 'approves meanwhile'
      : 'approves nothing before it was found whole'
    if (!isProven) log('warning', 'view.checking', { does: meanwhile })
    checked.then(
      () => {
        if (!isProven) log('info', 'view.proven', { afterMs: Math.round(clock.monotonicMs() - atMs) })
      },
      (error: unknown) => this.#viewIsDamaged(error),
    )
  }

  get url(): string {
    return urlOf(this.#parts.config.host, this.port)
  }

  get port(): number {
    return this.#listener?.port ?? 0
  }

  get listener(): ListenerName {
    return this.#listener?.name ?? 'loopback'
  }

  get durability(): ServerConfig['durability'] {
    return this.#parts.config.durability
  }

  get operatorsUrl(): string | undefined {
    return this.#page?.url
  }

  get chores(): Chores {
    return this.#parts.chores
  }

  get watch(): Engine['watch'] {
    return this.#parts.engine.watch
  }

  status(): EngineStatus {
    return this.#parts.engine.status()
  }

  reload(): void {
    this.#parts.surroundings.reload()
    this.#page?.reload()
  }

  async listen(choice: ListenerChoice): Promise<void> {
    const {
      config,
      fitted,
      openFiles,
      log,
      clock,
      chores,
      closing,
      engine,
      folder,
      surroundings,
      store,
      adminToken,
      metricsToken,
    } = this.#parts
    const admin = this.#admin()
    const notReady = (): readonly string[] =>
      this.#stopping === undefined && !this.#isDraining ? notReadyReasons(engine.status()) : ['draining']
    const notes = (): readonly string[] => chores.notes()
    const { port: healthPort } = config.health
    if (healthPort !== 'off') {
      const answer = (path: string): HttpAnswer | undefined => healthAnswer(path, { notReady, notes })
      const failed = (error: unknown): void => log('error', 'listener.failed', { during: 'health', error })
      const health = await listenHealth({ host: config.host, port: healthPort, answer, failed })
      closing.add(() => health.close())
      log('info', 'health.listening', { port: health.port })
    }
    const listener = await choice.listen({
      host: config.host,
      port: config.port,
      hosts: config.hosts,
      accept: engine.accept,
      http: httpAnswers({
        version,
        notReady,
        notes,
        receiptKeys: () => surroundings.keySet().receipt,
        metrics: this.#metrics(notReady),
        operatorsUrl: () => this.#page?.url,
        admin: admin.get,
      }),
      post: admin.post,
      limits: listenLimitsOf(config),
      clock,
      chores,
      areFilesScarce: openFiles.areScarce,
      observe: {
        failed: (during, error) => log('error', 'listener.failed', { during, error }),
        refused: (limit) => this.#refusals.count(limit),
      },
    })
    this.#listener = listener
    // Sessions end on a listener that is open and accepts nothing more.
    closing.add(() => listener.close())
    this.#openEngine.release()
    closing.add(() => this.#stopEngine())
    const page = await openOperatorsPage({
      ...this.#parts,
      decisions: decisionRows(folder.path, store.journal, engine.rewound?.lsn),
      about: () => ({ version, startedAtMs: this.#startedAtMs, listener: this.listener }),
      phonesPort: this.port,
      connectionsMax: fitted.operatorsConnectionsMax,
      areFilesScarce: openFiles.areScarce,
      drain: () => this.#drain(),
      isDraining: () => this.#isDraining || this.#stopping !== undefined,
    })
    closing.add(() => page?.stop())
    // A view found damaged meanwhile has stopped the server already.
    if (this.#stopping === undefined) {
      this.#page = page
      this.#recycleAlways()
    } else await closing.closeAll()
    if (config.demo) {
      provisionDemo({ config, folder, surroundings, url: this.url, nowMs: Date.now() })
      log('warning', 'demo.world', { means: 'demo.json holds the secrets of a vendor, a partner and the token issuer' })
    }
    log('info', 'server.started', {
      url: this.url,
      listener: this.listener,
      durability: config.durability,
      version,
      epoch: store.journal.epoch,
      masterKeyFrom: folder.master.from,
      adminTokenIn: adminToken.path,
      metricsTokenIn: metricsToken?.path ?? `none: /metrics is ${config.metrics}`,
      tokenIssuers: this.#parts.issuers.all.map((one) => one.issuer),
      ...surroundings.counts(),
    })
  }

  #metrics(notReady: () => readonly string[]): HttpSources['metrics'] {
    const { config, fitted, chores, failures, engine, store, meters, metricsToken, issuers, tokenRefusals } =
      this.#parts
    if (config.metrics === 'off') return undefined
    const listener = (): ListenerName => this.listener
    return metricsAnswer({
      token: metricsToken,
      config,
      version,
      listener,
      engine,
      notReady,
      journal: store.journal,
      chores,
      failures,
      openFilesAllowed: fitted.allowed,
      meters,
      refusals: this.#refusals,
      tokenRefusals,
      keysAgeMs: issuers.keysAgeMs,
    })
  }

  #admin(): AdminAnswers {
    const { config, log, clock, engine, folder, surroundings, meters, lastMinute, adminToken, issuers, traces } =
      this.#parts
    const { audience } = config.tokens
    const seed = () => surroundings.keySet().issuerSeed
    const isLocal = issuers.all.some((one) => one.issuer === localIssuer)
    const answers = adminAnswers({
      token: adminToken,
      config,
      version,
      place: () => ({ url: this.url, listener: this.listener }),
      engine: {
        status: engine.status,
        inspectBand: engine.inspectBand,
        importBindings: tracedImport(traces, engine.importBindings),
      },
      meters,
      lastMinute,
      mint: isLocal ? (wanted) => mintToken(seed(), { ...wanted, audience, nowMs: Date.now() }) : undefined,
      addPartner: (name) => {
        const partner = addPartner(folder.places.partners, name, Date.now())
        surroundings.reload()
        return partner
      },
      isStopping: () => this.#stopping !== undefined,
      log,
    })
    return tracedAdmin(traces, answers, clock.nowMs)
  }

  /** Segments that a verified backup holds and the view has are spares from now on. */
  #recycleAlways(): void {
    const { config, log, chores, closing, folder, store } = this.#parts
    if (!config.journal.recycle || this.#stopping !== undefined) return
    const recycle = async (): Promise<void> => {
      const { lsn, refused } = await readBackedUp(realFiles(), folder.path, store.journal)
      if (refused !== undefined && refused !== this.#refusedNote)
        log('error', 'journal.backup-not-believed', { refused })
      this.#refusedNote = refused
      await store.journal.recycle(Math.min(lsn, store.view.appliedLsn))
    }
    closing.add(chores.every('journal-recycle', { everyMs: recycleEveryMs, work: recycle }))
  }

  /** No new sessions, those that are here end gently, readiness is denied; the process and the operators' page stay. */
  #drain(): void {
    const { config, log, engine } = this.#parts
    if (this.#isDraining || this.#stopping !== undefined) return
    this.#isDraining = true
    log('warning', 'server.draining', {
      sessions: engine.status().sessionsOpen,
      withinMs: config.drainMs,
      then: 'stays',
    })
    this.#listener?.stopAccepting()
    engine.drain(config.drainMs).catch((error: unknown) => log('error', 'server.not-drained', { error }))
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    const { config, log, closing, data, engine } = this.#parts
    const lost = data.lost()
    if (lost !== undefined) return this.#dataIsLost(lost)
    log('info', 'server.draining', { sessions: engine.status().sessionsOpen, withinMs: config.drainMs })
    this.#listener?.stopAccepting()
    await closing.closeAll()
    log('info', 'server.stopped')
    this.#resolveEnded(this.#damage)
  }

  /** Journal and view are closed with it; a damaged view is dropped while the folder is still held. */
  async #stopEngine(): Promise<void> {
    await this.#parts.engine.stop(this.#damage === undefined ? this.#parts.config.drainMs : 0)
    if (this.#damage?.code === 'view-damaged') this.#dropView()
  }

  /** Rows that are not there cannot be told from rows that never were, so it ends here; the next start builds them anew. */
  #viewIsDamaged(error: unknown): void {
    const { log } = this.#parts
    // The walk was not begun before the end: that says nothing of the view.
    if (this.#stopping !== undefined && error instanceof Fault && error.code === 'view-failed') return
    log('error', 'view.damaged', { error, does: 'stops; the next start builds the view anew from the journal' })
    if (this.#stopping !== undefined) return
    this.#damage =
      error instanceof Fault ? error : new Fault('view-failed', 'the view could not be checked', { cause: error })
    this.#stopping = this.#stop()
  }

  /** Nothing more may be written by its paths, so nothing is closed: it ends as in a crash, and loses nothing that was answered. */
  #dataIsLost(why: Fault): void {
    const { log } = this.#parts
    log('error', 'data.lost', { error: why, does: 'ends at once' })
    this.#stopping ??= Promise.resolve()
    this.#resolveEnded(why)
  }

  #dropView(): void {
    const { log, folder, store } = this.#parts
    try {
      dropView(folder, store.journal)
    } catch (error) {
      log('error', 'view.not-dropped', { error })
    }
  }
}

async function wantedListener(wanted: ServerConfig['listener']): Promise<ListenerChoice> {
  const choice = await chooseListener(wanted === 'uws' ? 'auto' : wanted)
  if (wanted === 'uws' && choice.name === 'ws') {
    throw new ListenerNotLoaded(`listener uws: ${choice.warning ?? 'no native one loads'}`)
  }
  return choice
}

const recycleEveryMs = 60_000

function urlOf(host: string, port: number): string {
  const reachable = host === '0.0.0.0' || host === '::' ? 'localhost' : host
  return `ws://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}/phone`
}
