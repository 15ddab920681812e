// The phone client runs in a browser or in React Native. The compiler keeps Node out of `sdk/` itself (its project has no
// Node types); this keeps Node out of what the phone client pulls in from other folders when it runs.
import { describe, expect, it } from 'vitest'
import { sourceFiles } from './source-files.ts'

const byPath = new Map(sourceFiles.map((file) => [file.path, file]))

describe('the sdk', () => {
  const entries = sourceFiles.filter((file) => file.project === 'sdk' && !file.isTest)

  it('has sources to look at', () => {
    expect(entries.length).toBeGreaterThan(0)
  })

  it('reaches no Node built-in, directly or through what it imports', () => {
    const found: string[] = []
    const seen = new Set<string>()
    const visit = (path: string, trail: readonly string[]): void => {
      if (seen.has(path)) return
      seen.add(path)
      for (const one of byPath.get(path)?.imports ?? []) {
        if (one.typeOnly) continue
        if (one.kind === 'builtin') found.push([...trail, path, one.name].join(' → '))
        if (one.kind === 'file') visit(one.path, [...trail, path])
      }
    }
    for (const entry of entries) visit(entry.path, [])
    expect(found).toEqual([])
  })
})
