// Answers wait here until their records are on disk. How long the oldest has waited is how far behind the engine is: past
// `gateWaitMaxMs` it takes no new requests to decide, before any cryptography is spent on them. What is refused at once can
// be asked again; what is taken and answered late helps nobody.

export class OutputGate {
  /** Requests of any kind whose answers wait. */
  waiting = 0
  #deciding = 0
  #sinceMs = 0

  /** A decision was appended and waits for the disk. Instants are monotonic, ms. */
  enter(atMs: number): void {
    if (this.#deciding++ === 0) this.#sinceMs = atMs
  }

  /** Its record is on disk. */
  leave(atMs: number): void {
    this.#deciding--
    this.#sinceMs = atMs
  }

  /** Has nothing left for more than `waitMaxMs` although decisions wait? */
  isLate(atMs: number, waitMaxMs: number): boolean {
    return this.#deciding > 0 && atMs - this.#sinceMs > waitMaxMs
  }
}
