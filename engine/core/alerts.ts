// Alerts (frame 122). What the wearer should know, told to every live session of an account.

import { type AlertKind, alertKinds } from '../../protocol/messages/frames.ts'
import { type AccountId, type Bid, type PhoneId, idBytes } from '../../protocol/ids.ts'
import type { HasSessions } from './session-directory.ts'
import { type Session, answer } from './session.ts'

/** What the wearer reads: at most 96 bytes, a band's display takes no more. */
export const alertTexts: Readonly<Record<AlertKind, string>> = {
  'pairing-tried': 'Somebody tried to pair your band. It was refused.',
  'band-frozen': 'Your band is frozen. Nothing is approved until it is unfrozen.',
  'band-lost': 'Your band is reported lost. Nothing is approved with it.',
  'clone-suspected': 'Your band may have been copied. It is frozen until you verify it.',
  'deactivation-began': 'Your band is being deactivated. You can still veto this.',
  'phone-pending': 'A new phone was added to your account. You can veto it.',
  'found-began': 'Your band was reported found. You can still veto this.',
  'limits-rising': 'Your limits will rise. You can still veto this.',
  vetoed: 'A pending change was vetoed.',
  'band-released': 'Your band is released. It can be paired again.',
  'phone-suspended': 'A phone of yours is suspended and will be removed. You can veto this.',
  'phone-removed': 'A phone of your account was removed.',
  'phone-admitted': 'A new phone has all rights now.',
}

/** Tells every live session of an account what the wearer should know. */
export function alertAccount(
  core: HasSessions,
  account: AccountId,
  alert: {
    readonly kind: AlertKind
    readonly bid: Bid | null
    /** The phone it is about. */
    readonly phoneId?: PhoneId
    readonly except?: Session
  },
): void {
  const { kind, bid } = alert
  const bytes = bid === null ? null : idBytes(bid)
  const phoneId = alert.phoneId === undefined ? null : idBytes(alert.phoneId)
  for (const session of core.sessions.ofAccount.get(account) ?? []) {
    if (session === alert.except) continue
    answer(session, { type: 'alert', id: 0, kind: alertKinds[kind], bid: bytes, text: alertTexts[kind], phoneId })
  }
}
