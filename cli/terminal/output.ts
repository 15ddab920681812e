// What commands print: text for people, JSON for programs. One rule for all of them: what is made or started (with a secret that is
// shown once, an address, totals) is sentences on a terminal, and JSON where stdout is none (a pipe, a file, a service) or with `--json`;
// what is shown (a list and what was changed in it, a report, a token to pass on) is text everywhere, and JSON with `--json`.

import { printableJson } from '../../base/printable.ts'
import type { Given, Option } from '../command/command.ts'

export const jsonOption: Option = {
  name: 'json',
  help: 'JSON instead of sentences, as it is anyway where stdout is no terminal',
}

/** For what is text everywhere else: lists, changes of them, and reports. */
export const listJsonOption: Option = { name: 'json', help: 'as JSON' }

/** Prints one line of JSON, or the sentences. */
export function printMade(given: Given, made: object, sentences: readonly string[]): void {
  const isForPeople = process.stdout.isTTY && !given.has('json')
  process.stdout.write(isForPeople ? `${sentences.join('\n')}\n` : `${printableJson(made)}\n`)
}

/** Prints text, or with `--json` one line of JSON. */
export function printListed(given: Given, listed: unknown, text: string): void {
  process.stdout.write(given.has('json') ? `${printableJson(listed)}\n` : text)
}
