// Detail page of one band: where its machine stands, what speaks for its wearer, what is left of its limits, and all that happened to it.
// It is read again whenever the feed says that the band moved.

import { type BandAnswer, type TimelineEntry, operatorPaths } from '../../protocol/operator-api.ts'
import { holdBits } from '../../protocol/states.ts'
import { namesOf } from '../../base/names.ts'
import { ActButton } from '../parts/act-button.tsx'
import { get, pathOf } from '../state/api.ts'
import { BandEvidence } from './band-evidence.tsx'
import { BandLimitsPanel } from './band-limits.tsx'
import { BandPhonesPanel } from './band-phones.tsx'
import { BandStepsPanel } from './band-steps.tsx'
import { BandSearch } from './bands.tsx'
import type { ChartState } from '../build/chart.ts'
import { charts } from '../parts/charts.ts'
import { tick, watchBand } from '../state/live.ts'
import { useFresh, useLoaded } from '../state/load.ts'
import { Fact, Facts, HoldTags, Id, Loading, Panel, Refused, StateTag, Tag, Time } from '../parts/parts.tsx'
import { useEffect, useState } from '../state/preact.ts'
import { type Shown, Statechart } from '../parts/statechart.tsx'
import { TimelinePanel, useTimeline } from './timeline.tsx'

const members = ['bandId', 'state', 'holds', 'limits', 'phones', 'arm', 'hardware', 'nowMs'] as const

export function BandPage({ bandId }: { readonly bandId: string }) {
  const band = useLoaded<BandAnswer>(bandId, async () =>
    get<BandAnswer>(pathOf(operatorPaths.band, { bandId }), members),
  )
  useFresh(band, ['changes.vendors'])
  const timeline = useTimeline(bandId)
  const [readAtMs, setReadAtMs] = useState(tick.value)
  useEffect(() => {
    const told = (): void => {
      band.again()
      timeline.again()
    }
    return watchBand(bandId, told)
  }, [bandId])
  useEffect(() => setReadAtMs(tick.peek()), [band.answer])
  const { answer } = band
  return (
    <>
      <h1>
        Band <Id>{bandId}</Id>
      </h1>
      <BandSearch key={bandId} name={bandId} />
      {band.refusal !== undefined && <Refused refusal={band.refusal} again={band.again} />}
      {answer === undefined && band.refusal === undefined && <Loading what="the band" />}
      {answer !== undefined && (
        <div class={band.refusal === undefined ? 'page' : 'page stale'}>
          <BandHead band={answer} done={band.again} />
          <Panel title="Where it stands" class="span">
            <Statechart
              chart={charts.band}
              label="The band's machine"
              column="Now"
              show={(state) => standing(state, answer)}
              taken={takenLast(timeline.entries)}
            />
          </Panel>
          <div class="columns">
            <BandEvidence band={answer} sinceReadMs={Math.max(0, tick.value - readAtMs)} />
            <BandLimitsPanel band={answer} />
          </div>
          <BandPhonesPanel band={answer} done={band.again} />
        </div>
      )}
      <BandStepsPanel />
      <TimelinePanel timeline={timeline} />
    </>
  )
}

