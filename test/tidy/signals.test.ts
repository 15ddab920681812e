// Node opens its debugger on SIGUSR1, to every user of the machine, unless it is told not to: each of our processes is.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root, sourceFiles } from './source-files.ts'

const flag = '--disable-sigusr1'
const text = (path: string): string => readFileSync(join(root, path), 'utf8')
/** Only runs the tests, which start what they test themselves. */
const isExempt = (path: string): boolean => path === 'scripts/run-tests.ts' || path.startsWith('test/')

describe('a process of Node', () => {
  it('that we start leaves SIGUSR1 alone', () => {
    const starting = sourceFiles.filter(
      ({ path, isTest, code }) =>
        !isTest &&
        !isExempt(path) &&
        /process\.execPath|[^.]\bfork\(/.test(code) &&
        /[^.]\b(?:spawn|spawnSync|execFile|fork)\(/.test(code),
    )
    expect(starting.map(({ path }) => path).toSorted()).toEqual([
      'benchmarks/disk/group-commit.ts',
      'benchmarks/driver/child.ts',
      'benchmarks/measured/approvals.ts',
      'cli/test-engine.ts',
      'store/view/view-check.ts',
    ])
    for (const { path } of starting) expect(text(path), path).toContain(`'${flag}'`)
  })

  it('that the launcher or make starts leaves SIGUSR1 alone', () => {
    expect(text('bin/bandpass')).toContain(`set -- ${flag} `)
    const lines = text('Makefile')
      .split('\n')
      .filter((line) => /^\t@node .*(?:scripts\/load|benchmarks\/|test\/pictures)/.test(line))
    expect(lines.length).toBe(3)
    for (const line of lines) expect(line).toContain(`node ${flag} `)
  })
})
