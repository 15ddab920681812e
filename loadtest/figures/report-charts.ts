// Line charts as SVG text: sized for a phone's width, coloured by the page's own variables, readable without scripts.

type Line = {
  readonly name: string
  /** Number of the page's line colour, 1 to 3. */
  readonly colour: 1 | 2 | 3
  readonly points: readonly { readonly x: number; readonly y: number }[]
}

export type Chart = {
  readonly title: string
  readonly about: string
  readonly lines: readonly Line[]
  readonly unit: string
  /** Ticks of the x axis; its range is theirs. */
  readonly xTicks: readonly { readonly x: number; readonly label: string }[]
  readonly isLogarithmic: boolean
}

const width = 400
const height = 210
const left = 46
const right = 12
const top = 10
const bottom = 26

/** A figure: title, legend and picture. */
export function chartHtml(chart: Chart): string {
  const legend = chart.lines
    .map(({ name, colour }) => `<span class="key"><i class="c${colour}"></i>${escapeHtml(name)}</span>`)
    .join(' ')
  return [
    '<figure>',
    `<figcaption><b>${escapeHtml(chart.title)}</b><br>${escapeHtml(chart.about)}<br>${legend}</figcaption>`,
    svgOf(chart),
    '</figure>',
  ].join('\n')
}

function svgOf(chart: Chart): string {
  const xs = chart.xTicks.map(({ x }) => x)
  const [xMin, xMax] = [Math.min(...xs), Math.max(...xs)]
  const ys = chart.lines.flatMap(({ points }) => points.map(({ y }) => y))
  if (ys.length === 0) return '<p class="none">nothing was measured</p>'
  const scale = chart.isLogarithmic ? logarithmic(ys) : linear(ys)
  const x = (value: number): number => left + ((value - xMin) / Math.max(1e-9, xMax - xMin)) * (width - left - right)
  const y = (value: number): number => top + (1 - scale.share(value)) * (height - top - bottom)
  const grid = scale.ticks.map(
    (tick) =>
      `<line class="grid" x1="${left}" x2="${width - right}" y1="${at(y(tick))}" y2="${at(y(tick))}"/>` +
      `<text x="${left - 6}" y="${at(y(tick) + 4)}" text-anchor="end">${numberText(tick)}</text>`,
  )
  const marks = chart.xTicks.map(
    (tick, index) =>
      `<text x="${at(x(tick.x))}" y="${height - 8}" text-anchor="${anchorOf(index, chart.xTicks.length)}">${escapeHtml(tick.label)}</text>`,
  )
  const lines = chart.lines.map(({ points, colour, name }) => {
    const path = points.map((point) => `${at(x(point.x))},${at(y(point.y))}`).join(' ')
    return `<polyline class="l${colour}" points="${path}"><title>${escapeHtml(name)}</title></polyline>`
  })
  const label = `${chart.title}: ${chart.lines.map(({ name }) => name).join(', ')}, ${chart.unit}`
  return [
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(label)}">`,
    ...grid,
    `<text class="unit" x="2" y="${height - 8}">${escapeHtml(chart.unit)}</text>`,
    ...marks,
    ...lines,
    '</svg>',
  ].join('\n')
}

type Scale = { readonly ticks: readonly number[]; readonly share: (value: number) => number }

function linear(values: readonly number[]): Scale {
  const most = Math.max(...values, 1e-9)
  const step = niceStep(most / 4)
  const max = step * Math.ceil(most / step)
  const ticks = Array.from({ length: Math.round(max / step) + 1 }, (_, index) => index * step)
  return { ticks, share: (value) => value / max }
}

function logarithmic(values: readonly number[]): Scale {
  const above = values.filter((value) => value > 0)
  const low = Math.floor(Math.log10(Math.min(...above, 1)))
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...above, 1e-9))))
  const ticks = Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index))
  return { ticks, share: (value) => (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low) }
}

/** Rounds up to a nice tick: 1, 2 or 5 times a power of ten, at least `least`. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  return ([1, 2, 5].find((times) => times * power >= least) ?? 10) * power
}

function anchorOf(index: number, count: number): string {
  return index === 0 ? 'start' : index === count - 1 ? 'end' : 'middle'
}

function at(value: number): string {
  return value.toFixed(1)
}

function numberText(value: number): string {
  if (value >= 10_000) return `${+(value / 1_000).toFixed(1)}k`
  return `${+value.toPrecision(3)}`
}

/** Text that stands for itself in HTML. */
export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
