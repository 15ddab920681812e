// Reads our own JSON documents field by field: each reader gives the value or throws a Fault that names the place.

import { Fault } from '../../engine/ports/fault.ts'

export type JsonObject = Readonly<Record<string, unknown>>

/** A value of a document and where it stands, for messages. */
export class Field {
  readonly #value: unknown
  readonly #where: string

  constructor(value: unknown, where: string) {
    this.#value = value
    this.#where = where
  }

  get(name: string): Field {
    const { object } = this
    return new Field(Object.hasOwn(object, name) ? object[name] : undefined, `${this.#where}.${name}`)
  }

  get isAbsent(): boolean {
    return this.#value === undefined || this.#value === null
  }

  get object(): JsonObject {
    return isObject(this.#value) ? this.#value : this.#fail('an object')
  }

  get list(): readonly Field[] {
    const value: unknown = this.#value
    return Array.isArray(value)
      ? value.map((one: unknown, at) => new Field(one, `${this.#where}[${at}]`))
      : this.#fail('a list')
  }

  get text(): string {
    return typeof this.#value === 'string' ? this.#value : this.#fail('text')
  }

  get count(): number {
    const value = this.#value
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : this.#fail('a whole number')
  }

  get hex(): string {
    const value = this.#value
    return typeof value === 'string' && /^([0-9a-f]{2})*$/.test(value) ? value : this.#fail('hex digits')
  }

  oneOf<const Name extends string>(names: readonly Name[]): Name {
    return names.find((name) => name === this.#value) ?? this.#fail(`one of ${names.join(', ')}`)
  }

  #fail(expected: string): never {
    const got = this.#value === undefined ? 'nothing' : typeof this.#value
    throw new Fault('keys-missing', `${this.#where}: ${expected} expected, got ${got}`)
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
