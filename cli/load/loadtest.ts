// `bandpass loadtest`: drives a running engine over real sockets with a simulated fleet, and says what both ends saw.

import { readFileSync, writeFileSync } from 'node:fs'
import { printableJson } from '../../base/printable.ts'
import { AdminError } from '../../sdk/admin/admin-client.ts'
import type { FleetOptions, MeasureOptions } from '../../loadtest/profile/load-options.ts'
import { jsonOf, metricsOf } from '../../loadtest/figures/load-result.ts'
import { type Profile, ProfileError } from '../../loadtest/profile/profile.ts'
import { loadProfile, profileNames } from '../../loadtest/profiles.ts'
import { drawSeed } from '../../loadtest/machine/real-time.ts'
import { reportOf } from '../../loadtest/figures/report.ts'
import type { LoadPicture } from '../../loadtest/driver/load-watch.ts'
import { LoadInterrupted, runLoad } from '../../loadtest/run-load.ts'
import { type Threshold, crossed, parseThreshold, thresholdHelp } from '../../loadtest/profile/thresholds.ts'
import { type Command, type Given, UsageError, number, required } from '../command/command.ts'
import { Canvas } from '../terminal/canvas.ts'
import { exitInterrupted, interruption } from '../terminal/interrupted.ts'
import { drawLoad, loadSummary, plainLoadLine } from './loadtest-view.ts'

const exitFailed = 1
const plainEveryMs = 1_000

export const loadtest: Command = {
  name: 'loadtest',
  summary: 'Loads a running engine with a simulated fleet, over real sockets, and reports latencies and decisions.',
  options: [
    { name: 'url', value: 'URL', help: 'the engine: ws://host:port' },
    { name: 'admin-token', value: 'FILE', help: "its admin token's file: <data>/admin-token" },
    { name: 'bands', value: 'N', help: 'how many bands' },
    { name: 'rate', value: 'R', help: 'requests a second, whatever the answers do (open loop)' },
    { name: 'seconds', value: 'S', help: 'how long' },
    {
      name: 'profile',
      value: 'NAME|FILE',
      help: `${profileNames().join(', ')}, or a file of yours; steady unless given`,
    },
    { name: 'seed', value: 'TEXT', help: 'the fleet is drawn from it; drawn and printed unless given' },
    {
      name: 'sessions',
      value: 'KIND',
      help: 'phone: a socket for each band; hub: a few for all; auto: phone while they fit',
    },
    { name: 'hubs', value: 'N', help: 'hub sockets; one for every 50,000 bands, at least 4, unless given' },
    { name: 'workers', value: 'N', help: 'threads of the load; 1 unless given' },
    {
      name: 'link-window',
      value: 'N',
      help: 'bands linked at once; 256 unless given. More link faster and delay the rest',
    },
    {
      name: 'warmup',
      value: 'S',
      help: 'seconds of the same load before, not counted; a fifth of --seconds, at most 2, unless given',
    },
    { name: 'fail-if', value: 'THRESHOLD', help: 'exit with 1 when crossed; give it again for more', repeats: true },
    { name: 'report', value: 'FILE.html', help: 'write a page with the distribution and the course of the run' },
    { name: 'json', help: 'one JSON line last on stdout; everything else goes to stderr' },
  ],
  examples: [
    {
      run: 'bandpass loadtest --url ws://127.0.0.1:8484 --admin-token .data/admin-token --bands 30 --rate 5 --seconds 3600',
      does: "a small fleet for an hour, to try the operators' page with; Ctrl-C ends it",
    },
    {
      run: 'bandpass loadtest --url ws://127.0.0.1:8484 --admin-token .data/admin-token --bands 1000 --rate 500 --seconds 30',
      does: 'a thousand phones, five hundred payments a second',
    },
    {
      run: "bandpass loadtest --url ws://127.0.0.1:8484 --admin-token .data/admin-token --bands 1000 --rate 500 --seconds 30 --json --fail-if 'p99>5ms' --fail-if 'errors>0'",
      does: 'for CI',
    },
    {
      run: 'bandpass loadtest --url ws://127.0.0.1:8484 --admin-token .data/admin-token --bands 1000000 --rate 5000 --seconds 60 --sessions hub --profile reconnect-storm --report storm.html',
      does: 'a million bands lose their sockets; start the engine with --config loadtest/server.json',
    },
  ],
  more: () =>
    [
      thresholdHelp(),
      '',
      'A lost answer, a decision that cannot be right, an approved attack, and counts that differ between both ends always',
      'fail the run. Exit codes: 0 all well, 1 a threshold was crossed or something is not right, 2 a mistake in what was typed,',
      '130 interrupted. Ctrl-C or SIGTERM ends it early: summary, JSON line and report are of what was done. Once more ends at once.',
      'The fleet is imported by way of the admin API as an operator would bring it, and stays there: use an engine of its own.',
    ].join('\n'),
  run,
}

