// Operator registry of the page: who may sign in, what they may do, and what they show for it. Of a token only a salted hash is kept: it has
// 256 random bits, so one hash is enough. A running engine reads a change within a second.

import { dirname, join } from 'node:path'
import type { Keyring } from '../../crypto/at-rest.ts'
import { base64url } from '../../base/base64url.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { isOperatorName, operatorNameExpected } from '../../operators/ports/names.ts'
import type { ListedOperator, Passkey } from '../../operators/ports/ports.ts'
import { hashToken } from '../../operators/sign-in/token-sign-in.ts'
import { fromHex, toHex } from '../../base/bytes.ts'
import { type OperatorRole, operatorRoles } from '../../protocol/operator-api.ts'
import { ListError, lockedIn } from './list-lock.ts'
import { type DocumentPlace, readDocument, writeDocument } from './sealed-document.ts'
import { count, hex, list, object, oneOf, text } from '../../base/json.ts'

/** What `bandpass operator add` takes for a role. */
export const roleNames: readonly string[] = operatorRoles

/** The role of that name; undefined for a name that is none. */
export function roleOf(name: string): OperatorRole | undefined {
  return operatorRoles.find((one) => one === name)
}

export function operatorsPlace(data: string, keyring: Keyring): DocumentPlace {
  return { path: join(data, 'operators.json'), name: 'operators', keyring }
}

const operatorsSchema = object({
  operators: list(
    object({
      name: text,
      role: oneOf(operatorRoles),
      token: object({ salt: hex, hash: hex }),
      passkeys: list(object({ id: text, publicKey: hex, counter: count, addedAtMs: count })),
    }),
  ),
})

/** The operators; none when the document is not there. */
export function readOperators(place: DocumentPlace): readonly ListedOperator[] {
  const { operators = [] } = readDocument(place, operatorsSchema) ?? {}
  return operators.map(({ name, role, token, passkeys }) => ({
    name,
    role,
    token: { salt: fromHex(token.salt), hash: fromHex(token.hash) },
    passkeys: passkeys.map((passkey) => ({ ...passkey, publicKey: fromHex(passkey.publicKey) })),
  }))
}

export function writeOperators(place: DocumentPlace, operators: readonly ListedOperator[]): void {
  const readable = operators.map(({ name, role, token, passkeys }) => ({
    name,
    role,
    token: { salt: toHex(token.salt), hash: toHex(token.hash) },
    passkeys: passkeys.map((one) => ({ ...one, publicKey: toHex(one.publicKey) })),
  }))
  writeDocument(place, { version: 1, operators: readable })
}

/** Lists a new operator; the token is told here and never again. */
export function addOperator(
  place: DocumentPlace,
  { name, role }: { readonly name: string; readonly role: OperatorRole },
): { readonly operator: ListedOperator; readonly token: string } {
  if (!isOperatorName(name)) throw new RangeError(`${operatorNameExpected} expected, got ${JSON.stringify(name)}`)
  return locked(place, () => {
    const operators = readOperators(place)
    if (operators.some((one) => one.name === name)) throw new ListError(`there is an operator ${name} already`)
    const { token, kept } = newToken()
    const operator: ListedOperator = { name, role, token: kept, passkeys: [] }
    writeOperators(place, [...operators, operator])
    return { operator, token }
  })
}

/**
 * Gives an operator a new token; the one before, and the sessions that it began, end at once. So do all passkeys: one who had the
 * token may have added one.
 */
export function renewToken(
  place: DocumentPlace,
  name: string,
): { readonly operator: ListedOperator; readonly token: string } {
  const { token, kept } = newToken()
  return { operator: changed(place, name, (one) => ({ ...one, token: kept, passkeys: [] })), token }
}

/** Takes an operator off the list, and so ends its sessions. */
export function removeOperator(place: DocumentPlace, name: string): ListedOperator {
  return locked(place, () => {
    const operators = readOperators(place)
    const operator = found(operators, name)
    writeOperators(
      place,
      operators.filter((one) => one !== operator),
    )
    return operator
  })
}

/** Keeps a passkey of an operator: a new one, or one with a new counter, which never falls. */
export function keepPasskey(place: DocumentPlace, name: string, passkey: Passkey): void {
  changed(place, name, (one) => {
    const known = one.passkeys.find(({ id }) => id === passkey.id)
    const counter = Math.max(known?.counter ?? 0, passkey.counter)
    return { ...one, passkeys: [...one.passkeys.filter(({ id }) => id !== passkey.id), { ...passkey, counter }] }
  })
}

const tokenBytes = 32
const saltBytes = 32

function newToken(): { readonly token: string; readonly kept: ListedOperator['token'] } {
  const token = base64url(nodePrimitives.randomBytes(tokenBytes))
  const salt = nodePrimitives.randomBytes(saltBytes)
  return { token, kept: { salt, hash: hashToken(salt, token) } }
}

function changed(
  place: DocumentPlace,
  name: string,
  change: (operator: ListedOperator) => ListedOperator,
): ListedOperator {
  return locked(place, () => {
    const operators = readOperators(place)
    const before = found(operators, name)
    const after = change(before)
    writeOperators(
      place,
      operators.map((one) => (one === before ? after : one)),
    )
    return after
  })
}

function found(operators: readonly ListedOperator[], name: string): ListedOperator {
  const operator = operators.find((one) => one.name === name)
  if (operator === undefined) throw new ListError(`no operator ${JSON.stringify(name.slice(0, 40))}`)
  return operator
}

/** The lock of the data folder is the running engine's; that of the lists is for the command that changes one. */
function locked<Result>(place: DocumentPlace, work: () => Result): Result {
  return lockedIn(join(dirname(place.path), 'lists'), work)
}
