// Events by name, typed: `on` returns what takes the listener off again. A listener that throws does not stop the others.

export class TypedEvents<Events extends Readonly<Record<string, unknown>>> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>()
  readonly #failed: (error: unknown) => void

  /** `failed` hears what a listener throws. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners)
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        listener(event as never)
      } catch (error) {
        this.#failed(error)
      }
    }
  }
}
