// What a command prints when it has made or started something: sentences for people, JSON for programs. One rule for all of them:
// sentences on a terminal; JSON where stdout is none (a pipe, a file, a service), or with `--json`.

import { printableJson } from '../protocol/printable.ts'
import type { Given, Option } from './command.ts'

export const jsonOption: Option = {
  name: 'json',
  help: 'JSON instead of sentences, as it is anyway where stdout is no terminal',
}

/** For what is text everywhere else: lists and reports. */
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
