// Live overview of the fleet, which stays open all day: what the fleet is doing, and whether anything is wrong.

import { feedJournalStates } from '../../protocol/messages/operator-feed.ts'
import { namesOf } from '../../base/names.ts'
import { historySeconds } from '../../protocol/operator-api.ts'
import { accountHoldNames, bandStates, holdBits, sessionStates } from '../../protocol/states.ts'
import { ActButton } from '../parts/act-button.tsx'
import { conditionOf } from '../state/alarms.ts'
import type { ChartState } from '../build/chart.ts'
import { charts } from '../parts/charts.ts'
import { type FeedPoint, heldMs, linesOf, msOf, rateOf, valueOf } from '../state/feed-points.ts'
import { alarms, engineNowMs, fleet, isStale, latest, points } from '../state/live.ts'
import { Fact, Facts, Panel, Tag, Time, count } from '../parts/parts.tsx'
import { useMemo } from '../state/preact.ts'
import { ReasonsPanel } from '../parts/reasons-panel.tsx'
import { type Shown, Statechart } from '../parts/statechart.tsx'
import { TimePlot } from '../parts/time-plot.tsx'
import { formatClock, formatDuration } from '../parts/times.ts'

const approvals = ['decisions.approved']
const denials = ['denied']
const bandFields = namesOf(bandStates).map((state) => `bands.${state}`)
/** Time span of the plots, s: as much history as the engine keeps. */
const spanS = historySeconds

export function FleetPage() {
  const point = latest.value
  const second = points.value.at(-1)
  const before = points.value.at(-2)
  const denied = rateOf(second, before, denials)
  const held = valueOf(point, 'bands.held')
  return (
    <>
      <h1>Fleet</h1>
      <div class="tiles">
        <Tile
          name="Approved"
          value={rate(rateOf(second, before, approvals))}
          unit="/s"
          tone="good"
          href="/decisions?reason=approved"
        />
        <Tile name="Denied" value={rate(denied)} unit="/s" {...warnOf(denied)} href="/decisions?reason=denied" />
        <Tile
          name="p99 of a minute"
          value={ms(msOf(point, 'answeredMinuteP99Us'))}
          unit={`ms of ${count(valueOf(point, 'answeredMinute'))}`}
        />
        <Tile name="Bands" value={count(sum(point, bandFields))} />
        <Tile name="Armed" value={count(valueOf(point, 'bands.armed'))} tone="good" />
        <Tile name="Held" value={count(held)} {...warnOf(held)} />
        <Tile name="Links" value={count(valueOf(point, 'links'))} />
        <Tile name="Sessions" value={count(valueOf(point, 'sessions.live'))} />
      </div>
      <AlarmsPanel />
      <Panel title="Bands" class="span">
        <Statechart
          chart={charts.band}
          label="Bands in every state"
          column="Bands in it now"
          show={(state) => bandsIn(state, point)}
        />
        <Facts>
          {namesOf(holdBits).map((hold) => (
            <Fact key={hold} name={hold}>
              <span class="number">{count(valueOf(point, `holds.${hold}`))}</span>
            </Fact>
          ))}
          {accountHoldNames.map((hold) => (
            <Fact key={hold} name={`accounts, ${hold}`}>
              <span class="number">{count(valueOf(point, `accountHolds.${hold}`))}</span>
            </Fact>
          ))}
        </Facts>
      </Panel>
      <div class="columns">
        <LatencyPanel />
        <RatesPanel />
        <ReasonsPanel />
        <EnginePanel />
      </div>
      <Panel title="Sessions" class="span">
        <Statechart
          chart={charts.session}
          label="Sessions in every state"
          column="Sessions in it now"
          show={(state) => sessionsIn(state, point)}
        />
      </Panel>
    </>
  )
}

/** A number that calls for attention only when there is something to attend to. */
function warnOf(value: number | null): { readonly tone?: 'warn' } {
  return value !== null && value > 0 ? { tone: 'warn' } : {}
}

function Tile(props: {
  readonly name: string
  readonly value: string
  readonly unit?: string
  readonly tone?: 'good' | 'warn'
  /** Where what is counted stands one by one. */
  readonly href?: string
}) {
  const inside = (
    <>
      <span class="tile-name">{props.name}</span>
      <span class="tile-value number">
        {props.value}
        {props.unit !== undefined && <small> {props.unit}</small>}
      </span>
    </>
  )
  const kind = `tile ${props.tone ?? ''}`
  return props.href === undefined ? (
    <div class={kind}>{inside}</div>
  ) : (
    <a class={kind} href={props.href}>
      {inside}
    </a>
  )
}

