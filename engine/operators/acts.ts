// Commands of operators. What an operator does to bands, accounts and sessions. The act's own record comes first, then what it changes, all in
// one run of the event loop; it is told as done when all of it is on disk. What takes rights away works on a full disk.

import type { Surface } from '../../policy/holds.ts'
import { type ActOutcome, type OperatorAct, operatorActs } from '../../protocol/operator-api.ts'
import type { AccountId, BandId } from '../../protocol/ids.ts'
import { holdBits } from '../../protocol/states.ts'
import { holdAccount, liftAccountHold, raiseOwnerEpoch } from '../bands/account-holds.ts'
import { appendAct, isOnDisk } from './act-record.ts'
import { tellBand } from '../bands/tell-band.ts'
import type { Core } from '../core/core.ts'
import { type Reach, fanOutOf, reachOf } from './fan-out.ts'
import type { ActingOperator, Performed } from './port.ts'
import { type AimedAct, type Target, aimAt, isAimed, phoneIn, shownBand, shownPhone, whyBlocked } from './targets.ts'
import { dropPhoneNow } from '../phones/phones.ts'

type Refusal = Extract<Performed, { readonly type: 'refused' }>

/** Carries an act out. Throws a RangeError on a reason that is empty or too long: a bug of the caller. */
export async function performAct(core: Core, act: OperatorAct, who: ActingOperator): Promise<Performed> {
  const startedAtMs = core.time.monotonicMs()
  if (!isAimed(act))
    return refused('wrong-state', `${act.act} is carried out by the server; the engine only writes it down`)
  const target = aimAt(core, act)
  if (target === undefined) return refused('unknown-band', 'no band of this id is known')
  const { also } = who
  if (operatorActs[act.act].second && (also === undefined || also === who.by)) {
    return refused('needs-second', 'a second operator must agree')
  }
  const blocked = whyBlocked(core, act, target)
  if (blocked !== undefined) {
    // What it is blocked by may have happened just now: it is said when it is certain.
    const isCertain = await isOnDisk(core, core.ledger.appendedLsn)
    return isCertain ? refused('wrong-state', blocked) : unavailable
  }
  const reach = reachOf(core, target)
  const lsn = noted(core, act, target, who)
  if (typeof lsn !== 'number') return lsn
  const failed = carryOut(core, act, target, who)
  const done = { lsn, lastLsn: core.ledger.appendedLsn }
  if (!(await isOnDisk(core, done.lastLsn))) return unavailable
  const durableMs = core.time.monotonicMs() - startedAtMs
  for (const bandId of target.bandIds) core.watch.bandTouched(bandId)
  if (failed !== undefined) return failed
  return { type: 'done', lsn, outcome: await outcomeOf(core, act, { target, reach, done, startedAtMs, durableMs }) }
}

/** The record that says who did it and why. Acts that give rights, or show something, do not use the reserve. */
function noted(core: Core, act: AimedAct, target: Target, who: ActingOperator): number | Refusal {
  const { by, also = null, reason } = who
  const { account } = target
  const bandId = isAboutAccount(act) ? null : target.row.bandId
  const cause = act.act === 'open-account' ? 'account.opened' : act.act
  const subject = act.act === 'remove-phone' ? act.phoneId : null
  const lsn = appendAct(core, { cause, by, also, reason, account, bandId, subject }, useOf(act))
  if (typeof lsn === 'number') return lsn
  return lsn === 'storage-full' ? full : unavailable
}

function isAboutAccount({ act }: AimedAct): boolean {
  return act === 'freeze-account' || act === 'unfreeze-account' || act === 'raise-epoch' || act === 'remove-phone'
}

function useOf({ act }: AimedAct): 'normal' | 'reserve' {
  return act === 'unfreeze-band' || act === 'unfreeze-account' || act === 'open-account' ? 'normal' : 'reserve'
}

/** Changes what the act changes; undefined when all of it went into the journal. */
function carryOut(core: Core, act: AimedAct, target: Target, who: ActingOperator): Refusal | undefined {
  const { account, bandIds } = target
  switch (act.act) {
    case 'freeze-band':
      return freeze(core, bandIds, who.by)
    case 'freeze-account':
      return account === null ? undefined : failureOf(holdAccount(core, account, 'operator-freeze', who.by))
    case 'unfreeze-band':
      return unfreeze(core, bandIds, who)
    case 'unfreeze-account':
      return unfreezeAccount(core, account, who) ?? unfreeze(core, bandIds, who)
    case 'raise-epoch':
      return account === null ? undefined : failureOf(raiseOwnerEpoch(core, account, who.by))
    case 'end-session':
      return endSession(core, target)
    case 'remove-phone':
      return removePhone(core, act, target, who)
    case 'open-account':
      return undefined
  }
}

