import { count, list, object, text } from '../../base/json.ts'
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createKeyring } from '../../crypto/at-rest.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { KnownDocuments, type KnownText } from './known-documents.ts'
import { newMasterKey } from './master-key.ts'
import { type DocumentPlace, readDocument, revisionsKeptMax, writeDocument } from './sealed-document.ts'
import { testFolder, testLog } from '../log/test-folder.ts'

const anything = object({})
const named = object({ keys: list(text) })
const numbered = object({ keys: list(count) })
const revised = object({ revision: object({ number: count }) })

const older: unknown = expect.objectContaining({ code: 'file-older', message: expect.stringContaining('older copy') })

/** A document of one folder, and engines that start on it and remember what a journal would. */
function world() {
  const path = join(testFolder(onTestFinished), 'list.json')
  const place: DocumentPlace = { path, name: 'list', keyring: createKeyring(nodePrimitives, [newMasterKey()]) }
  const known = new Map<string, KnownText>()
  const { log, lines } = testLog()
  const start = (acceptOlder = false): DocumentPlace => {
    const documents = new KnownDocuments({ acceptOlder, log })
    const watched = documents.watched(place)
    readDocument(watched, anything)
    documents.begin({ known: (name) => known.get(name), take: (name, text) => void known.set(name, text) })
    return watched
  }
  const copy = (name: string) => {
    copyFileSync(path, `${path}.${name}`)
    return () => copyFileSync(`${path}.${name}`, path)
  }
  return { path, place, start, copy, lines, known }
}

describe('a sealed document', () => {
  it('that is older than the one an engine took is refused at the next start, and taken when that is meant, once', () => {
    const { place, start, copy, lines } = world()
    writeDocument(place, { keys: ['old'] })
    start()
    const putBack = copy('old')
    writeDocument(place, { keys: ['new'] })
    start()
    putBack()
    expect(() => start()).toThrow(older)
    expect(readDocument(start(true), named)).toMatchObject({ keys: ['old'] })
    expect(lines).toMatchObject([{ level: 'warning', event: 'lists.older-accepted', fields: { known: 2, found: 1 } }])
    start()
  })

  it('that is older is not read by a running engine either', () => {
    const { place, start, copy } = world()
    writeDocument(place, { keys: ['old'] })
    const putBack = copy('old')
    const watched = start()
    writeDocument(watched, { keys: ['new'] })
    putBack()
    expect(() => readDocument(watched, anything)).toThrow(older)
  })

  it('that was put back and then changed, however often, is refused as well', () => {
    const { place, start, copy } = world()
    writeDocument(place, { keys: ['old'] })
    const putBack = copy('old')
    writeDocument(place, { keys: ['new'] })
    start()
    putBack()
    for (let change = 0; change < 5; change++) {
      writeDocument(place, { keys: ['old', change] })
      expect(() => start()).toThrow(older)
    }
  })

  it('that is gone is refused when there was one, and missed by nobody when there was none', () => {
    const { path, place, start } = world()
    start()
    writeDocument(place, { keys: [] })
    start()
    rmSync(path)
    expect(() => start()).toThrow(/is gone/)
  })

  it.each([1, revisionsKeptMax, revisionsKeptMax + 1, 3 * revisionsKeptMax])(
    'that was changed %i times while no engine ran is taken',
    (changes) => {
      const { place, start } = world()
      writeDocument(place, { keys: [] })
      start()
      for (let change = 0; change < changes; change++) writeDocument(place, { keys: [change] })
      expect(readDocument(start(), numbered)).toMatchObject({ keys: [changes - 1] })
    },
  )

  it('names the texts that it was made from, so many and no more', () => {
    const { path, place } = world()
    for (let change = 0; change <= revisionsKeptMax + 1; change++) writeDocument(place, { keys: [change] })
    expect(readDocument(place, revised)).toMatchObject({ revision: { number: revisionsKeptMax + 2 } })
    expect(readFileSync(path, 'utf8').match(/"[0-9a-f]{32}"/g)).toHaveLength(revisionsKeptMax)
  })

  it('that was altered is never written over', () => {
    const { path, place } = world()
    writeDocument(place, { keys: ['old'] })
    writeFileSync(path, readFileSync(path, 'utf8').replace('old', 'odd'))
    expect(() => writeDocument(place, { keys: [] })).toThrow(/does not match its MAC/)
  })
})
