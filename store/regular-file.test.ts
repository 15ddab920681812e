import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readBackedUp } from './backup-note.ts'
import { realFiles } from './files/real-files.ts'
import { helperFileBytesMax, openRegular } from './files/regular-file.ts'

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'bandpass-regular-'))
  onTestFinished(() => rmSync(made, { recursive: true }))
  return made
}

/** What may lie where a helper file is expected. */
const unfit: Readonly<Record<string, (path: string) => void>> = {
  'a folder': (path) => mkdirSync(path),
  'a pipe': (path) => void execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', path]),
  'a file far too large': (path) => {
    writeFileSync(path, '')
    truncateSync(path, helperFileBytesMax + 1)
  },
  'a device': (path) => void execFileSync('ln', ['-s', '/dev/zero', path]),
}

describe('where a helper file is expected', () => {
  it.each(Object.keys(unfit))('%s is refused at once, and neither waited for nor read', (name) => {
    const path = join(folder(), 'file')
    unfit[name]?.(path)
    expect(() => openRegular(path, 'read', helperFileBytesMax)).toThrow(/a file (of at most \d+ bytes )?expected, it /)
  })

  it('a file of the largest size is read', () => {
    const path = join(folder(), 'file')
    writeFileSync(path, '')
    truncateSync(path, helperFileBytesMax)
    closeSync(openRegular(path, 'read', helperFileBytesMax))
  })
})

describe('the note of the last backup', () => {
  const journal = { endsAt: () => Promise.resolve(true) }

  it.each(Object.keys(unfit))('that is %s rejects, so that its chore tries again', async (name) => {
    const data = folder()
    unfit[name]?.(join(data, 'backed-up.json'))
    await expect(readBackedUp(realFiles(), data, journal)).rejects.toMatchObject({ code: 'file-unfit' })
  })

  it.each(['', '{"version":1,"lastLsn":', '\0\u0001\u0002', 'null', '[]', '{"lastLsn":-1,"headHash":""}'])(
    'that says %j counts for nothing, and says so',
    async (text) => {
      const data = folder()
      writeFileSync(join(data, 'backed-up.json'), text)
      expect(await readBackedUp(realFiles(), data, journal)).toMatchObject({
        lsn: 0,
        refused: expect.stringContaining('backed-up.json'),
      })
    },
  )
})
