import { execFile } from 'node:child_process'
import { getPriority } from 'node:os'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

it('The engine’s thread goes before others where the system allows it, and stays as it is where not', async () => {
  const path = new URL('./raise-priority.ts', import.meta.url).href
  // In a process of its own: what is raised stays raised.
  const script = `const { raisePriority } = await import(${JSON.stringify(path)}); console.log(JSON.stringify([raisePriority(), (await import('node:os')).getPriority()]))`
  const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', script]
  const { stdout } = await promisify(execFile)(process.execPath, flags)
  expect(JSON.parse(stdout)).toBeOneOf([
    [true, -10],
    [false, getPriority()],
  ])
})
