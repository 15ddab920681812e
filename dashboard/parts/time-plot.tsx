// Time-series line chart. The one door to uPlot: it draws on a canvas, takes its colours from the page's own properties, and is told
// when they change.

import UPlot from 'uplot'
import type { Lines } from '../state/feed-points.ts'
import { useEffect, useRef } from '../state/preact.ts'
import { isStale } from '../state/live.ts'
import { isDark } from './theme.ts'

type PlotLine = {
  readonly label: string
  /** A custom property of the style, such as `--line-1`. */
  readonly colour: string
  /** Filled below. */
  readonly isFilled?: boolean
}

type TimePlotProps = {
  /** What is shown, in words: the picture itself says nothing to a screen reader. */
  readonly label: string
  readonly lines: readonly PlotLine[]
  readonly data: Lines
  readonly unit: string
  /** A threshold that is drawn across. */
  readonly limit?: { readonly value: number; readonly label: string }
  readonly heightPx: number
  /** Seconds shown, up to the newest. */
  readonly spanS: number
}

export function TimePlot(props: TimePlotProps) {
  const holder = useRef<HTMLDivElement>(null)
  const plot = useRef<UPlot | undefined>(undefined)
  const newest = useRef(props)
  newest.current = props
  const shade = `${isDark.value} ${isStale.value}`
  useEffect(() => {
    const element = holder.current
    if (element === null) return undefined
    const drawn = draw(element, newest)
    plot.current = drawn
    const observer = new ResizeObserver(() => {
      const width = Math.floor(element.clientWidth)
      if (width > 0 && width !== drawn.width) drawn.setSize({ width, height: newest.current.heightPx })
    })
    observer.observe(element)
    return () => {
      observer.disconnect()
      drawn.destroy()
    }
  }, [shade, props.limit?.value, props.lines.map((line) => line.label).join()])
  useEffect(() => {
    const drawn = plot.current
    if (drawn === undefined) return
    drawn.setData(asData(props.data))
    showNewest(drawn)
  }, [props.data])
  return (
    <div class="plot" role="img" aria-label={props.label}>
      <div ref={holder} />
    </div>
  )
}

function draw(element: HTMLDivElement, newest: { readonly current: TimePlotProps }): UPlot {
  const style = getComputedStyle(element)
  const colour = (name: string): string => style.getPropertyValue(name).trim()
  const { lines, unit, limit, heightPx, data } = newest.current
  const axis = { stroke: colour('--muted'), font: '11px system-ui', grid: { stroke: colour('--grid'), width: 1 } }
  const options: UPlot.Options = {
    width: Math.max(200, Math.floor(element.clientWidth)),
    height: heightPx,
    legend: { live: true },
    cursor: { drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: {
        range: (_, __, max) => [max - newest.current.spanS, max],
      },
      y: { range: (_, __, max) => [0, Math.max(max ?? 0, (limit?.value ?? 0) * 1.15, 1) * 1.05] },
    },
    axes: [
      { ...axis, ticks: { stroke: colour('--grid') }, values: '{HH}:{mm}:{ss}', space: 80 },
      { ...axis, ticks: { show: false }, size: 54, values: (_, splits) => splits.map((value) => short(value)) },
    ],
    series: [
      { label: 'At', value: '{HH}:{mm}:{ss}' },
      ...lines.map((line): UPlot.Series => ({
        label: line.label,
        stroke: colour(line.colour),
        width: 1.5,
        spanGaps: false,
        points: { show: false },
        value: (_, value: number | null) => (value === null ? '–' : `${short(value)} ${unit}`),
        ...(line.isFilled === true ? { fill: `${colour(line.colour)}22` } : {}),
      })),
    ],
    hooks: limit === undefined ? {} : { draw: [(plot) => drawLimit(plot, limit, colour('--bad'))] },
  }
  const plot = new UPlot(options, asData(data), element)
  // A new one clears its legend once more when this turn is over.
  queueMicrotask(() => showNewest(plot))
  return plot
}

/** While the pointer is at no instant, the numbers in the legend are those of the newest. */
function showNewest(plot: UPlot): void {
  const newest = plot.data[0].length - 1
  if ((plot.cursor.left ?? -1) < 0 && newest >= 0) plot.setLegend({ idx: newest })
}

function drawLimit(plot: UPlot, limit: { readonly value: number; readonly label: string }, colour: string): void {
  const y = plot.valToPos(limit.value, 'y', true)
  const { left, top, width, height } = plot.bbox
  if (y < top || y > top + height) return
  const { ctx } = plot
  ctx.save()
  ctx.strokeStyle = colour
  ctx.fillStyle = colour
  ctx.lineWidth = devicePixelRatio
  ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio])
  ctx.beginPath()
  ctx.moveTo(left, y)
  ctx.lineTo(left + width, y)
  ctx.stroke()
  ctx.font = `${11 * devicePixelRatio}px system-ui`
  ctx.textAlign = 'left'
  ctx.fillText(limit.label, left + 4 * devicePixelRatio, y - 4 * devicePixelRatio)
  ctx.restore()
}

function asData([times, ...lines]: Lines): UPlot.AlignedData {
  return [[...times], ...lines.map((line) => [...line])]
}

function short(value: number): string {
  if (value >= 1000) return value.toFixed(0)
  return value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(value < 10 ? 2 : 1)
}
