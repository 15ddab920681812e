// Dispatch of an event to a band's actor, and its effects. Telling a band's actor something, and doing what it asks: journal the row, then
// lock, alert, tell the phones.

import { wipe } from '../../crypto/primitives/secret.ts'
import type { BandEffect } from '../../machines/band-context.ts'
import type { BandEvent } from '../../machines/band-events.ts'
import type { Decision } from '../../policy/facts.ts'
import type { EngineFrameOf } from '../../protocol/messages/frames.ts'
import { type AccountId, type BandId, type Bid, idBytes } from '../../protocol/ids.ts'
import type { ErrorCode } from '../../protocol/errors.ts'
import { patterns } from '../../protocol/ops.ts'
import { bandStates } from '../../protocol/states.ts'
import { holdsInForce } from '../ledger/account-rows.ts'
import { endLinks, sendDown } from './band-link.ts'
import type { Core } from '../core/core.ts'
import type { AppendUse, Lsn } from '../ports/journal.ts'
import type { BandRow } from '../ports/rows.ts'
import { type AwakeBand, type BandKeys, rowOf } from '../core/registry.ts'
import { answerAccount } from '../core/session-directory.ts'
import { alertAccount, alertTexts } from '../core/alerts.ts'

export type BandOutcome =
  /** `lsn` is 0 when nothing durable changed; wait for it before any answer leaves. */
  | { readonly type: 'done'; readonly lsn: Lsn; readonly row: BandRow; readonly decision: Decision | undefined }
  | { readonly type: 'refused'; readonly error: ErrorCode }

export type Telling = {
  /** Who did it, for the journal: `phone:…`, `band`, `web`, `operator:…`, `rule:…`, `engine`. */
  readonly by: string
  /** `reserve` for what only takes rights away: it works on a full disk. */
  readonly use: AppendUse
  /** Key fields of the row that change with this event. */
  readonly keys?: Partial<BandKeys>
}

/** Sends one event to a band and carries out its effects. What must be durable first waits for it by itself. */
export function tellBand(core: Core, bandId: BandId, event: BandEvent, telling: Telling): BandOutcome {
  const band = core.registry.wake(bandId)
  const before = rowOf(band)
  const effects = core.registry.tell(band, event)
  if (effects === undefined) return { type: 'refused', error: 'unavailable' }
  const refused = effects.find((effect) => effect.type === 'refused')
  if (effects.some((effect) => effect.type === 'unexpected')) core.counters.unexpected++
  const isChanged = effects.some((effect) => effect.type === 'persist')
  if (isChanged) band.keys = { ...band.keys, ...telling.keys }
  changeKeys(band, effects)
  const row = isChanged ? rowOf(band) : before
  const lsn = isChanged ? journalBand(core, band, row, event, telling) : 0
  if (typeof lsn !== 'number') {
    // The row says what was; the actor knows what could not be written: it must go.
    core.registry.forget(bandId)
    return { type: 'refused', error: lsn === 'full' ? 'storage-full' : 'unavailable' }
  }
  const account = before.account ?? row.account
  if (lsn > 0) core.watch.bandMoved(row, event.type)
  // A decision is told by who asked for it.
  if (lsn > 0 || effects.some((effect) => effect.type !== 'decided'))
    void announce(core, { lsn, account, before, row, effects }).catch(core.failed)
  if (refused?.type === 'refused') return { type: 'refused', error: refused.error }
  const decided = effects.find((effect) => effect.type === 'decided')
  return { type: 'done', lsn, row, decision: decided?.type === 'decided' ? decided.decision : undefined }
}

function changeKeys(band: AwakeBand, effects: readonly BandEffect[]): void {
  for (const effect of effects) {
    if (effect.type === 'eraseArmSecret') band.keys = { ...band.keys, sealedArmSecret: null }
    if (effect.type === 'destroyKeys') band.keys = { ...band.keys, sealedArmSecret: null, acctTag: new Uint8Array(0) }
  }
  if (band.keys.sealedArmSecret === null && band.armKey !== undefined) {
    wipe(band.armKey)
    band.armKey = undefined
  }
}

function journalBand(
  core: Core,
  band: AwakeBand,
  row: BandRow,
  event: BandEvent,
  telling: Telling,
): Lsn | 'full' | 'failed' {
  if (event.type === 'band.arm' && band.armKey !== undefined) {
    wipe(band.armKey)
    band.armKey = undefined
  }
  return core.ledger.append(
    { type: 'band', atMs: core.time.nowMs(), cause: event.type, by: telling.by, ...row },
    telling.use,
  )
}

type Announcement = {
  readonly lsn: Lsn
  readonly account: AccountId | null
  readonly before: BandRow
  readonly row: BandRow
  readonly effects: readonly BandEffect[]
}

/** What the world hears of a change, once it is durable. */
async function announce(core: Core, { lsn, account, before, row, effects }: Announcement): Promise<void> {
  if (lsn > 0) {
    await core.ledger.durable(lsn)
    core.watch.bandTouched(row.bandId)
  }
  const bid = before.bid ?? row.bid
  const slot = bid === null ? undefined : core.slots.get(bid)
  for (const effect of effects) {
    if (effect.type === 'sendLock' && slot !== undefined) {
      const holds = holdsInForce(core, row)
      sendDown(core, slot, { type: 'lock', holds })
      // Of a band that comes off or is held no ack is to be waited for.
      if (row.armedUntilMs === 0)
        slot.arming?.done(holds !== 0 ? 'band-held' : row.state === 'offWrist' ? 'not-worn' : 'wrong-state')
    }
    if (effect.type === 'destroyKeys' && slot !== undefined) endLinks(core, slot)
    if (effect.type === 'alert' && account !== null) alertAccount(core, account, { kind: effect.kind, bid })
    if (effect.type === 'alert' && slot !== undefined) {
      sendDown(core, slot, { type: 'alert', pattern: patterns.attention, text: alertTexts[effect.kind] })
    }
  }
  const isSeen =
    before.state !== row.state ||
    before.holds !== row.holds ||
    before.armedUntilMs !== row.armedUntilMs ||
    before.wearEpoch !== row.wearEpoch
  if (lsn > 0 && account !== null && bid !== null && isSeen) answerAccount(core, account, stateFrame(core, bid, row))
}

/** Frame 121: how a band stands. A binding that has ended is told under the name it had. */
export function stateFrame(core: Core, bid: Bid, row: BandRow): EngineFrameOf<'state'> {
  const { state, armedUntilMs, wearEpoch } = row
  const holds = holdsInForce(core, row)
  return { type: 'state', id: 0, bid: idBytes(bid), state: bandStates[state], holds, armedUntilMs, wearEpoch }
}
