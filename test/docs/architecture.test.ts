// docs/architecture.md leads a newcomer through the code by name: what it names must be there.
import { describe, expect, it } from 'vitest'
import { readText, sourceFiles } from '../tidy/source-files.ts'
import { rules } from '../../policy/rules.ts'
import { documents, quoted, tableOf } from './documents.ts'

const document = 'docs/architecture.md'
const road = tableOf(document, ['#', 'what happens', 'function', 'file']).map(([number, what, name, file]) => ({
  number: number ?? '',
  what: what ?? '',
  name: quoted(name ?? '')[0] ?? '',
  file: quoted(file ?? '')[0] ?? '',
}))

describe('the road of one authorization', () => {
  it('has all its steps, in order', () => {
    const numbers = road.map((step) => Number(step.number)).filter((number) => number > 0)
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => index + 1))
    expect(numbers.length).toBeGreaterThan(10)
  })

  it.for(road)('leads through $name in $file', ({ name, file }) => {
    expect(definitionsIn(file), `what ${file} defines`).toContain(name)
  })

  it('waits for nothing but the disk before an approval is answered', () => {
    const authorize = sourceFiles.find((file) => file.path === 'engine/decisions/authorize.ts')?.code ?? ''
    // From the frame to the answer; only what was answered before and what is reversed goes by promises, behind it.
    const road = authorize.slice(
      authorize.indexOf('export function authorize('),
      authorize.indexOf('\nfunction settleLater('),
    )
    expect(road).toContain('function answerDecided(')
    const waits = /\b(?:await|async|then|catch)\b(?! \(error\) \{)|\bcore\.ledger\.(?:whenDurable|durable|settle)\b/g
    expect([...road.matchAll(waits)].map((match) => match[0])).toEqual(['core.ledger.whenDurable'])
  })
})

describe('what other pages say is in a file', () => {
  const pages = documents.filter((path) => path === document || /^docs\/(decisions\/|security|operating)/.test(path))
  const named = [...pages, 'CONTRIBUTING.md'].flatMap((page) =>
    [...readText(page).matchAll(/`(?:[A-Z]\w+\.)?(\w+)`,?\s(?:\(|in\s|of\s)`([\w/.-]+\.ts)`/g)].map((match) => ({
      page,
      name: match[1] ?? '',
      file: match[2] ?? '',
    })),
  )

  it.for(named)('is there: $name in $file ($page)', ({ name, file }) => {
    expect(readText(file)).toMatch(new RegExp(`\\b${name}\\b`))
  })

  it('is named often enough for this to mean something', () => {
    expect(named.length).toBeGreaterThan(15)
  })

  it('uses no word of the code that the code does not have', () => {
    const code = sourceFiles.map((file) => file.code).join('\n')
    const words = [...pages, 'CONTRIBUTING.md'].flatMap((page) =>
      quoted(readText(page)).filter((word) => /^#?[a-z]+[A-Z]\w+$/.test(word)),
    )
    const unknown = [...new Set(words)].filter((word) => !new RegExp(`\\b${word.replace('#', '')}\\b`).test(code))
    expect(unknown).toEqual([])
  })
})

describe('the bounds of memory', () => {
  const settingNames = tableOf(document, ['what', 'bound', 'where']).flatMap(([, bound]) =>
    quoted(bound ?? '').filter((name) => /^[a-z]+\.\w+$/.test(name)),
  )
  const settings = readText('server/settings/settings.ts')

  it.for(settingNames)('name the setting %s, which exists', (path) => {
    const [group = '', name = ''] = path.split('.')
    const block = new RegExp(`^  ${group}: \\{$([\\s\\S]*?)^  \\}`, 'm').exec(settings)?.[1] ?? settingLine(group)
    expect(block).toMatch(new RegExp(`\\b${name}:`))
  })

  function settingLine(group: string): string {
    return new RegExp(`^  ${group}: .*$`, 'm').exec(settings)?.[0] ?? ''
  }
})

describe('comments in the code', () => {
  const sections = (path: string): ReadonlySet<string> =>
    new Set([...readText(path).matchAll(/^## (\d+)\. /gm)].map((match) => match[1] ?? ''))

  it('cite sections of the architecture that exist', () => {
    const known = sections(document)
    const cited = citations(/\bdocs\/architecture\.md §(\d+)/g)
    expect(cited.length).toBeGreaterThan(10)
    expect(cited.filter(({ section }) => !known.has(section))).toEqual([])
    expect(citations(/\bDESIGN §(\d+)/g)).toEqual([])
  })
})

/** Every citation in the sources, comments included. */
function citations(form: RegExp): readonly { readonly path: string; readonly section: string }[] {
  return sourceFiles.flatMap(({ path }) =>
    [...readText(path).matchAll(form)].map((match) => ({ path, section: match[1] ?? '' })),
  )
}

/** Functions, classes, methods and constants that a file defines. */
function definitionsIn(path: string): readonly string[] {
  const code = sourceFiles.find((file) => file.path === path)?.code
  if (code === undefined) throw new Error(`${document} names ${path}, which does not exist`)
  const forms = [
    /\bfunction\*? (\w+)/g,
    /\bclass (\w+)/g,
    /^export const (\w+)/gm,
    /^ {2}(?:async |readonly |\*)*#?(\w+)(?: = \(|\(|<)/gm,
  ]
  return forms.flatMap((form) => [...code.matchAll(form)].map((match) => match[1] ?? ''))
}

describe('the rules of a decision', () => {
  it('stand in the document as they are looked at, with what they deny for and what they say', () => {
    const listed = rules.map(({ fact, denials }) => [
      fact,
      denials.map(({ reason }) => `\`${reason}\``).join(', '),
      denials.map(({ says }) => says).join(' '),
    ])
    expect(tableOf(document, ['rule', 'denies for', 'what must be true'])).toEqual(listed)
  })
})
