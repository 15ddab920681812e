import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { realFiles } from './files/real-files.ts'
import { newFolder, removeFolders } from './view/test-view.ts'
import { hashFile } from './files/whole-file.ts'

afterEach(removeFolders)

it('Everything else goes on while a large file is hashed: who closes a large view is not taken for one that hangs', async () => {
  const path = join(newFolder(), 'large')
  const bytes = Buffer.alloc(100 * 1024 * 1024 + 1, 'bandpass')
  writeFileSync(path, bytes)
  const turns = { count: 0, isOver: false }
  const turn = () => {
    turns.count++
    if (!turns.isOver) setImmediate(turn)
  }
  setImmediate(turn)
  const hashed = await hashFile(realFiles(), path)
  turns.isOver = true
  expect(hashed.bytes).toBe(bytes.length)
  expect(hashed.sha256.equals(createHash('sha256').update(bytes).digest())).toBe(true)
  expect(turns.count).toBeGreaterThanOrEqual(6)
})

it('A file that is not there has the hash of nothing', async () => {
  expect(await hashFile(realFiles(), join(newFolder(), 'none'))).toEqual({
    bytes: 0,
    sha256: createHash('sha256').digest(),
  })
})
