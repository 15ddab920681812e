// What a newcomer is told to type and to read: README.md, CONTRIBUTING.md and the documents they lead to.
import { describe, expect, it } from 'vitest'
import { commands } from '../../cli/commands.ts'
import { readText } from '../tidy/source-files.ts'
import { documents, isThere, linkedPaths, quoted, tableOf } from './documents.ts'

/** Documents that name files by their path from the root. */
const guides = ['README.md', 'CONTRIBUTING.md', 'docs/architecture.md', 'docs/security.md', 'docs/operating.md']
const decisions = documents.filter((path) => path.startsWith('docs/decisions/'))

describe('README.md', () => {
  it('shows examples/pay.ts as it is', () => {
    const shown = /```ts\n([\s\S]*?)```/.exec(readText('README.md'))?.[1]
    expect(shown).toBe(readText('examples/pay.ts'))
  })

  it('names every command, and none that does not exist', () => {
    const named = tableOf('README.md', ['command', 'what it does']).flatMap((cells) =>
      quoted(cells.join(' ')).map((one) => one.replace(/^bin\/bandpass /, '')),
    )
    const names = named.filter((name) => !name.startsWith('-'))
    expect(names.toSorted()).toEqual(commands.map((command) => command.name).toSorted())
  })
})

describe('what the documents say to type', () => {
  const targets = [...readText('Makefile').matchAll(/^([a-z-]+):/gm)].map((match) => match[1])
  const typed = guides.flatMap((path) =>
    [...readText(path).matchAll(/(?:^|`)make ([a-z-]+)/gm)].map((match) => ({ path, target: match[1] ?? '' })),
  )

  it.for(typed)('make $target ($path) is a command of the Makefile', ({ target }) => {
    expect(targets).toContain(target)
  })
})

describe('what the documents lead to', () => {
  it.for(documents)('links of %s lead somewhere', (path) => {
    expect(linkedPaths(path).filter((target) => !isThere(target))).toEqual([])
  })

  it.for([...guides, ...decisions])('files that %s names exist', (path) => {
    const files = quoted(readText(path)).filter((one) => /^[\w-]+(\/[\w.-]+)+\.(ts|md|json|sh)$/.test(one))
    // Files of a data folder are named like those of the repository.
    const inData = ['lists/partners.json', 'lists/vendors.json']
    expect(files.filter((file) => !inData.includes(file) && !isThere(file))).toEqual([])
  })
})

describe('decisions', () => {
  it('are numbered without gaps and each number once', () => {
    const numbers = decisions.map((path) => Number(/\/(\d{4})-/.exec(path)?.[1]))
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => index + 1))
  })

  it.for(decisions)('%s says what was seen, what was decided, and what follows', (path) => {
    const text = readText(path)
    expect(text).toMatch(/^# \d{4} /)
    const heads = [...text.matchAll(/^## (.+)$/gm)].map((match) => match[1])
    expect(heads).toEqual(['Context', 'What we saw', 'Decision', 'Consequences'])
  })
})

describe('the libraries taken', () => {
  type Installed = { readonly version: string; readonly license: string }
  const rows = tableOf('docs/decisions/0008-libraries.md', [
    'package',
    'version',
    'released',
    'licence',
    'engines',
    'door',
    'for',
  ])

  it('are those of package.json', () => {
    const { dependencies } = JSON.parse(readText('package.json')) as { readonly dependencies: object }
    const named = rows.map(([name]) => (name ?? '').split(',')[0] ?? '')
    expect(named.toSorted()).toEqual(Object.keys(dependencies).toSorted())
  })

  it.for(rows)('%s is installed as %s', ([name, version, , licence, engines]) => {
    const folder = (name ?? '').split(',')[0] ?? ''
    const installed = JSON.parse(readText(`node_modules/${folder}/package.json`)) as Installed & {
      readonly engines?: { readonly node?: string }
    }
    expect([installed.version, installed.license]).toEqual([version, licence])
    const stated = installed.engines?.node?.replaceAll(' ', '')
    expect(engines?.replaceAll(' ', '')).toBe(stated === undefined ? 'notstated' : `node${stated}`)
  })
})
