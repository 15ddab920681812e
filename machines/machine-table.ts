// A machine of ours as a table: for each state and event which guards are asked, which changes apply and where it goes,
// read once from the XState machine, which stays the single source. XState interprets its machine anew at every event:
// about 10 µs and 9 KB of garbage a step, 15 µs to start an actor. A table takes less than one.
//
// It takes what our machines are made of: states with or without regions, `on` with function guards, targets within their
// region, and `assign`. Anything else (entry, exit, after, always, invoke, transitions of the root) is refused when the table is
// made, for every state and event, never skipped. A test walks table, machine and actor side by side.

import type { AnyStateMachine, AnyStateNode, ContextFrom, EventFrom, SnapshotFrom } from 'xstate'

/** A state of the whole machine, all regions: its value as XState spells it, and what it answers to each event. */
export type Place<Value> = {
  readonly value: Value
  readonly leaves: readonly AnyStateNode[]
  /** By event type: the candidates of each region, in order. */
  readonly answers: ReadonlyMap<string, Candidates>
  /** To an event that no state of the machine names. */
  readonly otherwise: Candidates
}

type Happened = { readonly context: object; readonly event: { readonly type: string } }
type Candidate = {
  readonly guard: ((happened: Happened) => boolean) | undefined
  readonly changes: readonly ((happened: Happened) => object)[]
  readonly region: number
  /** The leaf the region goes to; undefined: it stays. */
  readonly target: AnyStateNode | undefined
}

/** Of each region. */
type Candidates = readonly (readonly Candidate[])[]

export type MachineTable<Value, Context, Event extends { readonly type: string }> = {
  /** Where the machine begins. */
  readonly initial: Place<Value>
  /** The place of a value. Throws a TypeError on one that is none of this machine's. */
  readonly at: (value: Value) => Place<Value>
  /** What an event does: the place and the context after it. What a guard or a change throws comes through. */
  readonly step: (
    place: Place<Value>,
    context: Context,
    event: Event,
  ) => { readonly place: Place<Value>; readonly context: Context }
}

export type TableOf<Machine extends AnyStateMachine> = MachineTable<
  SnapshotFrom<Machine>['value'],
  ContextFrom<Machine>,
  EventFrom<Machine>
>

/** Makes the table of a machine. Throws a TypeError that names the state when it holds what a table cannot do. */
export function tableOf<Machine extends AnyStateMachine>(machine: Machine): TableOf<Machine> {
  type Value = SnapshotFrom<Machine>['value']
  const root: AnyStateNode = machine.root
  checkNode(root)
  // It would answer once for each region, and in XState once.
  if (root.transitions.size > 0) throw unfit(root, 'transitions of the root')
  const regions = root.type === 'parallel' ? childrenOf(root) : [root]
  const types = typesIn(root)
  const places = new Map<string, Place<Value>>()
  for (const leaves of combined(regions.map(leavesOf))) {
    const answersTo = (type: string): Candidates =>
      leaves.map((leaf, region) => candidatesOf(machine, { leaf, region, root: regions[region] }, type))
    places.set(keyOf(leaves), {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- spelled as XState spells the value of these leaves
      value: valueOf(root, leaves) as Value,
      leaves,
      answers: new Map(types.map((type) => [type, answersTo(type)])),
      otherwise: answersTo('*'),
    })
  }
  const placeOf = (leaves: readonly AnyStateNode[]): Place<Value> => {
    const place = places.get(keyOf(leaves))
    if (place === undefined) throw new TypeError(`states of ${root.id} expected, one for each region`)
    return place
  }
  return {
    initial: placeOf(regions.map(initialLeaf)),
    at: (value) =>
      placeOf(regions.map((region) => leafOf(region, root.type === 'parallel' ? part(value, region) : value))),
    step(place, context, event) {
      const before: Happened = { context, event }
      let after: object = context
      let leaves: AnyStateNode[] | undefined
      // XState chooses in all regions before it changes anything.
      const answers = place.answers.get(before.event.type) ?? place.otherwise
      const chosen = answers.map((candidates) => chosenOf(candidates, before))
      for (const candidate of chosen) {
        if (candidate === undefined) continue
        for (const change of candidate.changes) {
          after = { ...after, ...change(after === context ? before : { context: after, event }) }
        }
        if (candidate.target === undefined) continue
        leaves ??= [...place.leaves]
        leaves[candidate.region] = candidate.target
      }
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the context with fields replaced, which `assign` types
      return { place: leaves === undefined ? place : placeOf(leaves), context: after as ContextFrom<Machine> }
    },
  }
}

function keyOf(leaves: readonly AnyStateNode[]): string {
  return leaves.map((leaf) => leaf.id).join(' ')
}

/** Every event type that a state names. */
function typesIn(root: AnyStateNode): readonly string[] {
  const within = (node: AnyStateNode): string[] => [...node.transitions.keys(), ...childrenOf(node).flatMap(within)]
  return [...new Set(within(root))].filter((type) => type !== '*')
}

function leavesOf(node: AnyStateNode): readonly AnyStateNode[] {
  return node.type === 'atomic' ? [node] : childrenOf(node).flatMap(leavesOf)
}

/** One of each list, in every combination. */
function combined<Item>(lists: readonly (readonly Item[])[]): readonly (readonly Item[])[] {
  return lists.reduce<readonly (readonly Item[])[]>(
    (begun, list) => begun.flatMap((items) => list.map((item) => [...items, item])),
    [[]],
  )
}

