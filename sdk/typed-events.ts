// Events by name, typed: `on` returns what takes the listener off again. A listener that throws does not stop the others.

export class TypedEvents<Events extends Readonly<Record<string, unknown>>> {
  readonly #listeners: { [Name in keyof Events]?: Set<(event: Events[Name]) => void> } = {}
  readonly #failed: (error: unknown) => void

  /** `failed` hears what a listener throws. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void {
    const listeners = (this.#listeners[name] ??= new Set())
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    // A copy: who starts to listen while this event is told hears the next one.
    for (const listener of Array.from(this.#listeners[name] ?? [])) {
      try {
        listener(event)
      } catch (error) {
        this.#failed(error)
      }
    }
  }
}
