// What a demo shows: a picture that is redrawn in place on a terminal, plain lines elsewhere, and a summary at the end.

import { countsText } from '../../loadtest/figures/load-result.ts'
import type { DemoScore } from './demo-score.ts'
import { bar } from '../terminal/drawing.ts'
import type { StatusLine } from '../engine/serve.ts'

export type DemoPicture = {
  readonly bands: number
  readonly score: DemoScore
  readonly status: StatusLine | undefined
  readonly engine: { readonly listener: string; readonly durability: string; readonly url: string }
  readonly phase: 'pairing' | 'paying' | 'closing'
  /** How much of the paying is over, 0 to 1. */
  readonly share: number
  readonly decisionsPerSecond: number
}

const barWidth = 28

/** The picture, line by line. */
export function draw(picture: DemoPicture): readonly string[] {
  const { bands, score, status, engine, decisionsPerSecond } = picture
  return [
    `Bandpass demo: ${bands} bands, ${engine.url}, listener ${engine.listener}, durability ${engine.durability}`,
    '',
    phaseLine('sign in', score.connected / bands, `${score.connected}/${bands}`),
    phaseLine('pair', score.paired / bands, `${score.paired}/${bands}`),
    phaseLine('wear, arm', score.armed / bands, `${score.armed}/${bands}`),
    phaseLine('pay', picture.share, `${score.decided} decided, ${Math.round(decisionsPerSecond)}/s`),
    '',
    `bands      ${statesText(status)}`,
    `approved   ${score.approved}`,
    `denied     ${score.denied}${reasonsText(score)}`,
    ...(score.failures.size === 0 ? [] : [`failed     ${countsText(Object.fromEntries(score.failures))}`]),
    `latency    ${latencyText(score)}`,
    `in engine  ${tookText(status)}`,
  ]
}

/** One line for where there is no terminal. */
export function plainLine({ bands, score, phase, decisionsPerSecond }: DemoPicture): string {
  if (phase === 'pairing') {
    return `pairing: ${score.connected} signed in, ${score.paired} paired, ${score.armed} armed of ${bands}`
  }
  return (
    `${phase}: ${score.approved} approved, ${score.denied} denied, ${Math.round(decisionsPerSecond)}/s, ` +
    latencyText(score)
  )
}

/** What it came to. `of`: how long it was to be, when it was interrupted. */
export function summary(
  { bands, score, engine, status }: DemoPicture,
  { seconds, of }: { readonly seconds: number; readonly of?: number },
): readonly string[] {
  const early = of === undefined ? '' : ` of ${of} s: it was interrupted`
  return [
    `${score.paired} of ${bands} bands paired over real WebSockets, ${score.armed} were armed and paid for ${seconds} s${early}.`,
    `  approved  ${score.approved}`,
    `  denied    ${score.denied}${reasonsText(score)}`,
    ...(score.failures.size === 0 ? [] : [`  failed    ${countsText(Object.fromEntries(score.failures))}`]),
    `  latency   ${latencyText(score)}`,
    '            from the phone asking to the phone knowing, simulated band included, once all bands were armed',
    `  in engine ${tookText(status)}, from the frame to the durable answer`,
    `  engine    listener ${engine.listener}, durability ${engine.durability}: ` +
      (engine.durability === 'disk' ? 'each answer left after its record was synced' : 'answers were not synced'),
  ]
}

/** What to try after a demo. */
export const whatNext: readonly string[] = [
  'Next, an engine that stays, and its page:',
  '  bin/bandpass serve --demo                        leave it running; the rest in a second terminal',
  '  bin/bandpass operator add alice --role admin     prints the token to sign in with at http://localhost:8485',
  '  bin/bandpass loadtest --url http://localhost:8484 --admin-token .data/admin-token --bands 30 --rate 5 --seconds 600',
  '  $(scripts/pick-node.sh) examples/pay.ts          a band, a phone and a shop, in one page of code',
  'docs/operating.md begins with a first hour, step by step.',
]

function phaseLine(name: string, share: number, text: string): string {
  return `${name.padEnd(10)} [${bar(share, barWidth)}] ${text}`
}

function statesText(status: StatusLine | undefined): string {
  if (status === undefined) return '...'
  const counts = Object.entries(status.bands)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${count}`)
  return `${counts.length === 0 ? 'none yet' : counts.join(', ')}; ${status.bandsAwake} awake, ${status.links} links`
}

function reasonsText(score: DemoScore): string {
  return score.deniedByReason.size === 0 ? '' : `: ${countsText(Object.fromEntries(score.deniedByReason))}`
}

function latencyText({ latency }: DemoScore): string {
  const at = (share: number) => latency.percentileMs(share)?.toFixed(2) ?? '-'
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, p99.9 ${at(0.999)} ms, most ${latency.maxMs.toFixed(2)} ms`
}

function tookText(status: StatusLine | undefined): string {
  if (status === undefined) return '...'
  const { p50Ms, p99Ms, p999Ms } = status.took
  const ms = (value: number | null) => value?.toFixed(2) ?? '-'
  return `p50 ${ms(p50Ms)} ms, p99 ${ms(p99Ms)} ms, p99.9 ${ms(p999Ms)} ms`
}
