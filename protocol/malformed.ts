// Decode error as a value, never an exception: the one shape of "these bytes are not what the protocol says".

/** Decode error: what a decoder returns for bytes it refuses, with what was expected and at which offset. */
export type Malformed = { readonly type: 'malformed'; readonly expected: string; readonly at: number }

export function malformed(expected: string, at: number): Malformed {
  return { type: 'malformed', expected, at }
}
