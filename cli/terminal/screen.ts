// Alternate screen buffer of a terminal. The whole of a terminal for a while: its other screen, without the cursor, drawn from the top; then
// it is left as it was. The sequences are xterm's private modes 1049 and 25, which every terminal of today knows.

import { type Line, columnsOf, paint } from './drawing.ts'

type Stream = {
  readonly columns?: number
  readonly rows?: number
  readonly write: (text: string) => unknown
}

export class Screen {
  readonly #stream: Stream
  readonly #isColored: boolean
  #isEntered = false

  constructor(stream: Stream, isColored: boolean) {
    this.#stream = stream
    this.#isColored = isColored
  }

  enter(): void {
    this.#isEntered = true
    this.#stream.write('\u001b[?1049h\u001b[?25l\u001b[H\u001b[2J')
  }

  /** Draws what fits, from the top; the rest is cut. One write, so that nothing flickers. */
  show(lines: readonly Line[]): void {
    // Not into the last column: what follows there would wrap, or wipe it.
    const width = columnsOf(this.#stream) - 1
    const shown = lines.slice(0, this.#stream.rows || lines.length)
    const text = shown.map((line) => `${paint(line, width, this.#isColored)}\u001b[K`).join('\r\n')
    this.#stream.write(`\u001b[H${text}\u001b[J`)
  }

  /** Gives the terminal back; more than once does nothing. */
  leave(): void {
    if (!this.#isEntered) return
    this.#isEntered = false
    this.#stream.write('\u001b[?25h\u001b[?1049l')
  }
}
