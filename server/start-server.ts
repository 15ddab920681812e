// Puts a server together: master key, keys, view, journal, engine, listener; in that order, and back in the other one.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { nodePrimitives } from '../crypto/node-primitives.ts'
import { type Engine, type EngineStatus, createEngine } from '../engine/engine.ts'
import { Fault } from '../engine/ports/fault.ts'
import { openJournal } from '../store/journal.ts'
import { openView } from '../store/view.ts'
import { type ListenerChoice, ListenerNotLoaded, chooseListener } from '../transport/choose-listener.ts'
import type { Listener, ListenerName, RefusedBy } from '../transport/listener.ts'
import { provisionDemo } from './demo-world.ts'
import { engineConfigOf, listenLimitsOf } from './engine-limits.ts'
import { httpAnswers, notReadyReasons } from './http-answers.ts'
import { type Log, createLog } from './log.ts'
import { loadMasterKeys } from './master-key.ts'
import { makePrivateFolder } from './private-file.ts'
import { realClock } from './real-clock.ts'
import type { ServerConfig } from './settings.ts'
import { type Surroundings, openSurroundings } from './surroundings.ts'
import { type TokenIssuer, createTokens, fixedIssuer, issuerOfSeed, remoteIssuer } from './tokens.ts'
import { version } from './version.ts'
import { startWatchdog } from './watchdog.ts'

export type ServerOptions = {
  /** Where the master key may stand; `process.env` unless given. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Log lines on stderr unless given. */
  readonly log?: Log
}

export type RunningServer = {
  /** Where phones connect. */
  readonly url: string
  readonly port: number
  readonly listener: ListenerName
  readonly durability: ServerConfig['durability']
  readonly status: () => EngineStatus
  readonly watch: Engine['watch']
  /** Reads keys, partners and vendors again now. */
  readonly reload: () => void
  /** Stops accepting, answers what is under way, closes sessions, writes and closes everything. */
  readonly stop: () => Promise<void>
}

/** Where things are in the data folder. */
export function dataPaths(data: string): { readonly journal: string; readonly view: string; readonly demo: string } {
  return { journal: join(data, 'journal'), view: join(data, 'view'), demo: join(data, 'demo.json') }
}

/** Starts a server. Rejects with a Fault or a ListenError whose message says what to do. */
export async function startServer(config: ServerConfig, options: ServerOptions = {}): Promise<RunningServer> {
  const environment = options.environment ?? process.env
  const log = options.log ?? createLog((line) => process.stderr.write(line), Date.now)
  const undo: (() => Promise<void> | void)[] = []
  try {
    return await start(config, { environment, log, undo })
  } catch (error) {
    for (const step of undo.reverse()) await step()
    throw error
  }
}

type Starting = {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly log: Log
  /** What to close, in order of opening, should a later step fail. */
  readonly undo: (() => Promise<void> | void)[]
}

async function start(config: ServerConfig, { environment, log, undo }: Starting): Promise<RunningServer> {
  const choice = await wantedListener(config.listener)
  if (choice.warning !== undefined) log('warning', 'listener.fallback', { warning: choice.warning })
  if (config.durability === 'process') {
    log('warning', 'durability.process', { means: 'a power cut loses what was answered; for demos and tests only' })
  }
  makePrivateFolder(config.data)
  const master = loadMasterKeys({
    data: config.data,
    file: config.masterKeyFile,
    environment,
    mayCreate: isNew(config),
  })
  const surroundings = openSurroundings({ data: config.data, master, clock: realClock, log })
  undo.push(() => surroundings.stop())
  const failed = (error: unknown) => log('error', 'engine.failed', { error })
  const { journal, view } = await openStore(config, surroundings, undo)
  const engine = await createEngine(engineConfigOf(config, version), {
    clock: realClock,
    random: (length) => nodePrimitives.randomBytes(length),
    primitives: nodePrimitives,
    journal,
    view,
    keys: surroundings.engineKeys,
    tokens: createTokens({
      issuers: issuersOf(config, surroundings),
      audience: config.tokens.audience,
      nowMs: () => realClock.nowMs(),
    }),
    partners: surroundings.partners,
    vendors: surroundings.vendors,
    failed,
  })
  // From here on the engine closes journal and view.
  undo.splice(1, undo.length - 1, () => engine.stop(0))
  view.checked.catch((error: unknown) => log('error', 'view.damaged', { error }))

  let isDraining = false
  const refused = countRefusals(log)
  undo.push(refused.stop)
  const listener = await choice.listen({
    host: config.host,
    port: config.port,
    accept: engine.accept,
    http: httpAnswers({
      version,
      notReady: () => (isDraining ? ['draining'] : notReadyReasons(engine.status())),
      receiptKeys: () => surroundings.keySet().receipt,
    }),
    limits: listenLimitsOf(config),
    clock: realClock,
    observe: { failed: (during, error) => log('error', 'listener.failed', { during, error }), refused: refused.count },
  })
  undo.push(() => listener.close())
  const url = urlOf(config.host, listener.port)
  if (config.demo) provisionDemo({ config, surroundings, url, path: dataPaths(config.data).demo, nowMs: Date.now() })
  const watchdog = startWatchdog(config.watchdog.hangMs)
  log('info', 'server.started', {
    url,
    listener: listener.name,
    durability: config.durability,
    version,
    epoch: journal.epoch,
    masterKeyFrom: master.from,
    ...surroundings.counts(),
  })

  let stopping: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    isDraining = true
    log('info', 'server.draining', { sessions: engine.status().sessionsOpen, withinMs: config.drainMs })
    listener.stopAccepting()
    await engine.stop(config.drainMs)
    await closeAll(listener, surroundings, refused)
    await watchdog.stop()
    log('info', 'server.stopped')
  }
  return {
    url,
    port: listener.port,
    listener: listener.name,
    durability: config.durability,
    status: engine.status,
    watch: engine.watch,
    reload: surroundings.reload,
    stop: () => (stopping ??= stop()),
  }
}