function BandHead({ band, done }: { readonly band: BandAnswer; readonly done: () => void }) {
  const { bandId } = band
  const isFrozenBy = (whose: 'band' | 'account') =>
    band.holds.some(({ hold, of }) => hold === 'operator-freeze' && of === whose)
  const isFrozen = isFrozenBy('band')
  const isAccountFrozen = isFrozenBy('account')
  const act = (name: 'freeze-account' | 'unfreeze-account' | 'raise-epoch' | 'open-account', label: string) => (
    <ActButton act={{ act: name, bandId }} label={label} done={done} />
  )
  return (
    <Panel
      title={band.name === '' ? 'Binding' : band.name}
      class="span"
      aside={
        <span class="tags" aria-live="polite">
          <StateTag state={band.state} />
          {band.holds.length > 0 && <HoldTags holds={[...new Set(band.holds.map(({ hold }) => hold))]} />}
        </span>
      }
    >
      <Facts>
        <Fact name="Account">
          <Id>{band.account ?? 'none'}</Id>
        </Fact>
        <Fact name="Bid">
          <Id>{band.bid ?? 'none'}</Id>
        </Fact>
        <Fact name="Generation">{band.bid === null ? 'none now' : band.generation}</Fact>
        <Fact name="Generations ended">{band.generationEnded === 0 ? 'none' : `up to ${band.generationEnded}`}</Fact>
        {band.ownerEpoch !== null && <Fact name="Owner epoch">{band.ownerEpoch}</Fact>}
        <Fact name="Wear epoch">{band.wearEpoch}</Fact>
        <Fact name="Vendor, model, batch">
          {band.hardware.vendor}, {band.hardware.model}, {band.hardware.batch}{' '}
          <Tag tone={band.hardware.standing === 'active' ? 'good' : 'bad'}>{band.hardware.standing}</Tag>
        </Fact>
        <Fact name="Actor">{band.awake ? 'awake' : 'asleep'}</Fact>
        {band.pairingUntilMs !== null && (
          <Fact name="Pairing until">
            <Time atMs={band.pairingUntilMs} />
          </Fact>
        )}
        {band.holds.map(({ hold, of, surfaces }) => (
          <Fact key={`${of} ${hold}`} name={of === 'account' ? `${hold}, of the whole account` : hold}>
            {surfaces.length === 0 ? 'set' : `set by ${surfaces.join(', ')}`}
          </Fact>
        ))}
        {band.holdsChangedAtMs !== null && (
          <Fact name="Holds last changed">
            <Time atMs={band.holdsChangedAtMs} />
          </Fact>
        )}
      </Facts>
      <div class="buttons acts">
        <ActButton
          act={{ act: isFrozen ? 'unfreeze-band' : 'freeze-band', bandId }}
          label={isFrozen ? 'Unfreeze band' : 'Freeze band'}
          tone={isFrozen ? 'plain' : 'bad'}
          done={done}
        />
        {band.account !== null && (
          <>
            {!isAccountFrozen && (
              <ActButton act={{ act: 'freeze-account', bandId }} label="Freeze account" tone="bad" done={done} />
            )}
            {act('unfreeze-account', 'Unfreeze account')}
            {act('raise-epoch', 'Raise owner epoch')}
            {act('open-account', 'Open account id')}
          </>
        )}
        {band.session !== null && <ActButton act={{ act: 'end-session', bandId }} label="End session" done={done} />}
        <a href={`/decisions?bandId=${bandId}`}>All decisions of this band</a>
      </div>
    </Panel>
  )
}

function standing(state: ChartState, band: BandAnswer): Shown {
  const isHeld = band.holds.length > 0
  const isLit = state.isLeaf && (state.path === `holds.${isHeld ? 'held' : 'free'}` || state.name === band.state)
  const tone = state.name === 'armed' ? 'good' : state.name === 'held' ? 'warn' : 'plain'
  if (!isLit) return { text: '', isLit, tone: 'plain' }
  const names = namesOf(holdBits).filter((name) => band.holds.some(({ hold }) => hold === name))
  return { text: state.name === 'held' ? `${names.length} set` : 'now', isLit, tone }
}

/** The last transition, between the two states that the newest moves tell of. */
function takenLast(entries: readonly TimelineEntry[]): { readonly from: string; readonly to: string } | undefined {
  const moves = entries.filter((entry) => entry.type === 'moved')
  const [newest] = moves
  const before = moves.find((move) => move.state !== newest?.state)
  if (newest === undefined || before === undefined) return undefined
  const pathOfState = (name: string): string =>
    charts.band.states.find((state) => state.isLeaf && state.name === name)?.path ?? ''
  const from = pathOfState(before.state)
  const edges = charts.band.edges.filter((edge) => edge.from === from || from.startsWith(`${edge.from}.`))
  const to = pathOfState(newest.state)
  // A way out of a state that holds others begins in each of them, and a way into one ends where that one begins.
  return edges.find((edge) => edge.to === to || to.startsWith(`${edge.to}.`))
}
