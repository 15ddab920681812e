// On a real terminal (a pseudo-terminal of `script`), where people read, and beside it in a pipe, where programs do.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { testFolder } from '../server/test-folder.ts'

const launcher = join(import.meta.dirname, '..', 'bin', 'bandpass')
const hasScript = spawnSync('script', ['--version']).status === 0

function onTerminal(...args: readonly string[]): string {
  const command = [launcher, ...args].map((one) => `'${one}'`).join(' ')
  return spawnSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8' }).stdout.replaceAll('\r', '')
}

describe.skipIf(!hasScript)('a command that makes something', () => {
  it.for([
    ['operator', 'add', 'ada', '--role', 'admin'],
    ['operator', 'token', 'ada'],
    ['partner', 'add', '--name', 'Corner shop'],
  ] as const)('tells people in sentences and programs in JSON: %s %s', (args) => {
    const place = ['--data', testFolder(onTestFinished)]
    spawnSync(launcher, ['operator', 'add', 'ada', '--role', 'admin', ...place])
    const again = args[1] === 'add' && args[0] === 'operator' ? ['operator', 'add', 'bob', '--role', 'admin'] : args
    const said = onTerminal(...again, ...place)
    expect(said).toMatch(/this once/)
    expect(said).not.toContain('{')
    const data = ['--data', testFolder(onTestFinished)]
    spawnSync(launcher, ['operator', 'add', 'ada', '--role', 'viewer', ...data])
    const piped = spawnSync(launcher, [...again, ...data], { encoding: 'utf8' }).stdout
    expect(Object.keys(JSON.parse(piped))).toContain('name')
    const other = ['--data', testFolder(onTestFinished)]
    spawnSync(launcher, ['operator', 'add', 'ada', '--role', 'viewer', ...other])
    const line = onTerminal(...again, ...other, '--json')
      .split('\n')
      .find((one) => one.startsWith('{'))
    expect(Object.keys(JSON.parse(line ?? ''))).toContain('name')
  })
})
