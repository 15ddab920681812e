// The picture against the machine's own configuration, which is read here by another road than the build reads it.
import { describe, expect, it } from 'vitest'
import { bandMachine } from '../../machines/band-machine.ts'
import { sessionMachine } from '../../machines/session-machine.ts'
import type { Chart } from './chart.ts'
import { layOut } from './lay-out.ts'
import { readMachine } from './read-machine.ts'

type Config = {
  readonly initial?: unknown
  readonly states?: Readonly<Record<string, Config>>
  readonly on?: Readonly<Record<string, unknown>>
}
type Way = { readonly from: string; readonly event: string; readonly to: string }

const machines = [
  { name: 'band', config: bandMachine.config as Config, chart: await layOut(readMachine(bandMachine.root)) },
  { name: 'session', config: sessionMachine.config as Config, chart: await layOut(readMachine(sessionMachine.root)) },
]

describe.for(machines)('the picture of the machine of a $name', ({ config, chart }) => {
  const states = statesOf(config)
  const ways = states.flatMap(waysOf)

  it('has something to compare', () => {
    expect(states.length).toBeGreaterThan(4)
    expect(ways.length).toBeGreaterThan(8)
  })

  it('has every state of the machine and no other', () => {
    expect(chart.states.map((state) => state.path).sort()).toEqual(states.map((state) => state.path).sort())
  })

  it('marks where each begins', () => {
    const initial = states.filter((state) => state.isInitial).map((state) => state.path)
    expect(chart.states.filter((state) => state.isInitial).map((state) => state.path)).toEqual(initial)
  })

  it('has every way from one state to another', () => {
    expect(ways.filter((way) => !isDrawn(chart, way))).toEqual([])
  })

  it('has no way that the machine does not have', () => {
    const drawn = chart.edges.flatMap((edge) =>
      leavesUnder(chart, edge.from).flatMap((from) => edge.events.map((event) => ({ from, event, to: edge.to }))),
    )
    const known = new Set(
      ways.flatMap((way) =>
        leavesUnder(chart, way.from).map((from) => JSON.stringify({ from, event: way.event, to: way.to })),
      ),
    )
    expect(drawn.filter((way) => !known.has(JSON.stringify(way)))).toEqual([])
  })

  it('tells of each state which events it answers without leaving', () => {
    for (const { path, config } of states) {
      const stays = Object.entries(config.on ?? {})
        .filter(([, answers]) => listed(answers).some((answer) => targetOf(answer) === undefined))
        .map(([event]) => event)
      expect(chart.states.find((state) => state.path === path)?.stays).toEqual(stays.sort())
    }
  })

  it('is drawn inside its frame, states that lie side by side apart', () => {
    for (const state of chart.states) {
      expect(state.x >= 0 && state.y >= 0, state.path).toBe(true)
      expect(state.x + state.width <= chart.width && state.y + state.height <= chart.height, state.path).toBe(true)
    }
    const leaves = chart.states.filter((state) => state.isLeaf)
    for (const [at, one] of leaves.entries()) {
      for (const other of leaves.slice(at + 1)) {
        const apart =
          one.x + one.width <= other.x ||
          other.x + other.width <= one.x ||
          one.y + one.height <= other.y ||
          other.y + other.height <= one.y
        expect(apart, `${one.path} and ${other.path}`).toBe(true)
      }
    }
    expect(chart.edges.filter((edge) => edge.points.length < 2)).toEqual([])
  })
})

type Found = { readonly path: string; readonly config: Config; readonly isInitial: boolean }

function statesOf(config: Config, above = ''): readonly Found[] {
  return Object.entries(config.states ?? {}).flatMap(([name, inside]) => {
    const path = above === '' ? name : `${above}.${name}`
    return [{ path, config: inside, isInitial: config.initial === name }, ...statesOf(inside, path)]
  })
}

function waysOf({ path, config }: Found): readonly Way[] {
  const parent = path.split('.').slice(0, -1).join('.')
  return Object.entries(config.on ?? {}).flatMap(([event, answers]) =>
    listed(answers)
      .map(targetOf)
      .filter((target) => target !== undefined)
      .map((target) => ({ from: path, event, to: absolute(target, parent) })),
  )
}

/** `#band.binding.deactivating` from the root; anything else beside the state. */
function absolute(target: string, parent: string): string {
  if (target.startsWith('#')) return target.split('.').slice(1).join('.')
  return parent === '' ? target : `${parent}.${target}`
}

function listed(answers: unknown): readonly unknown[] {
  return Array.isArray(answers) ? answers : [answers]
}

function targetOf(answer: unknown): string | undefined {
  if (typeof answer === 'string') return answer
  return (answer as { readonly target?: string }).target
}

/** What every state inside another one does may be drawn once, from that one. */
function isDrawn(chart: Chart, { from, event, to }: Way): boolean {
  return chart.edges.some(
    (edge) => (edge.from === from || from.startsWith(`${edge.from}.`)) && edge.to === to && edge.events.includes(event),
  )
}

function leavesUnder(chart: Chart, path: string): readonly string[] {
  return chart.states
    .filter((state) => state.isLeaf && (state.path === path || state.path.startsWith(`${path}.`)))
    .map((state) => state.path)
}
