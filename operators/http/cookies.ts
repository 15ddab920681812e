// Cookies of the page (RFC 6265): the session's, and for the few minutes of a redirect to the provider and back the one that binds it to
// this browser. Their names say `__Host-` wherever browsers take it, so that no other host of the domain can set them.

import type { Origins } from './origins.ts'

export type CookieNames = { readonly session: string; readonly oidc: string }

/** Cookies know no ports: engines that share a host would share them, so the port is part of the name unless it is that of https. */
export function cookieNames({ isSecure, main }: Origins): CookieNames {
  const { port } = new URL(main)
  const name = isSecure ? `__Host-bandpass${port === '' ? '' : `-${port}`}` : `bandpass-${port}`
  return { session: name, oidc: `${name}-oidc` }
}

/** The value of a cookie in a `Cookie` header; undefined unless it is there once. */
export function cookieOf(header: string | null | undefined, name: string): string | undefined {
  const found = (header ?? '')
    .split(';')
    .map((one) => one.trim())
    .filter((one) => one.startsWith(`${name}=`))
  return found.length === 1 ? found[0]?.slice(name.length + 1) : undefined
}

/** A `Set-Cookie`. Strict unless the way back from a provider must bring it along. */
export function setCookie(
  name: string,
  value: string,
  more: { readonly maxAgeS: number; readonly isSecure: boolean; readonly sameSite: 'Strict' | 'Lax' },
): string {
  const secure = more.isSecure ? '; Secure' : ''
  return `${name}=${value}; Path=/; Max-Age=${more.maxAgeS}; HttpOnly; SameSite=${more.sameSite}${secure}`
}
