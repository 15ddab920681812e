// Acknowledgement of reloaded lists. What the running engine has read of the files that commands change: it says so in a note beside the
// lists, and holds the note's lock (flock) for as long as it runs. So a command that changed a list can wait until the change counts, and
// knows when nothing runs.

import { type Stats, existsSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Chores } from '../../engine/ports/chores.ts'
import { Fault } from '../../engine/ports/fault.ts'
import { lockFile } from '../../store/files/file-lock.ts'
import { codeOf } from './error-code.ts'
import { readPrivateFile, writePrivateFile } from './private-file.ts'

/** The version of a file as `versionOf` gives it, and whether its content was taken. */
type FileRead = { readonly version: string; readonly isRead: boolean }

/**
 * `known`: a running engine has read the file as it stands. `not-read`: it tried, and keeps what it had. `not-followed`: it does not use
 * this file. `late`: it runs and has not said. `no-engine`: none runs on this folder.
 */
export type Known = 'known' | 'not-read' | 'not-followed' | 'late' | 'no-engine'

/** How often the engine tries again what it could not note. */
const noteAgainMs = 1_000
/** How long a command waits for the engine, which looks every second, ms. */
export const knownWithinMs = 5_000
/** An engine that says nothing of a file for this long does not follow it, ms. */
const followedWithinMs = 1_500
const lookEveryMs = 50

/** The engine's side. What it cannot note it notes later; a command then says that it waited in vain. */
export class ReadLists {
  readonly #data: string
  readonly #files = new Map<string, FileRead>()
  #unlock: (() => void) | undefined
  #isStale = true
  #cancel: () => void = () => {}

  /** `data` is the data folder. */
  constructor(data: string) {
    this.#data = data
  }

  /** A file was read at this version, or was not taken. Files outside of the data folder are passed over. */
  tell(path: string, version: string, isRead: boolean): void {
    const name = nameIn(this.#data, path)
    if (name === undefined) return
    this.#files.set(name, { version, isRead })
    this.#isStale = true
    if (this.#unlock === undefined) return
    try {
      this.#note()
    } catch {
      // The chore tries again, and tells.
    }
  }

  /** Takes the lock and writes the note, now or later: a command that looks has the lock for a moment. */
  follow(chores: Chores): void {
    const work = (): void => this.#hold()
    try {
      work()
    } catch {
      // The chore tries again, and tells.
    }
    this.#cancel = chores.every('read-note', { everyMs: noteAgainMs, work })
  }

  stop(): void {
    this.#cancel()
    this.#unlock?.()
    this.#unlock = undefined
  }

  #hold(): void {
    this.#unlock ??= lockUnlessHeld(lockOf(this.#data))
    if (this.#unlock !== undefined && this.#isStale) this.#note()
  }

  #note(): void {
    writePrivateFile(noteOf(this.#data), `${JSON.stringify({ files: Object.fromEntries(this.#files) })}\n`)
    this.#isStale = false
  }
}

/** The command's side: waits until the engine that runs on this folder has read the file as it stands. */
export async function whenKnown(
  data: string,
  path: string,
  { nowMs, wait }: { readonly nowMs: () => number; readonly wait: (ms: number) => Promise<void> },
): Promise<Known> {
  const name = nameIn(data, path)
  if (name === undefined || !isEngineRunning(data)) return 'no-engine'
  const fromMs = nowMs()
  for (;;) {
    const found = readNote(data)?.[name]
    if (found !== undefined && found.version === versionOf(path)) return found.isRead ? 'known' : 'not-read'
    const waitedMs = nowMs() - fromMs
    if (found === undefined && waitedMs >= followedWithinMs) return 'not-followed'
    if (waitedMs >= knownWithinMs) return 'late'
    await wait(lookEveryMs)
  }
}

/** Another text when the file is another than before: inode, size and times. */
export function versionOf(path: string): string {
  let found: Stats
  try {
    found = statSync(path)
  } catch (error) {
    // It cannot even be looked at: reading it says why.
    return codeOf(error) ?? 'unknown'
  }
  return `${found.ino} ${found.size} ${found.mtimeMs} ${found.ctimeMs}`
}

function isEngineRunning(data: string): boolean {
  const lock = lockOf(data)
  // Made by an engine only, which owns it then.
  if (!existsSync(lock)) return false
  const unlock = lockUnlessHeld(lock)
  unlock?.()
  return unlock === undefined
}

/** Undefined when another has it. */
function lockUnlessHeld(path: string): (() => void) | undefined {
  try {
    return lockFile(path)
  } catch (error) {
    if (error instanceof Fault && error.code === 'data-in-use') return undefined
    throw error
  }
}

function readNote(data: string): Readonly<Record<string, FileRead>> | undefined {
  const text = readPrivateFile(noteOf(data))
  const parsed: unknown = text === undefined ? undefined : JSON.parse(text)
  return isNote(parsed) ? parsed.files : undefined
}

function isNote(value: unknown): value is { readonly files: Readonly<Record<string, FileRead>> } {
  if (typeof value !== 'object' || value === null || !('files' in value)) return false
  const { files } = value
  return typeof files === 'object' && files !== null && Object.values(files).every(isFileRead)
}

function isFileRead(value: unknown): value is FileRead {
  if (typeof value !== 'object' || value === null || !('version' in value) || !('isRead' in value)) return false
  return typeof value.version === 'string' && typeof value.isRead === 'boolean'
}

/** As engine and command both call it, from whichever mount or working folder they see it. */
function nameIn(data: string, path: string): string | undefined {
  const name = relative(data, path)
  return name.startsWith('..') || name.startsWith('/') ? undefined : name
}

function lockOf(data: string): string {
  return join(data, 'lists', 'read.lock')
}

function noteOf(data: string): string {
  return join(data, 'lists', 'read.json')
}