/** What a picture holds, in words: five minutes, or what there is since the engine started, and up to when if that is not now. */
function spanText(): string {
  const held = heldMs(points.value)
  const last = held === spanS * 1000 ? 'last 5 minutes' : `last ${formatDuration(held)}`
  const newest = points.value.at(-1)
  return isStale.value && newest !== undefined ? `${last}, up to ${formatClock(newest.atMs)}` : last
}

function AlarmsPanel() {
  const rules = fleet.value?.alarms ?? []
  const on = alarms.value
  return (
    <Panel
      title="Alarms"
      class={on.length > 0 ? 'span alarmed' : 'span'}
      aside={<Tag tone={on.length > 0 ? 'bad' : 'good'}>{on.length > 0 ? `${on.length} on` : 'all off'}</Tag>}
    >
      {on.map((rule) => (
        <p key={rule.name} class="notice bad">
          <strong>{rule.name}</strong> {rule.says}
        </p>
      ))}
      <details>
        <summary>{rules.length === 1 ? 'one rule' : `${rules.length} rules`}</summary>
        <ul class="plain-list">
          {rules.map((rule) => (
            <li key={rule.name}>
              <Tag tone={on.includes(rule) ? 'bad' : 'plain'}>{on.includes(rule) ? 'on' : 'off'}</Tag>{' '}
              <strong>{rule.name}</strong> {rule.says}{' '}
              <span class="muted">
                (<code>{rule.field}</code> {conditionOf(rule)})
              </span>
            </li>
          ))}
        </ul>
      </details>
    </Panel>
  )
}

const latencyLines = [
  { label: 'p50', colour: '--line-1' },
  { label: 'p99', colour: '--line-2' },
  { label: 'p99.9', colour: '--line-3' },
] as const

function LatencyPanel() {
  const told = points.value
  const point = latest.value
  const data = useMemo(
    () =>
      linesOf(told, [
        (one) => msOf(one, 'answeredP50Us'),
        (one) => msOf(one, 'answeredP99Us'),
        (one) => msOf(one, 'answeredP999Us'),
      ]),
    [told],
  )
  const budget = fleet.value?.budget
  return (
    <Panel title="Time to the durable answer" aside={<span class="muted">ms, {spanText()}</span>}>
      <TimePlot
        label={`Answered within: p50 ${ms(msOf(point, 'answeredP50Us'))} ms, p99 ${ms(msOf(point, 'answeredP99Us'))} ms, p99.9 ${ms(msOf(point, 'answeredP999Us'))} ms`}
        lines={latencyLines}
        data={data}
        unit="ms"
        heightPx={220}
        spanS={spanS}
        {...(budget === undefined ? {} : { limit: { value: budget.p99Ms, label: `budget p99 ${budget.p99Ms} ms` } })}
      />
    </Panel>
  )
}

const rateLines = [
  { label: 'approved', colour: '--good', isFilled: true },
  { label: 'denied', colour: '--warn' },
] as const

function RatesPanel() {
  const told = points.value
  const data = useMemo(
    () =>
      linesOf(told, [(one, before) => rateOf(one, before, approvals), (one, before) => rateOf(one, before, denials)]),
    [told],
  )
  const second = told.at(-1)
  const before = told.at(-2)
  return (
    <Panel title="Decisions" aside={<span class="muted">a second, {spanText()}</span>}>
      <TimePlot
        label={`Approved ${rate(rateOf(second, before, approvals))} a second, denied ${rate(rateOf(second, before, denials))} a second`}
        lines={rateLines}
        data={data}
        unit="/s"
        heightPx={220}
        spanS={spanS}
      />
    </Panel>
  )
}

