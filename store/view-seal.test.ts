// The seal of a view and the view's file, on a disk that fails: what the page cache shows is not what the disk has.

import { describe, expect, it } from 'vitest'
import { makeDisk } from './journal/test-disk.ts'
import { keyring } from './view/test-view.ts'
import { putViewOnDisk, sealName, sealView, unsealView } from './view/view-seal.ts'
import { viewFileName } from './view/view-state.ts'

const folder = '/view'
const path = `${folder}/${viewFileName}`

describe('the seal of a view', () => {
  it('that was taken off in the page cache only does not come back with a power cut and call the view damaged', async () => {
    // Of what was renamed and not synced nothing is on the platter.
    const disk = makeDisk({ chance: () => 0.99 })
    disk.put(path, Buffer.from('rows'))
    await sealView(disk.files, folder, keyring)
    disk.failsAt = (operation, failing) => operation === 'sync' && failing === folder
    await expect(unsealView(disk.files, folder, keyring)).rejects.toMatchObject({ code: 'EIO' })
    disk.failsAt = () => false
    // The next start may write the view as soon as this resolves.
    expect(await unsealView(disk.files, folder, keyring)).toBe(false)
    disk.put(path, Buffer.from('other rows'))
    disk.restart()
    expect(await unsealView(disk.files, folder, keyring)).toBe(false)
  })

  it('holds for the view that it was put on, and for no other', async () => {
    const disk = makeDisk()
    disk.put(path, Buffer.from('rows'))
    await sealView(disk.files, folder, keyring)
    const other = disk.copy(() => 0)
    other.put(path, Buffer.from('other rows'))
    const refused: unknown = expect.objectContaining({ code: 'view-damaged' })
    for (let start = 0; start < 2; start++)
      await expect(unsealView(other.files, folder, keyring)).rejects.toEqual(refused)
    expect([await unsealView(disk.files, folder, keyring), await unsealView(disk.files, folder, keyring)]).toEqual([
      true,
      false,
    ])
    disk.put(`${folder}/${sealName}`, Buffer.from('neither a seal nor a word of ours'))
    await expect(unsealView(disk.files, folder, keyring)).rejects.toEqual(refused)
  })
})

describe('the file of a view', () => {
  it('whose newest state is in the page cache only is on disk before the journal may forget what it holds', () => {
    const disk = makeDisk({ chance: () => 0 })
    const file = disk.files.open(path, 'create')
    file.write(0, Buffer.alloc(8 * 4096, 1))
    file.datasync()
    disk.files.syncFolder(folder)
    disk.failsAt = (operation) => operation === 'sync'
    file.write(4096, Buffer.alloc(4096, 2))
    expect(() => file.datasync()).toThrow(/EIO/)
    disk.failsAt = () => false
    putViewOnDisk(disk.files, folder)
    disk.restart()
    expect(disk.bytesOf(path)[4096]).toBe(2)
  })

  it('is not opened when it cannot be put on disk', () => {
    const disk = makeDisk()
    disk.put(path, Buffer.alloc(8192, 1))
    disk.failsAt = (operation) => operation === 'sync'
    expect(() => putViewOnDisk(disk.files, folder)).toThrow(/EIO/)
  })
})
