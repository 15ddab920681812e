// The wearer's own ledger, page by page: history and bands (frames 16 and 18).

import { type BandId, idBytes } from '../../protocol/ids.ts'
import type { PhoneFrameOf } from '../../protocol/messages/frames.ts'
import { pageEntriesMax } from '../../protocol/limits.ts'
import { decodeOfferTerms } from '../../protocol/offer.ts'
import { bandStates } from '../../protocol/states.ts'
import { bandsOf, holdsInForce } from '../ledger/account-rows.ts'
import type { Core } from '../core/core.ts'
import { decisionsBefore } from '../ledger/history.ts'
import { type Session, answer } from '../core/session.ts'
import { ownerOf } from '../phones/owner.ts'

/** Frame 16: decisions before a journal position, newest first; `beforeLsn` 0 = from the newest. */
export function readHistory(core: Core, session: Session, frame: PhoneFrameOf<'history'>): void {
  const owner = ownerOf(session, frame.id)
  if (owner === undefined) return
  const { account } = owner
  const limit = Math.min(Math.max(1, frame.count), pageEntriesMax)
  const belowLsn = frame.beforeLsn === 0 ? Number.MAX_SAFE_INTEGER : frame.beforeLsn
  const page = decisionsBefore(core.ledger, account, { belowLsn, limit })
  const entries = page.map(({ lsn, row }) => {
    const terms = decodeOfferTerms(row.canon)
    return [
      lsn,
      row.atMs,
      idBytes(row.bandId),
      idBytes(terms.partner),
      terms.action,
      terms.amountMinor,
      terms.currency,
      row.reason,
      row.label,
    ] as const
  })
  const nextBeforeLsn = page.length < limit ? 0 : (entries.at(-1)?.[0] ?? 0)
  answer(session, { type: 'historyPage', id: frame.id, nextBeforeLsn, entries })
}

/** Frame 18: the account's bands; `cursor` counts bands already read, `nextCursor` 0 = that was all. */
export function readBands(core: Core, session: Session, frame: PhoneFrameOf<'bands'>): void {
  const owner = ownerOf(session, frame.id)
  if (owner === undefined) return
  const limit = Math.min(Math.max(1, frame.count), pageEntriesMax)
  let skipped = 0
  const page: BandId[] = []
  let hasMore = false
  for (const bandId of bandsOf(core, owner.account)) {
    hasMore = page.length === limit
    if (hasMore) break
    if (skipped < frame.cursor) skipped++
    else page.push(bandId)
  }
  const entries = page.flatMap((bandId) => {
    const row = core.ledger.get('band', bandId)
    if (row === undefined || row.bid === null) return []
    return [
      [
        idBytes(bandId),
        idBytes(row.bid),
        row.name,
        bandStates[row.state],
        holdsInForce(core, row),
        row.generation,
      ] as const,
    ]
  })
  const nextCursor = hasMore ? frame.cursor + page.length : 0
  answer(session, { type: 'bandsPage', id: frame.id, nextCursor, entries })
}
