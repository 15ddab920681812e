// Targets of an operator's act: which bands it reaches, what it will touch, and why it cannot be done now. Asked for the preview, and again
// when it is done.

import { type OperatorAct, type PreviewAnswer, operatorActs } from '../../protocol/operator-api.ts'
import { type AccountId, type BandId, parseBandId, parsePhoneId, tryParse } from '../../protocol/ids.ts'
import { holdBits } from '../../protocol/states.ts'
import { accountHolds, bandsOf } from '../ledger/account-rows.ts'
import type { Core } from '../core/core.ts'
import { reachOf } from './fan-out.ts'
import { isLive } from '../phones/phones.ts'
import { type BandRow, type PhoneRow, phoneKey } from '../ports/rows.ts'
import type { Session } from '../core/session.ts'

/** An act of the engine's own: it names a band. */
export type AimedAct = Extract<OperatorAct, { readonly bandId: string }>

export type Target = {
  /** The band that was named. */
  readonly row: BandRow
  readonly account: AccountId | null
  /** All that are acted on. */
  readonly bandIds: readonly BandId[]
  /** That carries the named band now. */
  readonly session: Session | undefined
}

export function isAimed(act: OperatorAct): act is AimedAct {
  return 'bandId' in act
}

/** Undefined for an unknown band. */
export function aimAt(core: Core, act: AimedAct): Target | undefined {
  const bandId = tryParse(parseBandId, act.bandId)
  const row = bandId === undefined ? undefined : core.ledger.get('band', bandId)
  if (row === undefined) return undefined
  const { account } = row
  const slot = row.bid === null ? undefined : core.slots.get(row.bid)
  const session = slot?.session.connection.isOpen === true ? slot.session : undefined
  const isWholeAccount = act.act === 'freeze-account' || act.act === 'unfreeze-account' || act.act === 'raise-epoch'
  const isWholeSession = act.act === 'end-session' && session !== undefined
  const bandIds = isWholeSession
    ? bandsIn(core, session)
    : isWholeAccount && account !== null
      ? [...bandsOf(core, account)]
      : [row.bandId]
  return { row, account, bandIds, session }
}

function bandsIn(core: Core, session: Session): readonly BandId[] {
  return [...session.slots.bands()].map(([, place]) => core.slots.at(place).bandId)
}

/** Enough of a band's id to tell it from others on a page. */
export function shownBand({ bandId }: Pick<BandRow, 'bandId'>): string {
  return `${bandId.slice(0, 8)}…`
}

/** The same of a phone. */
export function shownPhone({ phoneId }: { readonly phoneId: string }): string {
  return `${phoneId.slice(0, 8)}…`
}

/** The phone that an act names, if the account has it. */
export function phoneIn(
  core: Core,
  { phoneId }: { readonly phoneId: string },
  { account }: Pick<Target, 'account'>,
): PhoneRow | undefined {
  const id = tryParse(parsePhoneId, phoneId)
  return id === undefined || account === null ? undefined : core.ledger.get('phone', phoneKey(account, id))
}

/** By itself; its account may be frozen as a whole beside that. */
export function isFrozenByOperators(row: Pick<BandRow, 'holds'> | undefined): boolean {
  return ((row?.holds ?? 0) & holdBits['operator-freeze']) !== 0
}

export function isAccountFrozenByOperators(core: Core, account: AccountId | null): boolean {
  return (accountHolds(core, account) & holdBits['operator-freeze']) !== 0
}

/** In words, why the act would do nothing; undefined when it can be done. */
export function whyBlocked(core: Core, act: AimedAct, target: Target): string | undefined {
  const { row, account, bandIds, session } = target
  const isFrozen = (bandId: BandId) => isFrozenByOperators(core.ledger.get('band', bandId))
  const isWholeFrozen = isAccountFrozenByOperators(core, account)
  const belongsToNone = 'The band belongs to no account.'
  switch (act.act) {
    case 'freeze-band':
      return isFrozen(row.bandId) ? 'The band is frozen by operators already.' : undefined
    case 'unfreeze-band':
      if (isFrozen(row.bandId)) return undefined
      return isWholeFrozen
        ? 'The band is not frozen by itself: its account is, as a whole. Unfreeze the account.'
        : 'The band is not frozen by operators.'
    case 'freeze-account':
      if (account === null) return belongsToNone
      return isWholeFrozen ? 'The account is frozen by operators already.' : undefined
    case 'unfreeze-account':
      if (account === null) return belongsToNone
      return isWholeFrozen || bandIds.some(isFrozen)
        ? undefined
        : 'Neither the account nor a band of it is frozen by operators.'
    case 'raise-epoch':
    case 'open-account':
      return account === null ? belongsToNone : undefined
    case 'end-session':
      return session === undefined ? 'No session carries the band now.' : undefined
    case 'remove-phone':
      if (account === null) return belongsToNone
      return phoneIn(core, act, target) === undefined ? 'The account has no such phone.' : undefined
  }
}

