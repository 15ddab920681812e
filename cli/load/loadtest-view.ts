// A load as lines of text: while it runs, and at its end. Pure; who shows them knows whether there is a terminal.

import { type LoadResult, countsText } from '../../loadtest/figures/load-result.ts'
import type { LoadPicture } from '../../loadtest/driver/load-watch.ts'
import type { Crossed } from '../../loadtest/profile/thresholds.ts'
import { bar } from '../terminal/drawing.ts'

const barWidth = 32

/** The picture of a terminal, repainted. */
export function drawLoad(picture: LoadPicture, title: string): readonly string[] {
  const { counters, bands, samples, phase, share, rate } = picture
  const last = samples.at(-1)
  const errors = counters.errorsByCode()
  const denied = deniedOf(counters.decisions())
  return [
    title,
    '',
    `${phase.padEnd(12)} [${bar(share, barWidth)}] ${Math.round(100 * share)} %`,
    `bands        ${phase === 'provisioning' ? `${picture.provisioned} of ${bands} imported` : `${counters.get('linked')} of ${bands} linked, ${counters.get('sockets')} sockets`}`,
    `rate         ${last === undefined ? `${Math.round(rate)}/s wanted` : `${Math.round(last.offeredPerSecond)}/s offered, ${Math.round(last.achievedPerSecond)}/s achieved`}`,
    `latency      ${last === undefined ? '-' : `p50 ${ms(last.p50Ms)}, p99 ${ms(last.p99Ms)} in the last second, from the intended start`}`,
    `approved     ${counters.get('approved')}, under way ${counters.get('underWay')}`,
    `denied       ${counters.get('denied')}${Object.keys(denied).length === 0 ? '' : `: ${countsText(denied)}`}`,
    `errors       ${counters.get('errors')}${Object.keys(errors).length === 0 ? '' : `: ${countsText(errors)}`}`,
    `server       ${last?.server === null || last?.server === undefined ? '-' : `p99 ${ms(last.server.p99Ms)}, memory ${Math.round(last.server.rssMb)} MB, longest pause ${ms(last.server.gcMaxMs)}`}`,
  ]
}

/** One line, for where there is no terminal. */
export function plainLoadLine({ phase, share, counters, provisioned, bands, samples }: LoadPicture): string {
  if (phase === 'provisioning') return `provisioning: ${provisioned} of ${bands}`
  if (phase === 'linking') return `linking: ${counters.get('linked')} of ${bands}, ${counters.get('sockets')} sockets`
  const last = samples.at(-1)
  const errors = counters.errorsByCode()
  const parts = [
    `${phase} ${Math.round(100 * share)} %`,
    ...(last === undefined
      ? []
      : [
          `${Math.round(last.offeredPerSecond)}/s offered, ${Math.round(last.achievedPerSecond)}/s achieved`,
          `p50 ${ms(last.p50Ms)}, p99 ${ms(last.p99Ms)}`,
        ]),
    `${counters.get('approved')} approved, ${counters.get('denied')} denied, ${counters.get('errors')} errors`,
    ...(Object.keys(errors).length === 0 ? [] : [countsText(errors)]),
  ]
  return parts.join('; ')
}

