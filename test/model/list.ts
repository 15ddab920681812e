// Immutable small lists, and the packing of small numbers into a short key. A state is compared and stored by its key,
// so a key is one byte a number: JavaScript keeps a string of characters below 256 at one byte each.

/** The element at `index`, which must exist. */
export function at<Element>(list: readonly Element[], index: number): Element {
  const element = list[index]
  if (element === undefined) throw new Error(`no element ${index} in a list of ${list.length}`)
  return element
}

/** A copy of `list` with `element` at `index`. */
export function withAt<Element>(list: readonly Element[], index: number, element: Element): readonly Element[] {
  return list.map((old, position) => (position === index ? element : old))
}

/** Numbers from -1 to 254 as one character each. */
export function pack(numbers: readonly number[]): string {
  for (const number of numbers) if (number < -1 || number > 254) throw new Error(`${number} does not fit in a key`)
  return String.fromCharCode(...numbers.map((number) => number + 1))
}
