import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterEach, expect, it } from 'vitest'
import { keyring, newFolder, removeFolders, text } from './test-view.ts'
import { openView } from './view.ts'

afterEach(removeFolders)

const moduleAt = (path: string) => JSON.stringify(pathToFileURL(fileURLToPath(new URL(path, import.meta.url))).href)

/** Writes a row, then a hundred thousand, and ends the process `afterMs` into that. */
const program = (folder: string, afterMs: number): string => `
  const { openView } = await import(${moduleAt('./view.ts')})
  const { keyring, row } = await import(${moduleAt('./test-view.ts')})
  const view = await openView({ folder: ${JSON.stringify(folder)}, keyring })
  await view.write([row('band', 'first', 'one')], 1)
  const rows = Array.from({ length: 100_000 }, (_, at) => row('band', 'band ' + at, 'x'.repeat(100)))
  void view.write(rows, 2)
  setTimeout(() => process.exit(7), ${afterMs})
`

it.for([1, 250, 400])(
  'a process that ends %i ms into a long write ends with its own code, and the view is whole',
  async (afterMs) => {
    const folder = newFolder()
    const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program(folder, afterMs)]
    const child = spawn(process.execPath, flags, { stdio: ['ignore', 'inherit', 'inherit'] })
    const hung = setTimeout(() => child.kill('SIGKILL'), 20_000)
    const [code, signal] = await once(child, 'close')
    clearTimeout(hung)
    expect([code, signal]).toEqual([7, null])
    const view = await openView({ folder, keyring })
    expect(text(view.get('band', 'first'))).toBe('one')
    expect([1, 2]).toContain(view.appliedLsn)
    await view.close()
  },
)
