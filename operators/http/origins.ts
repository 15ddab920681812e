// Origin checks against CSRF and DNS rebinding. Where the page is, as browsers see it, decides whose requests are ours, whether
// cookies are Secure, and the name that passkeys are bound to.

export type Origins = {
  /** The origins that are ours. */
  readonly all: readonly string[]
  /** The one that people are sent to. */
  readonly main: string
  /** Cookies go over https only. */
  readonly isSecure: boolean
  /**
   * Host headers that a request may bear, so that no foreign name leads a browser here (DNS rebinding); undefined behind a proxy, which
   * may put its own.
   */
  readonly hosts: readonly string[] | undefined
}

/** `origin` as configured, else those of this machine at `port`. */
export function originsOf(origin: string | undefined, port: number): Origins {
  if (origin !== undefined) {
    const url = new URL(origin)
    const isSecure = url.protocol === 'https:'
    return { all: [url.origin], main: url.origin, isSecure, hosts: isSecure ? undefined : [url.host] }
  }
  // As browsers write them: they leave out port 80.
  const own = ['localhost', '127.0.0.1', '[::1]'].map((name) => new URL(`http://${name}:${port}`))
  const main = new URL(`http://localhost:${port}`).origin
  return { all: own.map((one) => one.origin), main, isSecure: false, hosts: own.map((one) => one.host) }
}

/** WebAuthn relying party id at this origin; undefined where there can be none, because it is an address without a name. */
export function passkeyDomainOf(origin: string): string | undefined {
  const { hostname } = new URL(origin)
  return /^[\d.]+$|^\[/.test(hostname) ? undefined : hostname
}

export type Headers = { readonly get: (name: string) => string | null | undefined }

/** Same-origin check: why a request of a browser is none of our own page; undefined = it may be one. */
export function foreign(
  { all, hosts }: Origins,
  { method, headers }: { readonly method: string; readonly headers: Headers },
): string | undefined {
  const host = urlOf(`http://${headers.get('host') ?? ''}`)?.host
  if (hosts !== undefined && (host === undefined || !hosts.includes(host))) return `expected the host ${hosts[0] ?? ''}`
  const site = headers.get('sec-fetch-site')
  // `none`: typed or bookmarked by the user.
  const isOwnSite =
    site === null || site === undefined || site === 'same-origin' || (site === 'none' && method !== 'POST')
  if (!isOwnSite) return 'expected a request of the same origin'
  const origin = headers.get('origin') ?? undefined
  if (origin === undefined && method !== 'POST') return undefined
  const isOurs = origin !== undefined && all.includes(urlOf(origin)?.origin ?? '')
  return isOurs ? undefined : `expected the origin ${all[0] ?? ''}`
}

/** A scheme and a host, as programs that are no browsers spell them too; undefined for more or less than that. */
function urlOf(written: string): URL | undefined {
  const isShort = /^https?:\/\/[^/?#\\@\s]+$/i.test(written) && URL.canParse(written)
  return isShort ? new URL(written) : undefined
}
