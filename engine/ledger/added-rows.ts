// Append-only arena of encoded rows. Encoded rows one behind the other in large pieces of memory of their own: a row that waits for the view
// costs the collector a number, not an object. Nothing is taken out; all goes at once.

import { readU32 } from '../../base/bytes.ts'

const pieceBytes = 131_072
const lengthBytes = 4

export class AddedRows {
  readonly #pieces: Uint8Array<ArrayBuffer>[] = []
  #piece = new Uint8Array(0)
  /** Bytes used of the last piece. */
  #used = pieceBytes

  /** Copies a row in. Gives the place it is found at. */
  add(row: Uint8Array): number {
    const needed = lengthBytes + row.length
    if (needed > pieceBytes) throw new RangeError(`a row of at most ${pieceBytes - lengthBytes} bytes expected`)
    if (this.#used + needed > pieceBytes) {
      this.#piece = new Uint8Array(pieceBytes)
      this.#pieces.push(this.#piece)
      this.#used = 0
    }
    const piece = this.#piece
    const at = this.#used
    piece[at] = row.length >>> 24
    piece[at + 1] = row.length >>> 16
    piece[at + 2] = row.length >>> 8
    piece[at + 3] = row.length
    piece.set(row, at + lengthBytes)
    this.#used = at + needed
    return (this.#pieces.length - 1) * pieceBytes + at
  }

  /** The row at a place that `add` gave: a view, which stays as it is. */
  at(place: number): Uint8Array<ArrayBuffer> {
    const piece = this.#pieces[Math.floor(place / pieceBytes)]
    if (piece === undefined) throw new RangeError(`a place of a row expected, got ${place}`)
    const at = place % pieceBytes
    return piece.subarray(at + lengthBytes, at + lengthBytes + readU32(piece, at))
  }
}
