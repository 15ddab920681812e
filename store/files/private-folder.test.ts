import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { makePrivateFolder } from './private-folder.ts'

describe('a folder that cannot be made', () => {
  it.skipIf(process.getuid?.() !== 0)('on a read-only disk is told as that, however deep it would be', () => {
    const disk = mkdtempSync(join(tmpdir(), 'bandpass-read-only-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro,size=64k', 'tmpfs', disk])
    onTestFinished(() => {
      execFileSync('umount', [disk])
      rmSync(disk, { recursive: true })
    })
    for (const path of ['data', 'data/view', 'a/b/c/data'])
      expect(() => makePrivateFolder(join(disk, path))).toThrow(/EROFS/)
  })

  it.skipIf(process.platform !== 'linux')('where the system makes none is told as that, and at once', () => {
    expect(() => makePrivateFolder('/proc/bandpass/data')).toThrow(/ENOENT/)
  })

  it('in the place of a file is told as that', () => {
    expect(() => makePrivateFolder(import.meta.filename)).toThrow(/EEXIST/)
  })

  it('below a file is told as that', () => {
    expect(() => makePrivateFolder(join(import.meta.filename, 'data', 'view'))).toThrow(/ENOTDIR/)
  })
})
