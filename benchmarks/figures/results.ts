// Result model and Markdown report of benchmarks: a section of rows, each a figure with its unit, its spread over the rounds and
// its ratio against something. Printed as it comes and written to RESULTS.md. A goal that is missed is shown, not thrown: what to
// do about it is for who reads.

import { median } from './latencies.ts'

export type Row = {
  /** Who or what. */
  readonly name: string
  /** What about it: `answers`, `p99 at 5,000/s`, … */
  readonly figure: string
  readonly unit: string
  /** One value for each round. */
  readonly values: readonly number[]
  /** Against what, and by how much: median by median. */
  readonly against?: { readonly name: string; readonly ratio: number }
  readonly goal?: Goal
  readonly note?: string
}

/** `of`: is the figure itself meant, or its ratio? */
export type Goal = { readonly of: 'figure' | 'ratio'; readonly sign: '<' | '≥' | '≤'; readonly value: number }

export type Section = {
  /** Name for `--only`, and its place in the file. */
  readonly id: string
  readonly title: string
  /** How it was measured, in a few sentences. */
  readonly how: string
  readonly rows: readonly Row[]
  /** What else a reader should know, such as what was left out. */
  readonly notes: readonly string[]
}

/** Where and with what a run was. */
export type Provenance = {
  readonly date: string
  readonly commit: string
  readonly seed: string
  readonly rounds: number
  readonly machine: Readonly<Record<string, string>>
}

/** A figure against another: the other's median, or undefined when there is none. */
export function against(
  name: string,
  values: readonly number[],
  other: readonly number[] | undefined,
): Pick<Row, 'against'> {
  if (other === undefined || other.length === 0) return {}
  return { against: { name, ratio: median(values) / median(other) } }
}

/** Is the goal met? Undefined without a goal, or when its ratio could not be had. */
export function isMet({ values, against: other, goal }: Row): boolean | undefined {
  if (goal === undefined || values.length === 0) return undefined
  const value = goal.of === 'ratio' ? other?.ratio : median(values)
  if (value === undefined || Number.isNaN(value)) return undefined
  switch (goal.sign) {
    case '<':
      return value < goal.value
    case '≤':
      return value <= goal.value
    case '≥':
      return value >= goal.value
  }
}

/** The section in Markdown, its heading first. */
export function sectionText(section: Section, from: Provenance): string {
  const hasGoals = section.rows.some(({ goal }) => goal !== undefined)
  const hasRatios = section.rows.some((row) => row.against !== undefined)
  const heads = [
    '',
    'figure',
    'median',
    'min … max',
    ...(hasRatios ? ['against'] : []),
    ...(hasGoals ? ['goal', 'met'] : []),
    '',
  ]
  const lines = section.rows.map((row) => [
    row.name,
    row.figure,
    row.values.length === 0 ? '–' : `${shown(median(row.values))} ${row.unit}`,
    row.values.length < 2 ? '' : `${shown(Math.min(...row.values))} … ${shown(Math.max(...row.values))}`,
    ...(hasRatios ? [row.against === undefined ? '' : `${shown(row.against.ratio)} × ${row.against.name}`] : []),
    ...(hasGoals ? [goalText(row), metText(row)] : []),
    row.note ?? '',
  ])
  const hasNotes = lines.some((cells) => cells.at(-1) !== '')
  const cut = (cells: readonly string[]) => (hasNotes ? cells : cells.slice(0, -1))
  const numeric = new Set(['median', 'min … max'])
  return [
    `## ${section.title} <!-- ${section.id} -->`,
    '',
    `${section.how} ${from.date}, commit ${from.commit}, seed \`${from.seed}\`, ${from.rounds} rounds.`,
    '',
    tableLine(cut(heads)),
    tableLine(cut(heads).map((head) => (numeric.has(head) ? '--:' : '---'))),
    ...lines.map((cells) => tableLine(cut(cells))),
    ...(section.notes.length === 0 ? [] : ['', ...section.notes.map((note) => `- ${note}`)]),
    '',
  ].join('\n')
}

const order = ['floors', 'peers', 'steps', 'approvals', 'growth', 'million', 'storm', 'overload', 'viewers']

/**
 * The whole file after a run: sections that ran replace those of before, the others stay if they were measured on the same
 * machine with the same versions. Sections stand in one order whatever ran first.
 */
export function mergeResults(before: string, sections: readonly Section[], from: Provenance): string {
  const head = headText(from)
  const kept = new Map<string, string>()
  if (before.startsWith(head)) {
    for (const text of before.slice(head.length).split(/^(?=## )/m)) {
      const id = /^## .*<!-- (\w+) -->/.exec(text)?.[1]
      if (id !== undefined) kept.set(id, `${text.trimEnd()}\n`)
    }
  }
  for (const section of sections) kept.set(section.id, sectionText(section, from))
  const place = (id: string) => (order.includes(id) ? order.indexOf(id) : order.length)
  const all = [...kept].toSorted(([left], [right]) => place(left) - place(right))
  return [head.trimEnd(), ...all.map(([, text]) => text.trimEnd())].join('\n\n') + '\n'
}

function headText({ machine }: Provenance): string {
  return [
    '# What Bandpass does on one machine',
    '',
    'Written by `make bench`. Medians over rounds with the smallest and the largest; what is compared took turns, round by',
    'round, so that noise hits all alike. Load and server share the cores.',
    '',
    '| | |',
    '|---|---|',
    ...Object.entries(machine).map(([name, value]) => `| ${name} | ${value} |`),
    '',
    '',
  ].join('\n')
}

function goalText({ goal }: Row): string {
  if (goal === undefined) return ''
  return `${goal.sign} ${goal.value.toLocaleString('en-US')}${goal.of === 'ratio' ? ' ×' : ''}`
}

function metText(row: Row): string {
  const met = isMet(row)
  return met === undefined ? '' : met ? 'yes' : '**no**'
}

function tableLine(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

/** Formats to three significant digits, thousands apart: 0.0123, 1.23, 12.3, 123, 12,300. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size >= 100) return Math.round(Number(value.toPrecision(3))).toLocaleString('en-US')
  if (size === 0) return '0'
  return value.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4)
}
