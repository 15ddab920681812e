// Enum tables: maps names to wire numbers, and back by a reverse lookup.

/** The names of a table, with their type. */
export function namesOf<Name extends string>(table: Readonly<Record<Name, unknown>>): readonly Name[] {
  return Object.keys(table).filter((name): name is Name => Object.hasOwn(table, name))
}

/** Reverse lookup of a table: wire number → name; undefined for a number the table does not have. */
export function finderOf<Name extends string>(
  numbers: Readonly<Record<Name, number>>,
): (number: number | undefined) => Name | undefined {
  const names = new Map<number | undefined, Name>(namesOf(numbers).map((name) => [numbers[name], name]))
  return (number) => names.get(number)
}
