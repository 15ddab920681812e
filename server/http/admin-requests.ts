// Request validation of the admin API. What the admin API is asked: JSON bodies and the queries of addresses, read strictly: a member that is
// not known is a mistake, not a wish that goes unheard.

import { isSessionKey, sessionKeyExpected } from '../tokens/tokens.ts'
import type { BandNamed } from '../../engine/operators/inspect-band.ts'
import { operatorReasonBytesMax } from '../../engine/ports/rows.ts'
import { encodeUtf8, fromHex } from '../../base/bytes.ts'
import { parseAccountId, parseBandId, parseBid } from '../../protocol/ids.ts'
import { hiddenIn } from '../../base/printable.ts'
import { writtenName } from '../../protocol/written-name.ts'
import { JsonError, type JsonOf, type Schema, count, exactly, list, orNull, readJson, text } from '../../base/json.ts'
import { Mistake, parsedBody, readQuery } from '../../base/request.ts'
import type { TokenRequest } from '../tokens/tokens.ts'

const tokenLifeDefaultS = 3_600
const tokenLifeMaxS = 30 * 86_400
const partnerNameMax = 200

/** What a token is asked for; `audience` and `nowMs` are the server's to say. */
export type WantedToken = Omit<TokenRequest, 'audience' | 'nowMs'>

const tokenRequest = exactly({
  account: text,
  scopes: orNull(list(text)),
  hubAccounts: orNull(list(text)),
  sessionKey: orNull(text),
  lifeS: orNull(count),
})

/** Reads `{account, scopes?, hubAccounts?, sessionKey?, lifeS?}`. Throws a Mistake that says what was expected. */
export function readTokenRequest(body: Uint8Array): WantedToken {
  return asked(() => {
    const { account, scopes, hubAccounts, sessionKey, lifeS } = objectOf(body, tokenRequest)
    const life = lifeS ?? tokenLifeDefaultS
    if (life < 1 || life > tokenLifeMaxS)
      throw new RangeError(`lifeS: a whole number from 1 to ${tokenLifeMaxS} expected`)
    return {
      account: parseAccountId(account),
      lifeS: life,
      ...(scopes === null ? {} : { scopes }),
      ...(hubAccounts === null ? {} : { hubAccounts }),
      ...(sessionKey === null ? {} : { sessionKey: sessionKeyOf(sessionKey) }),
    }
  })
}

function sessionKeyOf(written: string): Uint8Array<ArrayBuffer> {
  if (!/^([0-9a-f]{2})+$/i.test(written)) throw new RangeError('sessionKey: pairs of hex digits expected')
  const key = fromHex(written)
  if (!isSessionKey(key)) throw new RangeError(`sessionKey: ${sessionKeyExpected}`)
  return key
}

/** Reads `{name}`. Throws a Mistake that says what was expected. */
export function readPartnerRequest(body: Uint8Array): string {
  return asked(() => {
    const name = objectOf(body, exactly({ name: text })).name.trim()
    if (name === '' || name.length > partnerNameMax) {
      throw new RangeError(`name: text of 1 to ${partnerNameMax} characters expected`)
    }
    return name
  })
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

/** Reads a band's name, as it stands in an address, with `decisions` and `open`. Throws a Mistake that says what was expected. */
export function readBandRequest(name: string, query: string): BandRequest {
  return asked(() => {
    const { decisions, open } = readQuery(query, ['decisions', 'open'])
    return {
      named: namedBand(name),
      decisionsMax: countOf('decisions', decisions, { default: decisionsDefault, max: decisionsMax }),
      openReason: open === undefined ? undefined : reasonOf(open),
    }
  })
}

/** Reads `afterMs`, an instant; 0 when there is none. Throws a Mistake that says what was expected. */
export function readAfter(query: string): number {
  return asked(() => {
    const { afterMs } = readQuery(query, ['afterMs'])
    return countOf('afterMs', afterMs, { default: 0, max: Number.MAX_SAFE_INTEGER })
  })
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

function decoded(written: string): string {
  try {
    return decodeURIComponent(written)
  } catch (error) {
    throw new RangeError(`${bandNameExpected} expected, in an address that can be read`, { cause: error })
  }
}

function objectOf<S extends Schema>(body: Uint8Array, schema: S): JsonOf<S> {
  return readJson(schema, parsedBody(body), 'body')
}

/** What does not fit in a request is a mistake of who sent it; nothing else of the work is. */
function asked<Read>(read: () => Read): Read {
  try {
    return read()
  } catch (error) {
    if (error instanceof RangeError || error instanceof JsonError) throw new Mistake(error.message, { cause: error })
    throw error
  }
}
