// Baseline benchmark of durable storage, the floors below everything that is durable: what the disk and LMDB take by themselves.
// The floors of the network, the echoes, take turns with the engine and its peers (comparison.ts).

import { closeSync, fdatasyncSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { createKeyring } from '../../crypto/at-rest.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { encodeRow } from '../../engine/ports/rows.ts'
import type { OpenFile } from '../../store/files/file-port.ts'
import { realFiles } from '../../store/files/real-files.ts'
import { viewFileName } from '../../store/view/view-state.ts'
import { mapBytesDefault, openView } from '../../store/view/view.ts'
import { openLmdb } from '../../store/view/lmdb.ts'
import { fleetBands, fleetConformance } from '../driver/fleet.ts'
import { type LatencySummary, Latencies } from '../figures/latencies.ts'
import type { Row } from '../figures/results.ts'

export type DiskFloors = {
  /** Write and sync of a group of one record and of 32, by the store's own way and by fdatasync. */
  readonly sync: Readonly<Record<SyncWay, Readonly<Record<GroupName, LatencySummary>>>>
  /** A group of one record, now and then, while as many threads as there are cores take a part of each. */
  readonly besideLoad: LatencySummary
  /** Reading a band's row: bytes from LMDB, and through the view, which checks the row's MAC. */
  readonly get: { readonly lmdb: LatencySummary; readonly view: LatencySummary }
}
type SyncWay = 'through' | 'fdatasync'
type GroupName = 'one' | 'many'

/** On disk a group is whole sectors: one decision is about 600 bytes, a group at a high rate holds 30. */
const groupBytes: Readonly<Record<GroupName, number>> = { one: 1_024, many: 16_384 }
const fileBytes = 32 * 1024 * 1024
const betweenWritesMs = 1

export type DiskFloorOptions = {
  readonly folder: string
  readonly syncs: number
  readonly rows: number
  readonly gets: number
}

/** One round. */
export async function measureDiskFloors({ folder, syncs, rows, gets }: DiskFloorOptions): Promise<DiskFloors> {
  const own = join(folder, 'floors')
  mkdirSync(own, { recursive: true })
  try {
    return {
      sync: {
        through: await measureSyncs(own, 'through', syncs),
        fdatasync: await measureSyncs(own, 'fdatasync', syncs),
      },
      besideLoad: await measureBesideLoad(own, Math.ceil(syncs / 2)),
      get: await measureGets(own, rows, gets),
    }
  } finally {
    rmSync(own, { recursive: true, force: true })
  }
}

/** Preallocated, as a journal's segments are: a write needs no new room. */
async function openPreallocated(path: string): Promise<OpenFile> {
  const files = realFiles()
  files.open(path, 'create').close()
  const file = files.open(path, 'existing')
  await file.allocate(fileBytes, { pace: 'fast', signal: new AbortController().signal })
  return file
}

/** By the store's own way; on disk when this returns. */
function appendSynced(file: OpenFile, position: number, bytes: Uint8Array): void {
  file.append({ position, bytes, sync: true }, (error) => {
    if (error !== undefined) throw new Error('the disk floor cannot be measured', { cause: error })
  })
}

/** What an answer waits at least on a machine that the load shares: the disk's word has to find a core first. */
async function measureBesideLoad(folder: string, count: number): Promise<LatencySummary> {
  const file = await openPreallocated(join(folder, 'group-beside'))
  const bytes = nodePrimitives.randomBytes(groupBytes.one)
  const busy = Array.from(
    { length: availableParallelism() },
    () => new Worker(new URL('./busy-thread.ts', import.meta.url)),
  )
  await Promise.all(busy.map((thread) => new Promise((resolve) => thread.once('online', resolve))))
  const took = new Latencies()
  try {
    for (let at = 0; at < count; at++) {
      await new Promise((resolve) => setTimeout(resolve, betweenWritesMs))
      const startMs = performance.now()
      appendSynced(file, (at * bytes.length) % fileBytes, bytes)
      took.add(performance.now() - startMs)
    }
  } finally {
    file.close()
    await Promise.all(busy.map((thread) => thread.terminate()))
  }
  return took.summary()
}

async function measureSyncs(
  folder: string,
  way: SyncWay,
  count: number,
): Promise<Readonly<Record<GroupName, LatencySummary>>> {
  const path = join(folder, `group-${way}`)
  const file = await openPreallocated(path)
  const fd = openSync(path, 'r+')
  const measure = (name: GroupName): LatencySummary => {
    const bytes = nodePrimitives.randomBytes(groupBytes[name])
    const took = new Latencies()
    for (let at = 0; at < count; at++) {
      const position = (at * bytes.length) % fileBytes
      const startMs = performance.now()
      if (way === 'fdatasync') {
        writeSync(fd, bytes, 0, bytes.length, position)
        fdatasyncSync(fd)
      } else appendSynced(file, position, bytes)
      took.add(performance.now() - startMs)
    }
    return took.summary()
  }
  try {
    return { one: measure('one'), many: measure('many') }
  } finally {
    closeSync(fd)
    file.close()
  }
}

async function measureGets(folder: string, rowsCount: number, gets: number): Promise<DiskFloors['get']> {
  const keyring = createKeyring(nodePrimitives, [{ id: 1, key: nodePrimitives.randomBytes(32) }])
  const viewFolder = join(folder, 'view')
  const view = await openView({ folder: viewFolder, keyring })
  const bands = fleetBands('floors', rowsCount)
  const sealed = nodePrimitives.randomBytes(60)
  const changes = bands.map((band) => ({
    table: 'band' as const,
    key: band.bandId,
    bytes: encodeRow('band', bandRow(band, sealed)),
  }))
  for (let at = 0; at < changes.length; at += 5_000) await view.write(changes.slice(at, at + 5_000), at + 1)
  // One after the other: a process may have an LMDB file open once.
  await view.close()
  const measure = (get: (key: string) => unknown): LatencySummary => {
    const took = new Latencies()
    // By a stride that visits all rows in no order of theirs; ten at a time, since the clock's step is as long as one.
    for (let at = 0; at < gets; at += 10) {
      const startMs = performance.now()
      for (let i = 0; i < 10; i++) {
        if (get(bands[((at + i) * 7_919) % bands.length]?.bandId ?? '') === undefined) throw new Error('a row expected')
      }
      took.add((performance.now() - startMs) / 10)
    }
    return took.summary()
  }
  const rows = openLmdb({
    path: join(viewFolder, viewFileName),
    tables: [{ name: 'band', tree: 'band', mark: '' }],
    mapBytes: mapBytesDefault,
    isReadOnly: true,
  })
  const lmdb = measure((key) => rows.get('band', key))
  await rows.close()
  const again = await openView({ folder: viewFolder, keyring })
  const checked = measure((key) => again.get('band', key))
  await again.close()
  return { lmdb, view: checked }
}

function bandRow(band: ReturnType<typeof fleetBands>[number], sealed: Uint8Array<ArrayBuffer>) {
  const { bandId, bid, account, generation, wearEpoch, armEpoch, bandKey, acctTag } = band
  return {
    bandId,
    bid,
    account,
    generation,
    wearEpoch,
    armEpoch,
    bandKey,
    acctTag,
    state: 'armed',
    tombstoned: 0,
    pairingId: null,
    pairingUntilMs: 0,
    vendor: 1,
    model: 1,
    batch: 1,
    conformance: fleetConformance,
    holds: 0,
    holdSurfaces: [],
    holdEndedAtMs: 0,
    armedUntilMs: 1_900_000_000_000,
    armedOwnerEpoch: 0,
    verifiedAtMs: 1_800_000_000_000,
    deactivateAtMs: 0,
    foundAtMs: 0,
    before: null,
    sealedArmSecret: sealed,
    name: '',
    deactivationBegunBy: '',
    foundBegunBy: '',
  } as const
}

/** The rounds as rows. */
export function diskFloorRows(rounds: readonly DiskFloors[]): readonly Row[] {
  const rows: Row[] = []
  const add = (name: string, unit: 'µs', pick: (one: DiskFloors) => LatencySummary): void => {
    for (const [figure, of] of [
      ['p50', 'p50Ms'],
      ['p99', 'p99Ms'],
    ] as const) {
      rows.push({ name, figure, unit, values: rounds.map((one) => 1_000 * pick(one)[of]) })
    }
  }
  for (const [group, size] of [
    ['one', '1 KB'],
    ['many', '16 KB'],
  ] as const) {
    add(`write and sync a group of ${size}, the store's way (O_DSYNC)`, 'µs', (one) => one.sync.through[group])
    add(`write and sync a group of ${size}, write then fdatasync`, 'µs', (one) => one.sync.fdatasync[group])
  }
  add('write and sync a group of 1 KB while every core is six tenths busy', 'µs', (one) => one.besideLoad)
  add("a band's row from LMDB", 'µs', (one) => one.get.lmdb)
  add("a band's row from the view, its MAC checked", 'µs', (one) => one.get.view)
  return rows
}
