// In-place redrawing on a terminal. Draws in place on a terminal, below what was there before: each picture over the one before.

import { columnsOf } from './drawing.ts'

type Stream = { readonly columns?: number; readonly write: (text: string) => unknown }

export class Canvas {
  readonly #stream: Stream
  #lines = 0

  constructor(stream: Stream) {
    this.#stream = stream
  }

  show(lines: readonly string[]): void {
    const width = columnsOf(this.#stream) - 1
    const up = this.#lines === 0 ? '' : `\u001b[${this.#lines}A`
    // Each line is cleared to its end, and what is left of a longer picture below.
    this.#stream.write(`${up}${lines.map((line) => `${line.slice(0, width)}\u001b[K\n`).join('')}\u001b[J`)
    this.#lines = lines.length
  }
}
