// bin/bandpass is run from a copy of the repository's skeleton, with a PATH that the test chooses.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { root } from './source-files.ts'

let home = ''

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'bandpass launcher '))
  cpSync(join(root, 'bin'), join(home, 'bin'), { recursive: true })
  cpSync(join(root, 'scripts/pick-node.sh'), join(home, 'scripts/pick-node.sh'))
  mkdirSync(join(home, 'cli'))
  writeFileSync(join(home, 'package.json'), '{"type":"module"}')
  writeFileSync(
    join(home, 'cli/main.ts'),
    'const said: string = process.argv.slice(2).join("+")\nconsole.log(said, "__proto__" in {})\n',
  )
})

afterEach(() => {
  rmSync(home, { recursive: true })
})

describe('bin/bandpass', () => {
  it('starts the command line, with its arguments, and says nothing of its own', () => {
    bringNode()
    bringPackages()
    const { status, stdout, stderr } = launch(join(home, 'bin/bandpass'), ['demo', 'two words'])
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'demo+two words false\n', stderr: '' })
  })

  it('finds its repository through symbolic links, absolute and relative', () => {
    bringNode()
    bringPackages()
    mkdirSync(join(home, 'links'))
    symlinkSync(join(home, 'bin/bandpass'), join(home, 'links/absolute'))
    symlinkSync('absolute', join(home, 'links/relative'))
    expect(launch(join(home, 'links/relative'), ['demo']).stdout).toBe('demo false\n')
  })

  it('bounds the memory of an engine, of nothing else, and leaves to the operator what the operator has set', () => {
    bringNode()
    bringPackages()
    writeFileSync(
      join(home, 'cli/main.ts'),
      "console.log(process.execArgv.some((flag) => flag.startsWith('--heap-growing')), process.env.MALLOC_ARENA_MAX)\n",
    )
    expect(launch(join(home, 'bin/bandpass'), ['serve']).stdout).toBe('true 2\n')
    expect(launch(join(home, 'bin/bandpass'), ['serve'], { MALLOC_ARENA_MAX: '5' }).stdout).toBe('true 5\n')
    expect(launch(join(home, 'bin/bandpass'), ['demo']).stdout).toBe('false undefined\n')
  })

  it('says how to get a Node when the machine has none that will do', () => {
    bringPackages()
    const { status, stderr } = launch(join(home, 'bin/bandpass'), ['demo'])
    expect(status).toBe(1)
    expect(stderr).toBe(`bandpass: needs Node 22.18 or newer; run: make -C '${home}' setup\n`)
  })

  it('says how to get the packages when they are not installed', () => {
    bringNode()
    const { status, stderr } = launch(join(home, 'bin/bandpass'), ['demo'])
    expect(status).toBe(1)
    expect(stderr).toBe(`bandpass: its packages are not installed; run: make -C '${home}' setup\n`)
  })

  it('passes on the exit status of the command', () => {
    bringNode()
    bringPackages()
    writeFileSync(join(home, 'cli/main.ts'), 'process.exit(7)\n')
    expect(launch(join(home, 'bin/bandpass'), []).status).toBe(7)
  })
})

/** As set-up does on a machine whose Node is too old. */
function bringNode(): void {
  mkdirSync(join(home, '.node/bin'), { recursive: true })
  symlinkSync(process.execPath, join(home, '.node/bin/node'))
}

/** As set-up does when it has installed the packages. */
function bringPackages(): void {
  mkdirSync(join(home, 'node_modules'))
  writeFileSync(join(home, 'node_modules/.bandpass-setup'), '')
}

/** Runs it on a PATH with the usual commands and a `node` that is too old to run anything of ours. */
function launch(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): { status: number | null; stdout: string; stderr: string } {
  const oldNode = join(home, 'old/node')
  mkdirSync(dirname(oldNode), { recursive: true })
  writeFileSync(oldNode, '#!/bin/sh\nexit 1\n')
  chmodSync(oldNode, 0o755)
  const env = { ...environment, PATH: `${dirname(oldNode)}:/usr/bin:/bin` }
  return spawnSync(command, args, { env, encoding: 'utf8' })
}
