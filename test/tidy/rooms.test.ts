import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root, sourceFiles } from './source-files.ts'

/** Folders with rooms of their own, at whose top stands what puts the rooms together. */
const houses = ['engine', 'server', 'store']
const topFilesMax = 3
const roomFilesMax = 20
const outside = ['.', 'test', 'scripts', 'examples']

const product = sourceFiles.filter(
  ({ path, folder, isTest }) => !isTest && !basename(path).startsWith('test-') && !outside.includes(folder),
)
const rooms = [...new Set(product.map(({ path }) => dirname(path)))].sort()
const filesIn = (room: string) => product.map(({ path }) => path).filter((path) => dirname(path) === room)

describe('a room', () => {
  it.for(rooms)('%s has a README that says what belongs there', (room) => {
    expect(existsSync(join(root, room, 'README.md'))).toBe(true)
  })

  it(`has ${roomFilesMax} files at most, and a house of rooms ${topFilesMax} at its top`, () => {
    const most = (room: string) => (houses.includes(room) ? topFilesMax : roomFilesMax)
    expect(rooms.filter((room) => filesIn(room).length > most(room))).toEqual([])
  })
})

describe('files', () => {
  it('import one another in no circle, of types neither', () => {
    const importsOf = new Map(
      product.map((file) => [file.path, file.imports.flatMap((one) => (one.kind === 'file' ? [one.path] : []))]),
    )
    expect(circleIn(importsOf)).toBe('')
  })

  it('in a circle would be found', () => {
    const three = new Map([
      ['a', ['b']],
      ['b', ['c', 'd']],
      ['c', []],
      ['d', ['b']],
    ])
    expect(circleIn(three)).toBe('b → d → b')
  })
})

/** The first circle that is met, empty when there is none. */
function circleIn(graph: ReadonlyMap<string, readonly string[]>): string {
  const done = new Set<string>()
  const visit = (node: string, trail: readonly string[]): string => {
    const at = trail.indexOf(node)
    if (at >= 0) return [...trail.slice(at), node].join(' → ')
    if (done.has(node)) return ''
    for (const next of graph.get(node) ?? []) {
      const found = visit(next, [...trail, node])
      if (found !== '') return found
    }
    done.add(node)
    return ''
  }
  for (const node of graph.keys()) {
    const found = visit(node, [])
    if (found !== '') return found
  }
  return ''
}
