// Test fixtures of this folder: filled byte strings, and bit flips of one.

import type { Bytes } from '../../base/bytes.ts'

/** `length` bytes of one value: recognizable keys that belong to no one outside the tests. */
export function filled(length: number, value: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).fill(value)
}

/** A copy with bit `bit` turned; bit 0 is the highest of the first byte. */
export function flipped(bytes: Bytes, bit: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes)
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7))
  return copy
}

/** Every copy that differs in one bit. */
export function everyFlip(bytes: Bytes): readonly Uint8Array<ArrayBuffer>[] {
  return Array.from({ length: bytes.length * 8 }, (_, bit) => flipped(bytes, bit))
}
