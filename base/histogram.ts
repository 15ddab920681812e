// Log-linear latency histogram: counts durations so that percentiles cost nothing to keep. Buckets are as wide as 1/64 of their
// value, so any percentile is right to within 1.6 %, from 1 µs to over an hour, in a few KB.

const subBuckets = 64
const subBits = 6
/** One row of them below 64 µs, one for each of the 26 doublings above. */
const bucketCount = subBuckets * 27
/** Durations are told apart up to 71 minutes: as many µs as 32 bits count. */
const longestMs = 0xffff_ffff / 1_000

export class Histogram {
  readonly #counts = new Float64Array(bucketCount)
  #total = 0
  #maxMs = 0

  get total(): number {
    return this.#total
  }

  /** The largest value, exactly. */
  get maxMs(): number {
    return this.#maxMs
  }

  /** Counts one duration; negative ones, and what is no number, count as 0. */
  add(ms: number): void {
    const bounded = ms > 0 ? Math.min(ms, longestMs) : 0
    const bucket = bucketOf(Math.round(bounded * 1_000))
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#total++
    this.#maxMs = Math.max(this.#maxMs, bounded)
  }

  /** Adds the counts of another histogram. */
  merge(other: Histogram): void {
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      this.#counts[bucket] = (this.#counts[bucket] ?? 0) + (other.#counts[bucket] ?? 0)
    }
    this.#total += other.#total
    this.#maxMs = Math.max(this.#maxMs, other.#maxMs)
  }

  /** Quantile: the duration that this share (0 to 1) of all stays at or below, ms; undefined when nothing was counted. */
  percentileMs(share: number): number | undefined {
    if (this.#total === 0) return undefined
    const rank = Math.max(1, Math.ceil(share * this.#total))
    let seen = 0
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      seen += this.#counts[bucket] ?? 0
      if (seen >= rank) return Math.min(this.#maxMs, highestOf(bucket) / 1_000)
    }
    return this.#maxMs
  }

  /** Sets every count to zero. */
  reset(): void {
    this.#counts.fill(0)
    this.#total = 0
    this.#maxMs = 0
  }
}

/** Median, p99 and p99.9 of a histogram, ms to the microsecond; null when it is empty. */
export type Percentiles = {
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  readonly p999Ms: number | null
}

export function percentilesOf(histogram: Histogram): Percentiles {
  const at = (share: number): number | null => {
    const ms = histogram.percentileMs(share)
    return ms === undefined ? null : roundedMs(ms)
  }
  return { p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999) }
}

/** Milliseconds to the microsecond. */
export function roundedMs(ms: number): number {
  return Math.round(ms * 1_000) / 1_000
}

/** Below 64 µs a bucket a microsecond; above, 64 buckets for every doubling. By bits: a logarithm took ten times as long. */
function bucketOf(us: number): number {
  if (us < subBuckets) return us
  const doublings = 31 - Math.clz32(us) - subBits
  return subBuckets * (doublings + 1) + (us >>> doublings) - subBuckets
}

/** The largest value, µs, that falls into a bucket. */
function highestOf(bucket: number): number {
  if (bucket < subBuckets) return bucket
  const doublings = Math.floor(bucket / subBuckets) - 1
  return (subBuckets + (bucket % subBuckets) + 1) * 2 ** doublings - 1
}