function EnginePanel() {
  const point = latest.value
  const journal = feedJournalStates[valueOf(point, 'journalState') ?? -1]
  const clockCertain = valueOf(point, 'clockCertain')
  const said = fleet.value
  const number = (field: string) => <span class="number">{count(valueOf(point, field))}</span>
  const time = (field: string) => {
    const value = msOf(point, field)
    return <span class="number">{value === null ? '–' : `${ms(value)} ms`}</span>
  }
  const size = (field: string) => <span class="number">{megabytes(valueOf(point, field))}</span>
  return (
    <Panel
      title="Engine"
      class="engine"
      aside={<ActButton act={{ act: 'drain' }} label="Drain for maintenance" tone="bad" />}
    >
      <Facts>
        <Fact name="Journal">
          {journal === undefined ? '–' : <Tag tone={journal === 'open' ? 'good' : 'bad'}>{journal}</Tag>}
        </Fact>
        <Fact name="Clock">
          {clockCertain === null ? (
            '–'
          ) : (
            <Tag tone={clockCertain === 0 ? 'bad' : 'good'}>{clockCertain === 0 ? 'doubtful' : 'certain'}</Tag>
          )}
        </Fact>
        <Fact name="Journal position">{number('appendedLsn')}</Fact>
        <Fact name="Not yet on disk">
          <span class="number">{count(difference(point, 'appendedLsn', 'durableLsn'))}</span>
        </Fact>
        <Fact name="Not yet in the view">
          <span class="number">{count(difference(point, 'durableLsn', 'appliedLsn'))}</span>
        </Fact>
        <Fact name="Waiting at the gate">{number('gateDepth')}</Fact>
        <Fact name="Gate, p99">{time('gateP99Us')}</Fact>
        <Fact name="Event loop, p99">{time('loopP99Us')}</Fact>
        <Fact name="Event loop, most">{time('loopMaxUs')}</Fact>
        <Fact name="Collections of garbage">{number('gcCount')}</Fact>
        <Fact name="Longest collection">{time('gcMaxUs')}</Fact>
        <Fact name="CPU">
          <span class="number">{cpu(point)}</span>
        </Fact>
        <Fact name="Memory of its own">{size('ownRssKb')}</Fact>
        <Fact name="Mapped files">{size('mappedKb')}</Fact>
        <Fact name="Heap">{size('heapKb')}</Fact>
        <Fact name="Awake actors">{number('bandsAwake')}</Fact>
        <Fact name="Pairing windows">{number('pairingWindows')}</Fact>
        <Fact name="Alarms set">{number('alarmsWaiting')}</Fact>
        <Fact name="Reversals">{number('reversals')}</Fact>
        <Fact name="Unexpected events">{number('unexpected')}</Fact>
        <Fact name="Errors of actors">{number('actorErrors')}</Fact>
        <Fact name="Operators watching">{number('viewers')}</Fact>
        {said !== undefined && (
          <>
            <Fact name="Started">
              <Time atMs={said.startedAtMs} />
            </Fact>
            <Fact name="Running for">
              <span class="number">{formatDuration(engineNowMs() - said.startedAtMs)}</span>
            </Fact>
            <Fact name="Version">{said.version}</Fact>
            <Fact name="Listener">{said.listener}</Fact>
            <Fact name="Durability">{said.durability}</Fact>
          </>
        )}
      </Facts>
    </Panel>
  )
}

function bandsIn(state: ChartState, point: FeedPoint | undefined): Shown {
  const total = sum(point, bandFields)
  const held = valueOf(point, 'bands.held')
  const value = bandCount(state, point, total, held)
  const tone = state.name === 'armed' ? 'good' : state.name === 'held' && (value ?? 0) > 0 ? 'warn' : 'plain'
  return { text: count(value), isLit: false, tone }
}

function bandCount(
  state: ChartState,
  point: FeedPoint | undefined,
  total: number | null,
  held: number | null,
): number | null {
  if (state.isRegion) return total
  if (state.path === 'holds.held') return held
  if (state.path === 'holds.free') return total === null || held === null ? null : total - held
  if (state.isLeaf) return valueOf(point, `bands.${state.name}`)
  const inside = charts.band.states.filter((one) => one.isLeaf && one.path.startsWith(`${state.path}.`))
  return sum(
    point,
    inside.map((one) => `bands.${one.name}`),
  )
}

function sessionsIn(state: ChartState, point: FeedPoint | undefined): Shown {
  const name = sessionStates.find((one) => one === state.name)
  const value = name === undefined ? null : valueOf(point, `sessions.${name}`)
  return { text: count(value), isLit: false, tone: name === 'live' ? 'good' : 'plain' }
}

function sum(point: FeedPoint | undefined, fields: readonly string[]): number | null {
  let total = 0
  for (const field of fields) {
    const value = valueOf(point, field)
    if (value === null) return null
    total += value
  }
  return total
}

function difference(point: FeedPoint | undefined, more: string, less: string): number | null {
  const first = valueOf(point, more)
  const second = valueOf(point, less)
  return first === null || second === null ? null : Math.max(0, first - second)
}

function cpu(point: FeedPoint | undefined): string {
  const total = sum(point, ['cpuUserMs', 'cpuSystemMs'])
  return total === null ? '–' : `${(total / 10).toFixed(0)} % of a core`
}

function rate(value: number | null): string {
  if (value === null) return '–'
  return value > 0 && value < 10 ? value.toFixed(1) : count(Math.round(value))
}

function ms(value: number | null): string {
  return value === null ? '–' : value.toFixed(value < 10 ? 2 : 1)
}

function megabytes(kb: number | null): string {
  return kb === null ? '–' : `${(kb / 1024).toFixed(kb < 102_400 ? 1 : 0)} MB`
}
