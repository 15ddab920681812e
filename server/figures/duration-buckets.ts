// Histogram of durations. Durations counted into buckets for as long as the process lives, as Prometheus wants its histograms: it is the
// scraper that takes differences. Recording is a short walk over a few numbers, and allocates nothing.

export class DurationBuckets {
  /** Upper ends of the buckets, seconds, each included in its bucket (`le`); what is longer is in no bucket but in the count. */
  readonly boundsS: readonly number[]
  readonly #boundsMs: Float64Array
  /** One for each bound, and one for what is longer. */
  readonly #counts: Float64Array
  /** In an array of one, since a field of a class would be a new object at every change. */
  readonly #sumMs = new Float64Array(1)

  /** The bounds rise; whole µs, so that seconds and milliseconds say the same. */
  constructor(boundsUs: readonly number[]) {
    this.boundsS = boundsUs.map((us) => us / 1_000_000)
    this.#boundsMs = Float64Array.from(boundsUs, (us) => us / 1_000)
    this.#counts = new Float64Array(boundsUs.length + 1)
  }

  /** Takes any number: what is none or below 0 counts as 0, what is longer than an hour as an hour. */
  record(tookMs: number): void {
    const ms = tookMs > 0 ? Math.min(tookMs, longestMs) : 0
    const bounds = this.#boundsMs
    let at = 0
    while (at < bounds.length && ms > (bounds[at] ?? 0)) at++
    this.#counts[at] = (this.#counts[at] ?? 0) + 1
    this.#sumMs[0] = (this.#sumMs[0] ?? 0) + ms
  }

  /** How many were at most as long as each bound. */
  cumulative(): readonly number[] {
    let sum = 0
    return this.boundsS.map((_, at) => (sum += this.#counts[at] ?? 0))
  }

  get count(): number {
    return this.#counts.reduce((sum, one) => sum + one, 0)
  }

  get sumS(): number {
    return (this.#sumMs[0] ?? 0) / 1_000
  }
}

/** An Infinity in a sum would never go away. */
const longestMs = 3_600_000
