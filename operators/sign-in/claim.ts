// A claim of a token by its name: the name as a whole, which may have dots of its own (a namespaced claim is an address), or the way that
// its dots lead into objects.

import { isObject } from '../http/json.ts'

/** Undefined when there is none. */
export function claimAt(claims: Readonly<Record<string, unknown>>, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path]
  let at: unknown = claims
  for (const part of path.split('.')) at = isObject(at) && Object.hasOwn(at, part) ? at[part] : undefined
  return at
}
