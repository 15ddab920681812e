// Request parsers of the routes: filters, acts, pages. All read strictly, by request-reader.ts.

import { Mistake, readQuery } from '../../base/request.ts'
import { operatorReasonBytesMax } from '../../engine/ports/rows.ts'
import { encodeUtf8 } from '../../base/bytes.ts'
import { type BandId, parseAccountId, parseBandId, parsePartnerId, parsePhoneId } from '../../protocol/ids.ts'
import { amountMinorMax } from '../../protocol/limits.ts'
import { namesOf } from '../../base/names.ts'
import { hiddenIn } from '../../base/printable.ts'
import {
  type DecisionFilter,
  type OperatorAct,
  type OperatorActName,
  operatorActs,
} from '../../protocol/operator-api.ts'
import { reasons } from '../../protocol/reasons.ts'
import { idDigitsMin, writtenName } from '../../protocol/written-name.ts'
import type { JsonObject } from './json.ts'
import { operatorLimits } from '../ports/limits.ts'
import { countOf, knownOnly, numberOf, parsedAs, readBody, textOf } from './request-reader.ts'

const filterNames = [
  'fromMs',
  'toMs',
  'partner',
  'reason',
  'minMinor',
  'maxMinor',
  'currency',
  'action',
  'account',
  'bandId',
  'reference',
  'beforeLsn',
] as const

const exportFormats = ['csv', 'jsonl'] as const
export type ExportFormat = (typeof exportFormats)[number]

/** GET /api/decisions. */
export function readDecisionsQuery(query: string): { readonly filter: DecisionFilter; readonly limit: number } {
  const given = readQuery(query, [...filterNames, 'limit'])
  const { decisionsDefault, decisionsMax } = operatorLimits
  const limit =
    given.limit === undefined ? decisionsDefault : numberOf('limit', given.limit, { min: 1, max: decisionsMax })
  return { filter: filterOf(given), limit }
}

/** GET /api/export. */
export function readExportQuery(query: string): { readonly filter: DecisionFilter; readonly format: ExportFormat } {
  const given = readQuery(query, [...filterNames, 'format'])
  const format = exportFormats.find((one) => one === given.format)
  if (format === undefined) throw new Mistake(`format: one of ${exportFormats.join(', ')} expected`)
  return { filter: filterOf(given), format }
}

type Written = { readonly [Name in (typeof filterNames)[number]]?: string }

function filterOf(given: Written): DecisionFilter {
  const number = (name: 'fromMs' | 'toMs' | 'beforeLsn') =>
    given[name] === undefined ? {} : { [name]: numberOf(name, given[name]) }
  const amount = (name: 'minMinor' | 'maxMinor') =>
    given[name] === undefined ? {} : { [name]: numberOf(name, given[name], { max: amountMinorMax }) }
  const { partner, reason, currency, action, account, bandId, reference } = given
  return {
    ...number('fromMs'),
    ...number('toMs'),
    ...(partner === undefined
      ? {}
      : { partner: parsedAs('partner', () => parsePartnerId(partner.trim().toLowerCase())) }),
    ...(reason === undefined ? {} : { reason: reasonOf(reason) }),
    ...amount('minMinor'),
    ...amount('maxMinor'),
    ...(currency === undefined ? {} : { currency: numberOf('currency', currency, { max: 999 }) }),
    ...(action === undefined ? {} : { action: actionOf(action) }),
    ...(account === undefined ? {} : { account: parsedAs('account', () => parseAccountId(account.trim())) }),
    ...(bandId === undefined ? {} : { bandId: bandIdOf(bandId) }),
    ...(reference === undefined ? {} : { reference: referenceOf(reference) }),
    ...number('beforeLsn'),
  }
}

function reasonOf(written: string): string {
  const known = ['denied', ...namesOf(reasons)]
  if (known.includes(written)) return written
  throw new Mistake(`reason: one of ${known.join(', ')} expected`)
}

function actionOf(written: string): string {
  if (/^[a-z0-9-]{1,32}$/.test(written)) return written
  throw new Mistake('action: a name such as pay, or a number, expected')
}

/** A reference, or its beginning, in whatever case it was copied. */
function referenceOf(written: string): string {
  const { digits } = writtenName(written)
  if (digits !== undefined && digits.length <= referenceDigits) return digits
  throw new Mistake(`reference: ${idDigitsMin} to ${referenceDigits} hex digits expected`)
}

