// `bandpass backup`: a verified copy of a data folder, running or not. The master key is not in it: keep that elsewhere.

import { backupData } from '../../server/data/backup-data.ts'
import { openDataFolder } from '../../server/documents/data-folder.ts'
import { type Command, required } from '../command/command.ts'
import { dataOptions, folderConfigFrom } from '../command/config-source.ts'
import { environment } from '../command/environment.ts'
import { untilSignal } from '../terminal/interrupted.ts'
import { listJsonOption, printListed } from '../terminal/output.ts'

export const backupTo: Command = {
  name: 'backup',
  summary: 'Copies the data folder, beside a running engine too, and verifies the copy.',
  options: [...dataOptions, { name: 'to', value: 'FOLDER', help: 'a new or empty folder' }, listJsonOption],
  examples: [
    { run: 'bandpass backup --to /backups/monday', does: 'view, journal, sealed keys and lists; not the master key' },
  ],
  more: () => 'Check it later with bandpass audit verify --data FOLDER, and --master-key-file where the key is a file.',
  async run(given) {
    const to = required(given, 'to', '/backups/monday')
    const config = folderConfigFrom(given, environment, 'view')
    const folder = openDataFolder(config, environment, false)
    const leaves = `${to} is no backup: remove it, and begin anew`
    const manifest = await untilSignal(leaves, () => backupData(config, folder, to))
    const { firstLsn, lastLsn, appliedLsn, headHash } = manifest
    printListed(
      given,
      manifest,
      `${to} holds records ${firstLsn} to ${lastLsn}, the view up to ${appliedLsn}; every byte of it was read back.\n` +
        `chain hash ${headHash}\n` +
        'The master key is not in it. Without the master key it cannot be opened: keep both, apart.\n',
    )
    return 0
  },
}
