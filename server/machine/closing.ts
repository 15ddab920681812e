// The closing stack of a process (LIFO): what was opened is closed in the other order, whether the start failed or the process ends.

type Close = () => Promise<unknown> | void

/** One thing that is open. */
type Opened = {
  /** It is closed by something else from now on. */
  readonly release: () => void
}

export class Closing {
  #open: Close[] = []

  /** `close` is called once, after what is added later was closed. */
  add(close: Close): Opened {
    // Of its own, so that the same function may be added twice.
    const entry: Close = () => close()
    this.#open.push(entry)
    return {
      release: () => {
        this.#open = this.#open.filter((one) => one !== entry)
      },
    }
  }

  /** Closes all that is open. One that fails keeps no other open; its error is thrown when all are closed, the first of several. */
  async closeAll(): Promise<void> {
    const failures: unknown[] = []
    for (let close = this.#open.pop(); close !== undefined; close = this.#open.pop()) {
      try {
        await close()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
}
