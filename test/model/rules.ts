// Mutation testing of the models: the protocol's rules as switches. Each model lists the rules it obeys; a mutant is the same
// model with one rule switched off, and names the invariant that then breaks. A rule whose removal broke nothing would be a rule
// that the model does not understand.

/**
 * `says` is the rule in a sentence, and where it helps what is done instead when it is off; `starred` marks a ◆ rule of
 * the protocol, the others are plain sentences of it, or what it leaves to the reader, that turned out to carry weight.
 * `breaks` is the invariant lost without it.
 */
export type Rule<Invariant extends string> = {
  readonly section: '§3' | '§4' | '§5' | '§7' | '§8'
  readonly starred: boolean
  readonly says: string
  readonly breaks: Invariant
}

/** Which rules are in force. */
export type Switches<Name extends string> = Readonly<Record<Name, boolean>>

/** Every rule of a table in force, but for `off` where one is given. */
export function switches<Name extends string>(table: Readonly<Record<Name, unknown>>, off?: Name): Switches<Name> {
  const inForce = Object.fromEntries(ruleNames(table).map((name) => [name, name !== off]))
  return inForce as Record<Name, boolean> // the one place where a table's names become switches
}

/** The names of a table of rules, in its order. */
export function ruleNames<Name extends string>(table: Readonly<Record<Name, unknown>>): readonly Name[] {
  return Object.keys(table).filter((name): name is Name => name in table)
}
