// Lookup of a JWT claim by its name: the name as a whole, which may have dots of its own (a namespaced claim is an address), or a path
// whose dots lead into objects.

import { isObject } from '../http/json.ts'

/** The value of the claim; undefined when there is none. */
export function claimAt(claims: Readonly<Record<string, unknown>>, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path]
  let at: unknown = claims
  for (const part of path.split('.')) at = isObject(at) && Object.hasOwn(at, part) ? at[part] : undefined
  return at
}
