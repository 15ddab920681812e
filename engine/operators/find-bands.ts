// Search for bands by what an operator has of them: a band id, the name on the air, a phone id, or the beginning of one as a page shows
// it; an account. What looks like several of these finds the bands of all. By an account only when the caller says so: a guess that is
// right tells whose band it is.

import type { BandsAnswer, FoundBand } from '../../protocol/operator-api.ts'
import {
  type AccountId,
  type BandId,
  parseAccountId,
  parseBandId,
  parseBid,
  parsePhoneId,
  tryParse,
} from '../../protocol/ids.ts'
import { holdsOf } from '../../protocol/states.ts'
import { writtenName } from '../../protocol/written-name.ts'
import { bandsOf, holdsInForce, shortened } from '../ledger/account-rows.ts'
import type { Core } from '../core/core.ts'

/** How many bands `findBands` lists. */
export const foundBandsMax = 50

export function findBands(core: Core, name: string, by: 'id' | 'anything' = 'anything'): BandsAnswer {
  const bands = bandsNamed(core, name, by).flatMap((one) => shown(core, one) ?? [])
  return { bands: bands.slice(0, foundBandsMax), isCut: bands.length > foundBandsMax }
}

/** The ids of at most one band more than are listed. */
export function bandsNamed(core: Core, name: string, by: 'id' | 'anything'): readonly BandId[] {
  const { digits, account, isCut } = writtenName(name)
  const found = new Set<BandId>()
  const accounts = new Set<AccountId>()
  if (digits !== undefined) {
    wholeIds(core, digits, found, accounts)
    if (isCut || !isWhole(digits)) beginnings(core, digits, found, accounts)
  }
  if (by === 'anything' && account !== undefined) {
    accounts.add(parseAccountId(account))
    if (isCut) for (const one of accountsBeginning(core, account)) accounts.add(one)
  }
  for (const one of accounts) {
    for (const bandId of bandsOf(core, one)) {
      if (found.size > foundBandsMax) break
      found.add(bandId)
    }
  }
  return [...found].slice(0, foundBandsMax + 1)
}

/** As long as an id is: it names what it names, and is not the beginning of another. */
function isWhole(digits: string): boolean {
  return digits.length === 16 || digits.length === 32
}

function wholeIds(core: Core, digits: string, found: Set<BandId>, accounts: Set<AccountId>): void {
  const bandId = tryParse(parseBandId, digits)
  if (bandId !== undefined && core.ledger.get('band', bandId) !== undefined) found.add(bandId)
  const bid = tryParse(parseBid, digits)
  const named = bid === undefined ? undefined : core.ledger.get('bid', bid)
  if (named !== undefined) found.add(named.bandId)
  const phoneId = tryParse(parsePhoneId, digits)
  if (phoneId === undefined) return
  const range = { from: `${phoneId}|`, to: `${phoneId}}`, limit: foundBandsMax }
  for (const { row } of core.ledger.range('phoneAccount', range)) accounts.add(row.account)
}

/** Digits of an id are followed by more of them, or by `|`; `~` comes after both. */
function beginnings(core: Core, digits: string, found: Set<BandId>, accounts: Set<AccountId>): void {
  const range = { from: digits, to: `${digits}~`, limit: foundBandsMax + 1 }
  for (const { row } of core.ledger.range('band', range)) found.add(row.bandId)
  for (const { row } of core.ledger.range('bid', range)) found.add(row.bandId)
  for (const { row } of core.ledger.range('phoneAccount', range)) accounts.add(row.account)
}

function accountsBeginning(core: Core, stem: string): readonly AccountId[] {
  const range = { from: stem, to: `${stem}~`, limit: foundBandsMax + 1 }
  return core.ledger.range('accountBand', range).map(({ key }) => parseAccountId(key.slice(0, key.indexOf('|'))))
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
