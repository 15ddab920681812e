// Statechart layout as data: what is drawn of a machine. Made when the page is built, from the machine that runs.

export type Point = { readonly x: number; readonly y: number }
export type Box = Point & { readonly width: number; readonly height: number }

/** A state, or one that holds others. */
export type ChartState = Box & {
  /** Names from the root down, such as `binding.bound.armed`. */
  readonly path: string
  readonly name: string
  readonly isLeaf: boolean
  /** Of a parallel machine: one of the parts that live side by side. */
  readonly isRegion: boolean
  /** The initial state of its parent. */
  readonly isInitial: boolean
  /** Events it answers without leaving, sorted. */
  readonly stays: readonly string[]
}

/** Transitions from one state to another, by the events that take them. */
export type ChartEdge = {
  readonly from: string
  readonly to: string
  readonly events: readonly string[]
  readonly points: readonly Point[]
  readonly label: Box
}

export type Chart = {
  readonly width: number
  readonly height: number
  /** Parents before their children. */
  readonly states: readonly ChartState[]
  readonly edges: readonly ChartEdge[]
}

/** Statecharts that the page is built with. */
export type Charts = { readonly band: Chart; readonly session: Chart }
