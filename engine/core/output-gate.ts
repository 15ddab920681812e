// Load shedding at the output gate. Answers wait here until their records are on disk. How long the oldest has waited is how far behind the
// engine is: past `gateWaitMaxMs` it takes no new requests to decide, before any cryptography is spent on them. What is refused at once can be
// asked again; what is taken and answered late is of no use.

export class OutputGate {
  /** Requests of any kind whose answers wait; changed by `GatePlace`. */
  waiting = 0
  #deciding = 0
  #sinceMs = 0

  /** Counts a request among those that wait, of its session too, until it is answered. */
  take(session: { waiting: number }): GatePlace {
    return new GatePlace(this, session)
  }

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

/** The place of one request at the gate. */
export class GatePlace {
  readonly #gate: OutputGate
  readonly #session: { waiting: number }
  #isTaken = true

  constructor(gate: OutputGate, session: { waiting: number }) {
    this.#gate = gate
    this.#session = session
    gate.waiting++
    session.waiting++
  }

  /** It is answered. Works once, however often it is called. */
  done(): void {
    if (!this.#isTaken) return
    this.#isTaken = false
    this.#gate.waiting--
    this.#session.waiting--
  }
}
