import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'
import { outermost, readImportTable } from './import-table.ts'
import { projects, readText, sourceFiles, withoutComments } from './source-files.ts'

const document = 'docs/architecture.md'
const table = () => readImportTable(document, projects)
const inTable = projects.filter((project) => project !== 'scripts').sort()

describe('the import table of docs/architecture.md', () => {
  it('has one row for every folder of code, and none for a folder that does not exist', () => {
    expect(
      table()
        .map((row) => row.folder)
        .filter((folder) => folder !== 'docs')
        .sort(),
    ).toEqual(inTable)
  })

  it.for(inTable)('says of %s what the compiler enforces', (folder) => {
    const row = table().find((one) => one.folder === folder)
    expect(row?.mayImport, `row of ${folder} in ${document} against ${folder}/tsconfig.json`).toEqual(
      referencesOf(folder),
    )
  })
})

describe('imports between folders', () => {
  it.for(inTable)('%s imports only what its tsconfig.json references, nothing by way of another folder', (folder) => {
    const allowed = new Set([folder, ...referencesOf(folder)])
    const forbidden = sourceFiles
      .filter((file) => file.project === folder)
      .flatMap((file) =>
        file.imports
          .filter((one) => one.kind === 'file')
          .filter((one) => !allowed.has(projects.find((project) => one.path.startsWith(`${project}/`)) ?? '.'))
          .map((one) => `${file.path} imports ${one.path}`),
      )
    expect(forbidden).toEqual([])
  })

  it('never go from code to a test file', () => {
    const wrong = sourceFiles
      .filter((file) => !file.isTest)
      .filter((file) => file.imports.some((one) => one.kind === 'file' && one.path.endsWith('.test.ts')))
    expect(wrong.map((file) => file.path)).toEqual([])
  })

  it('are all built: the root project references every folder', () => {
    const references = referencePaths('tsconfig.json').map((path) => (path.endsWith('.json') ? dirname(path) : path))
    expect([...new Set(references)].sort()).toEqual([...projects].sort())
  })

  it('make no circle between folders', () => {
    const seen = new Set<string>()
    const visit = (folder: string, trail: readonly string[]): void => {
      expect(trail, `circle: ${[...trail, folder].join(' → ')}`).not.toContain(folder)
      if (seen.has(folder)) return
      for (const next of referencesOf(folder)) visit(next, [...trail, folder])
      seen.add(folder)
    }
    for (const folder of projects) visit(folder, [])
    expect(seen.size).toBe(projects.length)
  })

  it('never lead from a folder of the product to its tests, benchmarks or examples', () => {
    for (const folder of projects.filter((project) => !outermost.includes(project))) {
      expect(referencesOf(folder).filter((reference) => outermost.includes(reference))).toEqual([])
    }
  })
})

/** The folders that a folder's tsconfig.json references, sorted. */
function referencesOf(folder: string): readonly string[] {
  return referencePaths(join(folder, 'tsconfig.json')).sort()
}

function referencePaths(path: string): string[] {
  const config: unknown = JSON.parse(withoutComments(readText(path)))
  const { references } = config as { readonly references: readonly { readonly path: string }[] }
  return references.map((reference) => normalize(join(dirname(path), reference.path)))
}