const referenceDigits = 16

/** A band id in whatever case it was copied. */
export function bandIdOf(written: string): BandId {
  return parsedAs('bandId', () => parseBandId(written.trim().toLowerCase()))
}

/** GET /api/bands: what a person typed. */
export function readBandName(query: string): string {
  const name = readQuery(query, ['name']).name?.trim()
  if (name !== undefined && name !== '' && name.length <= bandNameMax) return name
  throw new Mistake(`name: a band id, a bid, an account or a phone id of at most ${bandNameMax} characters expected`)
}

const bandNameMax = 100

/** GET /api/bands/<bandId>/timeline. */
export function readTimelineQuery(query: string): { readonly beforeLsn?: number; readonly limit: number } {
  const { beforeLsn, limit } = readQuery(query, ['beforeLsn', 'limit'])
  const { timelineDefault, timelineMax } = operatorLimits
  return {
    ...(beforeLsn === undefined ? {} : { beforeLsn: numberOf('beforeLsn', beforeLsn) }),
    limit: limit === undefined ? timelineDefault : numberOf('limit', limit, { min: 1, max: timelineMax }),
  }
}

/** POST /api/replay. */
export function readReplay(body: Uint8Array): number {
  return countOf(readBody(body, ['lsn']), 'lsn', Number.MAX_SAFE_INTEGER)
}

/** POST /api/acts/preview. */
export function readAct(body: Uint8Array): OperatorAct {
  return actOf(readBody(body, actMembers), [])
}

/** POST /api/acts. */
export function readActWithReason(body: Uint8Array): { readonly act: OperatorAct; readonly reason: string } {
  const object = readBody(body, [...actMembers, 'reason'])
  return { act: actOf(object, ['reason']), reason: readReason(object) }
}

const actMembers = ['act', 'bandId', 'phoneId', 'vendor', 'model']
const numberMax = 0xffff

function actOf(object: JsonObject, more: readonly string[]): OperatorAct {
  const name = namesOf(operatorActs).find((one) => one === object['act'])
  if (name === undefined) throw new Mistake(`act: one of ${namesOf(operatorActs).join(', ')} expected`)
  knownOnly(object, ['act', ...membersOf(name), ...more])
  switch (name) {
    case 'drain':
      return { act: name }
    case 'revoke-vendor':
    case 'restore-vendor': {
      const vendor = countOf(object, 'vendor', numberMax)
      return {
        act: name,
        vendor,
        ...(object['model'] === undefined ? {} : { model: countOf(object, 'model', numberMax) }),
      }
    }
    case 'freeze-band':
    case 'unfreeze-band':
    case 'freeze-account':
    case 'unfreeze-account':
    case 'raise-epoch':
    case 'end-session':
    case 'open-account':
      return { act: name, bandId: bandIdOf(textOf(object, 'bandId', 32)) }
    case 'remove-phone':
      return {
        act: name,
        bandId: bandIdOf(textOf(object, 'bandId', 32)),
        phoneId: parsedAs('phoneId', () => parsePhoneId(textOf(object, 'phoneId', 32))),
      }
  }
}

function membersOf(name: OperatorActName): readonly string[] {
  if (name === 'drain') return []
  if (name === 'remove-phone') return ['bandId', 'phoneId']
  return name === 'revoke-vendor' || name === 'restore-vendor' ? ['vendor', 'model'] : ['bandId']
}

/** It is read by people, in journals and logs: one line of text and nothing that commands a terminal. */
function readReason(object: JsonObject): string {
  const given = object['reason']
  const reason = typeof given === 'string' ? given.trim() : ''
  const hidden = hiddenIn(reason)
  if (reason !== '' && hidden === undefined && encodeUtf8(reason).length <= operatorReasonBytesMax) return reason
  const got = hidden === undefined ? '' : `, got ${hidden}, which is not seen or moves what is beside it`
  throw new Mistake(`reason: one line of 1 to ${operatorReasonBytesMax} bytes of text expected${got}`)
}

/** POST /api/session/token. */
export function readTokenSignIn(body: Uint8Array): { readonly name: string; readonly token: string } {
  const object = readBody(body, ['name', 'token'])
  return { name: textOf(object, 'name', 200).trim(), token: textOf(object, 'token', 512).trim() }
}
