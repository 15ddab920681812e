// What this process holds in memory. Of the resident pages only the anonymous ones are its own: the view's file is mapped,
// its pages count as resident while the system keeps them, and go when it wants them back.

import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'

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

/** Bytes; the same figures as in `ProcessMemory`. */
export type MemoryBytes = {
  readonly rss: number
  readonly anonymous: number | null
  readonly mapped: number | null
  readonly heapUsed: number
  readonly external: number
  readonly arrayBuffers: number
}

export function processMemory(): ProcessMemory {
  const bytes = memoryBytes()
  return {
    rssMb: megabytes(bytes.rss),
    anonRssMb: bytes.anonymous === null ? null : megabytes(bytes.anonymous),
    mappedMb: bytes.mapped === null ? null : megabytes(bytes.mapped),
    heapUsedMb: megabytes(bytes.heapUsed),
    externalMb: megabytes(bytes.external),
    arrayBuffersMb: megabytes(bytes.arrayBuffers),
  }
}

export function memoryBytes(): MemoryBytes {
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage()
  return { rss, ...residentOf(statusText()), heapUsed, external, arrayBuffers }
}

/** The most that this process can have: the machine's memory, or what its control group leaves of it. */
export function memoryLimitBytes(): number {
  const group = process.constrainedMemory()
  // 0 where there is no group, and a number beyond all memory where it sets no limit.
  return group > 0 ? Math.min(group, totalmem()) : totalmem()
}

/** The resident pages in a text like /proc/self/status (proc(5): RssAnon, RssFile, RssShmem, in kB). */
export function residentOf(status: string): Pick<MemoryBytes, 'anonymous' | 'mapped'> {
  const bytes = (name: string): number | null => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]
    return found === undefined ? null : Number(found) * 1_024
  }
  const file = bytes('RssFile')
  return { anonymous: bytes('RssAnon'), mapped: file === null ? null : file + (bytes('RssShmem') ?? 0) }
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
