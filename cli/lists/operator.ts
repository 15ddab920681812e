// `bandpass operator`: who may sign in to the operators' page, and as what.

import { openDataFolder } from '../../server/documents/data-folder.ts'
import {
  addOperator,
  readOperators,
  removeOperator,
  renewToken,
  roleNames,
  roleOf,
} from '../../server/documents/operator-list.ts'
import { type Command, type Given, UsageError, required } from '../command/command.ts'
import { dataOptions, folderConfigFrom } from '../command/config-source.ts'
import { tellWhenKnown } from '../command/known-list.ts'
import { madeFolder } from '../command/made-folder.ts'
import { jsonOption, listJsonOption, printListed, printMade } from '../terminal/output.ts'
import { table } from '../terminal/table.ts'
import { environment } from '../command/environment.ts'

const within =
  'Waits until the running engine knows, a second at most, or says that none runs. The token is printed once: only a hash of it is kept.'
const takes = 'NAME'

export const operatorAdd: Command = {
  name: 'operator add',
  summary: "Lists an operator and prints the token that signs in to the operators' page.",
  takes,
  argumentsMax: 1,
  more: () =>
    [
      'NAME is 1 to 32 of a-z 0-9 . _ -',
      'A viewer sees, and replays decisions; an operator also freezes, unfreezes, opens accounts and exports; an admin also',
      'revokes vendors and drains. Unfreezing, removing a phone and revoking need two of them. Sign in where `bandpass serve` says `operators`:',
      'http://localhost:8485 unless set otherwise.',
      within,
    ].join('\n'),
  options: [
    ...dataOptions,
    jsonOption,
    { name: 'role', value: 'ROLE', help: `one of ${roleNames.join(', ')}; each may also do what those before it may` },
  ],
  examples: [
    { run: 'bandpass operator add alice --role operator', does: 'alice may freeze and propose' },
    {
      run: 'bandpass operator add bob --role admin --data /var/lib/bandpass',
      does: 'of an engine with its data elsewhere',
    },
  ],
  async run(given) {
    const name = nameOf(given)
    const written = required(given, 'role', 'operator')
    const role = roleOf(written)
    if (role === undefined) throw new UsageError(`--role: one of ${roleNames.join(', ')} expected, got ${written}`)
    const folder = madeFolder(given)
    printToken(
      given,
      typed(() => addOperator(folder.places.operators, { name, role })),
    )
    return tellWhenKnown(folder, folder.places.operators)
  },
}

export const operatorToken: Command = {
  name: 'operator token',
  summary: 'Gives an operator a new token; the one before, the passkeys and the sessions of its operator end.',
  takes,
  argumentsMax: 1,
  more: () => within,
  options: [...dataOptions, jsonOption],
  examples: [{ run: 'bandpass operator token alice', does: 'it was lost, or others know it' }],
  async run(given) {
    const folder = folderOf(given)
    printToken(given, renewToken(folder.places.operators, nameOf(given)))
    return tellWhenKnown(folder, folder.places.operators)
  },
}

export const operatorRemove: Command = {
  name: 'operator remove',
  summary: 'Takes an operator off the list; its sessions end, and its passkeys with it.',
  takes,
  argumentsMax: 1,
  more: () => 'Waits until the running engine knows, a second at most, or says that none runs.',
  options: [...dataOptions, listJsonOption],
  examples: [{ run: 'bandpass operator remove alice', does: 'alice has left' }],
  async run(given) {
    const folder = folderOf(given)
    const { name } = removeOperator(folder.places.operators, nameOf(given))
    printListed(given, { name, removed: true }, `${name} is off the list.\n`)
    return tellWhenKnown(folder, folder.places.operators)
  },
}

export const operatorList: Command = {
  name: 'operator list',
  summary: 'Lists the operators, without what they sign in with.',
  options: [...dataOptions, listJsonOption],
  examples: [{ run: 'bandpass operator list', does: 'who may sign in' }],
  async run(given) {
    const all = readOperators(folderOf(given).places.operators)
    const listed = all.map(({ name, role, passkeys }) => ({ name, role, passkeys: passkeys.length }))
    const rows = listed.map(({ name, role, passkeys }) => [name, role, String(passkeys)])
    printListed(given, listed, table(['operator', 'role', 'passkeys'], rows))
    return 0
  },
}

function folderOf(given: Given) {
  return openDataFolder(folderConfigFrom(given, environment), environment, false)
}

function nameOf(given: Given): string {
  const [name] = given.args
  if (name === undefined) throw new UsageError('NAME is missing, for example alice')
  return name
}

/** What is no name told as what it is: a slip of typing. */
function typed<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(`NAME: ${error.message}`) : error
  }
}

/** The only place where a token is shown: it is for its operator, once. */
function printToken(given: Given, { operator, token }: ReturnType<typeof addOperator>): void {
  const { name, role } = operator
  printMade(given, { name, role, token }, [
    `${name} may sign in as ${role}, with this token, which is shown this once:`,
    '',
    `  ${token}`,
    '',
    'Open the address that `bandpass serve` said, http://localhost:8485 unless set otherwise, and add a passkey there.',
  ])
}
