// Traced process of the power-cut tests: writes the workload to a view, under the trace, and notes each write that was
// acknowledged in a file beside it. The variants other than `store` open LMDB in ways the store does not, to show that the check
// finds the harm.
//   node view-writer.ts FOLDER store|no-sync|overlapping-sync COUNT

import { mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { type RootDatabase, open } from 'lmdb'
import { type RowChange, tables } from '../../engine/ports/view.ts'
import { emptyDigest } from '../../store/view/view-digest.ts'
import { encodeState, metaTable, stateKey, viewFileName, withMac } from '../../store/view/view-state.ts'
import { openView } from '../../store/view/view.ts'
import { changesAt, workloadKeyring } from './view-workload.ts'

const [folder = '', variant = '', count = ''] = process.argv.slice(2)
const viewFolder = join(folder, 'view')
mkdirSync(viewFolder, { recursive: true })
const acks = openSync(join(folder, 'acks'), 'w')

const write = variant === 'store' ? await storeWriter() : bareWriter()
for (let lsn = 1; lsn <= Number(count); lsn++) {
  await write(changesAt(lsn), lsn)
  writeSync(acks, Uint8Array.of(lsn >>> 8, lsn))
}
// As a crash would: nothing is closed.
process.kill(process.pid, 'SIGKILL')

type Write = (changes: readonly RowChange[], lsn: number) => Promise<unknown>

async function storeWriter(): Promise<Write> {
  const view = await openView({ folder: viewFolder, keyring: workloadKeyring })
  return (changes, lsn) => view.write(changes, lsn)
}

function bareWriter(): Write {
  const keyEncoder = {
    writeKey: (key: string, target: Buffer, at: number) => at + target.write(key, at, 'latin1'),
    readKey: (source: Buffer, from: number, to: number) => source.toString('latin1', from, to),
  }
  const binary = { encoding: 'binary', keyEncoder } as const
  const root: RootDatabase<Uint8Array, string> = open({
    ...binary,
    path: join(viewFolder, viewFileName),
    noSubdir: true,
    mapSize: 1024 ** 3,
    maxDbs: tables.length + 1,
    ...(variant === 'no-sync' ? { noSync: true } : {}),
  })
  const names = [...tables, metaTable]
  const opened = new Map(names.map((name) => [name, root.openDB<Uint8Array, string>({ ...binary, name })]))
  return (changes, lsn) =>
    root.batch(() => {
      for (const { table, key, bytes } of changes) {
        if (bytes === null) void opened.get(table)?.remove(key)
        else void opened.get(table)?.put(key, withMac(workloadKeyring, table, key, bytes))
      }
      const state = encodeState(workloadKeyring, { appliedLsn: lsn, digest: emptyDigest })
      void opened.get(metaTable)?.put(stateKey, state)
    })
}
