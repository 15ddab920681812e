// Streaming download of an export with progress: rows are counted and the last position is read off; the bytes go on unchanged to
// the sink.

import {
  type DecisionFilter,
  exportColumns,
  exportFromHeader,
  exportToHeader,
  operatorHeader,
  operatorPaths,
} from '../../protocol/operator-api.ts'
import { type Answered, refusalOf, unreachable } from '../state/api.ts'
import { queryOf } from './filter-url.ts'

export type ExportFormat = 'csv' | 'jsonl'

export type ExportProgress = {
  readonly rows: number
  readonly bytes: number
  /** 0 to 1: how much of the journal it has come through; undefined when the engine did not say how much there is. */
  readonly part: number | undefined
}

/** Sink of the bytes. */
export type ExportSink = {
  readonly write: (chunk: Uint8Array<ArrayBuffer>) => Promise<void>
  readonly finish: () => Promise<void>
  /** Aborts: what was written is not whole. */
  readonly drop: () => Promise<void>
}

/** Streams an export into a sink. It is whole, or refused and dropped. */
export async function streamExport(
  format: ExportFormat,
  filter: DecisionFilter,
  sink: ExportSink,
  progress: (now: ExportProgress) => void,
  signal: AbortSignal,
): Promise<Answered<ExportProgress>> {
  try {
    const path = `${operatorPaths.export}?${[`format=${format}`, queryOf(filter)].filter((part) => part !== '').join('&')}`
    const response = await fetch(path, { signal, credentials: 'same-origin', headers: { [operatorHeader]: '1' } })
    if (!response.ok || response.body === null) {
      const refusal = await refusalOf(response)
      await sink.drop()
      return { ok: false, refusal }
    }
    const follow = followExport(format, rangeOf(response.headers))
    const reader = response.body.getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      await sink.write(value)
      progress(follow(value))
    }
    await sink.finish()
    return { ok: true, answer: { ...follow(new Uint8Array(0)), part: 1 } }
  } catch (error) {
    await sink.drop()
    const refusal = unreachable(error)
    if (refusal.error === 'cancelled')
      return { ok: false, refusal: { ...refusal, message: 'Cancelled; nothing was kept.' } }
    return {
      ok: false,
      refusal: { error: 'cut-off', message: 'The export was cut off, so nothing was kept. Try again.' },
    }
  }
}

/** The positions an export comes from and goes to, in whichever order. */
type LsnRange = { readonly newest: number; readonly oldest: number }

function rangeOf(headers: Headers): LsnRange | undefined {
  const ends = [headers.get(exportFromHeader), headers.get(exportToHeader)].map((text) =>
    text === null ? Number.NaN : Number(text),
  )
  return ends.every((end) => Number.isSafeInteger(end))
    ? { newest: Math.max(...ends), oldest: Math.min(...ends) }
    : undefined
}

/** Counts rows and reads positions of chunks that are cut anywhere. */
export function followExport(format: ExportFormat, range: LsnRange | undefined): (chunk: Uint8Array) => ExportProgress {
  const decoder = new TextDecoder()
  const [position] = exportColumns
  const ofRow = format === 'csv' ? /^(\d+),/ : new RegExp(`^\\{"${position}":(\\d+),`)
  let line = ''
  let rows = 0
  let bytes = 0
  let lsn = range?.newest ?? 0
  return (chunk) => {
    bytes += chunk.length
    const lines = (line + decoder.decode(chunk, { stream: true })).split('\n')
    line = lines.pop() ?? ''
    for (const one of lines) {
      const found = ofRow.exec(one)?.[1]
      if (found === undefined) continue
      rows += 1
      lsn = Number(found)
    }
    return { rows, bytes, part: range === undefined ? undefined : partOf(range, lsn) }
  }
}

function partOf({ newest, oldest }: LsnRange, lsn: number): number {
  if (newest <= oldest) return 0
  return Math.min(1, Math.max(0, (newest - lsn) / (newest - oldest)))
}
