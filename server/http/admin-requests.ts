// What the admin API is asked: JSON bodies and the queries of addresses, read strictly: a member that is not known is a
// mistake, not a wish that nobody heard.

import type { BandNamed } from '../../engine/operators/inspect-band.ts'
import { operatorReasonBytesMax } from '../../engine/ports/rows.ts'
import { encodeUtf8, fromHex } from '../../base/bytes.ts'
import { parseAccountId, parseBandId, parseBid } from '../../protocol/ids.ts'
import { hiddenIn } from '../../base/printable.ts'
import { writtenName } from '../../protocol/written-name.ts'
import { Field } from '../files/shape.ts'
import type { TokenRequest } from '../tokens/tokens.ts'

const tokenLifeDefaultS = 3_600
const tokenLifeMaxS = 30 * 86_400
const partnerNameMax = 200

/** What a token is asked for; `audience` and `nowMs` are the server's to say. */
export type WantedToken = Omit<TokenRequest, 'audience' | 'nowMs'>

/** Reads `{account, scopes?, hubAccounts?, sessionKey?, lifeS?}`. Throws an Error that says what was expected. */
export function readTokenRequest(body: Uint8Array): WantedToken {
  const field = objectOf(body, ['account', 'scopes', 'hubAccounts', 'sessionKey', 'lifeS'])
  const [scopes, hubAccounts, sessionKey, lifeS] = ['scopes', 'hubAccounts', 'sessionKey', 'lifeS'].map((name) => {
    const one = field.get(name)
    return one.isAbsent ? undefined : one
  })
  const life = lifeS?.count ?? tokenLifeDefaultS
  if (life < 1 || life > tokenLifeMaxS)
    throw new RangeError(`lifeS: a whole number from 1 to ${tokenLifeMaxS} expected`)
  return {
    account: parseAccountId(field.get('account').text),
    lifeS: life,
    ...(scopes === undefined ? {} : { scopes: scopes.list.map((one) => one.text) }),
    ...(hubAccounts === undefined ? {} : { hubAccounts: hubAccounts.list.map((one) => one.text) }),
    ...(sessionKey === undefined ? {} : { sessionKey: sessionKeyOf(sessionKey.text) }),
  }
}

function sessionKeyOf(written: string): Uint8Array<ArrayBuffer> {
  if (/^([0-9a-f]{2})+$/i.test(written)) return fromHex(written)
  throw new RangeError('sessionKey: pairs of hex digits expected')
}

/** Reads `{name}`. Throws an Error that says what was expected. */
export function readPartnerRequest(body: Uint8Array): string {
  const name = objectOf(body, ['name']).get('name').text.trim()
  if (name === '' || name.length > partnerNameMax) {
    throw new RangeError(`name: text of 1 to ${partnerNameMax} characters expected`)
  }
  return name
}

/** Decisions told of one band unless asked otherwise, and at most. */
const decisionsDefault = 10
export const decisionsMax = 100

export type BandRequest = {
  readonly named: BandNamed
  readonly decisionsMax: number
  /** Why the account's id is opened; undefined = it is not. */
  readonly openReason: string | undefined
}

/** Reads a band's name, as it stands in an address, with `decisions` and `open`. Throws a RangeError that says what was expected. */
export function readBandRequest(name: string, query: string): BandRequest {
  const { decisions, open } = queryOf(query, ['decisions', 'open'])
  return {
    named: namedBand(name),
    decisionsMax: countOf('decisions', decisions, { default: decisionsDefault, max: decisionsMax }),
    openReason: open === undefined ? undefined : reasonOf(open),
  }
}

/** Reads `afterMs`, an instant; 0 when there is none. Throws a RangeError that says what was expected. */
export function readAfter(query: string): number {
  const { afterMs } = queryOf(query, ['afterMs'])
  return countOf('afterMs', afterMs, { default: 0, max: Number.MAX_SAFE_INTEGER })
}

/** An account may look like an id: the engine looks for the band first. */
function namedBand(written: string): BandNamed {
  const name = decoded(written).trim()
  const { digits, account, isCut } = writtenName(name)
  if (digits === undefined && account === undefined)
    throw new RangeError(`${bandNameExpected} (1 to 64 of A-Z a-z 0-9 . _ : -) expected`)
  const isWhole = digits !== undefined && !isCut
  return {
    ...(isWhole && digits.length === 32 ? { bandId: parseBandId(digits) } : {}),
    ...(isWhole && digits.length === 16 ? { bid: parseBid(digits) } : {}),
    ...(account !== undefined && !isCut ? { account: parseAccountId(account) } : {}),
    // The beginning of an id is looked for as such.
    ...(isCut || (digits !== undefined && digits.length !== 16 && digits.length !== 32) ? { written: name } : {}),
  }
}

/** What names a band, for refusals. */
export const bandNameExpected = 'a band id of 32 hex digits, a bid of 16, or an account'

function reasonOf(open: string): string {
  const reason = open.trim()
  // It is read by people, in journals and logs: one line of text and nothing that commands a terminal.
  const hidden = hiddenIn(reason)
  if (reason !== '' && hidden === undefined && encodeUtf8(reason).length <= operatorReasonBytesMax) return reason
  const got = hidden === undefined ? '' : `, got ${hidden}, which is not seen or moves what is beside it`
  throw new RangeError(`open: a reason of 1 to ${operatorReasonBytesMax} bytes of text expected${got}`)
}

function countOf(
  name: string,
  written: string | undefined,
  range: { readonly default: number; readonly max: number },
): number {
  if (written === undefined) return range.default
  const count = /^\d{1,16}$/.test(written) ? Number(written) : Number.NaN
  if (count <= range.max) return count
  throw new RangeError(`${name}: a whole number from 0 to ${range.max} expected`)
}

/** Each member at most once, and none that is not known. */
function queryOf<const Name extends string>(
  query: string,
  names: readonly Name[],
): { readonly [Key in Name]?: string } {
  const found: { [Key in Name]?: string } = {}
  for (const [given, value] of new URLSearchParams(query)) {
    const name = names.find((known) => known === given)
    if (name === undefined) {
      throw new RangeError(`query: only ${names.join(', ')} expected, got ${JSON.stringify(given.slice(0, 40))}`)
    }
    if (found[name] !== undefined) throw new RangeError(`${name}: expected once`)
    found[name] = value
  }
  return found
}

function decoded(written: string): string {
  try {
    return decodeURIComponent(written)
  } catch (error) {
    throw new RangeError(`${bandNameExpected} expected, in an address that can be read`, { cause: error })
  }
}

function objectOf(body: Uint8Array, members: readonly string[]): Field {
  const field = new Field(parsed(body), 'body')
  const unknown = Object.keys(field.object).find((name) => !members.includes(name))
  if (unknown !== undefined) {
    throw new RangeError(`body: only ${members.join(', ')} expected, got ${JSON.stringify(unknown.slice(0, 40))}`)
  }
  return field
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (error) {
    throw new RangeError('body: a JSON object in UTF-8 expected', { cause: error })
  }
}
