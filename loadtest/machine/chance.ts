// Seeded pseudorandom numbers, cheap and repeatable: xoshiro128** (Blackman, Vigna 2018). For arrivals and choices, never for
// keys.

export class Chance {
  readonly #s = new Uint32Array(4)

  /** `seed` is 16 bytes or more, not all zero. */
  constructor(seed: Uint8Array) {
    const view = new DataView(seed.buffer, seed.byteOffset, 16)
    for (let i = 0; i < 4; i++) this.#s[i] = view.getUint32(4 * i)
  }

  /** 0 to 2^32 - 1. */
  word(): number {
    const s = this.#s
    const [s0, s1, s2, s3] = [s[0] ?? 0, s[1] ?? 0, s[2] ?? 0, s[3] ?? 0]
    const result = Math.imul(rotl(Math.imul(s1, 5), 7), 9) >>> 0
    s[0] = s0 ^ s3 ^ s1
    s[1] = s1 ^ s2 ^ s0
    s[2] = s2 ^ s0 ^ (s1 << 9)
    s[3] = rotl(s3 ^ s1, 11)
    return result
  }

  /** 0 ≤ value < 1. */
  fraction(): number {
    return this.word() / 0x1_0000_0000
  }

  /** 0 ≤ value < `below`, an integer. */
  integer(below: number): number {
    return Math.floor(this.fraction() * below)
  }

  /** A gap of a Poisson stream, in units of its mean. */
  exponential(): number {
    return -Math.log(1 - this.fraction())
  }
}

function rotl(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by))
}
