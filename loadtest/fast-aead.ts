// ChaCha20-Poly1305 (RFC 8439) in place and without allocating, for records of a few dozen bytes. OpenSSL's costs twice as
// much here and leaves objects with finalizers behind; a test holds both to the same answers. Not in constant time, which
// simulated bands need not be.

const tagBytes = 16
const chunk = 22
const chunkMask = 0x3f_ffff
const chunkRange = 2 ** chunk

/** Keys of many links in one array, so a key is an array and a place. */
export class FastAead {
  readonly #state = new Int32Array(16)
  readonly #stream = new Int32Array(16)
  readonly #streamBytes = new Uint8Array(this.#stream.buffer)
  readonly #poly = new Poly1305()
  readonly #tag = new Uint8Array(tagBytes)

  /** Seals `data[at..at+length]` where it stands and writes the tag behind it. The nonce is that of record `ctr`. */
  seal(
    key: { readonly keys: Uint8Array; readonly keyAt: number },
    ctr: number,
    aad: Uint8Array,
    data: Uint8Array,
    at: number,
    length: number,
  ): void {
    this.#begin(key, ctr)
    this.#crypt(data, at, length)
    this.#poly.finish(aad, data, at, length, data, at + length)
  }

  /** Opens `data[at..at+length+16]` where it stands; false, and nothing changed, when the tag does not fit. */
  open(
    key: { readonly keys: Uint8Array; readonly keyAt: number },
    ctr: number,
    aad: Uint8Array,
    data: Uint8Array,
    at: number,
    length: number,
  ): boolean {
    this.#begin(key, ctr)
    this.#poly.finish(aad, data, at, length, this.#tag, 0)
    for (let i = 0; i < tagBytes; i++) if (this.#tag[i] !== data[at + length + i]) return false
    this.#crypt(data, at, length)
    return true
  }

  #begin({ keys, keyAt }: { readonly keys: Uint8Array; readonly keyAt: number }, ctr: number): void {
    const state = this.#state
    // "expand 32-byte k" (RFC 8439 §2.3).
    state[0] = 0x61707865
    state[1] = 0x3320646e
    state[2] = 0x79622d32
    state[3] = 0x6b206574
    for (let i = 0; i < 8; i++) state[4 + i] = word(keys, keyAt + 4 * i)
    state[12] = 0
    // The nonce is 00000000 ‖ ctr as u64 little-endian (PROTOCOL §5).
    state[13] = 0
    state[14] = ctr
    state[15] = 0
    this.#block(0)
    this.#poly.begin(this.#streamBytes)
  }

  #crypt(data: Uint8Array, at: number, length: number): void {
    for (let done = 0; done < length; done += 64) {
      this.#block(1 + done / 64)
      const part = Math.min(64, length - done)
      for (let i = 0; i < part; i++) data[at + done + i] = (data[at + done + i] ?? 0) ^ (this.#streamBytes[i] ?? 0)
    }
  }

