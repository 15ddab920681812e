// Input files (regular files, pipes, terminals) that a person names. Opening one never waits: a blocked open() holds a thread that the end of
// the process waits for, and a process that stands in a system call hears no signal.

import { closeSync, constants, createReadStream, fstatSync, openSync, readSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { ReadStream, isatty } from 'node:tty'
import { helperFileBytesMax } from '../../store/files/regular-file.ts'
import { utf8Of } from './text-file.ts'

/** How long a pipe may say nothing while a whole text is read from it, milliseconds. */
const pipeSilenceMaxMs = 10_000

const chunkBytes = 1 << 18
const pollMs = 20

/** A file that is no input: the message names it, what was expected, and what to do. */
class NamedFileError extends Error {
  override readonly name = 'NamedFileError'
}

/** The bytes of the file `path`, as they come; waiting for them holds nothing. Throws the system's error when it cannot be opened. */
export function openNamed(path: string): Readable {
  const fd = openWithoutWait(path)
  if (isatty(fd)) return new ReadStream(fd)
  if (fstatSync(fd).isFIFO()) return new Socket({ fd, readable: true, writable: false })
  return createReadStream(path, { fd, highWaterMark: chunkBytes })
}

/**
 * The whole UTF-8 text of the file `path`, without a byte order mark. Throws the system's error, a TextError for UTF-16, or a
 * NamedFileError: more than `bytesMax`, or a pipe that was silent for `silenceMaxMs`.
 */
export function readNamedText(
  path: string,
  { bytesMax = helperFileBytesMax, silenceMaxMs = pipeSilenceMaxMs } = {},
): string {
  const fd = openWithoutWait(path)
  try {
    return utf8Of(readAll(fd, { path, bytesMax, silenceMaxMs }), path)
  } finally {
    closeSync(fd)
  }
}

type Reading = { readonly path: string; readonly bytesMax: number; readonly silenceMaxMs: number }

function readAll(fd: number, { path, bytesMax, silenceMaxMs }: Reading): Uint8Array {
  const isPipe = fstatSync(fd).isFIFO()
  const into = new Uint8Array(chunkBytes)
  const chunks: Uint8Array[] = []
  let bytes = 0
  let silentMs = 0
  for (;;) {
    const count = readSome(fd, into)
    // Of a pipe that nothing came from yet, the end says only that no one writes into it yet.
    if (count === 0 && !(isPipe && bytes === 0)) return Buffer.concat(chunks)
    if (count === undefined || count === 0) {
      if (silentMs >= silenceMaxMs) {
        throw new NamedFileError(
          `${path}: a text expected, nothing came for ${silenceMaxMs / 1_000} s; is there a program that writes into it?`,
        )
      }
      pause(pollMs)
      silentMs += pollMs
      continue
    }
    silentMs = 0
    bytes += count
    if (bytes > bytesMax) throw new NamedFileError(`${path}: a file of at most ${bytesMax} bytes expected, it has more`)
    chunks.push(into.slice(0, count))
  }
}

/** How many bytes came; undefined when there are none yet. */
function readSome(fd: number, into: Uint8Array): number | undefined {
  try {
    return readSync(fd, into)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return undefined
    throw error
  }
}

function openWithoutWait(path: string): number {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  if (!fstatSync(fd).isDirectory()) return fd
  closeSync(fd)
  throw new NamedFileError(`${path}: a file expected, it is a folder`)
}

const pause = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
