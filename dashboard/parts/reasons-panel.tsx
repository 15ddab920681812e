// Panel of reason counters: approvals and every reason for denial, with how often each was given since the engine started.

import { namesOf } from '../../base/names.ts'
import { type Reason, reasons } from '../../protocol/reasons.ts'
import { rateOf, valueOf } from '../state/feed-points.ts'
import { latest, points } from '../state/live.ts'
import { Panel, Wide, count } from './parts.tsx'
import { useState } from '../state/preact.ts'

type Order = 'count' | 'rate' | 'reason'
/** Null: not known. */
type Row = { readonly reason: Reason; readonly count: number | null; readonly rate: number | null }

/** The rate is over this many seconds, so that it can be read. */
const rateOverS = 10

export function ReasonsPanel() {
  const [order, setOrder] = useState<Order>('count')
  const [withNever, setWithNever] = useState(false)
  const rows = namesOf(reasons)
    .map(rowOf)
    .filter((row) => withNever || (row.count ?? 0) > 0)
    .sort(comparing(order))
  const most = Math.max(1, ...rows.map((row) => row.count ?? 0))
  return (
    <Panel
      title="Reasons"
      aside={
        <label class="check">
          <input type="checkbox" checked={withNever} onChange={() => setWithNever(!withNever)} /> also those never given
        </label>
      }
    >
      <Wide label="Reasons of decisions">
        <table class="dense">
          <thead>
            <tr>
              <Sorted name="Reason" order="reason" now={order} choose={setOrder} />
              <Sorted name="Since start" order="count" now={order} choose={setOrder} isNumber />
              <Sorted name="A second" order="rate" now={order} choose={setOrder} isNumber />
              <th scope="col">
                <span class="unseen">Share</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.reason}>
                <th scope="row">
                  <a href={`/decisions?reason=${row.reason}`}>{row.reason}</a>
                </th>
                <td class="number right">{count(row.count)}</td>
                <td class="number right">{row.rate?.toFixed(1) ?? '–'}</td>
                <td class="bar-cell">
                  <svg
                    class={`bar ${row.reason === 'approved' ? 'good' : 'warn'}`}
                    viewBox="0 0 100 8"
                    preserveAspectRatio="none"
                    aria-hidden="true"
                  >
                    <rect width={(100 * (row.count ?? 0)) / most} height="8" />
                  </svg>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Wide>
      {rows.length === 0 && latest.value !== undefined && (
        <p class="empty">Nothing was decided since the engine started.</p>
      )}
    </Panel>
  )
}

function Sorted(props: {
  readonly name: string
  readonly order: Order
  readonly now: Order
  readonly choose: (order: Order) => void
  readonly isNumber?: boolean
}) {
  const isNow = props.now === props.order
  const direction = props.order === 'reason' ? 'ascending' : 'descending'
  return (
    <th scope="col" class={props.isNumber === true ? 'right' : ''} aria-sort={isNow ? direction : 'none'}>
      <button type="button" class="sort" onClick={() => props.choose(props.order)}>
        {props.name}
        <span aria-hidden="true">{isNow ? (direction === 'ascending' ? ' ↑' : ' ↓') : ''}</span>
      </button>
    </th>
  )
}

function rowOf(reason: Reason): Row {
  const field = `decisions.${reason}`
  const second = points.value.at(-1)
  // What the engine kept of the minutes before has no reasons.
  const then = points.value.slice(-1 - rateOverS).find((point) => valueOf(point, field) !== null)
  return { reason, count: valueOf(latest.value, field), rate: rateOf(second, then, [field]) }
}

function comparing(order: Order): (a: Row, b: Row) => number {
  switch (order) {
    case 'reason':
      return (a, b) => a.reason.localeCompare(b.reason)
    case 'rate':
      return (a, b) => (b.rate ?? 0) - (a.rate ?? 0) || (b.count ?? 0) - (a.count ?? 0)
    case 'count':
      return (a, b) => (b.count ?? 0) - (a.count ?? 0) || a.reason.localeCompare(b.reason)
  }
}