  // Sixteen local words: as an array the same rounds take three times as long.
  #block(counter: number): void {
    const s = this.#state
    s[12] = counter
    let [a, b, c, d] = [s[0] ?? 0, s[1] ?? 0, s[2] ?? 0, s[3] ?? 0]
    let [e, f, g, h] = [s[4] ?? 0, s[5] ?? 0, s[6] ?? 0, s[7] ?? 0]
    let [i, j, k, l] = [s[8] ?? 0, s[9] ?? 0, s[10] ?? 0, s[11] ?? 0]
    let [m, n, o, p] = [s[12] ?? 0, s[13] ?? 0, s[14] ?? 0, s[15] ?? 0]
    for (let round = 0; round < 10; round++) {
      a = (a + e) | 0
      m = rotl(m ^ a, 16)
      i = (i + m) | 0
      e = rotl(e ^ i, 12)
      a = (a + e) | 0
      m = rotl(m ^ a, 8)
      i = (i + m) | 0
      e = rotl(e ^ i, 7)
      b = (b + f) | 0
      n = rotl(n ^ b, 16)
      j = (j + n) | 0
      f = rotl(f ^ j, 12)
      b = (b + f) | 0
      n = rotl(n ^ b, 8)
      j = (j + n) | 0
      f = rotl(f ^ j, 7)
      c = (c + g) | 0
      o = rotl(o ^ c, 16)
      k = (k + o) | 0
      g = rotl(g ^ k, 12)
      c = (c + g) | 0
      o = rotl(o ^ c, 8)
      k = (k + o) | 0
      g = rotl(g ^ k, 7)
      d = (d + h) | 0
      p = rotl(p ^ d, 16)
      l = (l + p) | 0
      h = rotl(h ^ l, 12)
      d = (d + h) | 0
      p = rotl(p ^ d, 8)
      l = (l + p) | 0
      h = rotl(h ^ l, 7)
      a = (a + f) | 0
      p = rotl(p ^ a, 16)
      k = (k + p) | 0
      f = rotl(f ^ k, 12)
      a = (a + f) | 0
      p = rotl(p ^ a, 8)
      k = (k + p) | 0
      f = rotl(f ^ k, 7)
      b = (b + g) | 0
      m = rotl(m ^ b, 16)
      l = (l + m) | 0
      g = rotl(g ^ l, 12)
      b = (b + g) | 0
      m = rotl(m ^ b, 8)
      l = (l + m) | 0
      g = rotl(g ^ l, 7)
      c = (c + h) | 0
      n = rotl(n ^ c, 16)
      i = (i + n) | 0
      h = rotl(h ^ i, 12)
      c = (c + h) | 0
      n = rotl(n ^ c, 8)
      i = (i + n) | 0
      h = rotl(h ^ i, 7)
      d = (d + e) | 0
      o = rotl(o ^ d, 16)
      j = (j + o) | 0
      e = rotl(e ^ j, 12)
      d = (d + e) | 0
      o = rotl(o ^ d, 8)
      j = (j + o) | 0
      e = rotl(e ^ j, 7)
    }
    const out = this.#stream
    out[0] = a + (s[0] ?? 0)
    out[1] = b + (s[1] ?? 0)
    out[2] = c + (s[2] ?? 0)
    out[3] = d + (s[3] ?? 0)
    out[4] = e + (s[4] ?? 0)
    out[5] = f + (s[5] ?? 0)
    out[6] = g + (s[6] ?? 0)
    out[7] = h + (s[7] ?? 0)
    out[8] = i + (s[8] ?? 0)
    out[9] = j + (s[9] ?? 0)
    out[10] = k + (s[10] ?? 0)
    out[11] = l + (s[11] ?? 0)
    out[12] = m + (s[12] ?? 0)
    out[13] = n + (s[13] ?? 0)
    out[14] = o + (s[14] ?? 0)
    out[15] = p + (s[15] ?? 0)
  }
}

/**
 * RFC 8439 §2.5 in six chunks of 22 bits: products of two chunks, five times folded and summed six times, stay below 2^53,
 * so plain numbers carry them. 2^132 is 4·5 = 20 modulo 2^130 - 5.
 */
class Poly1305 {
  readonly #r = new Float64Array(6)
  readonly #folded = new Float64Array(6)
  readonly #h = new Float64Array(6)
  readonly #pad = new Uint32Array(4)
  readonly #last = new Uint8Array(16)
  readonly #before = new Float64Array(6)

  /** Takes the one-time key, 32 bytes. */
  begin(key: Uint8Array): void {
    const r0 = word(key, 0) & 0x0fff_ffff
    const r1 = word(key, 4) & 0x0fff_fffc
    const r2 = word(key, 8) & 0x0fff_fffc
    const r3 = word(key, 12) & 0x0fff_fffc
    const r = this.#r
    r[0] = r0 & chunkMask
    r[1] = ((r0 >>> 22) | (r1 << 10)) & chunkMask
    r[2] = ((r1 >>> 12) | (r2 << 20)) & chunkMask
    r[3] = (r2 >>> 2) & chunkMask
    r[4] = ((r2 >>> 24) | (r3 << 8)) & chunkMask
    r[5] = r3 >>> 14
    for (let i = 0; i < 6; i++) this.#folded[i] = 20 * (r[i] ?? 0)
    this.#h.fill(0)
    for (let i = 0; i < 4; i++) this.#pad[i] = word(key, 16 + 4 * i)
  }

  /** The tag over `aad` and the ciphertext, both padded, and their lengths (RFC 8439 §2.8). */
  finish(aad: Uint8Array, data: Uint8Array, at: number, length: number, tag: Uint8Array, tagAt: number): void {
    this.#padded(aad, 0, aad.length)
    this.#padded(data, at, length)
    const last = this.#last
    last.fill(0)
    last[0] = aad.length
    last[1] = aad.length >>> 8
    last[8] = length
    last[9] = length >>> 8
    this.#block(last, 0)
    this.#write(tag, tagAt)
  }

