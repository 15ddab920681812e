// Where the engine reports how long its work took. It only reports: what becomes of the figures is the server's business.

/** Called on the hot path: an implementation must not allocate, throw or wait. */
export type Meters = {
  /** From a frame read off the socket to its answer written, ms. */
  readonly answered: (tookMs: number) => void
  /** From a record appended to it durable, ms. */
  readonly gated: (tookMs: number) => void
}

/** For who does not measure. */
export const noMeters: Meters = { answered: () => undefined, gated: () => undefined }

/** Two that measure, as one. */
export function bothMeters(one: Meters, other: Meters): Meters {
  return {
    answered(tookMs) {
      one.answered(tookMs)
      other.answered(tookMs)
    },
    gated(tookMs) {
      one.gated(tookMs)
      other.gated(tookMs)
    },
  }
}
