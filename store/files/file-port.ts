// File system port. What the journal asks of a disk: files written at positions, synced, renamed. A port, so that a simulated disk that loses
// power can stand in for the real one (real-files.ts).

/** A failure of the file system, as Node reports it: `ENOSPC`, `EIO`, `ENOENT`, … */
export type FileErrorCode = string

export type Allocation = {
  /** `gently`: in steps so small that groups on their way to the same disk hardly wait; `fast`: no one else is there yet. */
  readonly pace: 'gently' | 'fast'
  readonly signal: AbortSignal
}

export type OpenFile = {
  readonly path: string
  /** Fills `into` from `position`; returns how many bytes there were. Throws with a `code`. */
  readonly read: (position: number, into: Uint8Array) => number
  /** Writes all of `bytes`; not on disk before a sync. Throws with a `code`. */
  readonly write: (position: number, bytes: Uint8Array) => void
  /** Puts everything written to the file, and its length, on disk. Throws with a `code`. */
  readonly datasync: () => void
  /**
   * Writes `bytes` and, when `sync`, puts them on disk; then calls `done`, at once or later, with the error if there was
   * one. One at a time. `bytes` is borrowed until `done`.
   */
  readonly append: (
    write: { readonly position: number; readonly bytes: Uint8Array; readonly sync: boolean },
    done: (error?: unknown) => void,
  ) => void
  /**
   * Fills the file with `bytes` zeros, so that later writes need no new room, and puts that on disk. Rejects with a `code`,
   * or when the signal says that the file is not wanted any more.
   */
  readonly allocate: (bytes: number, how: Allocation) => Promise<void>
  readonly sizeBytes: () => number
  readonly close: () => void
}

export type FilePort = {
  /** Opens for reading and writing; `create` makes it when it is not there. */
  readonly open: (path: string, how: 'create' | 'existing' | 'read') => OpenFile
  /** Names in a folder, sorted; empty when there is no such folder. */
  readonly list: (folder: string) => readonly string[]
  readonly makeFolder: (folder: string) => void
  /** Replaces `to` when it is there. Durable after `syncFolder`. */
  readonly rename: (from: string, to: string) => void
  readonly remove: (path: string) => void
  /** Puts the names in a folder on disk. */
  readonly syncFolder: (folder: string) => void
  /** Takes a folder for this engine alone; returns what gives it back. Throws a Fault `data-in-use`. */
  readonly lock: (folder: string) => () => void
  /** Ends what `append` runs on. */
  readonly close: () => Promise<void>
}

/** The `code` of a file system error, or undefined when it is something else. */
export function fileErrorCode(error: unknown): FileErrorCode | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** All of a file. */
export function readWhole(file: OpenFile): Buffer<ArrayBuffer> {
  const bytes = Buffer.allocUnsafeSlow(file.sizeBytes())
  const length = file.read(0, bytes)
  return bytes.subarray(0, length)
}
