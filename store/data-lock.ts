// One engine per folder: a lock file that names its owner. An owner that is gone is replaced; a live one is never.

import { linkSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { Fault } from '../engine/ports/fault.ts'
import { fileErrorCode } from './file-port.ts'
import { privateFileMode } from './private-folder.ts'

type Owner = { readonly host: string; readonly boot: string; readonly pid: number; readonly startedAt: string }

/** Locks `folder` for this process; returns what unlocks it. Throws a Fault `data-in-use` when another holds it. */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'lock')
  const mine: Owner = { host: hostname(), boot: bootId(), pid: process.pid, startedAt: startOf(process.pid) ?? '' }
  const offer = join(folder, `lock.${process.pid}`)
  writeFileSync(offer, JSON.stringify(mine), { mode: privateFileMode })
  try {
    if (!linked(offer, path)) takeOver(folder, path, offer)
  } finally {
    rmSync(offer, { force: true })
  }
  return () => {
    // Someone told to remove the file may have, and started another engine.
    const { pid, startedAt } = readOwner(path)
    if (pid === mine.pid && startedAt === mine.startedAt) rmSync(path, { force: true })
  }
}

/** Of several that find the same dead owner, the one that makes the marker named after that owner replaces it. */
function takeOver(folder: string, path: string, offer: string): void {
  const found = readOwner(path)
  if (isAlive(found)) throw inUse(path, found)
  const marker = join(folder, `lock.after.${found.pid}.${found.startedAt}`)
  if (!linked(offer, marker)) throw inUse(marker, readOwner(marker))
  try {
    // Someone may have replaced the lock between the first look and the marker.
    const now = readOwner(path)
    if (now.pid !== found.pid || now.startedAt !== found.startedAt) throw inUse(path, now)
    const replacement = `${offer}.new`
    linkSync(offer, replacement)
    renameSync(replacement, path)
  } finally {
    rmSync(marker, { force: true })
  }
  for (const name of readdirSync(folder)) {
    const left = join(folder, name)
    if (/^lock\.\d+(\.new)?$/.test(name) && left !== offer && !isAlive(readOwner(left))) rmSync(left, { force: true })
  }
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (fileErrorCode(error) === 'EEXIST') return false
    throw error
  }
}

function inUse(path: string, owner: Owner): Fault {
  return new Fault(
    'data-in-use',
    `${path} is held by process ${owner.pid} on ${owner.host}. Stop that engine first; if it is surely gone, remove the file.`,
  )
}

/** A lock is linked whole, so one that says nothing lost its content in a power cut: its owner is gone. */
const gone: Owner = { host: hostname(), boot: 'gone', pid: 0, startedAt: '' }

function readOwner(path: string): Owner {
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return isOwner(parsed) ? parsed : gone
  } catch {
    return gone
  }
}

function isOwner(value: unknown): value is Owner {
  return (
    typeof value === 'object' &&
    value !== null &&
    'host' in value &&
    typeof value.host === 'string' &&
    'boot' in value &&
    typeof value.boot === 'string' &&
    'pid' in value &&
    typeof value.pid === 'number' &&
    'startedAt' in value &&
    typeof value.startedAt === 'string'
  )
}

/** Another host's owner cannot be looked at, so it counts as alive. */
function isAlive(owner: Owner): boolean {
  if (owner.host !== hostname()) return true
  if (owner.boot !== bootId()) return false
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    if (fileErrorCode(error) === 'ESRCH') return false
  }
  const startedAt = startOf(owner.pid)
  return startedAt === undefined || startedAt === owner.startedAt
}

/** Changes at every boot; empty where the system does not tell. */
function bootId(): string {
  return readText('/proc/sys/kernel/random/boot_id')?.trim() ?? ''
}

/** When a process started, in ticks since boot (field 22 of /proc/<pid>/stat): tells a reused pid. */
function startOf(pid: number): string | undefined {
  const stat = readText(`/proc/${pid}/stat`)
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
