// Non-blocking, bounded log sink. Whole lines to stderr, at once: a line is with the system before the caller goes on, so a crash right after
// loses none. A reader that is slow must not hold up the engine, nor one that is gone end it: what the pipe does not take waits here, bounded,
// and what does not fit is counted and said to be lost.
//
// Why not what pino brings: its synchronous destination sleeps while the pipe is full, so a stuck reader stops the engine (and
// the watchdog ends it); its asynchronous one loses in a crash what a thread had not written yet.

import { writeSync } from 'node:fs'

/** How much waits for a reader that is slow; lines beyond are lost. */
export const waitingBytesMax = 1024 * 1024
const retryEveryMs = 50
/** How long the end of the process waits for such a reader. */
const lastWaitMs = 500
const lastRetryMs = 5

type Lines = {
  readonly write: (line: string) => void
  /** Once no more lines wait, or there is no more time. */
  readonly flush: () => void
}

let stderr: Lines | undefined

/** Writes a line, with its newline, to this process's stderr. `lost` makes the line that tells how many were lost. */
export function stderrLines(lost: (lines: number) => string): (line: string) => void {
  if (stderr === undefined) {
    // Node makes a pipe non-blocking when its stream is made, and only then. Files and terminals block, as they do for everybody.
    process.stderr.on('error', () => undefined)
    stderr = createLines(2, lost)
    process.on('exit', stderr.flush)
  }
  return stderr.write
}

function createLines(fd: number, lost: (lines: number) => string): Lines {
  let waiting: Buffer[] = []
  let waitingBytes = 0
  let lostLines = 0
  let isTorn = false
  let isRetrying = false

  /** What is left of the bytes: nothing when they are written, or cannot be. */
  const put = (bytes: Buffer): Buffer | undefined => {
    let written = 0
    try {
      while (written < bytes.length) written += writeSync(fd, bytes, written)
      return undefined
    } catch (error) {
      if (isFull(error)) return bytes.subarray(written)
      lostLines++
      isTorn ||= written > 0
      return undefined
    }
  }
  const keep = (bytes: Buffer): void => {
    if (waitingBytes + bytes.length > waitingBytesMax) {
      lostLines++
      return
    }
    waiting.push(bytes)
    waitingBytes += bytes.length
    retryLater()
  }
  const retryLater = (): void => {
    if (isRetrying) return
    isRetrying = true
    setTimeout(() => {
      isRetrying = false
      if (!drained()) retryLater()
    }, retryEveryMs).unref()
  }
  /** Writes what waits; true when nothing does any more. */
  const drained = (): boolean => {
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      const rest = put(first)
      waitingBytes -= first.length - (rest?.length ?? 0)
      if (rest === undefined) waiting = waiting.slice(1)
      else {
        waiting[0] = rest
        return false
      }
    }
    return true
  }
  const tellLost = (): void => {
    if (lostLines === 0) return
    const before = lostLines
    lostLines = 0
    const rest = put(Buffer.from(`${isTorn ? '\n' : ''}${lost(before)}`))
    // Not written at all: these, and not the line that would have told of them, are lost still.
    if (lostLines > 0) lostLines = before
    else isTorn = false
    if (rest !== undefined) keep(rest)
  }
  return {
    write(line) {
      const bytes = Buffer.from(line)
      if (!drained()) return keep(bytes)
      tellLost()
      const rest = waiting.length === 0 ? put(bytes) : bytes
      if (rest !== undefined) keep(rest)
    },
    flush() {
      const sleeper = new Int32Array(new SharedArrayBuffer(4))
      for (const until = performance.now() + lastWaitMs; !drained() && performance.now() < until;) {
        Atomics.wait(sleeper, 0, 0, lastRetryMs)
      }
      if (waiting.length === 0) tellLost()
    },
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EAGAIN'
}
