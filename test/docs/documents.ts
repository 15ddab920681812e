// Markdown parser for the project's documents: text, sections, tables, links.

import { existsSync, globSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { readText, root } from '../tidy/source-files.ts'

/** Every document of the repository, by its path from the root. */
export const documents: readonly string[] = globSync('{*,*/*,*/*/*}.md', {
  cwd: root,
  exclude: ['node_modules', '.build', '.node', '.node.partial', '.vitest'],
}).sort()

/** The rows of the table whose header has exactly these columns, as cells without the outer bars. Throws when there is none. */
export function tableOf(document: string, columns: readonly string[]): readonly (readonly string[])[] {
  const lines = readText(document).split('\n')
  const start = lines.findIndex((line) => line.startsWith('|') && cellsOf(line).join('|') === columns.join('|'))
  if (start === -1) throw new Error(`${document} has no table ${columns.join(' | ')}`)
  const rows: (readonly string[])[] = []
  for (const line of lines.slice(start + 2)) {
    if (!line.startsWith('|')) break
    rows.push(cellsOf(line))
  }
  return rows
}

function cellsOf(line: string): readonly string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.replaceAll('\\|', '|').trim())
}

/** Inline code spans: what stands in backticks. */
export function quoted(text: string): readonly string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? '')
}

/** Links to files of the repository, as paths from the root; those to other sites and to places in the page are left out. */
export function linkedPaths(document: string): readonly string[] {
  return [...readText(document).matchAll(/\]\(([^)\s#]+)(?:#[^)\s]*)?\)/g)]
    .map((match) => match[1] ?? '')
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => normalize(join(dirname(document), target)))
}

/** Is this path from the root there? */
export function isThere(path: string): boolean {
  return existsSync(join(root, path))
}