function chosenOf(candidates: readonly Candidate[], happened: Happened): Candidate | undefined {
  for (const candidate of candidates) if (candidate.guard === undefined || candidate.guard(happened)) return candidate
  return undefined
}

/** The leaf's own answers to an event, then those of the states around it: the first whose guard holds is taken. */
function candidatesOf(
  machine: AnyStateMachine,
  at: { readonly leaf: AnyStateNode; readonly region: number; readonly root: AnyStateNode | undefined },
  type: string,
): readonly Candidate[] {
  const candidates: Candidate[] = []
  for (let node: AnyStateNode | undefined = at.leaf; node !== undefined; node = node.parent) {
    const named = type === '*' ? [] : (node.transitions.get(type) ?? [])
    for (const transition of [...named, ...(node.transitions.get('*') ?? [])]) {
      const { guard, target } = transition
      if (guard !== undefined && typeof guard !== 'function') throw unfit(node, 'a guard that is no function')
      candidates.push({
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a guard of ours looks at context and event only
        guard: guard as Candidate['guard'],
        changes: transition.actions.map((action) => changeOf(machine, node, action)),
        region: at.region,
        target: target === undefined ? undefined : targetOf(node, target, at.root),
      })
    }
  }
  return candidates
}

function targetOf(
  node: AnyStateNode,
  targets: readonly AnyStateNode[],
  region: AnyStateNode | undefined,
): AnyStateNode {
  const [target] = targets
  if (target === undefined || targets.length !== 1) throw unfit(node, 'several targets')
  for (let above: AnyStateNode | undefined = target; above !== region; above = above.parent) {
    if (above === undefined) throw unfit(node, 'a target in another region')
  }
  return initialLeaf(target)
}

/** What an `assign` does, inline or by name with its parameters. */
function changeOf(machine: AnyStateMachine, node: AnyStateNode, action: unknown): (happened: Happened) => object {
  const isNamed = typeof action === 'object' && action !== null && 'type' in action
  const name = isNamed ? action.type : action
  const named: unknown = typeof name === 'string' ? machine.implementations.actions[name] : name
  const params: unknown = isNamed && 'params' in action ? action.params : undefined
  const assignment: unknown = typeof named === 'function' && 'assignment' in named ? named.assignment : undefined
  if (typeof params === 'function') throw unfit(node, 'parameters that are a function')
  if (typeof assignment === 'function') {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what `assign` was given: it takes context and event, and parameters
    const assigns = assignment as (of: Happened, params: unknown) => object
    return (happened) => assigns(happened, params)
  }
  if (typeof assignment !== 'object' || assignment === null) throw unfit(node, 'an action that is no assign')
  if (Object.values(assignment).some((one) => typeof one === 'function'))
    throw unfit(node, 'an assign by field functions')
  return () => assignment
}

function checkNode(node: AnyStateNode): void {
  if (node.invoke.length > 0) throw unfit(node, 'an invoked actor')
  if (node.always !== undefined && node.always.length > 0) throw unfit(node, 'an eventless transition')
  if (node.after.length > 0) throw unfit(node, 'a delayed transition')
  if (node.entry.length > 0 || node.exit.length > 0) throw unfit(node, 'entry or exit actions')
  if (node.type === 'history' || node.type === 'final') throw unfit(node, `a ${node.type} state`)
  if (node.type === 'parallel' && node.parent !== undefined) throw unfit(node, 'regions below the root')
  for (const descriptor of node.transitions.keys()) {
    if (descriptor !== '*' && descriptor.includes('*')) throw unfit(node, `the event descriptor ${descriptor}`)
  }
  for (const child of childrenOf(node)) checkNode(child)
}

function childrenOf(node: AnyStateNode): readonly AnyStateNode[] {
  return Object.values(node.states)
}

function initialLeaf(node: AnyStateNode): AnyStateNode {
  if (node.type === 'atomic') return node
  const [first] = node.initial.target ?? []
  if (first === undefined) throw unfit(node, 'no initial state')
  if (node.initial.actions.length > 0) throw unfit(node, 'actions of an initial transition')
  return initialLeaf(first)
}

function part(value: unknown, region: AnyStateNode): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === region.key)?.[1]
    : undefined
}

/** The leaf of a region that its part of a value names. */
function leafOf(node: AnyStateNode, value: unknown): AnyStateNode {
  if (node.type === 'atomic' && value === undefined) return node
  const [key, rest] = entryOf(value)
  const child = node.states[key]
  if (child === undefined) throw new TypeError(`a state of ${node.id} expected, got ${JSON.stringify(value)}`)
  return leafOf(child, rest)
}

/** A name, and what is below it. */
function entryOf(value: unknown): readonly [string, unknown?] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? (Object.entries(value)[0] ?? ['']) : ['']
}

/** The value of these leaves as XState spells it: a name where there is nothing below, else an object. */
function valueOf(node: AnyStateNode, leaves: readonly AnyStateNode[]): unknown {
  const within = childrenOf(node).filter((child) => leaves.some((leaf) => isWithin(leaf, child)))
  const [only] = within
  if (node.type === 'compound' && only?.type === 'atomic') return only.key
  return Object.fromEntries(within.map((child) => [child.key, valueOf(child, leaves)]))
}

function isWithin(node: AnyStateNode | undefined, above: AnyStateNode): boolean {
  return node !== undefined && (node === above || isWithin(node.parent, above))
}

function unfit(node: AnyStateNode, what: string): TypeError {
  return new TypeError(`${node.id}: ${what} cannot be put in a table; change the machine, or machine-table.ts`)
}
