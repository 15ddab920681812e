// An engine at work as lines of text: what it decides and how fast, and what might go wrong with it. Pure; `top.ts` shows it.
// What matters most stands first, because a low terminal is cut from below.

import type { EngineInfo } from '../../sdk/admin/admin-client.ts'
import { answerBudget, answersToJudge } from '../../server/settings/answer-budget.ts'
import type { LastMinute, RecentSecond, RecentTimes } from '../../sdk/admin/admin-reports.ts'
import { type Line, type Marks, type Piece, course } from '../terminal/drawing.ts'
import { countText, msText, rateText, spanText } from '../terminal/words.ts'

export type TopPicture = {
  readonly url: string
  readonly info: EngineInfo | undefined
  readonly reading: LastMinute | undefined
  /** What is known of the last minute, oldest first. */
  readonly seconds: readonly RecentSecond[]
  /** Why there is nothing new, and for how long. */
  readonly trouble: { readonly text: string; readonly forMs: number } | undefined
  /** The engine was started again while it was watched. */
  readonly isRestarted: boolean
  /** Redrawn until it is ended. */
  readonly isLive: boolean
  readonly marks: Marks
}

/** What answers may take (docs/performance.md), ms. */
const budgetMs = { p99: answerBudget.p99Ms, p999: answerBudget.p999Ms }
/** How long a start counts as news, ms. */
const restartNewsMs = 60_000
const nameWidth = 12
/** Where a course begins: behind a name and a figure. */
const figureWidth = 12
const minuteSeconds = 60

/** The picture for a terminal of so many columns. */
export function drawTop(picture: TopPicture, columns: number): readonly Line[] {
  const { reading } = picture
  const head = headOf(picture)
  if (reading === undefined) return head
  const room = Math.min(minuteSeconds, Math.max(0, columns - nameWidth - figureWidth - 1))
  const drawn = new Course(picture.seconds, room, picture.marks)
  const figures = [
    ...decisionLines(picture.seconds, drawn),
    ...timeLines(reading, picture.seconds, drawn),
    ...stateLines(reading),
    ...processLines(reading, picture.seconds, drawn),
  ]
  return [...head, ...(picture.trouble === undefined ? figures : figures.map(asOld))]
}

/** What may not be so any more: nothing of it is good or bad, and a mark says so where there are no colours. */
function asOld(line: Line): Line {
  const text = line.map((piece) => (typeof piece === 'string' ? piece : piece.text)).join('')
  return [{ text: `~ ${text}`, tone: 'faint' }]
}

/** The same figures for a script, one object. */
export function topJson({ url, info, reading, seconds }: TopPicture, atMs: number): object {
  const { status, memory, minute, notReady = [], upMs } = reading ?? {}
  const { version, durability, listener } = info ?? {}
  const second = seconds.at(-1) ?? null
  return { atMs, url, version, durability, listener, upMs, notReady, second, minute, status, memory }
}

function headOf({ url, info, reading, trouble, isRestarted, isLive }: TopPicture): readonly Line[] {
  const up = reading === undefined ? '' : `, up ${spanText(reading.upMs)}`
  const title: Line = [
    { text: info === undefined ? 'Bandpass' : `Bandpass ${info.version}`, tone: 'strong' },
    ` at ${url}${up}`,
    ...(isLive ? [{ text: '   q ends', tone: 'faint' } as const] : []),
  ]
  const kind = info === undefined ? '' : `listener ${info.listener}, durability ${info.durability}, `
  return [title, [kind, ...readiness(reading, trouble !== undefined)], newsOf({ reading, trouble, isRestarted })]
}

function readiness(reading: LastMinute | undefined, isOld: boolean): readonly Piece[] {
  if (reading === undefined) return ['nothing is known of the engine yet']
  if (isOld) return ['not heard of since']
  if (reading.notReady.length === 0) return [{ text: 'ready', tone: 'good' }]
  return [{ text: `not ready: ${reading.notReady.join('; ')}`, tone: 'bad' }]
}

function newsOf({ reading, trouble, isRestarted }: Pick<TopPicture, 'reading' | 'trouble' | 'isRestarted'>): Line {
  if (trouble !== undefined) {
    const since = reading === undefined ? '' : '; what is below is older'
    return [{ text: `no answer for ${spanText(trouble.forMs)}: ${trouble.text}${since}`, tone: 'bad' }]
  }
  const isNews = isRestarted && reading !== undefined && reading.upMs < restartNewsMs
  return isNews ? [{ text: `the engine was started again ${spanText(reading.upMs)} ago`, tone: 'bad' }] : []
}

