// Reserve of file descriptors. A reserve of open files (file descriptors): held open for nothing, and given up when the process may open no
// more, so that what must open a file to stay correct (the next segment, a list, the thread that writes the view) still can.

import { closeSync, openSync } from 'node:fs'
import { fileErrorCode } from './file-port.ts'

/** So many are held. */
const reservedFiles = 16
/** Beside them so many must be free, or the reserve is given up before they are gone too. */
const freeFilesMin = 8

let held: readonly number[] = []

/** Is it held? */
export function isReserveHeld(): boolean {
  return held.length > 0
}

/** Takes the reserve, or sees that there is still room beside it. Throws the system's error, and holds nothing then. */
export function holdReserve(): void {
  if (held.length === 0) held = opened(reservedFiles)
  try {
    closeAll(opened(freeFilesMin))
  } catch (error) {
    releaseReserve()
    throw error
  }
}

/** Gives it up. */
export function releaseReserve(): void {
  closeAll(held)
  held = []
}

/** Opens a file, out of the reserve when no more may be opened. */
export function openOutOfReserve<Result>(open: () => Result): Result {
  try {
    return open()
  } catch (error) {
    if (held.length === 0 || !isOutOfFiles(error)) throw error
    releaseReserve()
    return open()
  }
}

/** Does this error of the system say that no more files may be open, in this process (EMFILE) or in all (ENFILE)? */
function isOutOfFiles(error: unknown): boolean {
  return ['EMFILE', 'ENFILE'].includes(fileErrorCode(error) ?? '')
}

function opened(count: number): readonly number[] {
  const fds: number[] = []
  try {
    while (fds.length < count) fds.push(openSync('/dev/null', 'r'))
    return fds
  } catch (error) {
    closeAll(fds)
    throw error
  }
}

function closeAll(fds: readonly number[]): void {
  for (const fd of fds) closeSync(fd)
}
