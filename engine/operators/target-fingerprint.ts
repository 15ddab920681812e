// Fingerprint of an act's targets; a changed one voids the second operator's approval. Between the moment an act is proposed and the moment a
// second operator agrees, a band may change hands, and bands may be frozen for another reason: no second operator has agreed to lift that.

import type { OperatorAct } from '../../protocol/operator-api.ts'
import type { Core } from '../core/core.ts'
import { type Target, aimAt, isAccountFrozenByOperators, isAimed, isFrozenByOperators, phoneIn } from './targets.ts'
import { actKey, lsnOfKey } from '../ports/rows.ts'

/** So many acts are looked through for the newest freeze; where it is further back, the text says none. */
const actsLookedAt = 100

export function targetFingerprint(core: Core, act: OperatorAct): string {
  if (!isAimed(act)) return ''
  const target = aimAt(core, act)
  if (target === undefined) return 'nobody'
  const frozen = target.bandIds.flatMap((bandId) => {
    const row = core.ledger.get('band', bandId)
    return row !== undefined && isFrozenByOperators(row) ? `${bandId}.${row.generation}` : []
  })
  const isWhole = isAccountFrozenByOperators(core, target.account)
  // Removed and enrolled anew it is another phone.
  const enrolled = act.act === 'remove-phone' ? [phoneIn(core, act, target)?.enrolledAtMs ?? 0] : []
  return JSON.stringify([target.account, isWhole, frozen.toSorted(), newestFreeze(core, target), ...enrolled])
}

/** Its position; 0 = none. A freeze of the whole account stands beside those of its bands. */
function newestFreeze(core: Core, { account, bandIds }: Target): number {
  const subjects = [...bandIds.map((bandId) => ({ bandId })), ...(account === null ? [] : [{ account }])]
  const freezes = subjects.flatMap((about) => {
    const range = {
      from: actKey(about, 0),
      to: actKey(about, Number.MAX_SAFE_INTEGER),
      limit: actsLookedAt,
      reverse: true,
    }
    const found = core.ledger.range('act', range).find(({ row }) => row.act.startsWith('freeze-'))
    return found === undefined ? [] : lsnOfKey(found.key)
  })
  return Math.max(0, ...freezes)
}
