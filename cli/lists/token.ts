// `bandpass token`: an account token of the local issuer, for demos and for trying things out.

import { openDataFolder } from '../../server/documents/data-folder.ts'
import { loadKeys } from '../../server/documents/engine-keys.ts'
import { type TokenRequest, mintToken } from '../../server/tokens/tokens.ts'
import { type Command, UsageError, number, required } from '../command/command.ts'
import { dataOptions, folderConfigFrom } from '../command/config-source.ts'
import { bytesOf } from '../command/hex.ts'
import { listJsonOption, printListed } from '../terminal/output.ts'
import { environment } from '../command/environment.ts'

const lifeDefaultS = 3_600
const lifeMaxS = 30 * 86_400

export const token: Command = {
  name: 'token',
  summary: 'Makes an account token, as if the wearer had just signed in. For engines that accept the local issuer.',
  options: [
    ...dataOptions,
    listJsonOption,
    { name: 'account', value: 'ID', help: 'the account' },
    { name: 'key', value: 'HEX', help: "the phone's session public key: 32 bytes Ed25519 or 33 P-256 compressed" },
    { name: 'scope', value: 'WORDS', help: "hub or web, never both; a token without is a phone's" },
    { name: 'accounts', value: 'IDS', help: 'accounts a hub may speak for, separated by commas; * = every one' },
    { name: 'life-s', value: 'SECONDS', help: `how long it is valid; ${lifeDefaultS} unless given` },
  ],
  examples: [
    { run: 'bandpass token --account alice --key 3b6a...', does: 'for a phone; may enrol it' },
    { run: "bandpass token --account hub-1 --key 3b6a... --scope hub --accounts '*'", does: 'for a hub' },
  ],
  async run(given) {
    const account = required(given, 'account', 'alice')
    const sessionKey = bytesOf('key', required(given, 'key', '<hex>'))
    const config = folderConfigFrom(given, environment, 'tokens')
    if (config.tokens.local === 'off') throw new UsageError('tokens.local is off: this engine takes no such token')
    const folder = openDataFolder(config, environment, false)
    const scope = given.value('scope')
    const accounts = given.value('accounts')
    const request: TokenRequest = {
      account,
      sessionKey,
      audience: config.tokens.audience,
      lifeS: number(given, 'life-s', { default: lifeDefaultS, min: 1, max: lifeMaxS }),
      nowMs: Date.now(),
      ...(scope === undefined ? {} : { scopes: itemsOf(scope) }),
      ...(accounts === undefined ? {} : { hubAccounts: itemsOf(accounts) }),
    }
    const made = await mintToken(loadKeys(folder.places.keys, Date.now()).issuerSeed, request).catch(asUsage)
    printListed(given, { account, token: made }, `${made}\n`)
    return 0
  },
}

/** Words or ids, with commas or spaces between; neither has one in it. */
function itemsOf(written: string): readonly string[] {
  return written.split(/[,\s]+/).filter((one) => one !== '')
}

/** An account or a key that is none was typed. */
function asUsage(error: unknown): never {
  throw error instanceof RangeError ? new UsageError(error.message) : error
}
