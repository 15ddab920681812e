// Extracts states and transitions from the XState machine itself, so that the picture cannot be of another one. Guards and actions are
// left out: a guarded transition is still a transition.

import type { ChartEdge, ChartState } from './chart.ts'

/** State node of an XState machine, as far as it is read. */
export type MachineNode = {
  readonly path: readonly string[]
  readonly key: string
  readonly type: string
  readonly parent?: MachineNode | undefined
  readonly initial?: { readonly target: readonly { readonly key: string }[] } | undefined
  readonly states: Readonly<Record<string, MachineNode>>
  readonly transitions: ReadonlyMap<
    string,
    readonly { readonly target: readonly { readonly path: readonly string[] }[] | undefined }[]
  >
}

/** A machine before it has been laid out. */
export type ReadMachine = {
  readonly states: readonly (Omit<ChartState, 'x' | 'y' | 'width' | 'height'> & { readonly parent: string })[]
  readonly edges: readonly Omit<ChartEdge, 'points' | 'label'>[]
}

/** Extracts the graph of a machine from its root. The root itself is not a state. */
export function readMachine(root: MachineNode): ReadMachine {
  const nodes = descendants(root)
  return { states: nodes.map(stateOf), edges: foldCommon(nodes.flatMap(edgesOf), nodes) }
}

function descendants(node: MachineNode): readonly MachineNode[] {
  return Object.values(node.states).flatMap((child) => [child, ...descendants(child)])
}

function stateOf(node: MachineNode): ReadMachine['states'][number] {
  const children = Object.keys(node.states)
  return {
    path: node.path.join('.'),
    parent: node.path.slice(0, -1).join('.'),
    name: node.key,
    isLeaf: children.length === 0,
    isRegion: node.parent?.type === 'parallel',
    isInitial: node.parent?.initial?.target.some((target) => target.key === node.key) === true,
    stays: [...node.transitions]
      .filter(([, ways]) => ways.some((way) => way.target === undefined))
      .map(([event]) => event)
      .sort(),
  }
}

/** Folds transitions that all states inside another one share into one of that state: one is drawn instead of one for each. */
function foldCommon(edges: ReadMachine['edges'], nodes: readonly MachineNode[]): ReadMachine['edges'] {
  let folded = edges
  for (const node of nodes.toReversed()) {
    const parent = node.path.join('.')
    const children = Object.values(node.states).map((child) => child.path.join('.'))
    if (children.length < 2 || node.type === 'parallel') continue
    const isFromChild = (edge: Way): boolean => children.includes(edge.from)
    const isCommon = (edge: Way): boolean =>
      !edge.to.startsWith(`${parent}.`) &&
      children.every((child) => folded.some((one) => one.from === child && isSameWay(one, edge)))
    const common = folded.filter((edge) => edge.from === children[0] && isCommon(edge))
    const rest = folded.filter((edge) => !(isFromChild(edge) && common.some((one) => isSameWay(one, edge))))
    folded = [...rest, ...common.map((edge) => ({ ...edge, from: parent }))]
  }
  return folded
}

type Way = ReadMachine['edges'][number]

function isSameWay(one: Way, other: Way): boolean {
  return one.to === other.to && one.events.join() === other.events.join()
}

function edgesOf(node: MachineNode): ReadMachine['edges'] {
  const from = node.path.join('.')
  const events = new Map<string, Set<string>>()
  for (const [event, ways] of node.transitions) {
    for (const way of ways) {
      for (const target of way.target ?? []) {
        const to = target.path.join('.')
        events.set(to, (events.get(to) ?? new Set()).add(event))
      }
    }
  }
  return [...events].map(([to, names]) => ({ from, to, events: [...names].sort() }))
}
