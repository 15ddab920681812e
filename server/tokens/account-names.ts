// Account names: which account a subject claim (`sub`, RFC 7519 §4.1.2) is. Providers use characters that no account id has, such as
// `auth0|65f0c0ffee` or an address; those are escaped. No two subjects are one account.

import { createHash } from 'node:crypto'
import { type AccountId, parseAccountId } from '../../protocol/ids.ts'

/** An account name that was made of a subject begins so, and a subject that begins so is made into one. */
const madePrefix = 'sub.'
/** Longest subject taken, characters (OpenID Connect Core §2). */
export const subjectMax = 255
const nameMax = 64
/** Printable ASCII without spaces, slashes, quotes and angle brackets: what markup, paths and shells would read. */
const subjectShape = /^[!#-&(-.0-;=?-[\]^_a-~]{1,255}$/
export const subjectExpected = `text of 1 to ${subjectMax} printable characters of ASCII but spaces, / \\ " ' \` < >`

/**
 * The account of a subject; undefined for one that is not taken. A subject that is an account id is its own account. Of any other each
 * character that is no letter, digit, `_`, `:` or `-` is written as `.HH`, behind `sub.`; where that is longer than an account id may be,
 * it is `sub..` and its SHA-256 in base64url.
 */
export function accountOf(subject: unknown): AccountId | undefined {
  if (typeof subject !== 'string' || !subjectShape.test(subject)) return undefined
  if (/^[A-Za-z0-9._:-]{1,64}$/.test(subject) && !subject.startsWith(madePrefix)) return parseAccountId(subject)
  const escaped = subject.replaceAll(/[^A-Za-z0-9_:-]/g, escapedCharacter)
  if (madePrefix.length + escaped.length <= nameMax) return parseAccountId(madePrefix + escaped)
  return parseAccountId(`${madePrefix}.${createHash('sha256').update(subject).digest('base64url')}`)
}

function escapedCharacter(character: string): string {
  return `.${character.charCodeAt(0).toString(16).toUpperCase()}`
}
