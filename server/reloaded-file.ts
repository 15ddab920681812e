// A file whose content follows the disk: read at start, and again within a second of a change. A file that cannot be read
// keeps the content from before, and says so: a slip of an editor must not lock everybody out, or let anybody in.

import { type Stats, statSync } from 'node:fs'
import type { Clock } from '../engine/ports/clock.ts'
import { codeOf } from './error-code.ts'

const pollMs = 1_000

export class ReloadedFile<Content> {
  readonly path: string
  readonly #read: () => Content
  readonly #changed: (error: unknown) => void
  #content: Content
  #version: string
  #reads = 0
  #cancel: () => void = () => {}

  /** Reads the file; throws as `read` does. `changed` hears of every later reading: undefined, or what went wrong. */
  constructor(path: string, read: () => Content, changed: (error: unknown) => void) {
    this.path = path
    this.#read = read
    this.#changed = changed
    this.#version = versionOf(path)
    this.#content = read()
  }

  get content(): Content {
    return this.#content
  }

  /** How often it was read anew. */
  get reads(): number {
    return this.#reads
  }

  /** Looks every second from now on. */
  follow(clock: Pick<Clock, 'after'>): void {
    this.#cancel = clock.after(pollMs, () => {
      this.look()
      this.follow(clock)
    })
  }

  stop(): void {
    this.#cancel()
  }

  /** Looks now; reads when the file is another than before. */
  look(): void {
    const version = versionOf(this.path)
    if (version === this.#version) return
    // Taken first: a file that stays bad is complained about once.
    this.#version = version
    try {
      this.#content = this.#read()
      this.#reads++
      this.#changed(undefined)
    } catch (error) {
      this.#changed(error)
    }
  }
}

function versionOf(path: string): string {
  let found: Stats
  try {
    found = statSync(path)
  } catch (error) {
    // It cannot even be looked at: reading it says why.
    return codeOf(error) ?? 'unknown'
  }
  return `${found.ino} ${found.size} ${found.mtimeMs} ${found.ctimeMs}`
}
