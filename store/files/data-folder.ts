// Where things lie in a data folder.

import { join } from 'node:path'

export function journalFolderOf(dataFolder: string): string {
  return join(dataFolder, 'journal')
}

export function viewFolderOf(dataFolder: string): string {
  return join(dataFolder, 'view')
}