  #padded(bytes: Uint8Array, at: number, length: number): void {
    let done = 0
    for (; done + 16 <= length; done += 16) this.#block(bytes, at + done)
    if (done === length) return
    const last = this.#last
    for (let i = 0; i < 16; i++) last[i] = done + i < length ? (bytes[at + done + i] ?? 0) : 0
    this.#block(last, 0)
  }

  #block(bytes: Uint8Array, at: number): void {
    const [t0, t1, t2, t3] = [word(bytes, at), word(bytes, at + 4), word(bytes, at + 8), word(bytes, at + 12)]
    const { 0: r0 = 0, 1: r1 = 0, 2: r2 = 0, 3: r3 = 0, 4: r4 = 0, 5: r5 = 0 } = this.#r
    const { 1: s1 = 0, 2: s2 = 0, 3: s3 = 0, 4: s4 = 0, 5: s5 = 0 } = this.#folded
    const h = this.#h
    const h0 = (h[0] ?? 0) + (t0 & chunkMask)
    const h1 = (h[1] ?? 0) + (((t0 >>> 22) | (t1 << 10)) & chunkMask)
    const h2 = (h[2] ?? 0) + (((t1 >>> 12) | (t2 << 20)) & chunkMask)
    const h3 = (h[3] ?? 0) + ((t2 >>> 2) & chunkMask)
    const h4 = (h[4] ?? 0) + (((t2 >>> 24) | (t3 << 8)) & chunkMask)
    const h5 = (h[5] ?? 0) + ((t3 >>> 14) | 0x4_0000)
    const d0 = h0 * r0 + h1 * s5 + h2 * s4 + h3 * s3 + h4 * s2 + h5 * s1
    let carry = Math.floor(d0 / chunkRange)
    const d1 = h0 * r1 + h1 * r0 + h2 * s5 + h3 * s4 + h4 * s3 + h5 * s2 + carry
    const low0 = d0 - carry * chunkRange
    carry = Math.floor(d1 / chunkRange)
    const low1 = d1 - carry * chunkRange
    const d2 = h0 * r2 + h1 * r1 + h2 * r0 + h3 * s5 + h4 * s4 + h5 * s3 + carry
    carry = Math.floor(d2 / chunkRange)
    h[2] = d2 - carry * chunkRange
    const d3 = h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * s5 + h5 * s4 + carry
    carry = Math.floor(d3 / chunkRange)
    h[3] = d3 - carry * chunkRange
    const d4 = h0 * r4 + h1 * r3 + h2 * r2 + h3 * r1 + h4 * r0 + h5 * s5 + carry
    carry = Math.floor(d4 / chunkRange)
    h[4] = d4 - carry * chunkRange
    const d5 = h0 * r5 + h1 * r4 + h2 * r3 + h3 * r2 + h4 * r1 + h5 * r0 + carry
    carry = Math.floor(d5 / chunkRange)
    h[5] = d5 - carry * chunkRange
    const wrapped = low0 + carry * 20
    const over = Math.floor(wrapped / chunkRange)
    h[0] = wrapped - over * chunkRange
    h[1] = low1 + over
  }

  #write(tag: Uint8Array, tagAt: number): void {
    const h = this.#h
    const top = this.#carried(0) >>> 20
    h[5] = (h[5] ?? 0) & 0xf_ffff
    // What is above 2^130 comes back five times; then once more if the sum is the prime or above it.
    this.#carried(5 * top)
    this.#before.set(h)
    if (this.#carried(5) >>> 20 === 0) h.set(this.#before)
    const [h0, h1, h2, h3, h4, h5] = [h[0] ?? 0, h[1] ?? 0, h[2] ?? 0, h[3] ?? 0, h[4] ?? 0, h[5] ?? 0]
    const pad = this.#pad
    let sum = ((h0 | (h1 << 22)) >>> 0) + (pad[0] ?? 0)
    writeWord(tag, tagAt, sum)
    sum = (((h1 >>> 10) | (h2 << 12)) >>> 0) + (pad[1] ?? 0) + Math.floor(sum / 0x1_0000_0000)
    writeWord(tag, tagAt + 4, sum)
    sum = (((h2 >>> 20) | (h3 << 2) | (h4 << 24)) >>> 0) + (pad[2] ?? 0) + Math.floor(sum / 0x1_0000_0000)
    writeWord(tag, tagAt + 8, sum)
    sum = (((h4 >>> 8) | (h5 << 14)) >>> 0) + (pad[3] ?? 0) + Math.floor(sum / 0x1_0000_0000)
    writeWord(tag, tagAt + 12, sum)
  }

  /** Adds and carries; gives the highest chunk. */
  #carried(add: number): number {
    const h = this.#h
    let carry = add
    for (let i = 0; i < 5; i++) {
      const sum = (h[i] ?? 0) + carry
      carry = Math.floor(sum / chunkRange)
      h[i] = sum - carry * chunkRange
    }
    h[5] = (h[5] ?? 0) + carry
    return h[5]
  }
}

function rotl(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by))
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)
}

function writeWord(bytes: Uint8Array, at: number, value: number): void {
  const low = value % 0x1_0000_0000
  bytes[at] = low
  bytes[at + 1] = low >>> 8
  bytes[at + 2] = low >>> 16
  bytes[at + 3] = low >>> 24
}
