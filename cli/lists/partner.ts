// `bandpass partner`: who may ask for decisions, and with which keys.

import { type DataFolder, openDataFolder } from '../../server/documents/data-folder.ts'
import { addPartner, removePartner, rotatePartner } from '../../server/documents/lists.ts'
import { type ListedPartner, readPartners } from '../../server/documents/partner-list.ts'
import { type Command, type Given, UsageError, nameOf, required } from '../command/command.ts'
import { dataOptions, folderConfigFrom } from '../command/config-source.ts'
import { tellWhenKnown } from '../command/known-list.ts'
import { madeFolder } from '../command/made-folder.ts'
import { hexOf } from '../command/hex.ts'
import { printable } from '../terminal/drawing.ts'
import { jsonOption, listJsonOption, printListed, printMade } from '../terminal/output.ts'
import { dayOf, table } from '../terminal/table.ts'
import { environment } from '../command/environment.ts'

const within = 'Waits until the running engine knows, a second at most, or says that none runs.'

export const partnerAdd: Command = {
  name: 'partner add',
  summary: 'Lists a partner and prints its id and its offer key.',
  more: () => within,
  options: [...dataOptions, jsonOption, { name: 'name', value: 'NAME', help: 'what people call it' }],
  examples: [{ run: "bandpass partner add --name 'Corner shop'", does: 'a new partner; keep what it prints' }],
  async run(given) {
    const name = nameOf(given, "'Corner shop'")
    const folder = madeFolder(given)
    printKey(given, addPartner(folder.places.partners, name, Date.now()))
    return tellWhenKnown(folder, folder.places.partners)
  },
}

export const partnerRotate: Command = {
  name: 'partner rotate',
  summary: 'Gives a partner a new offer key; the one before stays valid until the next rotation.',
  more: () => within,
  options: [
    ...dataOptions,
    jsonOption,
    { name: 'id', value: 'HEX', help: 'the partner, from bandpass partner list' },
    { name: 'drop-old', help: 'the old key is known to others: it is invalid from now on' },
  ],
  examples: [
    { run: 'bandpass partner rotate --id 393a7fe1334f2e5aed6cd875dcaae667', does: 'once a year' },
    { run: 'bandpass partner rotate --id 393a7fe1334f2e5aed6cd875dcaae667 --drop-old', does: 'after a leak' },
  ],
  async run(given) {
    const dropOld = given.has('drop-old')
    const folder = folderOf(given)
    printKey(
      given,
      changed(given, folder, (place, id) => rotatePartner(place, { id, dropOld }, Date.now())),
    )
    return tellWhenKnown(folder, folder.places.partners)
  },
}

export const partnerRemove: Command = {
  name: 'partner remove',
  summary: 'Takes a partner off the list: nothing it asks is approved any more.',
  more: () => within,
  options: [
    ...dataOptions,
    listJsonOption,
    { name: 'id', value: 'HEX', help: 'the partner, from bandpass partner list' },
  ],
  examples: [
    { run: 'bandpass partner remove --id 393a7fe1334f2e5aed6cd875dcaae667', does: 'at the end of a contract' },
  ],
  async run(given) {
    const folder = folderOf(given)
    const { id, name } = changed(given, folder, removePartner)
    printListed(given, { id, name, removed: true }, `${printable(name)} (${id}) is off the list.\n`)
    return tellWhenKnown(folder, folder.places.partners)
  },
}

export const partnerList: Command = {
  name: 'partner list',
  summary: 'Lists the partners, without their keys.',
  options: [...dataOptions, listJsonOption],
  examples: [{ run: 'bandpass partner list', does: 'who may ask' }],
  async run(given) {
    const partners = readPartners(folderOf(given).places.partners)
    const rows = partners.map(({ id, name, keys }) => [
      id,
      name,
      keys.map(({ kid, madeAtMs }) => `${kid} (${dayOf(madeAtMs)})`).join(', '),
    ])
    const listed = partners.map(({ id, name, keys }) => ({ id, name, kids: keys.map(({ kid }) => kid) }))
    printListed(given, listed, table(['partner', 'name', 'keys'], rows))
    return 0
  },
}

type Place = Parameters<typeof removePartner>[0]

function folderOf(given: Given) {
  return openDataFolder(folderConfigFrom(given, environment), environment, false)
}

const exampleId = '393a7fe1334f2e5aed6cd875dcaae667'

/** What changes the list, with an id that is none told as what it is: a slip of typing. */
function changed(
  given: Given,
  { places }: Pick<DataFolder, 'places'>,
  work: (place: Place, id: string) => ListedPartner,
): ListedPartner {
  try {
    return work(places.partners, required(given, 'id', exampleId))
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(`--id: ${error.message}`) : error
  }
}

/** The only place where a partner's key is shown: it is for the partner, once. */
function printKey(given: Given, { id, name, keys: [newest] }: ListedPartner): void {
  if (newest === undefined) return
  const key = hexOf(newest.key)
  printMade(given, { id, name, kid: newest.kid, key }, [
    `${printable(name)} is listed: give it these three. The key is shown this once.`,
    '',
    `  id   ${id}`,
    `  kid  ${newest.kid}`,
    `  key  ${key}`,
    '',
    'sdk/README.md says how offers are made with them.',
  ])
}