/** What an act will touch, before it acts. */
export function previewAct(core: Core, act: OperatorAct): PreviewAnswer {
  const needsSecond = operatorActs[act.act].second
  if (!isAimed(act)) return { ...serverAct(core, act), blocked: null, needsSecond }
  const target = aimAt(core, act)
  if (target === undefined) {
    return {
      says: 'No band of this id is known.',
      touches: {},
      blocked: 'No band of this id is known.',
      needsSecond,
    }
  }
  const touches = act.act === 'open-account' ? {} : touchedBy(core, act, target)
  return { says: saying(act, target), touches, blocked: whyBlocked(core, act, target) ?? null, needsSecond }
}

function touchedBy(core: Core, act: AimedAct, target: Target): PreviewAnswer['touches'] {
  if (act.act === 'remove-phone') {
    const phone = phoneIn(core, act, target)
    return { sessions: phone !== undefined && isLive(core, phone) ? 1 : 0 }
  }
  const { bandIds } = target
  const rows = bandIds.flatMap((bandId) => core.ledger.get('band', bandId) ?? [])
  const { sessions } = reachOf(core, target)
  return {
    bands: bandIds.length,
    armed: rows.filter(({ state }) => state === 'armed').length,
    links: rows.filter(({ bid }) => bid !== null && core.slots.get(bid)?.link !== undefined).length,
    sessions: act.act === 'end-session' ? (target.session === undefined ? 0 : 1) : sessions.size,
  }
}

function saying(act: AimedAct, { row, bandIds }: Target): string {
  const band = `band ${shownBand(row)}`
  const bands = bandIds.length === 1 ? 'its one band' : `its ${bandIds.length} bands`
  switch (act.act) {
    case 'freeze-band':
      return `Freezes ${band}: nothing is approved with it until two operators unfreeze it and it is armed again.`
    case 'unfreeze-band':
      return `Lifts the operators' freeze of ${band}. Other holds stay; it approves again once it is armed.`
    case 'freeze-account':
      return `Freezes the account of ${band}: ends every arming and freezes ${bands} and any paired or imported later, until two operators unfreeze it.`
    case 'unfreeze-account':
      return `Lifts the operators' freeze of the account of ${band}, from ${bands}. Each approves again once it is armed.`
    case 'raise-epoch':
      return `Ends every arming of the account of ${band}: ${bands} approve nothing until armed again.`
    case 'end-session':
      return `Closes the session that carries ${band}. Its phone or hub must sign in again, and may do so at once.`
    case 'remove-phone':
      return (
        `Removes the phone ${shownPhone(act)} of the account of ${band} at once: its session is closed, and it may veto ` +
        `nothing any more. Bands stay bound. To come back it must be enrolled anew, and waits as any new phone does.`
      )
    case 'open-account':
      return `Shows the whole id of the account of ${band}, and writes down who saw it and why.`
  }
}

type ServerAct = Exclude<OperatorAct, AimedAct>

function serverAct(core: Core, act: ServerAct): Pick<PreviewAnswer, 'says' | 'touches'> {
  if (act.act === 'drain') {
    const touches = { links: core.links.count, sessions: core.sessions.all.size }
    const says =
      'Takes no new sessions, answers what is under way, and tells phones and hubs to come back later. The engine and its ' +
      'page stay until it is stopped; started again, it takes sessions as before.'
    return { says, touches }
  }
  const what = act.model === undefined ? `vendor ${act.vendor}` : `model ${act.model} of vendor ${act.vendor}`
  const says =
    act.act === 'revoke-vendor'
      ? `Revokes ${what}: its bands pair no more, and have the lowest limits from their next use. How many those are is not counted.`
      : `Restores ${what}: its bands pair again, and have their usual limits from their next use. How many those are is not counted.`
  return { says, touches: {} }
}
