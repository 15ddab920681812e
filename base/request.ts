// Request validation: what a caller sent is read strictly, or refused as the caller's mistake. Every other error is ours, and is not answered.

/** Client error: what was sent does not fit. It is answered with its message. */
export class Mistake extends Error {
  override readonly name = 'Mistake'
}

/** The members of a query (what follows `?`): each at most once, and none that is not known. Throws a Mistake. */
export function readQuery<const Name extends string>(
  query: string,
  names: readonly Name[],
): { readonly [Key in Name]?: string } {
  const found: { [Key in Name]?: string } = {}
  for (const [given, value] of new URLSearchParams(query)) {
    const name = names.find((known) => known === given)
    if (name === undefined) {
      const expected = names.length === 0 ? 'nothing' : `only ${names.join(', ')}`
      throw new Mistake(`query: ${expected} expected, got ${JSON.stringify(given.slice(0, 40))}`)
    }
    if (found[name] !== undefined) throw new Mistake(`${name}: expected once`)
    found[name] = value
  }
  return found
}

/** The JSON of a body in UTF-8. Throws a Mistake. */
export function parsedBody(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (error) {
    throw new Mistake('body: a JSON object in UTF-8 expected', { cause: error })
  }
}