async function closeAll(
  listener: Listener,
  surroundings: Surroundings,
  refused: { readonly stop: () => void },
): Promise<void> {
  await listener.close()
  surroundings.stop()
  refused.stop()
}

async function openStore(config: ServerConfig, surroundings: Surroundings, undo: Starting['undo']) {
  const paths = dataPaths(config.data)
  const view = await openView({
    folder: paths.view,
    keyring: surroundings.keyring,
    mapBytes: config.view.mapBytes,
    check: 'beside',
  })
  undo.push(() => view.close())
  const journal = await openJournal({
    folder: paths.journal,
    durability: config.durability,
    after: realClock.after,
    segmentBytes: config.journal.segmentBytes,
    appliedLsn: view.appliedLsn,
    acceptRollback: config.journal.acceptRollback,
    ...(config.journal.witness === undefined ? {} : { witnessPath: config.journal.witness }),
  })
  undo.push(() => journal.close())
  return { journal, view }
}

/** A data folder without keys is new: only there a master key is made. */
function isNew({ data }: ServerConfig): boolean {
  try {
    readFileSync(join(data, 'keys.json'))
    return false
  } catch {
    return true
  }
}

function issuersOf({ tokens, demo }: ServerConfig, surroundings: Surroundings): readonly TokenIssuer[] {
  const issuers: TokenIssuer[] = []
  if (tokens.issuer !== undefined && tokens.jwksUrl !== undefined) {
    issuers.push(remoteIssuer(tokens.issuer, tokens.jwksUrl))
  } else if (tokens.issuer !== undefined && tokens.jwksFile !== undefined) {
    issuers.push(fixedIssuer(tokens.issuer, readJwks(tokens.jwksFile), tokens.jwksFile))
  }
  const isLocal = tokens.local === 'on' || (tokens.local === 'auto' && (demo || issuers.length === 0))
  if (isLocal) issuers.push(issuerOfSeed(surroundings.keySet().issuerSeed))
  return issuers
}

function readJwks(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    throw new Fault('keys-missing', `${path}: a readable JWK set expected: ${said}`, { cause: error })
  }
}

async function wantedListener(wanted: ServerConfig['listener']): Promise<ListenerChoice> {
  const choice = await chooseListener(wanted === 'uws' ? 'auto' : wanted)
  if (wanted === 'uws' && choice.name === 'ws') {
    throw new ListenerNotLoaded(`listener uws: ${choice.warning ?? 'no native one loads'}`)
  }
  return choice
}

/** Refusals are counted and told once a minute: a flood must not become a flood of log lines. */
function countRefusals(log: Log): { readonly count: (limit: RefusedBy) => void; readonly stop: () => void } {
  const counts = new Map<RefusedBy, number>()
  let cancel = () => {}
  const tell = (): void => {
    if (counts.size > 0) log('warning', 'limits.refused', { counts, lastMs: tellEveryMs })
    counts.clear()
    cancel = realClock.after(tellEveryMs, tell)
  }
  cancel = realClock.after(tellEveryMs, tell)
  return { count: (limit) => counts.set(limit, (counts.get(limit) ?? 0) + 1), stop: () => cancel() }
}

const tellEveryMs = 60_000

function urlOf(host: string, port: number): string {
  const reachable = host === '0.0.0.0' || host === '::' ? 'localhost' : host
  return `ws://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}/phone`
}
