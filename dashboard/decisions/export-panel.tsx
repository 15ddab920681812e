// Export panel: exactly what is filtered, as a file. It streams, shows its progress, and can be cancelled.

import type { ApiRefusal, DecisionFilter } from '../../protocol/operator-api.ts'
import { nowMs } from '../state/clock.ts'
import { openSink } from './export-sink.ts'
import { type ExportFormat, type ExportProgress, streamExport } from './export-stream.ts'
import { Panel, count, sentence } from '../parts/parts.tsx'
import { useEffect, useRef, useState } from '../state/preact.ts'
import { formatUtc } from '../parts/times.ts'

type Run =
  | { readonly type: 'running'; readonly progress: ExportProgress }
  | { readonly type: 'done'; readonly progress: ExportProgress }
  | { readonly type: 'refused'; readonly refusal: ApiRefusal }

const types = { csv: 'text/csv', jsonl: 'application/jsonl' } as const

export function ExportPanel({ filter }: { readonly filter: DecisionFilter }) {
  const [run, setRun] = useState<Run | undefined>(undefined)
  const stop = useRef<AbortController | undefined>(undefined)
  useEffect(() => () => stop.current?.abort(), [])
  const start = async (format: ExportFormat): Promise<void> => {
    const name = `decisions-${formatUtc(nowMs()).slice(0, 19).replaceAll(':', '')}Z.${format}`
    const sink = await openSink(name, types[format])
    if (sink === undefined) return
    const controller = new AbortController()
    stop.current = controller
    setRun({ type: 'running', progress: { rows: 0, bytes: 0, part: undefined } })
    const progress = (now: ExportProgress): void => setRun({ type: 'running', progress: now })
    const answered = await streamExport(format, filter, sink, progress, controller.signal)
    setRun(answered.ok ? { type: 'done', progress: answered.answer } : { type: 'refused', refusal: answered.refusal })
  }
  const isRunning = run?.type === 'running'
  return (
    <Panel title="Export" class="span">
      <div class="buttons">
        <button type="button" disabled={isRunning} onClick={() => void start('csv')}>
          Export as CSV
        </button>
        <button type="button" disabled={isRunning} onClick={() => void start('jsonl')}>
          Export as JSON lines
        </button>
        <span class="muted">Exactly what the filter finds. The journal keeps that you took it.</span>
      </div>
      {run?.type === 'running' && (
        <div class="buttons">
          <progress
            aria-label="Export"
            max={1}
            {...(run.progress.part === undefined ? {} : { value: run.progress.part })}
          />
          <span class="number">{progressText(run.progress)}</span>
          <button type="button" onClick={() => stop.current?.abort()}>
            Cancel export
          </button>
        </div>
      )}
      <div role="status">
        {run?.type === 'done' && <p class="notice good">Exported {progressText(run.progress)}.</p>}
        {run?.type === 'refused' && <p class="notice bad">{sentence(run.refusal.message)}</p>}
      </div>
    </Panel>
  )
}

function progressText({ rows, bytes, part }: ExportProgress): string {
  const percent = part === undefined ? '' : `${Math.round(part * 100)} %, `
  const size = bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} KB` : `${(bytes / 1_000_000).toFixed(1)} MB`
  return `${percent}${count(rows)} ${rows === 1 ? 'row' : 'rows'}, ${size}`
}
