// The one shape of "these bytes are not what the protocol says": a value, never an exception.

/** What a decoder returns for bytes it refuses: what was expected and where. */
export type Malformed = { readonly type: 'malformed'; readonly expected: string; readonly at: number }

export function malformed(expected: string, at: number): Malformed {
  return { type: 'malformed', expected, at }
}
