// Operator names: validation and redaction, for the list, the journal (`operator:<name>`) and logs.

const pattern = /^[a-z0-9._-]{1,32}$/

/** Reserved name: acts of the admin API are journaled as `operator:admin-token`, and no operator's are to look like them. */
const reserved = 'admin-token'

export const operatorNameExpected = `1 to 32 of a-z 0-9 . _ -, other than ${reserved},`

export function isOperatorName(name: string): boolean {
  return pattern.test(name) && name !== reserved
}

/** Redacts a name for logs: a token that was typed where the name belongs must not be found there. */
export function loggedName(name: string): string {
  return isOperatorName(name) ? name : '[no name]'
}

/** The beginning of an account's id: enough to tell two apart, never all of it. */
export function shortAccount(account: string): string {
  if (account === '' || account.endsWith('…')) return account
  return `${account.slice(0, Math.min(shownLength, account.length - 1))}…`
}

const shownLength = 4
