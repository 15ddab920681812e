// Write coalescing after a group commit. Answers that wait for one group of the journal become free together: those of one socket leave in one
// write. A write for each was a tenth of what the engine's thread did.

import type { Connection } from '../ports/connection.ts'

export class Releases {
  readonly #failed: (error: unknown) => void
  #waiting = new Map<Connection, (() => void)[]>()

  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  /** Sends when all that became free with it has come here too, before anything else of the event loop. */
  add(connection: Connection, send: () => void): void {
    const sends = this.#waiting.get(connection)
    if (sends !== undefined) {
      sends.push(send)
      return
    }
    // Not queueMicrotask: in Node each of those carries an async resource of its own.
    if (this.#waiting.size === 0) void Promise.resolve().then(() => this.#release())
    this.#waiting.set(connection, [send])
  }

  #release(): void {
    const released = this.#waiting
    this.#waiting = new Map()
    for (const [connection, sends] of released) {
      connection.cork(() => {
        for (const send of sends) this.#send(send)
      })
    }
  }

  /** One that cannot be sent must not keep back the others. */
  #send(send: () => void): void {
    try {
      send()
    } catch (error) {
      this.#failed(error)
    }
  }
}
