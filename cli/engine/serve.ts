// `bandpass serve`: runs the engine until it is told to stop, and fails closed: an uncaught error ends the process.

import { raisePriority } from '../../server/machine/raise-priority.ts'
import { type Log, stderrLog } from '../../server/log/log.ts'
import { serviceVariables } from '../../server/settings/service-variables.ts'
import { type RunningServer, startServer } from '../../server/start-server.ts'
import { type Command, type Given, number } from '../command/command.ts'
import { environment } from '../command/environment.ts'
import { jsonOption, printMade } from '../terminal/output.ts'
import { configFrom, configOption, settingOptions } from '../command/config-source.ts'
import { followSignals } from '../terminal/signals.ts'
import { Histogram, type Percentiles, percentilesOf } from '../../base/histogram.ts'

/** One status line: the engine's counters, and how long its decisions took so far, from the frame to the durable answer. */
export type StatusLine = ReturnType<RunningServer['status']> & { readonly took: Percentiles }

/** Exit code after an uncaught failure (EX_SOFTWARE of sysexits). */
const exitAfterBug = 70
/** Exit code when the data folder was moved away or replaced. */
const exitFailed = 1
/** Exit code when told a second time, while draining. */
const exitForced = 130

export const serve: Command = {
  name: 'serve',
  summary: 'Runs the engine.',
  takesUnknown: true,
  options: [
    configOption,
    jsonOption,
    { name: 'status-ms', value: 'MS', help: "print the engine's counters as JSON lines on stdout this often" },
    // `--demo` alone is what people type.
    ...settingOptions.map((one) => (one.name === 'demo' ? { name: 'demo', help: one.help } : one)),
  ],
  examples: [
    { run: 'bandpass serve', does: 'on this machine, data in ./.data' },
    { run: 'bandpass serve --demo', does: 'with a demo vendor and partner; writes .data/demo.json' },
    {
      run: 'bandpass serve --config /etc/bandpass.json --host 0.0.0.0 --hosts engine.example',
      does: 'settings from a file, some of them overridden',
    },
    { run: 'BANDPASS_MASTER_KEY=$(cat /run/secrets/master) bandpass serve', does: 'master key from the environment' },
  ],
  more: () =>
    [
      'Each setting may stand in the file (heartbeatS, or within pairing: windowsMax), in the environment',
      '(BANDPASS_HEARTBEAT_S, BANDPASS_PAIRING_WINDOWS_MAX) or be a flag. Flags win over the environment, that over the file.',
      'In brackets: the default. BANDPASS_MASTER_KEY is 32 bytes in hex or base64 and only ever in the environment.',
      'SIGTERM or SIGINT drain and stop, a second one ends at once; SIGHUP reads keys, partners and vendors again. Those that come',
      'during the start are kept and obeyed when it is up.',
      "On stdout it says that it is ready, and where the operators' page is (`operators`): sentences on a terminal, else one JSON line.",
    ].join('\n'),
  run,
}

async function run(given: Given): Promise<number> {
  const statusMs = number(given, 'status-ms', { default: 0, min: 10, max: 600_000 })
  const config = configFrom(demoFlag(given), environment)
  const log = stderrLog(config.log.level)
  failClosed(log)
  const services = serviceVariables(environment)
  if (services.length > 0) {
    log('warning', 'environment.service-variables', {
      passedOver: services.length,
      first: services[0],
      means:
        'Kubernetes sets them for a Service of that name; they are no settings. Turn them off with enableServiceLinks: false',
    })
  }
  const orders = new Orders(log)
  // Nothing was begun yet.
  if (orders.isToldToEnd) return 0
  if (config.thread.goesFirst) raisePriority()
  const server = await startServer(config, { environment, log })
  const { url, port, listener, durability } = server
  // Who reads that it is ready may send it a signal at once.
  const code = ended(server, orders, log)
  const page = server.operatorsUrl
  printMade(given, { ready: { url, port, listener, durability, operators: page ?? null } }, [
    `Ready: phones connect to ${url}; answers leave when they are ${durability === 'disk' ? 'on disk' : 'written, not synced'}.`,
    page === undefined
      ? "The operators' page is off."
      : `Operators open ${page} and sign in; bandpass operator add NAME --role admin lists one.`,
    'Ctrl-C ends it in order. What follows here is the log.',
  ])
  const stopStatus = statusMs === 0 ? () => {} : printStatus(server, statusMs)
  await code
  stopStatus()
  return code
}

function printStatus(server: RunningServer, everyMs: number): () => void {
  const took = new Histogram()
  const unwatch = server.watch((event) => {
    if (event.type === 'decided') took.add(event.tookMs)
  })
  const stop = server.chores.every('status-lines', {
    everyMs,
    work: () => {
      const status: StatusLine = { ...server.status(), took: percentilesOf(took) }
      print({ status })
    },
  })
  return () => {
    stop()
    unwatch()
  }
}

function demoFlag(given: Given): Given {
  return given.all['demo'] === true ? { ...given, all: { ...given.all, demo: 'true' } } : given
}

/** Resolves with the exit code: after a signal, when the parent that holds our channel is gone, or when it ended itself. */
async function ended(server: RunningServer, orders: Orders, log: Log): Promise<number> {
  orders.obey({
    reload: () => server.reload(),
    end: () => {
      server.stop().catch((error: unknown) => {
        log('error', 'server.not-stopped', { error })
        process.exit(exitAfterBug)
      })
    },
  })
  if (process.connected) process.on('disconnect', () => orders.end('parent gone'))
  const why = await server.ended
  // At once: another engine may be on what is at the path of its data by now.
  if (why?.code === 'data-in-use') process.exit(exitFailed)
  return why === undefined ? 0 : exitAfterBug
}

/** Signals during a start are kept and obeyed when it is up; a second order to end is obeyed at once. */
class Orders {
  readonly #log: Log
  #obeyed: { readonly reload: () => void; readonly end: () => void } | undefined
  #isToldToEnd = false
  #isToldToReload = false

  constructor(log: Log) {
    this.#log = log
    followSignals((signal) => (signal === 'SIGHUP' ? this.#reload() : this.end(signal)))
  }

  get isToldToEnd(): boolean {
    return this.#isToldToEnd
  }

  obey(obeyed: { readonly reload: () => void; readonly end: () => void }): void {
    this.#obeyed = obeyed
    if (this.#isToldToEnd) obeyed.end()
    else if (this.#isToldToReload) obeyed.reload()
  }

  end(signal: string): void {
    if (this.#isToldToEnd) {
      this.#log('warning', 'server.forced', { signal })
      process.exit(exitForced)
    }
    this.#isToldToEnd = true
    this.#log(
      'info',
      'server.signal',
      this.#obeyed === undefined ? { signal, does: 'stops once it is up' } : { signal },
    )
    this.#obeyed?.end()
  }

  #reload(): void {
    this.#isToldToReload = true
    this.#obeyed?.reload()
  }
}

function failClosed(log: Log): void {
  // A reader of our lines that went away is no reason to end: the engine goes on, and drains when it is told to.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  const end = (event: string) => (error: unknown) => {
    log('error', event, { error, does: 'ends the process' })
    process.exit(exitAfterBug)
  }
  process.on('uncaughtException', end('uncaught.exception'))
  process.on('unhandledRejection', end('unhandled.rejection'))
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
