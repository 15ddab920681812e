// The last decisions about one band, out of the history of its account. A long history is read a page at a time, with pauses:
// an operator who looks must not be felt by those who pay.

import type { AccountId, BandId, PartnerId, ResourceId, Rid } from '../../protocol/ids.ts'
import { decodeOfferTerms } from '../../protocol/offer.ts'
import type { ProximityLevel } from '../../policy/proximity.ts'
import type { Core } from '../core/core.ts'
import { type Decided, decisionPages } from '../ledger/history.ts'
import { parseLevel } from '../ports/apply.ts'
import { askedFor, obligationWord, reasonWord } from '../ports/decision-words.ts'
import { keptFor } from '../ports/references.ts'
import { referenceKey } from '../ports/rows.ts'

export type InspectedDecision = {
  readonly lsn: number
  readonly atMs: number
  readonly partner: PartnerId
  /** As the list of partners has it; null for one that is not listed any more. */
  readonly partnerName: string | null
  readonly resource: ResourceId
  readonly reference: Rid
  /** `pay`, `receive`, …; a partner's own goes by its number. */
  readonly action: string
  readonly amountMinor: number
  /** ISO 4217 numeric code. */
  readonly currency: number
  readonly label: string
  /** From the closed list; after a reversal what reversed it. */
  readonly reason: string
  readonly obligation: string | null
  /** The record that took an approval back; null = it stands. */
  readonly reversedByLsn: number | null
}

/** The newest decisions about a band of an account, and how near the band was at the newest of them. */
export async function lastDecisions(
  core: Core,
  { account, bandId }: { readonly account: AccountId; readonly bandId: BandId },
  { decisionsMax, pause }: { readonly decisionsMax: number; readonly pause: () => Promise<void> },
): Promise<{
  readonly decisions: readonly InspectedDecision[]
  readonly newestLevel: { readonly level: ProximityLevel; readonly atMs: number } | null
  readonly isCut: boolean
}> {
  const wanted = Math.max(1, decisionsMax)
  const found: Decided[] = []
  let isCut = false
  const pages = decisionPages(core.ledger, account, { belowLsn: Number.MAX_SAFE_INTEGER, pause })
  for await (const { decided, nextBelowLsn } of pages) {
    found.push(...decided.filter(({ row }) => row.bandId === bandId))
    isCut = found.length < wanted && nextBelowLsn !== null
    if (found.length >= wanted) break
  }
  const decisions = found.slice(0, decisionsMax).map((entry) => decisionOf(core, entry))
  return { decisions, newestLevel: levelOf(core, found[0]), isCut }
}

function decisionOf(core: Core, { lsn, row }: Decided): InspectedDecision {
  const asked = askedFor(row.canon)
  return {
    lsn,
    atMs: row.atMs,
    ...asked,
    partnerName: core.partners.find(asked.partner)?.name ?? null,
    label: row.label,
    reason: reasonWord(row.reason),
    obligation: obligationWord(row.obligation),
    reversedByLsn: row.reversedBy,
  }
}

/** The history does not say how near the band was; the answer that is kept for the reference does. */
function levelOf(core: Core, newest: Decided | undefined) {
  if (newest === undefined) return null
  const { account, canon } = newest.row
  if (account === null) return null
  const { own } = keptFor(core.ledger, referenceKey(decodeOfferTerms(canon)), account)
  return own === undefined ? null : { level: parseLevel(own.level), atMs: own.decidedAtMs }
}
