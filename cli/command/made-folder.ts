// A data folder for a command that may make one, before the first start. It says when it did: one who meant the folder of a
// running engine, and left `--data` out, would else look for what was listed in the wrong place.

import { type DataFolder, isDataFolder, openDataFolder } from '../../server/documents/data-folder.ts'
import { holdData } from '../../server/documents/held-data.ts'
import type { Given } from './command.ts'
import { folderConfigFrom } from './config-source.ts'
import { environment } from './environment.ts'

/** Opens the data folder, or makes it and says so on stderr. Throws a Fault when the keys do not open it. */
export function madeFolder(given: Given): DataFolder {
  const config = folderConfigFrom(given, environment)
  const isNew = !isDataFolder(config.data)
  // Not beside a restore or a first start, which make the same files just now.
  const held = isNew ? holdData(config.data) : undefined
  let folder: DataFolder
  try {
    folder = openDataFolder(config, environment, true)
  } finally {
    held?.unlock()
  }
  if (isNew) {
    process.stderr.write(
      `bandpass: made a new data folder, ${config.data}; if an engine runs already, --data must name the folder of that engine\n`,
    )
  }
  return folder
}
