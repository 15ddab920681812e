// Typed event emitter: `on` returns the function that unsubscribes. A listener that throws or rejects stops nothing else.

export class TypedEvents<Events extends Readonly<Record<string, unknown>>> {
  readonly #listeners: { [Name in keyof Events]?: Set<(event: Events[Name]) => void> } = {}
  readonly #failed: (error: unknown) => void

  /** `failed` hears what a listener throws, or what the promise that it returns is rejected with. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void {
    const listeners = (this.#listeners[name] ??= new Set())
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    // A copy: a listener added while this event is dispatched hears the next one.
    for (const listener of Array.from(this.#listeners[name] ?? [])) {
      this.#tell(listener, event)
    }
  }

  #tell<Event>(listener: (event: Event) => unknown, event: Event): void {
    try {
      Promise.resolve(listener(event)).catch((error: unknown) => this.#report(error))
    } catch (error) {
      this.#report(error)
    }
  }

  #report(error: unknown): void {
    try {
      this.#failed(error)
    } catch {
      // It was told; it can fail as it likes.
    }
  }
}