function decisionLines(seconds: readonly RecentSecond[], drawn: Course): readonly Line[] {
  const last = seconds.at(-1)
  const rate = (count: number): string => (last === undefined ? '-' : rateText((1_000 * count) / last.forMs))
  const reasons = Object.entries(last === undefined ? {} : deniedOf(last))
    .sort(([, left], [, right]) => right - left)
    .map(([reason, count]) => `${reason} ${rate(count)}`)
  return [
    row(
      'approved',
      `${rate(approvedOf(last)).padEnd(figureWidth)}${drawn.of((second) => perSecond(second, approvedOf(second)))}`,
    ),
    row(
      'denied',
      `${rate(deniedCount(last)).padEnd(figureWidth)}${drawn.of((second) => perSecond(second, deniedCount(second)))}`,
    ),
    row('', last === undefined ? '-' : reasons.length === 0 ? 'no denials in the last second' : reasons.join(', ')),
  ]
}

function timeLines({ minute }: LastMinute, seconds: readonly RecentSecond[], drawn: Course): readonly Line[] {
  const last = seconds.at(-1)
  return [
    times('answers', last?.answered, 'in the last second', { ...budgetMs, atLeast: answersToJudge.inSecond }),
    times('', minute.answered, 'in the last minute', { ...budgetMs, atLeast: answersToJudge.inMinute }),
    row(
      'budget',
      `${cells('', `p99 ${budgetMs.p99} ms`, `p99.9 ${budgetMs.p999} ms`)}from the frame read to the answer written`,
    ),
    row(
      'p99',
      `${msText(last?.answered.p99Ms ?? null).padEnd(figureWidth)}${drawn.of(({ answered }) => answered.p99Ms ?? undefined)}`,
    ),
    times('to the disk', last?.gate, 'in the last second'),
    times('', minute.gate, 'in the last minute'),
  ]
}

function stateLines({ status }: LastMinute): readonly Line[] {
  const { bands, sessions, journal, view, appendedLsn, durableLsn, appliedLsn, gateDepth, alarmsWaiting } = status
  const { reversals, unexpected, actorErrors, clockCertain, links, bandsAwake, pairingWindows } = status
  const allBands = Object.values(bands).reduce((sum, count) => sum + count, 0)
  const isFine = journal === 'open'
  return [
    row('bands', `${countText(allBands)}${statesOf(bands)}; ${countText(bandsAwake)} awake, ${countText(links)} links`),
    row('sessions', `${statesOf(sessions, '') || 'none'}; ${countText(pairingWindows)} pairing`),
    [
      name('journal'),
      isFine ? journal : { text: journal, tone: 'bad' },
      `: appended ${countText(appendedLsn)}, durable ${countText(durableLsn)}, view at ${countText(appliedLsn)} (${countText(appendedLsn - appliedLsn)} behind)`,
      ...(view === 'proven' ? [] : [{ text: ', being checked', tone: 'bad' } as const]),
    ],
    row(
      'waiting',
      `${countText(gateDepth)} at the gate for the disk, ${countText(alarmsWaiting)} alarms within the hour`,
    ),
    [
      name('odd'),
      counted(actorErrors, 'actor errors'),
      ', ',
      counted(unexpected, 'unexpected events'),
      `, ${countText(reversals)} reversals, clock `,
      clockCertain ? 'certain' : { text: 'uncertain', tone: 'bad' },
    ],
  ]
}

