// docs/security.md says which test proves each defence: those tests must exist, under those names.
import { describe, expect, it } from 'vitest'
import { readText, sourceFiles } from '../tidy/source-files.ts'
import { isThere, tableOf } from './documents.ts'

const document = 'docs/security.md'
const threats = tableOf(document, ['threat', 'how it is met', 'proven by']).map(([threat, , proof]) => ({
  threat: threat ?? '',
  proofs: [...(proof ?? '').matchAll(/`([^`]+)`: "([^"]+)"/g)].map((match) => ({
    file: match[1] ?? '',
    test: match[2] ?? '',
  })),
  mentions: (proof ?? '').split('<br>').length,
}))
const proofs = threats.flatMap((row) => row.proofs)
const knownThreats = new Set(
  threats.flatMap(({ threat }) => threat.match(/^[A-Z]\d+(, [A-Z]\d+)*/)?.[0].split(', ') ?? []),
)
const knownInvariants = new Set(
  tableOf(document, ['invariant', 'what must hold', 'held by']).flatMap(([numbers]) => (numbers ?? '').split(', ')),
)

describe('each threat', () => {
  it.for(threats)('$threat has a proof that this test can read', ({ proofs, mentions }) => {
    expect(proofs.length).toBeGreaterThan(0)
    expect(proofs.length).toBe(mentions)
  })

  it.for(proofs)('is proven by a test of that name: $test', ({ file, test }) => {
    expect(isThere(file), `${document} names ${file}`).toBe(true)
    expect(testNamesIn(file), `tests in ${file}`).toContain(test)
  })
})

describe('the code', () => {
  it('names only threats that the document explains or lists as not covered', () => {
    const named = cited(/\bthreats? ([A-Z]\d+(?:(?:,| and| to) [A-Z]\d+)*)/gi)
    expect(named.length).toBeGreaterThan(0)
    expect(named.filter(({ name }) => !knownThreats.has(name) && !knownInvariants.has(name))).toEqual([])
  })

  it('names only invariants that the document states', () => {
    const named = cited(/[('\s](I\d{1,2})(?=[):])/g)
    expect(named.length).toBeGreaterThan(0)
    expect(named.filter(({ name }) => !knownInvariants.has(name))).toEqual([])
  })
})

function testNamesIn(path: string): readonly string[] {
  const text = readText(path).replaceAll(/\\u([0-9a-f]{4})/gi, (_, hex: string) =>
    String.fromCodePoint(parseInt(hex, 16)),
  )
  const quote = /(?<quote>['"`])(?<name>(?:(?!\k<quote>)[^\\\n]|\\.)*)\k<quote>/g
  return [...text.matchAll(quote)].map((match) => match.groups?.['name'] ?? '')
}

function cited(form: RegExp): readonly { readonly path: string; readonly name: string }[] {
  return sourceFiles.flatMap(({ path }) =>
    [...readText(path).matchAll(form)].flatMap((match) =>
      (match[1]?.match(/[A-Z]\d+/g) ?? []).map((name) => ({ path, name })),
    ),
  )
}
