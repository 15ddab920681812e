// What a demo shows: a picture that is redrawn in place on a terminal, plain lines elsewhere, and a summary at the end.

import type { DemoScore } from './demo-score.ts'
import type { StatusLine } from './serve.ts'

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
    ...(score.failures.size === 0 ? [] : [`failed     ${countsText(score.failures)}`]),
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

/** What it came to. */
export function summary({ bands, score, engine, status }: DemoPicture, seconds: number): readonly string[] {
  return [
    `${score.paired} of ${bands} bands paired over real WebSockets, ${score.armed} were armed and paid for ${seconds} s.`,
    `  approved  ${score.approved}`,
    `  denied    ${score.denied}${reasonsText(score)}`,
    ...(score.failures.size === 0 ? [] : [`  failed    ${countsText(score.failures)}`]),
    `  latency   ${latencyText(score)}`,
    '            from the phone asking to the phone knowing, simulated band included, once all bands were armed',
    `  in engine ${tookText(status)}, from the frame to the durable answer`,
    `  engine    listener ${engine.listener}, durability ${engine.durability}: ` +
      (engine.durability === 'disk' ? 'each answer left after its record was synced' : 'answers were not synced'),
  ]
}

/** Draws in place: each picture over the one before. */
export class Canvas {
  readonly #stream: { readonly columns?: number; readonly write: (text: string) => unknown }
  #lines = 0

  constructor(stream: { readonly columns?: number; readonly write: (text: string) => unknown }) {
    this.#stream = stream
  }

  show(lines: readonly string[]): void {
    // A terminal that does not know its width says 0.
    const width = (this.#stream.columns || 100) - 1
    const up = this.#lines === 0 ? '' : `\u001b[${this.#lines}A`
    // Each line is cleared to its end, and what is left of a longer picture below.
    this.#stream.write(`${up}${lines.map((line) => `${line.slice(0, width)}\u001b[K\n`).join('')}\u001b[J`)
    this.#lines = lines.length
  }
}

function phaseLine(name: string, share: number, text: string): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * barWidth)
  return `${name.padEnd(10)} [${'#'.repeat(full)}${'.'.repeat(barWidth - full)}] ${text}`
}

function statesText(status: StatusLine | undefined): string {
  if (status === undefined) return '...'
  const counts = Object.entries(status.bands)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${count}`)
  return `${counts.length === 0 ? 'none yet' : counts.join(', ')}; ${status.bandsAwake} awake, ${status.links} links`
}

function reasonsText(score: DemoScore): string {
  return score.deniedByReason.size === 0 ? '' : `: ${countsText(score.deniedByReason)}`
}

function countsText(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .sort(([, left], [, right]) => right - left)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
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