function processLines({ memory }: LastMinute, seconds: readonly RecentSecond[], drawn: Course): readonly Line[] {
  const last = seconds.at(-1)
  const { rssMb, anonRssMb, mappedMb, heapUsedMb } = memory
  const mb = (value: number): string => `${countText(Math.round(value))} MB`
  const own =
    anonRssMb === null || mappedMb === null
      ? `${mb(rssMb)} resident`
      : `${mb(anonRssMb)} its own, ${mb(mappedMb)} of files mapped`
  const cpuOf = ({ cpu, forMs }: RecentSecond): number => (100 * (cpu.userMs + cpu.systemMs)) / forMs
  return [
    row('memory', `${own}, heap ${mb(heapUsedMb)}`),
    row('cpu', `${(last === undefined ? '-' : `${Math.round(cpuOf(last))} %`).padEnd(figureWidth)}${drawn.of(cpuOf)}`),
    row('', 'of one core, all threads together'),
    row(
      'loop delay',
      `${msText(last?.loopDelay.maxMs ?? null).padEnd(figureWidth)}${drawn.of(({ loopDelay }) => loopDelay.maxMs)}`,
    ),
    row('', last === undefined ? '-' : `the longest of a second; p99 ${msText(last.loopDelay.p99Ms)}`),
    row('collector', `${msText(last?.gc.totalMs ?? null).padEnd(figureWidth)}${drawn.of(({ gc }) => gc.totalMs)}`),
    row(
      '',
      last === undefined ? '-' : `${last.gc.count} pauses in the last second, the longest ${msText(last.gc.maxMs)}`,
    ),
  ]
}

/** Draws figures over the last minute, each second in its place: one in which nothing was heard leaves a gap. */
class Course {
  readonly #places: readonly (RecentSecond | undefined)[]
  readonly #width: number
  readonly #marks: Marks

  constructor(seconds: readonly RecentSecond[], width: number, marks: Marks) {
    const places: (RecentSecond | undefined)[] = Array.from({ length: minuteSeconds }, () => undefined)
    const newestMs = seconds.at(-1)?.atMs ?? 0
    for (const second of seconds) {
      const ago = Math.round((newestMs - second.atMs) / 1_000)
      if (ago < minuteSeconds) places[minuteSeconds - 1 - ago] = second
    }
    this.#places = places
    this.#width = width
    this.#marks = marks
  }

  of(figure: (second: RecentSecond) => number | undefined): string {
    const values = this.#places.map((second) => (second === undefined ? undefined : figure(second)))
    return course(values, this.#width, this.#marks)
  }
}

function name(text: string): string {
  return text.padEnd(nameWidth)
}

function row(title: string, text: string): Line {
  return [name(title), text]
}

type Budget = typeof budgetMs & {
  /** A percentile of fewer is not judged. */
  readonly atLeast: number
}

function times(title: string, of: RecentTimes | undefined, when: string, budget?: Budget): Line {
  const { count = 0, p50Ms = null, p99Ms = null, p999Ms = null, maxMs = 0 } = of ?? {}
  const late = (text: string, isLate: boolean): Piece => (isLate ? { text, tone: 'bad' } : text)
  const isLate = (ms: number | null, most: number | undefined): boolean =>
    ms !== null && most !== undefined && ms > most && count >= (budget?.atLeast ?? 0)
  return [
    name(title),
    cell(`p50 ${msText(p50Ms)}`),
    late(cell(`p99 ${msText(p99Ms)}`), isLate(p99Ms, budget?.p99)),
    late(cell(`p99.9 ${msText(p999Ms)}`), isLate(p999Ms, budget?.p999)),
    cell(`most ${msText(count === 0 ? null : maxMs)}`),
    `of ${of === undefined ? '-' : countText(count)} ${when}`,
  ]
}

const cellWidth = 16

function cell(text: string): string {
  return text.padEnd(cellWidth)
}

function cells(...texts: readonly string[]): string {
  return texts.map(cell).join('')
}

function statesOf(counts: Readonly<Record<string, number>>, before = ': '): string {
  const some = Object.entries(counts).filter(([, count]) => count > 0)
  return some.length === 0 ? '' : before + some.map(([state, count]) => `${countText(count)} ${state}`).join(', ')
}

function counted(count: number, what: string): Piece {
  const text = `${countText(count)} ${what}`
  return count === 0 ? text : { text, tone: 'bad' }
}

function approvedOf(second: RecentSecond | undefined): number {
  return second?.decisions['approved'] ?? 0
}

function deniedOf({ decisions }: RecentSecond): Readonly<Record<string, number>> {
  const { approved: _approved, ...denied } = decisions
  return denied
}

function deniedCount(second: RecentSecond | undefined): number {
  return second === undefined ? 0 : Object.values(deniedOf(second)).reduce((sum, count) => sum + count, 0)
}

function perSecond({ forMs }: RecentSecond, count: number): number {
  return (1_000 * count) / forMs
}
