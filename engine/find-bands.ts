// Bands by what an operator has of them: a band id, the name on the air, an account, a phone id. What looks like several of
// these finds the bands of all. By an account only when the caller says so: a guess that is right tells whose band it is.

import type { BandsAnswer, FoundBand } from '../protocol/operator-api.ts'
import { type AccountId, type BandId, parseAccountId, parseBandId, parseBid, parsePhoneId } from '../protocol/ids.ts'
import { holdsOf } from '../protocol/states.ts'
import { bandsOf, holdsInForce } from './account-rows.ts'
import type { Core } from './core.ts'
import { shortened } from './inspect-band.ts'
import { foundBandsMax } from './operator-port.ts'

export function findBands(core: Core, name: string, by: 'id' | 'anything' = 'anything'): BandsAnswer {
  const found = new Set<BandId>()
  const bandId = parsed(parseBandId, name)
  if (bandId !== undefined) found.add(bandId)
  const bid = parsed(parseBid, name)
  const named = bid === undefined ? undefined : core.ledger.get('bid', bid)
  if (named !== undefined) found.add(named.bandId)
  for (const account of accountsOf(core, name, by)) {
    for (const one of bandsOf(core, account)) {
      // One more than are listed says that the list is cut.
      if (found.size > foundBandsMax) break
      found.add(one)
    }
  }
  const bands = [...found].flatMap((one) => shown(core, one) ?? [])
  return { bands: bands.slice(0, foundBandsMax), isCut: bands.length > foundBandsMax }
}

/** The account of this name unless only ids count, and those that a phone of this name is enrolled for. */
function accountsOf(core: Core, name: string, by: 'id' | 'anything'): ReadonlySet<AccountId> {
  const account = by === 'id' ? undefined : parsed(parseAccountId, name)
  const phoneId = parsed(parsePhoneId, name)
  const accounts = new Set(account === undefined ? [] : [account])
  if (phoneId === undefined) return accounts
  const range = { from: `${phoneId}|`, to: `${phoneId}}`, limit: foundBandsMax }
  for (const { row } of core.ledger.range('phoneAccount', range)) accounts.add(row.account)
  return accounts
}

function parsed<Id>(parse: (text: string) => Id, name: string): Id | undefined {
  try {
    return parse(name)
  } catch {
    return undefined
  }
}

function shown(core: Core, bandId: BandId): FoundBand | undefined {
  const row = core.ledger.get('band', bandId)
  if (row === undefined) return undefined
  const { bid, name, state, account } = row
  return {
    bandId,
    bid,
    name,
    state,
    holds: holdsOf(holdsInForce(core, row)),
    account: account === null ? null : shortened(account),
  }
}
