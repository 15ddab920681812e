import { describe, expect, it } from 'vitest'
import { outermost, readImportTable } from './import-table.ts'
import { projects, readText, sourceFiles } from './source-files.ts'

const table = () => readImportTable('docs/architecture.md', projects)
const manifest = JSON.parse(readText('package.json')) as {
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

/** What a test file beside code may import although its folder may not. */
const testLibraries = ['vitest', 'fast-check']

/** Each machine file calls xstate's `setup()`, so this one door is as wide as the folder. */
const wideDoors = ['machines: xstate']

/** Where a folder imports a library, leaving its tests out: `folder: library` → files. */
const doors = new Map<string, Set<string>>()
for (const file of sourceFiles.filter(
  (one) => !one.isTest && !outermost.includes(one.project) && one.project !== '.',
)) {
  for (const library of librariesOf(file.code, file.imports)) {
    const door = `${file.project}: ${library}`
    doors.set(door, (doors.get(door) ?? new Set()).add(file.path))
  }
}

describe('third-party libraries', () => {
  it('are imported only by the folders that the import table allows, and by each of them', () => {
    const allowed = table()
      .filter((row) => !outermost.includes(row.folder))
      .flatMap((row) => row.libraries.map((library) => `${row.folder}: ${library}`))
    expect([...doors.keys()].sort()).toEqual(allowed.sort())
  })

  it('have one door: in each folder, one file imports a library', () => {
    const wide = [...doors].filter(([door, files]) => files.size > 1 && !wideDoors.includes(door))
    expect(wide.map(([door, files]) => `${door} ← ${[...files].join(', ')}`)).toEqual([])
  })

  it('in tests beside code are those of the folder, vitest and fast-check', () => {
    const wrong = sourceFiles
      .filter((file) => file.isTest && !outermost.includes(file.project))
      .flatMap((file) =>
        librariesOf(file.code, file.imports)
          .filter((library) => !testLibraries.includes(library) && !doors.has(`${file.project}: ${library}`))
          .map((library) => `${file.path} imports ${library}`),
      )
    expect(wrong).toEqual([])
  })

  it('are all named in package.json', () => {
    const known = new Set([...Object.keys(manifest.dependencies), ...Object.keys(manifest.devDependencies)])
    const unknown = sourceFiles.flatMap((file) =>
      file.imports
        .filter((one) => one.kind === 'library')
        .filter((one) => !known.has(one.name))
        .map((one) => `${file.path} imports ${one.name}`),
    )
    expect(unknown).toEqual([])
  })
})

/** The listener tries two packages by name in turn, so there a quoted package name counts as an import. */
function librariesOf(code: string, imports: (typeof sourceFiles)[number]['imports']): readonly string[] {
  const imported = imports.filter((one) => one.kind === 'library').map((one) => one.name)
  const quoted = ['uws-compat', 'uws-current'].filter((name) => code.includes(`'${name}'`))
  return [...new Set([...imported, ...quoted])]
}
