// Graph layout of a machine's states and transitions. The one door to elkjs, which runs when the page is built and never
// in a browser.

import elk, { type ElkEdgeSection, type ElkExtendedEdge, type ElkNode } from 'elkjs/lib/elk.bundled.js'
import type { Box, Chart, Point } from './chart.ts'
import type { ReadMachine } from './read-machine.ts'

/** Wide enough for a count of a hundred million, or for the name. */
const leaf = { width: 100, height: 56, letterPx: 7.2, marginPx: 30 } as const
/** A letter of a label, which is 10.5 px high, at its widest on average; and a line of them. */
const letterPx = 5.3
const linePx = 13

const options = {
  'elk.algorithm': 'layered',
  'elk.direction': 'RIGHT',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.spacing.nodeNode': '20',
  'elk.spacing.edgeNode': '18',
  'elk.spacing.edgeEdge': '12',
  'elk.layered.spacing.nodeNodeBetweenLayers': '12',
  'elk.layered.spacing.edgeNodeBetweenLayers': '9',
  'elk.layered.spacing.edgeEdgeBetweenLayers': '9',
  'elk.layered.nodePlacement.strategy': 'BRANDES_KOEPF',
  'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
  'elk.json.edgeCoords': 'ROOT',
  'elk.json.shapeCoords': 'ROOT',
} as const

/** Lays a machine out as a graph. Deterministic: the same machine gives the same picture. */
export async function layOut(machine: ReadMachine): Promise<Chart> {
  const order = (path: string): number => machine.states.findIndex((state) => state.path === path)
  const graph: ElkNode = {
    id: '',
    layoutOptions: options,
    children: childrenOf('', machine),
    edges: machine.edges.map((edge): ElkExtendedEdge => {
      const width = Math.max(...edge.events.map((event) => event.length)) * letterPx
      return {
        id: `${edge.from}>${edge.to}`,
        sources: [edge.from],
        targets: [edge.to],
        layoutOptions: { 'elk.layered.priority.direction': order(edge.from) < order(edge.to) ? '10' : '0' },
        labels: [{ text: edge.events.join('\n'), width, height: edge.events.length * linePx }],
      }
    }),
  }
  const laidOut = await new elk.default().layout(graph)
  const nodes = flat(laidOut)
  return {
    ...sizeOf(laidOut),
    states: machine.states.map(({ parent: _, ...state }) => ({ ...state, ...boxOf(nodes.get(state.path)) })),
    edges: machine.edges.map((edge) => {
      const drawn = (laidOut.edges ?? []).find((one) => one.id === `${edge.from}>${edge.to}`)
      return { ...edge, points: (drawn?.sections ?? []).flatMap(pointsOf), label: boxOf(drawn?.labels?.[0]) }
    }),
  }
}

function childrenOf(parent: string, machine: ReadMachine): ElkNode[] {
  return machine.states
    .filter((state) => state.parent === parent)
    .map((state) =>
      state.isLeaf
        ? { id: state.path, width: widthOf(state.name), height: leaf.height }
        : {
            id: state.path,
            layoutOptions: { 'elk.padding': '[top=30,left=12,bottom=14,right=12]' },
            children: childrenOf(state.path, machine),
          },
    )
}

function widthOf(name: string): number {
  return Math.max(leaf.width, Math.ceil(name.length * leaf.letterPx + leaf.marginPx))
}

function flat(node: ElkNode): ReadonlyMap<string, ElkNode> {
  const found = new Map<string, ElkNode>()
  const visit = (one: ElkNode): void => {
    found.set(one.id, one)
    for (const child of one.children ?? []) visit(child)
  }
  visit(node)
  return found
}

type Placed = Partial<Pick<Box, 'x' | 'y' | 'width' | 'height'>>

function boxOf(placed: Placed | undefined): Box {
  if (placed?.x === undefined || placed.y === undefined) throw new Error('elkjs left something without a place')
  return { x: Math.round(placed.x), y: Math.round(placed.y), ...sizeOf(placed) }
}

function sizeOf({ width, height }: Placed): Pick<Box, 'width' | 'height'> {
  return { width: Math.ceil(width ?? 0), height: Math.ceil(height ?? 0) }
}

function pointsOf(section: ElkEdgeSection): readonly Point[] {
  return [section.startPoint, ...(section.bendPoints ?? []), section.endPoint].map(({ x, y }) => ({
    x: Math.round(x),
    y: Math.round(y),
  }))
}
