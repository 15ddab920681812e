// An explicit-state model checker: breadth first from the initial state, every state visited once, so the first
// broken invariant comes with a shortest trace. The one thing to know: a model is a pure function from a state to its
// possible next steps, and two states are the same exactly when their keys are equal, so `key` must spell out
// everything that `steps` and `broken` read.

/** A transition: what a reader of a trace sees, and the state it leads to. */
export type Step<State> = { readonly label: string; readonly next: State }

/** `broken` names the first invariant that a state breaks. */
export type Model<State> = {
  readonly initial: State
  readonly steps: (state: State) => readonly Step<State>[]
  readonly key: (state: State) => string
  readonly broken: (state: State) => string | undefined
}

/**
 * What a run found. `complete` means that every reachable state was visited; otherwise the search stopped, at a broken
 * invariant or at its limit. `trace` is the shortest way to the broken invariant, one label a step; `depth` counts
 * steps from the initial state.
 */
export type Verdict = {
  readonly statesCount: number
  readonly depth: number
  readonly complete: boolean
  readonly broken: string | undefined
  readonly trace: readonly string[]
}

/** Explores `model` until something breaks, nothing is left, or `statesMax` distinct states are known. */
export function check<State>(model: Model<State>, statesMax: number): Verdict {
  const search = new Search(model, statesMax)
  const found = { broken: undefined, trace: [] } as const
  for (let depth = 0; ; depth += 1) {
    const broken = search.firstBroken()
    if (broken !== undefined) return { ...broken, statesCount: search.statesCount, depth, complete: false }
    if (search.isFull) return { ...found, statesCount: search.statesCount, depth, complete: false }
    if (!search.deepen()) return { ...found, statesCount: search.statesCount, depth, complete: true }
  }
}

/** A verdict for a person: the count, then the trace when there is one. */
export function describeVerdict(verdict: Verdict): string {
  const size = `${verdict.statesCount.toLocaleString('en')} states, depth ${verdict.depth}`
  if (verdict.broken === undefined) return `${size}, ${verdict.complete ? 'complete' : 'stopped at the limit'}`
  const lines = verdict.trace.map((label, index) => `  ${String(index + 1).padStart(2)}. ${label}`)
  return [`breaks "${verdict.broken}" (${size})`, ...lines].join('\n')
}

/**
 * What is remembered of every state is its key and its parent's number; whole states live only while they are on the
 * frontier, and a trace's labels are found again by walking it once more. That keeps a million states in memory.
 */
class Search<State> {
  readonly #model: Model<State>
  readonly #statesMax: number
  readonly #seen = new Set<string>()
  readonly #keys: string[] = []
  readonly #parents: number[] = []
  #frontier: readonly State[]
  #frontierStart = 0

  constructor(model: Model<State>, statesMax: number) {
    this.#model = model
    this.#statesMax = statesMax
    this.#frontier = [model.initial]
    this.#remember(model.key(model.initial), 0)
  }

  get statesCount(): number {
    return this.#keys.length
  }

  get isFull(): boolean {
    return this.#keys.length >= this.#statesMax
  }

  firstBroken(): { readonly broken: string; readonly trace: readonly string[] } | undefined {
    for (const [offset, state] of this.#frontier.entries()) {
      const broken = this.#model.broken(state)
      if (broken !== undefined) return { broken, trace: this.#traceTo(this.#frontierStart + offset) }
    }
    return undefined
  }

  /** Replaces the frontier by the new states one step away; false when there are none. */
  deepen(): boolean {
    const next: State[] = []
    const nextStart = this.#keys.length
    for (const [offset, state] of this.#frontier.entries()) {
      if (this.isFull) break
      for (const step of this.#model.steps(state)) {
        if (this.#remember(this.#model.key(step.next), this.#frontierStart + offset)) next.push(step.next)
      }
    }
    this.#frontier = next
    this.#frontierStart = nextStart
    return next.length > 0
  }

  #traceTo(target: number): readonly string[] {
    const path: string[] = []
    for (let number = target; number !== 0; number = this.#parents[number] ?? 0) path.push(this.#keys[number] ?? '')
    let state = this.#model.initial
    return path.toReversed().map((key) => {
      const step = this.#model.steps(state).find((candidate) => this.#model.key(candidate.next) === key)
      if (step === undefined) throw new Error('a model must give the same steps for the same state')
      state = step.next
      return step.label
    })
  }

  #remember(key: string, parent: number): boolean {
    if (this.#seen.has(key)) return false
    this.#seen.add(key)
    this.#keys.push(key)
    this.#parents.push(parent)
    return true
  }
}
