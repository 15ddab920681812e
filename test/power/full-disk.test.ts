// A disk that really has no room: a small tmpfs, mounted for the test. Needs root; elsewhere these are skipped, and the
// simulated disk of store/journal/journal-faults.test.ts stands in.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, rmdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createKeyring } from '../../crypto/at-rest.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { openJournal } from '../../store/journal/journal.ts'
import { bodiesOf, recordOf } from '../../store/journal/test-disk.ts'
import { openView } from '../../store/view/view.ts'

const mebibyte = 1024 * 1024
const keyring = createKeyring(nodePrimitives, [{ id: 1, key: new Uint8Array(32).fill(7) }])
const mounted: string[] = []
afterAll(() => {
  for (const folder of mounted) {
    spawnSync(system.umount, ['--lazy', folder])
    rmdirSync(folder)
  }
})

/** Programs of the system, not of a package. */
const system = { mount: 'mount', umount: 'umount' } as const

function mountTiny(bytes: number): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'bandpass-tiny-'))
  if (spawnSync(system.mount, ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder]).status === 0) {
    mounted.push(folder)
    return folder
  }
  rmdirSync(folder)
  return undefined
}

const canMount = mountTiny(mebibyte) !== undefined
if (!canMount) console.log('skipped: a tmpfs can be mounted by root only, so no disk is really full here')

describe.skipIf(!canMount)('on a disk without room', () => {
  it('the journal keeps all it took, takes holds from its reserve, and goes on when there is room', async () => {
    const folder = mountTiny(4 * mebibyte) ?? ''
    const options = {
      folder: join(folder, 'journal'),
      durability: 'disk',
      segmentBytes: mebibyte,
      after: (afterMs: number, work: () => void) => {
        const timer = setTimeout(work, Math.min(afterMs, 100))
        return () => clearTimeout(timer)
      },
    } as const
    const journal = await openJournal(options)
    const isStocked = () => readdirSync(options.folder).filter((name) => name.endsWith('.spare')).length === 2
    for (let i = 0; i < 500 && !isStocked(); i++) await new Promise((resolve) => setTimeout(resolve, 10))
    const filler = join(folder, 'filler')
    fillUp(filler)

    const taken: Uint8Array[] = []
    for (;;) {
      const body = recordOf(taken.length + 1, 5000)
      if (typeof journal.append(body, 'normal') !== 'number') break
      taken.push(body)
      await journal.durable(journal.appendedLsn)
    }
    expect(taken.length * 5000).toBeGreaterThan(1.8 * mebibyte)
    expect(journal.state).toBe('full')
    const hold = recordOf(taken.length + 1, 5000)
    expect(journal.append(hold, 'reserve')).toBe(taken.length + 1)
    await journal.durable(taken.length + 1)
    expect(bodiesOf(journal)).toEqual([...taken, hold])
    await journal.close()

    const again = await openJournal(options)
    expect([again.state, again.append(hold, 'normal')]).toEqual(['full', 'full'])
    expect(again.append(hold, 'reserve')).toBe(taken.length + 2)
    await again.durable(taken.length + 2)

    rmSync(filler)
    spawnSync(system.mount, ['-o', `remount,size=${16 * mebibyte}`, folder])
    for (let i = 0; i < 500 && again.state === 'full'; i++) await new Promise((resolve) => setTimeout(resolve, 10))
    expect(again.state).toBe('open')
    expect(again.append(hold, 'normal')).toBe(taken.length + 3)
    await again.durable(taken.length + 3)
    await again.close()
  })

  it('the view refuses the write, keeps the state before it, goes on when there is room, and never ends the process', async () => {
    const folder = mountTiny(4 * mebibyte) ?? ''
    const unhandled: unknown[] = []
    const note = (error: unknown) => void unhandled.push(error)
    process.on('unhandledRejection', note)
    const options = { folder: join(folder, 'view'), keyring }
    const view = await openView(options)
    const batch = (lsn: number) =>
      Array.from({ length: 400 }, (_, i) => ({ table: 'band', key: `${lsn}-${i}`, bytes: recordOf(lsn, 300) }) as const)
    let lsn = 0
    let refusal: unknown
    for (; lsn < 100 && refusal === undefined; lsn++) {
      refusal = await view.write(batch(lsn + 1), lsn + 1).catch((error: unknown) => error)
    }
    lsn--
    expect(refusal).toMatchObject({ name: 'Fault', code: 'view-failed', retry: true })
    for (let i = 0; i < 3; i++) await expect(view.write(batch(lsn + 1), lsn + 1)).rejects.toMatchObject({ retry: true })
    expect(view.appliedLsn).toBe(lsn)
    expect(view.get('band', `${lsn}-399`)).toEqual(recordOf(lsn, 300))
    expect(view.get('band', `${lsn + 1}-0`)).toBeUndefined()

    spawnSync(system.mount, ['-o', `remount,size=${16 * mebibyte}`, folder])
    await view.write(batch(lsn + 1), lsn + 1)
    expect(view.get('band', `${lsn + 1}-0`)).toEqual(recordOf(lsn + 1, 300))
    await new Promise((resolve) => setTimeout(resolve, 20))
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
    await view.close()
    const again = await openView(options)
    expect(again.appliedLsn).toBe(lsn + 1)
    await again.close()
  })
})

/** Takes all the room there is. */
function fillUp(path: string): void {
  for (const step of [65_536, 4096, 512]) {
    try {
      for (;;) writeFileSync(path, new Uint8Array(step), { flag: 'a' })
    } catch {
      // That was the last of this size.
    }
  }
}
