// Text widgets: bars and sparklines. What pictures on a terminal are made of: bars, courses of a figure over time, and lines of differently
// weighted text that are cut to the terminal and never wrapped. Pure; who writes them knows the terminal.

import { printable as printableAs } from '../../base/printable.ts'

/** How a piece of text stands out; plain where there are no colours. */
type Tone = 'strong' | 'faint' | 'good' | 'bad'
export type Piece = string | { readonly text: string; readonly tone: Tone }
/** One line, from pieces side by side. */
export type Line = readonly Piece[]

/** Select Graphic Rendition (ECMA-48 §8.3.117). */
const codes: Readonly<Record<Tone, string>> = { strong: '1', faint: '2', good: '32', bad: '1;31' }

const heights = { blocks: '▁▂▃▄▅▆▇█', ascii: '_.-=+*%#' } as const
/** What a course is drawn with: blocks where the terminal has them. */
export type Marks = keyof typeof heights

/** `share` of a bar is full, 0 to 1. */
export function bar(share: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width)
  return '#'.repeat(full) + '.'.repeat(width - full)
}

/**
 * The course of a figure, the newest value at the right end, heights from nothing to the largest that is shown; at most
 * `width` values, a space for one that is missing.
 */
export function course(values: readonly (number | undefined)[], width: number, marks: Marks): string {
  const shown = width <= 0 ? [] : values.slice(-width)
  const most = Math.max(0, ...shown.map((value) => value ?? 0))
  const steps = heights[marks]
  const mark = (value: number | undefined): string => {
    if (value === undefined) return ' '
    const step = most === 0 ? 0 : Math.ceil((value / most) * (steps.length - 1))
    return steps[step] ?? ' '
  }
  return shown.map(mark).join('')
}

/** A line as a terminal takes it, cut to `width` columns. */
export function paint(line: Line, width: number, isColored: boolean): string {
  let left = Math.max(0, width)
  let painted = ''
  for (const piece of line) {
    const { text, tone } = typeof piece === 'string' ? { text: piece, tone: undefined } : piece
    const cut = text.slice(0, left)
    left -= cut.length
    painted += tone === undefined || !isColored || cut === '' ? cut : `\u001b[${codes[tone]}m${cut}\u001b[0m`
  }
  return painted
}

/**
 * Text that others wrote, such as a label of an offer or the name of a band: what would move the cursor, colour the terminal or
 * turn the direction of the text is shown as a question mark.
 */
export function printable(text: string): string {
  return printableAs(text, '?')
}

/** How wide a terminal is; one that does not know says 0. */
export function columnsOf({ columns }: { readonly columns?: number }): number {
  return columns || 100
}

/** Does this terminal take colours? Not when its user does not want them (no-color.org), nor where there is no terminal. */
export function takesColors(
  stream: { readonly isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  const isUnwanted = (environment['NO_COLOR'] ?? '') !== '' || environment['TERM'] === 'dumb'
  return stream.isTTY === true && !isUnwanted
}

/** The marks of a terminal, by the locale it says it has (POSIX: LC_ALL before LC_CTYPE before LANG). */
export function marksOf(environment: Readonly<Record<string, string | undefined>>): Marks {
  const locale = environment['LC_ALL'] || environment['LC_CTYPE'] || environment['LANG'] || ''
  return /utf-?8/i.test(locale) ? 'blocks' : 'ascii'
}
