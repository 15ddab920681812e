// Parser of the import table of docs/architecture.md: what each folder may import, and which libraries.
import { readText } from './source-files.ts'

export type TableRow = {
  readonly folder: string
  /** Folders it may import, with their sub-projects; sorted. */
  readonly mayImport: readonly string[]
  /** Package names, as in package.json; sorted. */
  readonly libraries: readonly string[]
}

/** The words of the third column that stand for folders without naming them. */
const everythingAbove = 'all above'
const everything = 'anything'

/** Folders that start or check the others, so that "anything" does not include them. */
export const outermost: readonly string[] = ['benchmarks', 'test', 'examples', 'scripts']

/** uWebSockets.js is not on the registry under its name: two republished versions live side by side. */
const packagesOf: Readonly<Record<string, readonly string[]>> = { 'uWebSockets.js': ['uws-compat', 'uws-current'] }

/** Reads the table with the columns folder, holds, may import, third-party libraries. Throws when there is none. */
export function readImportTable(path: string, projects: readonly string[]): readonly TableRow[] {
  const lines = readText(path).split('\n')
  const start = lines.findIndex((line) => /^\|\s*folder\s*\|.*\|\s*may import\s*\|.*third-party/i.test(line))
  if (start === -1) throw new Error(`${path} has no table "folder | holds | may import | third-party libraries"`)
  const body = lines.slice(start + 2)
  const end = body.findIndex((line) => !line.startsWith('|'))
  const rows: TableRow[] = []
  for (const line of end === -1 ? body : body.slice(0, end)) {
    const cells = line.split('|').map((cell) => cell.trim())
    const above = rows.map((row) => row.folder)
    for (const folder of folderNames(cells[1] ?? '')) {
      rows.push({
        folder,
        mayImport: foldersOf(folder, cells[3] ?? '', above, projects),
        libraries: librariesOf(cells[4] ?? ''),
      })
    }
  }
  return rows
}

function foldersOf(
  folder: string,
  cell: string,
  above: readonly string[],
  projects: readonly string[],
): readonly string[] {
  const named = new Set([folder, ...folderNames(cell.replace(/\bnever\b.*/, ''))])
  if (cell.includes(everythingAbove)) for (const folder of above) named.add(folder)
  if (cell.includes(everything)) {
    for (const project of projects) if (!outermost.includes(project)) named.add(project)
  }
  // A folder, and each that may import it, may import the projects inside it: `engine` includes `engine/ports`.
  for (const project of projects) if (named.has(project.split('/')[0] ?? '')) named.add(project)
  named.delete(folder)
  return [...named].sort()
}

function folderNames(cell: string): readonly string[] {
  return [...cell.matchAll(/`([a-z][a-z/-]*)`/g)].map((match) => (match[1] ?? '').replace(/\/$/, ''))
}

function librariesOf(cell: string): readonly string[] {
  return cell
    .replaceAll(/\([^)]*\)/g, '')
    .replaceAll('`', '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => /^@?[a-z]/i.test(name))
    .flatMap((name) => packagesOf[name] ?? [name])
    .sort()
}