async function run(given: Given): Promise<number> {
  const options = optionsOf(given)
  const isJson = given.has('json')
  const out = isJson ? process.stderr : process.stdout
  const report = given.value('report')
  const title = `Bandpass loadtest: ${options.profile.name}, ${options.bands} bands, ${options.rate}/s for ${options.seconds} s, seed ${options.seed}`
  const showing = showOn(out, title)
  const ending = interruption((text) => process.stderr.write(text))
  const result = await runLoad(options, showing, ending.signal).catch(asInterruptedOrMistake)
  ending.stop()
  if (result instanceof LoadInterrupted) {
    out.write(`${result.message}\n`)
    if (isJson) process.stdout.write(`${printableJson({ interrupted: true, seconds: 0, message: result.message })}\n`)
    return exitInterrupted
  }
  const failed = crossed([...options.profile.failIf, ...options.failIf], metricsOf(result))
  out.write(`${loadSummary(result, failed).join('\n')}\n`)
  if (report !== undefined) {
    writeFileSync(report, reportOf(result, failed))
    out.write(`report: ${report}\n`)
  }
  if (isJson) process.stdout.write(`${printableJson(jsonOf(result))}\n`)
  if (result.interruptedOfSeconds !== null) return exitInterrupted
  return failed.length > 0 || result.problems.length > 0 ? exitFailed : 0
}

type Options = FleetOptions & MeasureOptions & { readonly failIf: readonly Threshold[] }

function optionsOf(given: Given): Options {
  const url = required(given, 'url', 'ws://127.0.0.1:8484')
  if (!URL.canParse(url) || !/^(ws|http):$/.test(new URL(url).protocol)) {
    throw new UsageError(`--url: an address such as ws://127.0.0.1:8484 expected, got ${url}`)
  }
  const hubs = given.value('hubs')
  const warmup = given.value('warmup')
  const linkWindow = given.value('link-window')
  return {
    url,
    adminToken: tokenIn(required(given, 'admin-token', '.data/admin-token')),
    bands: number(given, 'bands', { min: 1, max: 10_000_000 }),
    rate: number(given, 'rate', { min: 1, max: 1_000_000 }),
    seconds: number(given, 'seconds', { min: 1, max: 7 * 86_400 }),
    profile: profileOf(given),
    seed: given.value('seed') ?? drawSeed(),
    sessions: sessionsOf(given),
    workers: number(given, 'workers', { default: 1, min: 1, max: 64 }),
    ...(hubs === undefined ? {} : { hubs: number(given, 'hubs', { min: 1, max: 10_000 }) }),
    ...(warmup === undefined ? {} : { warmupSeconds: number(given, 'warmup', { min: 0, max: 3_600 }) }),
    ...(linkWindow === undefined ? {} : { linkWindow: number(given, 'link-window', { min: 1, max: 100_000 }) }),
    failIf: thresholdsOf(given),
  }
}

function tokenIn(path: string): string {
  const expected = '--admin-token: the file that `bandpass serve` wrote expected, <data>/admin-token'
  try {
    const token = readFileSync(path, 'utf8').trim()
    if (/^[\w-]{16,256}$/.test(token)) return token
  } catch (error) {
    throw new UsageError(`${expected}: ${error instanceof Error ? error.message : String(error)}`)
  }
  throw new UsageError(`${expected}, got ${path}, which holds no token`)
}

function profileOf(given: Given): Profile {
  try {
    return loadProfile(given.value('profile') ?? 'steady')
  } catch (error) {
    if (error instanceof ProfileError) throw new UsageError(`--${error.message}`)
    throw error
  }
}

function sessionsOf(given: Given): 'phone' | 'hub' | 'auto' {
  const value = given.value('sessions') ?? 'auto'
  if (value === 'phone' || value === 'hub' || value === 'auto') return value
  throw new UsageError(`--sessions: phone, hub or auto expected, got ${value}`)
}

function thresholdsOf(given: Given): readonly Threshold[] {
  const wrong: string[] = []
  const thresholds = given.values('fail-if').flatMap((text) => {
    const parsed = parseThreshold(text)
    if (typeof parsed !== 'string') return [parsed]
    wrong.push(`--fail-if '${text}': ${parsed}`)
    return []
  })
  if (wrong.length > 0) throw new UsageError(wrong.join('\n'))
  return thresholds
}

/** A wrong token, say, is told without a stack. */
function asInterruptedOrMistake(error: unknown): LoadInterrupted {
  if (error instanceof LoadInterrupted) return error
  if (error instanceof AdminError && error.status === 401) throw new UsageError(`--admin-token: ${error.message}`)
  throw error
}

function showOn(out: NodeJS.WriteStream, title: string): (picture: LoadPicture) => void {
  if (out.isTTY) {
    const canvas = new Canvas(out)
    return (picture) => canvas.show(drawLoad(picture, title))
  }
  let shownAtMs = 0
  let phase = ''
  out.write(`${title}\n`)
  return (picture) => {
    const isDue = performance.now() - shownAtMs >= plainEveryMs || picture.phase !== phase
    if (!isDue) return
    shownAtMs = performance.now()
    phase = picture.phase
    out.write(`${plainLoadLine(picture)}\n`)
  }
}
