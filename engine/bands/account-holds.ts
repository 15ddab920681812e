// Holds of an account as a whole: one durable record stops every band that the account has, and every one that is paired or
// imported afterwards, however many there are (docs/decisions/0005).

import { type Surface, mayLiftHold, surfacesWith } from '../../policy/holds.ts'
import type { AccountId, BandId } from '../../protocol/ids.ts'
import { patterns } from '../../protocol/ops.ts'
import { type AccountHold, holdBits } from '../../protocol/states.ts'
import { accountRow, bandPages, holdsInForce } from '../ledger/account-rows.ts'
import { sendDown } from './band-link.ts'
import { stateFrame, tellBand } from './tell-band.ts'
import type { Core } from '../core/core.ts'
import type { Lsn } from '../ports/journal.ts'
import { type AccountRow, freedBandsMax } from '../ports/rows.ts'
import { answerAccount } from '../core/session-directory.ts'
import { alertAccount, alertTexts } from '../core/alerts.ts'

/**
 * Sets a hold of the account and ends every arming, in one record. Returns its lsn, 0 when the hold was set already by the
 * same surface (nothing can have been armed since, so the reserve of a full disk is kept), or why nothing was recorded.
 */
export function holdAccount(core: Core, account: AccountId, hold: AccountHold, by: Surface): Lsn | 'full' | 'failed' {
  const row = accountRow(core, account)
  const holdSurfaces = surfacesWith(row.holdSurfaces, hold, by)
  const holds = row.holds | holdBits[hold]
  const freed = freedAfter(row, hold)
  const isSame = holds === row.holds && holdSurfaces === row.holdSurfaces && freed.length === row.freed.length
  if (isSame) return 0
  const atMs = core.time.nowMs()
  const held = { ...row, ownerEpoch: row.ownerEpoch + 1, holds, holdSurfaces, holdEndedAtMs: atMs, freed }
  const lsn = core.ledger.append({ type: 'account', atMs, cause: 'account.held', by, ...held }, 'reserve')
  if (typeof lsn === 'number') void tellOfHold(core, account, lsn, by).catch(core.failed)
  return lsn
}

/** An owner freeze that begins or ends is of all bands: those that were unfrozen by themselves are forgotten. */
function freedAfter({ freed }: Pick<AccountRow, 'freed'>, hold: AccountHold): AccountRow['freed'] {
  return hold === 'owner-freeze' ? [] : freed
}

/** One record that ends every arming of an account, also of bands that are not told yet. */
export function raiseOwnerEpoch(core: Core, account: AccountId, by: Surface): Lsn | 'full' | 'failed' {
  const row = accountRow(core, account)
  const raised = { ...row, ownerEpoch: row.ownerEpoch + 1 }
  const lsn = core.ledger.append(
    { type: 'account', atMs: core.time.nowMs(), cause: 'epoch.raised', by, ...raised },
    'reserve',
  )
  if (typeof lsn === 'number') void disarmBands(core, account, by).catch(core.failed)
  return lsn
}

/** Lifts a hold of the account: its lsn, 0 when it is not set, or why not. */
export function liftAccountHold(
  core: Core,
  account: AccountId,
  hold: AccountHold,
  lift: { readonly by: Surface; readonly also?: Surface },
): Lsn | 'full' | 'failed' | 'wrong-surface' {
  const row = accountRow(core, account)
  if ((row.holds & holdBits[hold]) === 0) return 0
  const { by } = lift
  if (!mayLiftHold({ hold, ...lift, setBy: row.holdSurfaces })) return 'wrong-surface'
  const atMs = core.time.nowMs()
  const holdSurfaces = hold === 'owner-freeze' ? [] : row.holdSurfaces
  const freed = freedAfter(row, hold)
  const lifted = { ...row, holds: row.holds & ~holdBits[hold], holdSurfaces, holdEndedAtMs: atMs, freed }
  const lsn = core.ledger.append({ type: 'account', atMs, cause: 'account.lifted', by, ...lifted }, 'normal')
  if (typeof lsn === 'number') void tellOfLift(core, account, lsn).catch(core.failed)
  return lsn
}