/** What it came to. */
export function loadSummary(result: LoadResult, crossed: readonly Crossed[]): readonly string[] {
  const { latency, liveLatency, server } = result
  const line = (name: string, text: string): string => `  ${name.padEnd(11)} ${text}`
  return [
    `${result.profile}: ${result.bands} bands on ${result.sockets} ${result.sessions} sockets for ${result.seconds} s, seed ${result.seed}`,
    ...(result.interruptedOfSeconds === null
      ? []
      : [`interrupted: ${result.seconds} s of ${result.interruptedOfSeconds} s were loaded; the figures are of those`]),
    line(
      'fleet',
      `imported in ${(result.provisionMs / 1_000).toFixed(1)} s, linked in ${(result.linkMs / 1_000).toFixed(1)} s`,
    ),
    line('rate', `${round(result.offeredPerSecond)}/s offered, ${round(result.achievedPerSecond)}/s achieved`),
    line(
      'latency',
      `p50 ${ms(latency.p50Ms)}, p99 ${ms(latency.p99Ms)}, p99.9 ${ms(latency.p999Ms)}, most ${ms(latency.maxMs)}`,
    ),
    line('', 'from the intended start to the answer, at the client'),
    ...(result.waited + result.retried === 0
      ? []
      : [
          line(
            '',
            `p99 ${ms(liveLatency.p99Ms)} where the band had its link; ${result.waited} waited for one, ${result.retried} were asked again`,
          ),
        ]),
    ...(result.relinkMs === null
      ? []
      : [line('storm', `every band had its link again after ${(result.relinkMs / 1_000).toFixed(2)} s`)]),
    line('approved', `${result.approved}`),
    line(
      'denied',
      `${result.denied}${Object.keys(result.deniedByReason).length === 0 ? '' : `; all denials: ${countsText(result.deniedByReason)}`}`,
    ),
    line(
      'errors',
      `${result.errors}${Object.keys(result.errorsByCode).length === 0 ? '' : `; by code: ${countsText(result.errorsByCode)}`}`,
    ),
    line('lost', `${result.lost}`),
    ...(result.attacks === 0
      ? []
      : [
          line(
            'attacks',
            `${result.attacks}, ${result.attacksApproved} approved; ${result.replaysRecognized} replays got the answer given before`,
          ),
          line('', `${result.floodFrames} frames of a flood, ${result.vandals} sockets of vandals`),
        ]),
    line('heartbeats', `${result.heartbeats}`),
    line(
      'server',
      `p50 ${ms(server.answered.p50Ms)}, p99 ${ms(server.answered.p99Ms)}, p99.9 ${ms(server.answered.p999Ms)}, from the frame read to the answer written`,
    ),
    line(
      '',
      `to the disk p50 ${ms(server.gate.p50Ms)}, p99 ${ms(server.gate.p99Ms)}; loop delay p99 ${ms(server.loopDelay.p99Ms)}`,
    ),
    line(
      '',
      `memory ${round(server.memory.rssMb)} MB (${round(server.memory.anonRssMb)} its own), heap ${round(server.memory.heapUsedMb)} MB`,
    ),
    line(
      '',
      `pauses for garbage: ${server.gc.count}, ${round(server.gc.totalMs)} ms in all, longest ${ms(server.gc.maxMs)}`,
    ),
    line('client', `${round(result.clientCpuUsPerRequest)} µs of CPU a request, heartbeats and waiting included`),
    ...result.problems.map((problem) => `NOT RIGHT: ${problem}`),
    ...adviceOf(result.errorsByCode).map((advice) => `hint: ${advice}`),
    ...crossed.map(
      ({ text, value }) => `FAILED: ${text}: it is ${value === undefined ? 'not measured' : round(value)}`,
    ),
  ]
}

/** What a user who sees these errors would want to know. */
function adviceOf(errors: Readonly<Record<string, number>>): readonly string[] {
  const advice: string[] = []
  if (errors['closed:rate-limited'] !== undefined) {
    advice.push(
      'the engine cut sockets that sent too much: more --hubs, or wider network.* settings (see loadtest/server.json)',
    )
  }
  if (errors['rate-limited'] !== undefined) {
    advice.push('accounts asked more often than account.frames.* allows: more --bands, or a lower --rate')
  }
  if (errors['closed:slow-reader'] !== undefined)
    advice.push('this machine reads too slowly: more --workers, or a lower --rate')
  if (errors['busy'] !== undefined) advice.push('the engine was asked more than it can do, and said so (gate.depthMax)')
  return advice
}

function deniedOf(decisions: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  const { approved: _approved, ...denied } = decisions
  return denied
}

function ms(value: number | null): string {
  return value === null ? '-' : `${value < 10 ? value.toFixed(3) : value.toFixed(1)} ms`
}

function round(value: number): string {
  return value >= 100 ? `${Math.round(value)}` : value.toFixed(1)
}
