// Formatting and parsing of money amounts, from minor units and the numeric code of ISO 4217. A currency that is not in the
// table is shown in minor units with its number: a wrong decimal point would be worse than none.

/** Numeric codes of ISO 4217 and their letters. */
const currencies: Readonly<Record<number, string>> = {
  32: 'ARS',
  36: 'AUD',
  48: 'BHD',
  124: 'CAD',
  152: 'CLP',
  156: 'CNY',
  170: 'COP',
  203: 'CZK',
  208: 'DKK',
  344: 'HKD',
  348: 'HUF',
  352: 'ISK',
  356: 'INR',
  360: 'IDR',
  376: 'ILS',
  392: 'JPY',
  404: 'KES',
  410: 'KRW',
  414: 'KWD',
  458: 'MYR',
  484: 'MXN',
  554: 'NZD',
  566: 'NGN',
  578: 'NOK',
  604: 'PEN',
  608: 'PHP',
  634: 'QAR',
  643: 'RUB',
  682: 'SAR',
  702: 'SGD',
  704: 'VND',
  710: 'ZAR',
  752: 'SEK',
  756: 'CHF',
  764: 'THB',
  784: 'AED',
  818: 'EGP',
  826: 'GBP',
  840: 'USD',
  901: 'TWD',
  946: 'RON',
  949: 'TRY',
  975: 'BGN',
  978: 'EUR',
  980: 'UAH',
  985: 'PLN',
  986: 'BRL',
}

/** Numeric code and letters of each currency that is known, by letters. */
export const knownCurrencies: readonly { readonly code: number; readonly letters: string }[] = Object.entries(
  currencies,
)
  .map(([code, letters]) => ({ code: Number(code), letters }))
  .sort((a, b) => a.letters.localeCompare(b.letters))

/** Formats an amount with its currency, such as `€4.50`, or `450 minor units of 999`. */
export function formatAmount(amountMinor: number, currency: number): string {
  const format = formatOf(currency)
  if (format === undefined) return `${amountMinor} minor units of ${currency}`
  return format.format(amountMinor / 10 ** digitsOf(format))
}

/** The letters of a currency, or its number. */
export function currencyName(currency: number): string {
  return currencies[currency] ?? String(currency)
}

/**
 * Parses what a person wrote, such as `4.50` with 978, to minor units. Without a currency that is known it must be whole minor
 * units. Undefined: it is no amount, is negative, or has more decimals than the currency.
 */
export function parseAmount(text: string, currency: number | undefined): number | undefined {
  const format = currency === undefined ? undefined : formatOf(currency)
  const digits = format === undefined ? 0 : digitsOf(format)
  const [, whole, fraction = ''] = /^(\d{1,15})(?:\.(\d+))?$/.exec(text.trim()) ?? []
  if (whole === undefined || fraction.length > digits) return undefined
  const minor = Number(whole + fraction.padEnd(digits, '0'))
  return Number.isSafeInteger(minor) ? minor : undefined
}

/** Formats an amount for a form field, as `parseAmount` reads it back. */
export function amountText(amountMinor: number, currency: number | undefined): string {
  const format = currency === undefined ? undefined : formatOf(currency)
  return format === undefined ? String(amountMinor) : (amountMinor / 10 ** digitsOf(format)).toFixed(digitsOf(format))
}

const formats = new Map<number, Intl.NumberFormat>()

function formatOf(currency: number): Intl.NumberFormat | undefined {
  const letters = currencies[currency]
  if (letters === undefined) return undefined
  const format = formats.get(currency) ?? new Intl.NumberFormat('en-GB', { style: 'currency', currency: letters })
  formats.set(currency, format)
  return format
}

function digitsOf(format: Intl.NumberFormat): number {
  return format.resolvedOptions().maximumFractionDigits ?? 0
}
