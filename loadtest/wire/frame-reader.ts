// Zero-copy decoder of the frames that come thousands of times a second: 105, 120 and 200. Everything else goes through
// protocol/'s own decoder. A frame that does not fit reads as undefined.

export class FrameReader {
  #bytes: Uint8Array = new Uint8Array(0)
  #at = 0
  /** Items of the array. */
  items = 0
  /** What did not fit was met: everything read since is void. */
  isBroken = false

  /** Begins a message; gives its type. */
  begin(bytes: Uint8Array): number {
    this.#bytes = bytes
    this.#at = 0
    this.isBroken = false
    const head = this.#byte()
    if (head >= 0x90 && head <= 0x9f) this.items = head & 0x0f
    else if (head === 0xdc) this.items = this.#wide(2)
    else this.isBroken = true
    return this.unsigned()
  }

  unsigned(): number {
    const head = this.#byte()
    if (head <= 0x7f) return head
    switch (head) {
      case 0xcc:
        return this.#byte()
      case 0xcd:
        return this.#wide(2)
      case 0xce:
        return this.#wide(4)
      case 0xcf:
        return this.#wide(8)
      default:
        this.isBroken = true
        return 0
    }
  }

  truth(): boolean {
    const head = this.#byte()
    if (head !== 0xc2 && head !== 0xc3) this.isBroken = true
    return head === 0xc3
  }

  /** A view of the message. */
  binary(): Uint8Array {
    const head = this.#byte()
    const length = head === 0xc4 ? this.#byte() : head === 0xc5 ? this.#wide(2) : -1
    if (length === -1) this.isBroken = true
    const from = this.#at
    this.#at += Math.max(0, length)
    if (this.#at > this.#bytes.length) this.isBroken = true
    return this.#bytes.subarray(from, this.#at)
  }

  /** Steps over nil, a number, a text or bytes. */
  skip(): void {
    const head = this.#bytes[this.#at] ?? 0
    if (head === 0xc0) this.#at++
    else if (head >= 0xa0 && head <= 0xbf) this.#at += 1 + (head & 0x1f)
    else if (head === 0xd9) this.#at += 2 + (this.#bytes[this.#at + 1] ?? 0)
    else if (head === 0xda) {
      this.#at++
      const length = this.#wide(2)
      this.#at += length
    } else if (head === 0xc4 || head === 0xc5) this.binary()
    else this.unsigned()
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) this.isBroken = true
    return byte ?? 0
  }

  #wide(width: number): number {
    let value = 0
    for (let i = 0; i < width; i++) value = value * 256 + this.#byte()
    return value
  }
}
