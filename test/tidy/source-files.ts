// Index of the project's TypeScript sources for the tidy tests: which project owns a file, and what it imports.
import { globSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Absolute path of the repository, without a slash at the end. */
export const root: string = resolve(fileURLToPath(new URL('../..', import.meta.url)))

export type SourceFile = {
  /** Path from the root, such as `engine/ports/clock.ts`. */
  readonly path: string
  /** The folder with the nearest tsconfig.json, such as `engine/ports`; `.` for files of the root. */
  readonly project: string
  /** The folder of the root that it is in, such as `engine`; `.` for files of the root. */
  readonly folder: string
  readonly isTest: boolean
  /** The text without comments; strings are kept. */
  readonly code: string
  readonly imports: readonly Import[]
}

export type Import =
  | { readonly kind: 'file'; readonly path: string; readonly typeOnly: boolean }
  | { readonly kind: 'library'; readonly name: string; readonly typeOnly: boolean }
  | { readonly kind: 'builtin'; readonly name: string; readonly typeOnly: boolean }

const importForms: readonly RegExp[] = [
  /^[ \t]*(?<keyword>import|export)(?<type>\s+type)?\s(?:[^'"`;()=]*?\sfrom\s+)?(?<quote>['"])(?<specifier>[^'"\n$]+)\k<quote>/gm,
  /\b(?<keyword>import|require|resolve)\(\s*(?<quote>['"])(?<specifier>[^'"\n$]+)\k<quote>/g,
]

/** Comments, and strings and templates that may hold what looks like one. */
const token = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`/g

const generated = ['node_modules', '.build', '.node', '.node.partial']

/** Folders that are TypeScript projects of their own, deepest first, such as `engine/ports` before `engine`. */
export const projects: readonly string[] = globSync('{*,*/*}/tsconfig.json', { cwd: root, exclude: generated })
  .map((path) => dirname(path))
  .sort((a, b) => b.length - a.length)

/** Every TypeScript file of the project. */
export const sourceFiles: readonly SourceFile[] = globSync('**/*.{ts,tsx}', { cwd: root, exclude: generated })
  .filter((path) => !path.endsWith('.d.ts'))
  .sort()
  .map(readSource)

/** The text of a file of the repository, by its path from the root. */
export function readText(path: string): string {
  return readFileSync(resolve(root, path), 'utf8')
}

function readSource(path: string): SourceFile {
  const code = withoutComments(readText(path))
  return {
    path,
    project: projects.find((project) => path.startsWith(`${project}/`)) ?? '.',
    folder: path.includes('/') ? (path.split('/')[0] ?? '.') : '.',
    isTest: path.endsWith('.test.ts'),
    code,
    imports: importsOf(path, code),
  }
}

/** The comments of a file alone, one a line. */
export function commentsOf(text: string): string {
  return [...text.matchAll(token)].map(([found]) => (found.startsWith('/') ? found : '')).join('\n')
}

/** Removes comments; leaves what merely looks like one inside a string or a template. */
export function withoutComments(text: string): string {
  return text.replace(token, (found) => (found.startsWith('/') ? ' ' : found))
}

function importsOf(path: string, code: string): readonly Import[] {
  return importForms.flatMap((form) =>
    [...code.matchAll(form)].map((match) =>
      classify(path, match.groups?.['specifier'] ?? '', match.groups?.['type'] !== undefined),
    ),
  )
}

function classify(importer: string, specifier: string, typeOnly: boolean): Import {
  if (specifier.startsWith('.')) {
    return { kind: 'file', path: relative(root, resolve(root, dirname(importer), specifier)), typeOnly }
  }
  if (specifier.startsWith('node:') || builtinModules.includes(specifier)) {
    return { kind: 'builtin', name: specifier, typeOnly }
  }
  const parts = specifier.split('/')
  return { kind: 'library', name: parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/'), typeOnly }
}
