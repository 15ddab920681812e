import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { documents } from '../docs/documents.ts'
import { commentsOf, root, sourceFiles } from './source-files.ts'

// Words that stand in for a term: a reader who searches for the caller, the client or the operator does not find them.
const dialect = /\b(?:whoever|whom|nobody|somebody)\b/gi
const usesMax = 20

const uses = (texts: readonly { readonly path: string; readonly text: string }[]): readonly string[] =>
  texts.flatMap(({ path, text }) => [...text.matchAll(dialect)].map((found) => `${path}: ${found[0]}`))

describe('plain words', () => {
  it(`stand in comments of the product and in documents: ${usesMax} others at most`, () => {
    const comments = sourceFiles
      .filter(({ isTest }) => !isTest)
      .map(({ path }) => ({ path, text: commentsOf(readFileSync(join(root, path), 'utf8')) }))
    const pages = documents.map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
    const found = uses([...comments, ...pages])
    expect(found.length, found.join('\n')).toBeLessThanOrEqual(usesMax)
  })

  it('are told from others in comments, and only there', () => {
    const text = commentsOf("// Whoever comes.\nconst who = 'nobody' /* for somebody */\n")
    expect(uses([{ path: 'a', text }])).toEqual(['a: Whoever', 'a: somebody'])
  })
})