function freeze(core: Core, bandIds: readonly BandId[], by: Surface): Refusal | undefined {
  let failed: Refusal | undefined
  for (const bandId of bandIds) {
    const event = { type: 'hold.set', hold: 'operator-freeze', by, atMs: core.time.nowMs() } as const
    const told = tellBand(core, bandId, event, { by, use: 'reserve' })
    if (told.type === 'refused') failed ??= refusalOf(told.error, bandId)
  }
  return failed
}

function failureOf(appended: number | 'full' | 'failed'): Refusal | undefined {
  if (typeof appended === 'number') return undefined
  return appended === 'full' ? full : unavailable
}

/** What holds the account goes first: its bands' own freezes are looked at one by one. */
function unfreezeAccount(core: Core, account: AccountId | null, { by, also }: ActingOperator): Refusal | undefined {
  if (account === null) return undefined
  const lifted = liftAccountHold(core, account, 'operator-freeze', also === undefined ? { by } : { by, also })
  return lifted === 'wrong-surface' ? refused('needs-second', 'a second operator must agree') : failureOf(lifted)
}

function unfreeze(core: Core, bandIds: readonly BandId[], { by, also }: ActingOperator): Refusal | undefined {
  for (const bandId of bandIds) {
    if (((core.ledger.get('band', bandId)?.holds ?? 0) & holdBits['operator-freeze']) === 0) continue
    const second = also === undefined ? {} : { also }
    const event = { type: 'hold.lift', hold: 'operator-freeze', by, atMs: core.time.nowMs(), ...second } as const
    const told = tellBand(core, bandId, event, { by, use: 'normal' })
    if (told.type === 'refused') return refusalOf(told.error, bandId)
  }
  return undefined
}

/** A phone that comes back begins anew: the resume token that would bring the slots back is forgotten first. */
function endSession(core: Core, { session }: Target): undefined {
  if (session === undefined) return undefined
  const { connection, resumeToken } = session
  // The record of the act goes first; the socket waits for nothing else.
  core.sessions.ofResumeToken.delete(resumeToken)
  connection.close('auth-failed')
}

/** Its row goes in this run; its session is closed and the other phones hear of it when that is on disk. */
function removePhone(
  core: Core,
  act: Extract<AimedAct, { readonly act: 'remove-phone' }>,
  target: Target,
  { by }: ActingOperator,
): Refusal | undefined {
  const phone = phoneIn(core, act, target)
  if (phone === undefined) return undefined
  return dropPhoneNow(core, phone, by) ? undefined : unavailable
}

type Carried = {
  readonly target: Target
  readonly reach: Reach
  readonly done: { readonly lsn: number; readonly lastLsn: number }
  readonly startedAtMs: number
  readonly durableMs: number
}

async function outcomeOf(core: Core, act: AimedAct, carried: Carried): Promise<ActOutcome> {
  const { target } = carried
  const { row, bandIds } = target
  const band = shownBand(row)
  switch (act.act) {
    case 'freeze-band':
    case 'freeze-account': {
      const fanOut = await fanOutOf(core, act.act === 'freeze-band' ? row : target, carried)
      const says =
        act.act === 'freeze-band'
          ? `Band ${band} is frozen.`
          : `The account of band ${band} is frozen: its ${bandsInWords(bandIds.length)}, whatever is paired later, and every arming is over.`
      return { says, fanOut }
    }
    case 'unfreeze-band':
      return {
        says: `Band ${band} is not frozen by operators any more. It approves again once it is armed.`,
        fanOut: null,
      }
    case 'unfreeze-account':
      return { says: `No band of the account of band ${band} is frozen by operators any more.`, fanOut: null }
    case 'raise-epoch':
      return { says: `Every arming of the account of band ${band} is over.`, fanOut: null }
    case 'end-session':
      return { says: `The session that carried band ${band} is closed.`, fanOut: null }
    case 'remove-phone':
      return { says: `The phone ${shownPhone(act)} of the account of band ${band} is removed.`, fanOut: null }
    case 'open-account':
      return { says: `The account of band ${band}.`, fanOut: null, ...accountOf(target) }
  }
}

function accountOf({ account }: Target): { readonly account?: string } {
  return account === null ? {} : { account }
}

function bandsInWords(count: number): string {
  return count === 1 ? 'one band' : `${count} bands`
}

const full: Refusal = refused('storage-full', 'the disk is full: make room, then try again')
const unavailable: Refusal = refused('unavailable', 'the journal takes nothing now: see the log of the engine')

function refused(error: Refusal['error'], message: string): Refusal {
  return { type: 'refused', error, message }
}

/** Something was written down, but not all of it could be: what was done stands, and doing it again does the rest. */
function refusalOf(error: string, bandId: BandId): Refusal {
  if (error === 'storage-full') return full
  if (error === 'unavailable') return unavailable
  return refused('wrong-state', `band ${bandId} did not take it: ${error}`)
}
