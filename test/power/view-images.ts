// Crash images: from a trace (write-trace.c) to what the disk may hold after a power cut; everything synced, and of the rest
// whatever the disk happened to have written, sector by sector, in no order.

import { sectorBytes } from '../../store/journal/journal-format.ts'
import type { Chance } from '../../store/journal/test-simulated-disk.ts'

export type TraceStep = {
  readonly kind: 'write' | 'truncate' | 'sync'
  readonly name: string
  /** Written through O_DSYNC: this write is on disk when it returns. */
  readonly isDurable: boolean
  readonly offset: number
  readonly bytes: Buffer
}

const kinds = { W: 'write', T: 'truncate', S: 'sync' } as const

export function readTrace(trace: Buffer): readonly TraceStep[] {
  const steps: TraceStep[] = []
  for (let at = 0; at < trace.length;) {
    const kind = kinds[String.fromCharCode(trace[at] ?? 0) as keyof typeof kinds]
    if (kind === undefined) throw new Error(`a trace record expected at ${at}`)
    const nameAt = at + 16
    const bytesAt = nameAt + (trace[at + 1] ?? 0)
    const end = bytesAt + (kind === 'write' ? trace.readUInt32LE(at + 4) : 0)
    steps.push({
      kind,
      name: trace.toString('utf8', nameAt, bytesAt),
      isDurable: trace[at + 2] === 1,
      offset: Number(trace.readBigUInt64LE(at + 8)),
      bytes: trace.subarray(bytesAt, end),
    })
    at = end
  }
  return steps
}

/** How much of what was not synced survives a cut. */
export type Survival = 'nothing' | 'everything' | 'some writes' | 'some sectors' | 'all but one write'

/** The file `name` after a cut behind the first `count` steps of the trace. */
export function imageAfter(
  steps: readonly TraceStep[],
  count: number,
  cut: { readonly name: string; readonly survival: Survival; readonly chance: Chance },
): Buffer {
  const image = new GrowingFile()
  let unsynced: TraceStep[] = []
  for (const step of steps.slice(0, count)) {
    if (step.name !== cut.name) continue
    if (step.kind === 'sync') {
      for (const one of unsynced) image.apply(one)
      unsynced = []
    } else if (step.isDurable) image.apply(step)
    else unsynced.push(step)
  }
  const spared = Math.floor(cut.chance() * unsynced.length)
  for (const [index, step] of unsynced.entries()) {
    if (cut.survival === 'everything') image.apply(step)
    else if (cut.survival === 'some writes' && cut.chance() < 0.5) image.apply(step)
    else if (cut.survival === 'all but one write' && index !== spared) image.apply(step)
    else if (cut.survival === 'some sectors')
      for (const part of sectorsOf(step)) if (cut.chance() < 0.5) image.apply(part)
  }
  return image.bytes
}

function* sectorsOf(step: TraceStep): Generator<TraceStep> {
  if (step.kind !== 'write') yield step
  for (let at = 0; at < step.bytes.length;) {
    const end = Math.min(step.bytes.length, at + sectorBytes - ((step.offset + at) % sectorBytes))
    yield { ...step, offset: step.offset + at, bytes: step.bytes.subarray(at, end) }
    at = end
  }
}

class GrowingFile {
  #bytes = Buffer.alloc(1024 * 1024)
  #length = 0

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  apply({ kind, offset, bytes }: TraceStep): void {
    if (kind === 'truncate') {
      this.#grow(offset)
      this.#bytes.fill(0, offset)
      this.#length = offset
      return
    }
    this.#grow(offset + bytes.length)
    bytes.copy(this.#bytes, offset)
    this.#length = Math.max(this.#length, offset + bytes.length)
  }

  #grow(length: number): void {
    if (length <= this.#bytes.length) return
    const larger = Buffer.alloc(2 * length)
    this.#bytes.copy(larger)
    this.#bytes = larger
  }
}
