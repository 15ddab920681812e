// A disk that loses power, fills up and fails, as a file port for tests. What was written since the last sync may be there
// after a power cut or not, sector by sector and in any order; names likewise, operation by operation. What a write or sync failed on
// stays readable until the cut, as in a page cache, and no later sync puts it on the platter: it has to be written again. Names
// have to be changed again: one that is, takes those beside it along, as a block of a folder does.

import { basename, dirname } from 'node:path'
import type { FilePort, OpenFile } from '../files/file-port.ts'
import { sectorBytes } from './journal-format.ts'

/** Thrown by every operation from the cut on: the process is gone. */
export class PowerCut extends Error {
  override readonly name = 'PowerCut'
}

/** Uniform in [0, 1). */
export type Chance = () => number

type Inode = {
  /** What the process sees. */
  current: Buffer
  /** What is on the platter. */
  durable: Buffer
  /** Versions a sector went through since the last sync, oldest first; the durable one is not among them. */
  unsynced: Map<number, Buffer[]>
  /** Versions whose way to the platter failed: the system takes them for written, the platter may have one of them or none. */
  forgotten: Map<number, Buffer[]>
}
type NameChange = { readonly folder: string; readonly name: string; readonly inode: Inode | undefined }
/** What one operation does to the names of a folder: all of it survives or nothing. */
type NameOperation = { readonly changes: readonly NameChange[]; readonly isForgotten: boolean }

export type SimulatedDiskOptions = {
  readonly chance: Chance
  /** Room for all files together. */
  readonly capacityBytes?: number
  /** Answers `append` in a later turn, as a disk thread would, instead of at once. */
  readonly answersLater?: boolean
}

export class SimulatedDisk {
  readonly #chance: Chance
  readonly #answersLater: boolean
  /** Set to grow or shrink the disk. */
  capacityBytes: number
  /** The power goes at this operation, counted from 1; none when infinite. */
  cutAtOperation = Number.POSITIVE_INFINITY
  /** A write or sync, of a file or of the names in a folder, that answers true fails with EIO. */
  failsAt: (operation: 'write' | 'sync', path: string) => boolean = () => false
  operationCount = 0
  #isOff = false
  /** Grows at each restart: a file port of an earlier life is dead for good, whatever it still has in hand. */
  #life = 0
  #names = new Map<string, Map<string, Inode>>()
  #durableNames = new Map<string, Map<string, Inode>>()
  #unsyncedNames: NameOperation[] = []

  constructor(options: SimulatedDiskOptions) {
    this.#chance = options.chance
    this.#answersLater = options.answersLater ?? false
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY
  }

  /** Has the power gone? */
  get isOff(): boolean {
    return this.#isOff
  }

  /** The process ends and the machine goes on: what it still has in hand does nothing any more, what is readable stays so. */
  endProcess(): void {
    this.#life++
  }

