// A verified copy of a whole data folder, running or not: journal and view, and the sealed documents beside them. The master
// key is not in it.

import { relative } from 'node:path'
import { type BackupManifest, backup } from '../../store/backup.ts'
import type { DataFolder } from '../documents/data-folder.ts'
import { realClock } from '../machine/real-clock.ts'
import type { ServerConfig } from '../settings/settings.ts'
import { openTraces, spanned } from '../figures/traces.ts'

/** Copies to a new or empty folder. Rejects with a Fault that says which file of the copy is not what it should be. */
export function backupData(
  config: Pick<ServerConfig, 'view'>,
  folder: DataFolder,
  to: string,
): Promise<BackupManifest> {
  return spanned(openTraces(), 'backup', async (span) => {
    const manifest = await copied(config, folder, to)
    const { firstLsn, lastLsn, files } = manifest
    span.tell({ 'bandpass.first_lsn': firstLsn, 'bandpass.last_lsn': lastLsn, 'bandpass.files': files.length })
    return manifest
  })
}

function copied(config: Pick<ServerConfig, 'view'>, folder: DataFolder, to: string): Promise<BackupManifest> {
  const { path: from, keyring, places } = folder
  // Keys and lists are sealed and carry a MAC of their own.
  const documents = Object.values(places).map((place) => relative(from, place.path))
  return backup({ from, to, keyring, nowMs: realClock.nowMs(), mapBytes: config.view.mapBytes, documents })
}
