// The file port on the machine's own file system. Everything but `allocate` is synchronous: these are short calls on files
// whose room is already there.

import {
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  fstatSync,
  openSync,
  readSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { open as openAsync } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock } from '../../engine/ports/clock.ts'
import { lockFolder } from './data-lock.ts'
import { giveAsReplaced } from './file-owner.ts'
import { makePrivateFile, makePrivateFolder, syncFolder } from './private-folder.ts'
import { openOutOfReserve } from './file-reserve.ts'
import { openRegular } from './regular-file.ts'
import { type Allocation, type FilePort, type OpenFile, fileErrorCode } from './file-port.ts'

/**
 * On Linux one call through O_DSYNC does what a write and fdatasync do, with a shorter tail (docs/decisions/0002). Elsewhere
 * O_DSYNC may stop at the drive's cache.
 */
const canWriteThrough = process.platform === 'linux'
/**
 * Zeros go to disk step by step, each synced, with a pause between: 64 MiB synced at once held up the syncs of groups for 20
 * to 190 ms, steps without a pause for 3 ms, these for less than 1 ms. At 5,000 records a second a segment lasts 15 s.
 */
const gentleStep = { bytes: 256 * 1024, pauseMs: 5 } as const
const fastStep = { bytes: 8 * 1024 * 1024, pauseMs: 0 } as const

/** Files on this machine; `append` writes and syncs at once, on the calling thread. `after` paces gentle allocation. */
export function realFiles(after?: Clock['after']): FilePort {
  return {
    open: (path, how) => openFile(path, how, after),
    list: (folder) => {
      try {
        return readdirSync(folder).sort()
      } catch (error) {
        if (fileErrorCode(error) === 'ENOENT') return []
        throw error
      }
    },
    makeFolder: makePrivateFolder,
    rename: replace,
    remove: (path) => rmSync(path, { force: true }),
    syncFolder,
    lock: lockFolder,
    close: () => Promise.resolve(),
  }
}

/** What takes another's place keeps its owner and mode. */
function replace(from: string, to: string): void {
  if (existsSync(to)) {
    const fd = openOutOfReserve(() => openSync(from, 'r'))
    try {
      giveAsReplaced(fd, to, dirname(to))
    } finally {
      closeSync(fd)
    }
  }
  renameSync(from, to)
}

function openFile(path: string, how: 'create' | 'existing' | 'read', after: Clock['after'] | undefined): OpenFile {
  if (how === 'create') makePrivateFile(path)
  const fd = openRegular(path, how === 'read' ? 'read' : 'change')
  let throughFd: number | undefined
  const writeThrough = (position: number, bytes: Uint8Array) => {
    throughFd ??= openOutOfReserve(() => openSync(path, constants.O_RDWR | constants.O_DSYNC))
    writeAll(throughFd, position, bytes)
  }
  const writeAndSync = (position: number, bytes: Uint8Array) => {
    writeAll(fd, position, bytes)
    fdatasyncSync(fd)
  }
  return {
    path,
    read: (position, into) => readAll(fd, position, into),
    write: (position, bytes) => writeAll(fd, position, bytes),
    datasync: () => fdatasyncSync(fd),
    append: ({ position, bytes, sync }, done) => {
      try {
        if (!sync) writeAll(fd, position, bytes)
        else if (canWriteThrough) writeThrough(position, bytes)
        else writeAndSync(position, bytes)
      } catch (error) {
        done(error)
        return
      }
      done()
    },
    allocate: (bytes, how) => allocate(path, bytes, { ...how, after }),
    sizeBytes: () => fstatSync(fd).size,
    close: () => {
      if (throughFd !== undefined) closeSync(throughFd)
      closeSync(fd)
    },
  }
}

function writeAll(fd: number, position: number, bytes: Uint8Array): void {
  let written = 0
  while (written < bytes.length) {
    written += writeSync(fd, bytes, written, bytes.length - written, position + written)
  }
}

function readAll(fd: number, position: number, into: Uint8Array): number {
  let length = 0
  while (length < into.length) {
    const got = readSync(fd, into, length, into.length - length, position + length)
    if (got === 0) break
    length += got
  }
  return length
}

type Pacing = Allocation & { readonly after: Clock['after'] | undefined }

/** On threads of the pool. */
async function allocate(path: string, bytes: number, { pace, signal, after }: Pacing): Promise<void> {
  const step = pace === 'gently' ? gentleStep : fastStep
  const file = await openAsync(path, 'r+')
  try {
    const zeros = Buffer.alloc(Math.min(bytes, step.bytes))
    for (let at = 0; at < bytes; at += zeros.length) {
      if (at > 0 && step.pauseMs > 0) await pause(step.pauseMs, signal, after)
      signal.throwIfAborted()
      const length = Math.min(zeros.length, bytes - at)
      let written = 0
      while (written < length) {
        written += (await file.write(zeros, written, length - written, at + written)).bytesWritten
      }
      await file.datasync()
    }
    await file.truncate(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Resolves after a while, or as soon as the file is wanted no more. */
async function pause(pauseMs: number, signal: AbortSignal, after: Clock['after'] | undefined): Promise<void> {
  if (after === undefined || signal.aborted) return
  await new Promise<void>((resolve) => {
    const stop = () => {
      cancel()
      resolve()
    }
    const cancel = after(pauseMs, () => {
      signal.removeEventListener('abort', stop)
      resolve()
    })
    signal.addEventListener('abort', stop, { once: true })
  })
}
