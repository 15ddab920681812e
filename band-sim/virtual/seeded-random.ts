// Seeded pseudorandom number generator, so that a run can be repeated exactly. Deterministic on purpose: for simulated bands only.

import { type Bytes, ascii, concatBytes, readU32, u32 } from '../../base/bytes.ts'
import type { Primitives } from '../../crypto/primitives/primitives.ts'

/** A pseudorandom stream; two with one seed give the same. */
export type SeededRandom = {
  readonly bytes: (length: number) => Uint8Array<ArrayBuffer>
  /** 0 ≤ value < 1. */
  readonly fraction: () => number
  /** 0 ≤ value < `below`, an integer. */
  readonly integer: (below: number) => number
  /** A stream of its own for `name`, whatever this one is used for meanwhile. */
  readonly fork: (name: string) => SeededRandom
}

/** Creates a stream, blocks of SHA-256 over seed and counter (counter mode). */
export function seededRandom(primitives: Primitives, seed: string): SeededRandom {
  const key = primitives.sha256(ascii(`band-sim ${seed}`))
  let counter = 0
  let buffer: Bytes = new Uint8Array(0)
  const bytes = (length: number): Uint8Array<ArrayBuffer> => {
    const taken = new Uint8Array(length)
    for (let at = 0; at < length;) {
      if (buffer.length === 0) buffer = primitives.sha256(concatBytes(key, u32(counter++)))
      const part = buffer.subarray(0, length - at)
      taken.set(part, at)
      at += part.length
      buffer = buffer.subarray(part.length)
    }
    return taken
  }
  const fraction = (): number => readU32(bytes(4), 0) / 0x1_0000_0000
  return {
    bytes,
    fraction,
    integer: (below) => Math.floor(fraction() * below),
    fork: (name) => seededRandom(primitives, `${seed}/${name}`),
  }
}

/** The same primitives with random bytes from `random`: handshakes and nonces of a simulated band repeat with its seed. */
export function withRandom(primitives: Primitives, random: SeededRandom): Primitives {
  return { ...primitives, randomBytes: random.bytes }
}
