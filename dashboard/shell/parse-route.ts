// URL parser of the router: which page a path names. Everything else is no page.

import { writtenName } from '../../protocol/written-name.ts'

export type Route =
  | { readonly page: 'fleet' }
  | { readonly page: 'bands'; readonly name: string }
  | { readonly page: 'band'; readonly bandId: string }
  | { readonly page: 'decisions'; readonly query: string }
  | { readonly page: 'decision'; readonly lsn: number }
  | { readonly page: 'replay'; readonly lsn: number | undefined }
  | { readonly page: 'proposals' }
  | { readonly page: 'partners' }
  | { readonly page: 'vendors' }
  | { readonly page: 'settings' }
  | { readonly page: 'operators' }
  | { readonly page: 'you' }
  | { readonly page: 'unknown'; readonly path: string }

const plain = ['proposals', 'partners', 'vendors', 'settings', 'operators', 'you'] as const

/** The page that a path and its query name. */
export function parseRoute(pathname: string, search: string): Route {
  const [first = '', second, ...more] = pathname.split('/').slice(1)
  const query = new URLSearchParams(search)
  if (more.length === 0) {
    if (first === '' && second === undefined) return { page: 'fleet' }
    if (first === 'bands' && second === undefined) return { page: 'bands', name: query.get('name') ?? '' }
    if (first === 'band' && second !== undefined) {
      const { digits, isCut, isSurelyId } = writtenName(decoded(second))
      if (digits?.length === 32 && !isCut) return { page: 'band', bandId: digits }
      // The beginning of an id is searched for.
      if (digits !== undefined && isSurelyId) return { page: 'bands', name: isCut ? `${digits}…` : digits }
    }
    if (first === 'decisions' && second === undefined) return { page: 'decisions', query: search.replace(/^\?/, '') }
    if (first === 'decisions' && second !== undefined && isPosition(second))
      return { page: 'decision', lsn: Number(second) }
    if (first === 'replay' && second === undefined) {
      const lsn = query.get('lsn') ?? ''
      return { page: 'replay', lsn: isPosition(lsn) ? Number(lsn) : undefined }
    }
    const page = plain.find((name) => name === first)
    if (page !== undefined && second === undefined) return { page }
  }
  return { page: 'unknown', path: pathname }
}

function decoded(written: string): string {
  try {
    return decodeURIComponent(written)
  } catch {
    return written
  }
}

/** A position in the journal as people write it. */
export function isPosition(text: string): boolean {
  return /^[1-9]\d{0,15}$/.test(text) && Number.isSafeInteger(Number(text))
}
