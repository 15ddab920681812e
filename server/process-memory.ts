// What this process holds in memory. Of the resident pages only the anonymous ones are its own: the view's file is mapped,
// its pages count as resident while the system keeps them, and go when it wants them back.

import { readFileSync } from 'node:fs'

/** Megabytes (2^20 bytes). Null where the system does not tell (it is Linux that does). */
export type ProcessMemory = {
  readonly rssMb: number
  /** Resident pages of no file: heap, buffers, stacks. */
  readonly anonRssMb: number | null
  /** Resident pages of files: the view above all, and the program itself. */
  readonly mappedMb: number | null
  readonly heapUsedMb: number
  readonly externalMb: number
  readonly arrayBuffersMb: number
}

export function processMemory(): ProcessMemory {
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage()
  const { anonRssMb, mappedMb } = residentOf(statusText())
  return {
    rssMb: megabytes(rss),
    anonRssMb,
    mappedMb,
    heapUsedMb: megabytes(heapUsed),
    externalMb: megabytes(external),
    arrayBuffersMb: megabytes(arrayBuffers),
  }
}

/** The resident pages in a text like /proc/self/status (proc(5): RssAnon, RssFile, RssShmem, in kB). */
export function residentOf(status: string): Pick<ProcessMemory, 'anonRssMb' | 'mappedMb'> {
  const kilobytes = (name: string): number | null => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]
    return found === undefined ? null : Number(found)
  }
  const anonymous = kilobytes('RssAnon')
  const file = kilobytes('RssFile')
  const shared = kilobytes('RssShmem')
  return {
    anonRssMb: anonymous === null ? null : megabytes(anonymous * 1_024),
    mappedMb: file === null ? null : megabytes((file + (shared ?? 0)) * 1_024),
  }
}

/** Not smaps_rollup: that walks every mapped page, and the view maps gigabytes. */
function statusText(): string {
  try {
    return readFileSync('/proc/self/status', 'utf8')
  } catch {
    return ''
  }
}

function megabytes(bytes: number): number {
  return Math.round((bytes / 1_048_576) * 100) / 100
}
