// Codec of the decision filter as a URL query: a search can be sent to a colleague as a link.

import type { DecisionFilter } from '../../protocol/operator-api.ts'

const numbers = ['fromMs', 'toMs', 'minMinor', 'maxMinor', 'currency', 'beforeLsn'] as const
const texts = ['partner', 'reason', 'action', 'account', 'bandId', 'reference'] as const

/** Encodes a filter as a query, without `?`; empty for no filter. Always in the same order. */
export function queryOf(filter: DecisionFilter): string {
  const query = new URLSearchParams()
  for (const name of [...numbers, ...texts]) {
    const value = filter[name]
    if (value !== undefined) query.set(name, String(value))
  }
  return query.toString()
}

/** Decodes the filter of a query. What it does not know, and numbers that are none, it leaves out. */
export function filterOf(query: string): DecisionFilter {
  const given = new URLSearchParams(query)
  const filter: { -readonly [Name in keyof DecisionFilter]: DecisionFilter[Name] } = {}
  for (const name of numbers) {
    const text = given.get(name) ?? ''
    const value = Number(text)
    if (/^\d+$/.test(text) && Number.isSafeInteger(value)) filter[name] = value
  }
  for (const name of texts) {
    const value = given.get(name) ?? ''
    if (value !== '') filter[name] = value
  }
  return filter
}
