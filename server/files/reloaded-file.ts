// Hot-reloaded file. A file whose content follows the disk: read at start, and again within a second of a change. A file that cannot be read
// keeps the content from before, says so once, and is read again until it can be: a slip of an editor must not lock all out, or let
// the wrong ones in.

import { type Chores, choreWaitMs } from '../../engine/ports/chores.ts'
import { versionOf } from './read-lists.ts'

const pollMs = 1_000

export class ReloadedFile<Content> {
  readonly path: string
  readonly #read: () => Content
  readonly #changed: (error: unknown) => void
  #content: Content
  #version: string
  #reads = 0
  #chores: Chores | undefined
  #cancel: () => void = () => {}
  #failuresInARow = 0
  /** Looks that pass before a file that could not be read is tried again as it is. */
  #looksToWait = 0

  /** Reads the file; throws as `read` does. `changed` hears of every later reading: undefined, or what went wrong. */
  constructor(path: string, read: () => Content, changed: (error: unknown) => void) {
    this.path = path
    this.#read = read
    this.#changed = changed
    this.#version = versionOf(path)
    this.#content = read()
  }

  /** Of the file as it was last looked at, as `versionOf` gives it. */
  get version(): string {
    return this.#version
  }

  get content(): Content {
    return this.#content
  }

  /** How often it was read anew. */
  get reads(): number {
    return this.#reads
  }

  /** Looks every second from now on. */
  follow(chores: Chores): void {
    this.#chores = chores
    this.#cancel = chores.every('file-reload', {
      everyMs: pollMs,
      item: `looking at ${this.path}`,
      work: () => this.look(),
    })
  }

  stop(): void {
    this.#cancel()
    this.#chores?.worked('file-reload', { item: this.path, isTold: true })
  }

  /** Looks now; reads when the file is another than before, or could not be read. */
  look(): void {
    const version = versionOf(this.path)
    const isNew = version !== this.#version
    if (!isNew && (this.#failuresInARow === 0 || this.#looksToWait-- > 0)) return
    this.#version = version
    let content: Content
    try {
      content = this.#read()
    } catch (error) {
      this.#failed(error, isNew)
      return
    }
    this.#content = content
    this.#reads++
    this.#failuresInARow = 0
    this.#chores?.worked('file-reload', { item: this.path, isTold: true })
    this.#changed(undefined)
  }

  // A file that stays bad is complained about once.
  #failed(error: unknown, isNew: boolean): void {
    this.#failuresInARow++
    this.#looksToWait = choreWaitMs(this.#failuresInARow) / pollMs - 1
    this.#chores?.failed('file-reload', error, { item: this.path, isTold: true })
    if (isNew) this.#changed(error)
  }
}