/**
 * Unfreezes one band while its owner's freeze holds all others, on the terms of lifting that freeze; with the last band the
 * freeze itself is lifted. Its lsn, 0 when there is nothing to unfreeze, or why not: `band-held` when too many are unfrozen so.
 */
export function freeBand(
  core: Core,
  account: AccountId,
  bandId: BandId,
  by: Surface,
): Lsn | 'full' | 'failed' | 'wrong-surface' | 'band-held' {
  const row = accountRow(core, account)
  if ((row.holds & holdBits['owner-freeze']) === 0 || row.freed.includes(bandId)) return 0
  if (!mayLiftHold({ hold: 'owner-freeze', by, setBy: row.holdSurfaces })) return 'wrong-surface'
  const freed = [...row.freed, bandId]
  const [bandIds = []] = bandPages(core, account)
  if (bandIds.every((one) => freed.includes(one))) return liftAccountHold(core, account, 'owner-freeze', { by })
  if (freed.length > freedBandsMax) return 'band-held'
  const atMs = core.time.nowMs()
  const changed = { ...row, freed, holdEndedAtMs: atMs }
  const lsn = core.ledger.append({ type: 'account', atMs, cause: 'account.freed', by, ...changed }, 'normal')
  if (typeof lsn === 'number') void tellOfFreed(core, bandId, lsn).catch(core.failed)
  return lsn
}

/** Goes through the bands of an account a page at a time, and lets everything else go on between two pages. */
export async function eachBand(core: Core, account: AccountId, visit: (bandId: BandId) => void): Promise<void> {
  let isFirst = true
  for (const page of bandPages(core, account)) {
    if (!isFirst) await new Promise<void>((resolve) => core.time.clock.after(0, resolve))
    isFirst = false
    for (const bandId of page) visit(bandId)
  }
}

// The record ended every arming already. Each band that was armed forgets its secret, in a record of its own: where there is
// no room for that, the raised epoch denies all the same.
async function disarmBands(core: Core, account: AccountId, by: Surface): Promise<void> {
  await eachBand(core, account, (bandId) => {
    if ((core.ledger.get('band', bandId)?.armedUntilMs ?? 0) === 0) return
    const { ownerEpoch } = accountRow(core, account)
    tellBand(core, bandId, { type: 'epoch.raised', ownerEpoch, atMs: core.time.nowMs() }, { by, use: 'reserve' })
  })
}

/** What bands and sessions hear of a hold, once it is durable. */
async function tellOfHold(core: Core, account: AccountId, lsn: Lsn, by: Surface): Promise<void> {
  const disarming = disarmBands(core, account, by)
  await core.ledger.durable(lsn)
  alertAccount(core, account, { kind: 'band-frozen', bid: null })
  await eachBand(core, account, (bandId) => {
    tellBandOf(core, bandId, (holds) => [
      { type: 'lock', holds },
      { type: 'alert', pattern: patterns.attention, text: alertTexts['band-frozen'] },
    ])
  })
  await disarming
}

async function tellOfLift(core: Core, account: AccountId, lsn: Lsn): Promise<void> {
  await core.ledger.durable(lsn)
  await eachBand(core, account, (bandId) => tellBandOf(core, bandId, () => []))
}

async function tellOfFreed(core: Core, bandId: BandId, lsn: Lsn): Promise<void> {
  await core.ledger.durable(lsn)
  tellBandOf(core, bandId, () => [])
}

type Down = Parameters<typeof sendDown>[2]

/** Tells a band that is attached, and the account's sessions how it stands now. */
function tellBandOf(core: Core, bandId: BandId, say: (holds: number) => readonly Down[]): void {
  const row = core.ledger.get('band', bandId)
  if (row === undefined || row.bid === null || row.account === null) return
  core.watch.bandTouched(bandId)
  const slot = core.slots.get(row.bid)
  if (slot !== undefined) for (const op of say(holdsInForce(core, row))) sendDown(core, slot, op)
  answerAccount(core, row.account, stateFrame(core, row.bid, row))
}
