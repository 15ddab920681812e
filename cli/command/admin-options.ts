// Options of commands that ask a running engine. Which engine an operator's command talks to, and with which token.

import { AdminClient } from '../../sdk/admin/admin-client.ts'
import { readToken } from '../../server/http/access-token.ts'
import { type Given, type Option, UsageError, required } from './command.ts'

export const adminOptions: readonly Option[] = [
  { name: 'url', value: 'URL', help: 'where the engine listens, such as http://localhost:8484' },
  { name: 'admin-token', value: 'FILE', help: "the engine's admin token: the file admin-token in its data folder" },
]

/**
 * The engine's admin API. A mistyped address is told as such, before anything is asked; a token's file that is missing, or that
 * others may read, throws a Fault.
 */
export function adminOf(
  given: Given,
  options: { readonly timeoutMs?: number; readonly triesMax?: number } = {},
): AdminClient {
  const url = required(given, 'url', 'http://localhost:8484')
  const token = readToken(required(given, 'admin-token', '/var/lib/bandpass/admin-token'))
  try {
    return new AdminClient(url, token, options)
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(`--url: ${error.message}`) : error
  }
}
