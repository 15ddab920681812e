// Statechart component (SVG), drawn from what was read of the machine itself when the page was built. The same numbers stand in a
// table beside it, for readers who do not see the picture.

import type { Chart, ChartEdge, ChartState } from '../build/chart.ts'
import { Wide } from './parts.tsx'
import { useEffect, useId, useRef } from '../state/preact.ts'

/** What is shown of a state: how many are in it, or that it is the current one. */
export type Shown = {
  readonly text: string
  readonly isLit: boolean
  /** Calls for attention, or is what the whole thing is for. */
  readonly tone: 'plain' | 'good' | 'warn'
}

type StatechartProps = {
  readonly chart: Chart
  /** What the picture is of. */
  readonly label: string
  readonly show: (state: ChartState) => Shown
  /** The transition that was taken last. */
  readonly taken?: { readonly from: string; readonly to: string } | undefined
  /** What the numbers in the table are. */
  readonly column: string
}

const radius = 6

export function Statechart({ chart, label, show, taken, column }: StatechartProps) {
  const arrow = useId()
  const picture = useRef<SVGSVGElement>(null)
  const lit = chart.states.find((state) => show(state).isLit)?.path
  useEffect(() => showLit(picture.current), [lit])
  return (
    <>
      <Wide label={label}>
        <svg
          ref={picture}
          class="statechart"
          style={{ maxWidth: `${chart.width * 1.15}px` }}
          viewBox={`-4 -4 ${chart.width + 8} ${chart.height + 8}`}
          role="img"
          aria-label={`${label}; the same as a table below`}
        >
          <defs>
            <marker
              id={arrow}
              viewBox="0 0 8 8"
              refX="7"
              refY="4"
              markerUnits="userSpaceOnUse"
              markerWidth="8"
              markerHeight="8"
              orient="auto"
            >
              <path d="M0,0.8 L7.5,4 L0,7.2 z" class="arrow" />
            </marker>
          </defs>
          {chart.states
            .filter((state) => !state.isLeaf)
            .map((state) => (
              <Group key={state.path} state={state} shown={show(state)} />
            ))}
          {chart.edges.map((edge) => (
            <Edge
              key={`${edge.from} ${edge.to}`}
              edge={edge}
              arrow={arrow}
              isTaken={taken?.from === edge.from && taken.to === edge.to}
            />
          ))}
          {chart.edges.map((edge) => (
            <EdgeLabel key={`${edge.from} ${edge.to}`} edge={edge} />
          ))}
          {chart.states
            .filter((state) => state.isLeaf)
            .map((state) => (
              <Leaf key={state.path} state={state} shown={show(state)} />
            ))}
        </svg>
      </Wide>
      <details class="as-table">
        <summary>The same as a table</summary>
        <Wide label={`${label}, as a table`}>
          <table>
            <thead>
              <tr>
                <th scope="col">State</th>
                <th scope="col">{column}</th>
                <th scope="col">Leads to</th>
                <th scope="col">Stays in it at</th>
              </tr>
            </thead>
            <tbody>
              {chart.states.map((state) => (
                <tr key={state.path}>
                  <th scope="row">{state.path}</th>
                  <td class="number">{show(state).text}</td>
                  <td>
                    {chart.edges
                      .filter((edge) => edge.from === state.path)
                      .map((edge) => `${edge.to} (${edge.events.join(', ')})`)
                      .join('; ')}
                  </td>
                  <td class="muted">{state.stays.join(', ')}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Wide>
      </details>
    </>
  )
}

/** Where the picture is wider than the screen, what matters is brought into sight; the page stays where it is. */
function showLit(picture: SVGSVGElement | null): void {
  const region = picture?.parentElement
  const leaf = picture?.querySelector('.leaf.lit') ?? picture?.querySelector('.leaf.good')
  if (region === undefined || region === null || leaf === undefined || leaf === null) return
  const from = region.getBoundingClientRect()
  const box = leaf.getBoundingClientRect()
  region.scrollLeft += box.left + box.width / 2 - (from.left + from.width / 2)
}

function Group({ state, shown }: { readonly state: ChartState; readonly shown: Shown }) {
  return (
    <g class={`group ${state.isRegion ? 'region' : ''}`}>
      <rect x={state.x} y={state.y} width={state.width} height={state.height} rx={radius} />
      <text x={state.x + 12} y={state.y + 19} class="name">
        {state.name}
      </text>
      <text x={state.x + state.width - 12} y={state.y + 19} class="group-count">
        {shown.text}
      </text>
    </g>
  )
}

function Leaf({ state, shown }: { readonly state: ChartState; readonly shown: Shown }) {
  return (
    <g class={`leaf ${shown.tone} ${shown.isLit ? 'lit' : ''}`} data-state={state.path}>
      <title>{`${state.name}: ${shown.text}. Stays in it at ${state.stays.join(', ')}`}</title>
      <rect x={state.x} y={state.y} width={state.width} height={state.height} rx={radius} />
      {state.isInitial && <circle cx={state.x + 13} cy={state.y + 15} r={3.5} class="initial" />}
      <text x={state.x + (state.isInitial ? 21 : 10)} y={state.y + 20} class="name">
        {state.name}
      </text>
      <text x={state.x + 10} y={state.y + 45} class="count">
        {shown.text}
      </text>
    </g>
  )
}

function Edge(props: { readonly edge: ChartEdge; readonly arrow: string; readonly isTaken: boolean }) {
  return (
    <path
      d={pathThrough(props.edge)}
      class={`edge ${props.isTaken ? 'taken' : ''}`}
      marker-end={`url(#${props.arrow})`}
    />
  )
}

function EdgeLabel({ edge }: { readonly edge: ChartEdge }) {
  return (
    <text class="edge-label">
      {edge.events.map((event, line) => (
        <tspan key={event} x={edge.label.x} y={edge.label.y + 10 + line * 13}>
          {event}
        </tspan>
      ))}
    </text>
  )
}

/** SVG path of an edge: straight lines with rounded corners. */
function pathThrough({ points }: ChartEdge): string {
  return points
    .map((point, at) => {
      const before = points[at - 1]
      const next = points[at + 1]
      if (before === undefined) return `M${point.x},${point.y}`
      if (next === undefined) return `L${point.x},${point.y}`
      const into = towards(point, before)
      const out = towards(point, next)
      return `L${into.x},${into.y} Q${point.x},${point.y} ${out.x},${out.y}`
    })
    .join(' ')
}

function towards(from: { readonly x: number; readonly y: number }, to: { readonly x: number; readonly y: number }) {
  const length = Math.hypot(to.x - from.x, to.y - from.y)
  const part = length === 0 ? 0 : Math.min(radius, length / 2) / length
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part }
}
