// Settings that are addresses of the web: read as URLs (WHATWG URL), so that what browsers and providers spell in one way may be written in
// any: capitals, a default port, a host in its own letters. TLS is expected, but for this machine alone.

import { isThisMachine } from '../../transport/own-hosts.ts'
import { type Setting, optionalText } from './setting.ts'

const addressExpected = 'an https:// address (http:// only for this machine)'
const originExpected = 'https:// and a host (http:// only for this machine), without a path'

/** An origin, as browsers write it (`URL.origin`). */
export function optionalOrigin(from: { readonly help: string }): Setting<string | undefined> {
  return optionalText({
    help: from.help,
    expected: originExpected,
    read: (written) => {
      const url = /^https?:\/\/[^/?#\\@\s]+$/i.test(written) ? webUrl(written) : undefined
      return url?.origin
    },
    hint: (written) => {
      const origin = webUrl(written)?.origin
      return origin === undefined ? undefined : `did you mean ${origin}?`
    },
  })
}

/** An address that is fetched from or, as an issuer, compared: it is kept as it was written. */
export function optionalAddress(from: { readonly help: string }): Setting<string | undefined> {
  return optionalText({
    help: from.help,
    expected: addressExpected,
    read: (written) => (webUrl(written) === undefined ? undefined : written),
  })
}

/** The URL, without the dot of the root behind its host; undefined for what is none, names no host, or brings a password. */
function webUrl(written: string): URL | undefined {
  if (!/^https?:\/\/[^\s]+$/i.test(written) || !URL.canParse(written)) return undefined
  const url = new URL(written)
  if (url.username !== '' || url.password !== '' || url.hash !== '') return undefined
  if (url.hostname.endsWith('.')) url.hostname = url.hostname.slice(0, -1)
  const isHost = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$|^\[[0-9a-f:.]+\]$/.test(url.hostname)
  const isHere = isThisMachine(url.hostname.replace(/^\[|\]$/g, ''))
  return isHost && (url.protocol === 'https:' || isHere) ? url : undefined
}
