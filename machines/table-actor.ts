// An actor driven by a machine's table: the state of one band or one session, stepped by events, stopped by its first error.

import type { MachineTable, Place } from './machine-table.ts'

export class TableActor<Value, Context, Event extends { readonly type: string }> {
  readonly #table: MachineTable<Value, Context, Event>
  readonly #failed: (error: unknown) => void
  #place: Place<Value>
  #context: Context
  #isActive = true

  /** `failed` hears what a guard or a change threw: a bug. The actor takes no events after it. */
  constructor(
    table: MachineTable<Value, Context, Event>,
    from: { readonly place: Place<Value>; readonly context: Context },
    failed: (error: unknown) => void,
  ) {
    this.#table = table
    this.#failed = failed
    this.#place = from.place
    this.#context = from.context
  }

  get value(): Value {
    return this.#place.value
  }

  get context(): Context {
    return this.#context
  }

  /** False after an error or `stop`. */
  get isActive(): boolean {
    return this.#isActive
  }

  send(event: Event): void {
    if (!this.#isActive) return
    try {
      const after = this.#table.step(this.#place, this.#context, event)
      this.#place = after.place
      this.#context = after.context
    } catch (error) {
      this.#isActive = false
      this.#failed(error)
    }
  }

  /** Takes another context, which means the same, for the one it has: without what was asked for and is done. */
  rest(context: Context): void {
    this.#context = context
  }

  stop(): void {
    this.#isActive = false
  }
}
