// `bandpass keys`: what a band maker pins and a partner verifies with, and rotations.

import { openDataFolder } from '../../server/documents/data-folder.ts'
import { type KeySet, type RotatableKey, loadKeys } from '../../server/documents/engine-keys.ts'
import { rotateKey } from '../../server/documents/lists.ts'
import { stderrLog } from '../../server/log/log.ts'
import { rotateMaster } from '../../server/data/rotate-master.ts'
import { type Command, type Given, UsageError } from '../command/command.ts'
import { dataOptions, folderConfigFrom } from '../command/config-source.ts'
import { tellWhenKnown } from '../command/known-list.ts'
import { madeFolder } from '../command/made-folder.ts'
import { hexOf } from '../command/hex.ts'
import { listJsonOption, printListed } from '../terminal/output.ts'
import { dayOf, table } from '../terminal/table.ts'
import { environment } from '../command/environment.ts'
import { untilSignal } from '../terminal/interrupted.ts'

export const showKeys: Command = {
  name: 'keys',
  summary: "Shows the public halves of the engine's keys: what band makers pin and partners verify with.",
  options: [...dataOptions, listJsonOption],
  examples: [
    { run: 'bandpass keys', does: 'as a table' },
    { run: 'bandpass keys --json > pins.json', does: 'for a production line' },
  ],
  async run(given) {
    const keys = loadKeys(madeFolder(given).places.keys, Date.now())
    printListed(given, listed(keys), readable(keys))
    return 0
  },
}

const rotatable: readonly RotatableKey[] = ['receipt', 'engine', 'release']

export const rotateKeys: Command = {
  name: 'keys rotate',
  summary: 'Rotates a key: receipt, engine or release.',
  more: () => 'Waits until the running engine uses the new one, a second at most, or says that none runs.',
  takes: rotatable.join('|'),
  argumentsMax: 1,
  options: [...dataOptions, listJsonOption],
  examples: [
    { run: 'bandpass keys rotate receipt', does: 'sign receipts with a new key; the old one stays published' },
    {
      run: 'bandpass keys rotate engine',
      does: 'pair with the next key, which bands have pinned, and make a new next one',
    },
  ],
  async run(given) {
    const which = rotatable.find((one) => one === given.args[0])
    if (which === undefined)
      throw new UsageError(`one of ${rotatable.join(', ')} expected, got ${given.args[0] ?? 'nothing'}`)
    const folder = openDataFolder(folderConfigFrom(given, environment), environment, false)
    const after = rotateKey(folder, which, Date.now())
    printListed(given, listed(after), readable(after))
    return tellWhenKnown(folder, folder.places.keys)
  },
}

export const rotateMasterKey: Command = {
  name: 'keys rotate-master',
  summary: 'Replaces the master key of a stopped engine and seals everything anew.',
  more: () => 'Interrupted at any point, run it again: it goes on where it was.',
  options: [...dataOptions, listJsonOption],
  examples: [
    { run: 'bandpass keys rotate-master', does: 'the key file gets a new key; the old one is destroyed' },
    {
      run: 'BANDPASS_MASTER_KEY=$NEW BANDPASS_MASTER_KEY_OLD=$OLD bandpass keys rotate-master',
      does: 'the same for a key from the environment; let go of $OLD when it has succeeded',
    },
  ],
  async run(given: Given) {
    const config = folderConfigFrom(given, environment, 'durability', 'journal', 'view', 'delays', 'log')
    const folder = openDataFolder(config, environment, false)
    const log = stderrLog(config.log.level)
    const leaves = 'the key is half replaced: run it again, it goes on where it was'
    const { sealedAnew, rowsMarked, from } = await untilSignal(leaves, () => rotateMaster(config, folder, log))
    printListed(
      given,
      { sealedAnew, rowsMarked, from },
      `The master key was replaced: ${sealedAnew} secrets of bands sealed anew, ${rowsMarked} rows marked anew.\n` +
        (from === 'environment'
          ? 'Start the engine with BANDPASS_MASTER_KEY alone, and destroy the old key.\n'
          : `${from} holds the new key alone. Old backups still need the old key: make a new backup.\n`),
    )
    return 0
  },
}

function listed(keys: KeySet): object {
  const pair = (one: KeySet['engine'][number]) => ({ id: one.id, key: hexOf(one.publicKey), madeAtMs: one.madeAtMs })
  return {
    engine: keys.engine.map(pair),
    release: keys.release.map(pair),
    receipt: keys.receipt.map(({ kid, publicKey, seed, madeAtMs }) => ({
      kid,
      key: hexOf(publicKey),
      signs: seed !== undefined,
      madeAtMs,
    })),
  }
}

const roles = ['current', 'next', 'before']

function readable(keys: KeySet): string {
  const pairs = (what: string, use: string, list: KeySet['engine']) =>
    list.map((one, at) => [what, String(one.id), roles[at] ?? '', dayOf(one.madeAtMs), hexOf(one.publicKey), use])
  const rows = [
    ...pairs('engine', 'S_E, X25519: bands pin current and next', keys.engine),
    ...pairs('release', 'V_R, Ed25519: bands pin current and next', keys.release),
    ...keys.receipt.map((one) => [
      'receipt',
      one.kid,
      one.seed === undefined ? 'published' : 'current',
      dayOf(one.madeAtMs),
      hexOf(one.publicKey),
      'V_E, Ed25519: /.well-known/jwks.json',
    ]),
  ]
  return table(['key', 'id', 'role', 'made', 'public half (hex)', 'use'], rows)
}