  /** The power comes back: the disk holds what a cut may leave. */
  restart(): void {
    this.#isOff = false
    this.#life++
    this.cutAtOperation = Number.POSITIVE_INFINITY
    for (const { changes } of this.#unsyncedNames) if (this.#chance() < 0.5) applyNames(this.#durableNames, changes)
    this.#unsyncedNames = []
    const inodes = new Set(
      [...this.#names.values(), ...this.#durableNames.values()].flatMap((names) => [...names.values()]),
    )
    for (const inode of inodes) this.#settle(inode)
    this.#names = new Map([...this.#durableNames].map(([folder, names]) => [folder, new Map(names)]))
  }

  /** Bytes of a file, for tests that damage or compare it. */
  bytesOf(path: string): Buffer {
    const inode = this.#find(path)
    if (inode === undefined) throw failure('ENOENT', path)
    return inode.current
  }

  /** Replaces a file, as if by another hand, durably. */
  put(path: string, bytes: Buffer): void {
    const inode = inodeOf(bytes)
    for (const names of [this.#names, this.#durableNames]) folderOf(names, dirname(path)).set(basename(path), inode)
  }

  /** A copy of everything durable, to come back to. */
  copy(chance: Chance): SimulatedDisk {
    const copied = new SimulatedDisk({ chance, answersLater: this.#answersLater, capacityBytes: this.capacityBytes })
    for (const [folder, names] of this.#names) {
      for (const [name, inode] of names) copied.put(`${folder}/${name}`, inode.current)
    }
    return copied
  }

  /** The port of one life of the machine, from one restart to the next cut. */
  get files(): FilePort {
    const life = this.#life
    return {
      open: (path, how) => this.#open(life, path, how),
      list: (folder) => [...(this.#names.get(folder)?.keys() ?? [])].sort(),
      makeFolder: (folder) => void folderOf(this.#names, folder),
      rename: (from, to) => {
        this.#step(life)
        const inode = this.#find(from)
        if (inode === undefined) throw failure('ENOENT', from)
        this.#rename([nameChange(to, inode), nameChange(from, undefined)])
      },
      remove: (path) => {
        this.#step(life)
        if (this.#find(path) !== undefined) this.#rename([nameChange(path, undefined)])
      },
      syncFolder: (folder) => {
        this.#step(life)
        this.#syncNames(folder)
      },
      lock: () => () => {},
      close: () => Promise.resolve(),
    }
  }

  #open(life: number, path: string, how: 'create' | 'existing' | 'read'): OpenFile {
    this.#requireOn(life)
    let found = this.#find(path)
    if (found === undefined) {
      if (how !== 'create') throw failure('ENOENT', path)
      found = inodeOf(Buffer.alloc(0))
      this.#rename([nameChange(path, found)])
    }
    const inode = found
    const write = (position: number, bytes: Uint8Array) => this.#write(life, path, inode, position, bytes)
    const datasync = () => this.#datasync(life, path, inode)
    return {
      path,
      read: (position, into) => {
        this.#requireOn(life)
        return inode.current.copy(into, 0, position, position + into.length)
      },
      write,
      datasync,
      append: ({ position, bytes, sync }, done) => {
        const work = () => {
          try {
            write(position, bytes)
            if (sync) datasync()
          } catch (error) {
            done(error)
            return
          }
          done()
        }
        if (this.#answersLater) setImmediate(work)
        else work()
      },
      allocate: async (bytes) => {
        write(0, Buffer.alloc(bytes))
        datasync()
      },
      sizeBytes: () => inode.current.length,
      close: () => {},
    }
  }

  #write(life: number, path: string, inode: Inode, position: number, bytes: Uint8Array): void {
    const isCut = this.#isCutNow(life)
    const hasFailed = this.failsAt('write', path)
    const end = position + bytes.length
    const growth = Math.max(0, end - inode.current.length)
    if (growth > 0 && this.#usedBytes() + growth > this.capacityBytes) throw failure('ENOSPC', path)
    if (growth > 0) inode.current = Buffer.concat([inode.current, Buffer.alloc(growth)])
    inode.current.set(bytes, position)
    for (let sector = Math.floor(position / sectorBytes); sector * sectorBytes < end; sector++) {
      const version = Buffer.from(inode.current.subarray(sector * sectorBytes, (sector + 1) * sectorBytes))
      addVersions(hasFailed ? inode.forgotten : inode.unsynced, sector, [version])
    }
    if (isCut) throw this.#cut()
    if (hasFailed) throw failure('EIO', path)
  }

  #datasync(life: number, path: string, inode: Inode): void {
    this.#step(life)
    if (this.failsAt('sync', path)) {
      for (const [sector, versions] of inode.unsynced) addVersions(inode.forgotten, sector, versions)
      inode.unsynced.clear()
      throw failure('EIO', path)
    }
    const longer = Buffer.alloc(inode.current.length)
    inode.durable.copy(longer)
    inode.durable = longer
    for (const sector of inode.unsynced.keys()) {
      inode.current.copy(inode.durable, sector * sectorBytes, sector * sectorBytes, (sector + 1) * sectorBytes)
      inode.forgotten.delete(sector)
    }
    inode.unsynced.clear()
  }

  #syncNames(folder: string): void {
    const isHere = ({ changes }: NameOperation) => changes.some((change) => change.folder === folder)
    if (this.failsAt('sync', folder)) {
      this.#unsyncedNames = this.#unsyncedNames.map((one) => (isHere(one) ? { ...one, isForgotten: true } : one))
      throw failure('EIO', folder)
    }
    const here = this.#unsyncedNames.filter(isHere)
    if (here.every(({ isForgotten }) => isForgotten)) return
    for (const { changes } of here) applyNames(this.#durableNames, changes)
    this.#unsyncedNames = this.#unsyncedNames.filter((operation) => !isHere(operation))
  }

  /** After a cut: each sector is as it was, or as any write since left it. */
  #settle(inode: Inode): void {
    const versionsOf = new Map(inode.forgotten)
    for (const [sector, versions] of inode.unsynced) addVersions(versionsOf, sector, versions)
    const longest = Math.max(0, ...[...versionsOf.keys()].map((sector) => (sector + 1) * sectorBytes))
    const sizeBytes = this.#chance() < 0.5 ? inode.durable.length : Math.max(inode.durable.length, longest)
    const settled = Buffer.alloc(Math.min(sizeBytes, Math.max(inode.current.length, inode.durable.length)))
    inode.durable.copy(settled)
    for (const [sector, versions] of versionsOf) {
      const version = versions[Math.floor(this.#chance() * (versions.length + 1)) - 1]
      version?.copy(settled, sector * sectorBytes)
    }
    inode.durable = settled
    inode.current = Buffer.from(settled)
    inode.unsynced.clear()
    inode.forgotten.clear()
  }

  #rename(changes: readonly NameChange[]): void {
    applyNames(this.#names, changes)
    this.#unsyncedNames.push({ changes, isForgotten: false })
  }

  #find(path: string): Inode | undefined {
    return this.#names.get(dirname(path))?.get(basename(path))
  }

  #usedBytes(): number {
    const inodes = new Set([...this.#names.values()].flatMap((names) => [...names.values()]))
    return [...inodes].reduce((sum, inode) => sum + inode.current.length, 0)
  }

  #step(life: number): void {
    if (this.#isCutNow(life)) throw this.#cut()
  }

  #isCutNow(life: number): boolean {
    this.#requireOn(life)
    return ++this.operationCount >= this.cutAtOperation
  }

  #cut(): PowerCut {
    this.#isOff = true
    return new PowerCut('the power went')
  }

  #requireOn(life: number): void {
    if (this.#isOff || life !== this.#life) throw new PowerCut('the power is off')
  }
}

function inodeOf(bytes: Uint8Array): Inode {
  return { current: Buffer.from(bytes), durable: Buffer.from(bytes), unsynced: new Map(), forgotten: new Map() }
}

function addVersions(all: Map<number, Buffer[]>, sector: number, versions: readonly Buffer[]): void {
  all.set(sector, [...(all.get(sector) ?? []), ...versions])
}

function nameChange(path: string, inode: Inode | undefined): NameChange {
  return { folder: dirname(path), name: basename(path), inode }
}

function applyNames(names: Map<string, Map<string, Inode>>, changes: readonly NameChange[]): void {
  for (const { folder, name, inode } of changes) {
    if (inode === undefined) folderOf(names, folder).delete(name)
    else folderOf(names, folder).set(name, inode)
  }
}

function folderOf(names: Map<string, Map<string, Inode>>, folder: string): Map<string, Inode> {
  const found = names.get(folder) ?? new Map<string, Inode>()
  names.set(folder, found)
  return found
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}
