// Formatting of figures. Figures as people read them: how long ago, when, how much, how often.

import { currencyLetters } from '../../server/settings/limit-tables.ts'

const secondMs = 1_000
const minuteMs = 60_000
const hourMs = 3_600_000
const dayMs = 86_400_000

/** How long, in the one or two largest units that say something; seconds up to two minutes, as leases are told. */
export function spanText(ms: number): string {
  const whole = Math.max(0, Math.floor(ms / secondMs)) * secondMs
  if (whole < 2 * minuteMs) return `${whole / secondMs} s`
  if (whole < hourMs) return `${Math.floor(whole / minuteMs)} min`
  if (whole < dayMs) return `${Math.floor(whole / hourMs)} h ${Math.floor((whole % hourMs) / minuteMs)} min`
  return `${Math.floor(whole / dayMs)} d ${Math.floor((whole % dayMs) / hourMs)} h`
}

/** An instant, UTC, to the second. */
export function instantText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/** A duration; a dash for what was not measured. */
export function msText(ms: number | null): string {
  return ms === null ? '-' : `${ms.toFixed(ms < 10 ? 2 : 1)} ms`
}

export function countText(count: number): string {
  return count.toLocaleString('en')
}

export function rateText(perSecond: number): string {
  return `${perSecond === 0 || perSecond >= 10 ? countText(Math.round(perSecond)) : perSecond.toFixed(1)}/s`
}

/** An amount in the currency's own unit; a currency that has no letters here keeps its number and its minor units. */
export function amountText(minor: number, currency: number): string {
  const letters = currencyLetters.get(currency)
  if (letters === undefined) return `${countText(minor)} minor units of ${String(currency).padStart(3, '0')}`
  return `${majorText(minor, currency)} ${letters}`
}

/** The same without the currency, for columns that are all of one. */
export function majorText(minor: number, currency: number): string {
  const letters = currencyLetters.get(currency)
  if (letters === undefined) return countText(minor)
  const digits = digitsOf(letters)
  return (minor / 10 ** digits).toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** How many decimals a currency has, by the Unicode data that Node carries. */
function digitsOf(letters: string): number {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency: letters })
  return format.resolvedOptions().maximumFractionDigits ?? 2
}
