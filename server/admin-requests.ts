// The JSON bodies of the admin API, read strictly: a member that is not known is a mistake, not a wish that nobody heard.

import { fromHex } from '../protocol/bytes.ts'
import { parseAccountId } from '../protocol/ids.ts'
import { Field } from './shape.ts'
import type { TokenRequest } from './tokens.ts'

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
    ...(sessionKey === undefined ? {} : { sessionKey: fromHex(sessionKey.hex) }),
  }
}

/** Reads `{name}`. Throws an Error that says what was expected. */
export function readPartnerRequest(body: Uint8Array): string {
  const name = objectOf(body, ['name']).get('name').text.trim()
  if (name === '' || name.length > partnerNameMax) {
    throw new RangeError(`name: text of 1 to ${partnerNameMax} characters expected`)
  }
  return name
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
