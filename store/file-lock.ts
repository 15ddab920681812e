// File lock that the kernel holds (flock(2)): it ends with the process that took it, however that ends and in whichever container it
// ran, so nothing is ever locked by who is gone. What stands in the file is for the message only.
//
// Node has no flock. On macOS `open` takes one (O_EXLOCK). On Linux the command flock of util-linux or BusyBox locks a descriptor
// that it inherits: the lock belongs to the open file, which this process shares with the command, and stays when the command ends.

import { spawnSync } from 'node:child_process'
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { Fault } from '../engine/ports/fault.ts'
import { fileErrorCode } from './file-port.ts'

/** `O_EXLOCK` of macOS, which Node passes on and does not name. */
const macExclusiveLock = 0x20
/** Somebody may remove the file between opening and locking it. */
const attemptsMax = 5
/** The command is done in milliseconds. */
const timeoutMs = 10_000
/** What a holder writes is short; of a file that is longer this much is shown. */
const holderCharactersMax = 120

/**
 * Locks the file at `path`, making it when it is not there; returns what unlocks it. The file stays. Throws a Fault `data-in-use`
 * when another holds it, in this process or any other of this machine.
 */
export function lockFile(path: string): () => void {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const fd = locked(path)
    if (isStillThere(path, fd)) {
      nameHolder(fd)
      return () => closeSync(fd)
    }
    closeSync(fd)
  }
  throw new Fault('data-in-use', `${path} is removed again and again by another process: find out which, and stop it`)
}

/** For messages only, so that a disk which does not take it, such as a full one, is no reason not to lock: that would keep the lock. */
function nameHolder(fd: number): void {
  try {
    ftruncateSync(fd)
    writeSync(fd, `process ${process.pid} on ${hostname()}\n`, 0)
  } catch {
    // Who finds it locked hears of another process.
  }
}

/** A descriptor that has the lock. */
function locked(path: string): number {
  const flags = constants.O_RDWR | constants.O_CREAT
  if (process.platform === 'darwin') {
    try {
      return openSync(path, flags | macExclusiveLock | constants.O_NONBLOCK, 0o600)
    } catch (error) {
      throw fileErrorCode(error) === 'EAGAIN' ? inUse(path) : error
    }
  }
  const fd = openSync(path, flags, 0o600)
  try {
    askFlock(path, fd)
    return fd
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

function askFlock(path: string, fd: number): void {
  // Without an environment the system looks where it keeps its own commands, not where a PATH of somebody leads.
  const stdio = ['ignore', 'ignore', 'pipe', fd] as const
  const asked = spawnSync('flock', ['-x', '-n', '3'], { stdio: [...stdio], env: {}, timeout: timeoutMs })
  if (asked.status === 0) return
  if (asked.status === 1) throw inUse(path)
  const isMissing = asked.error !== undefined && fileErrorCode(asked.error) === 'ENOENT'
  const said = asked.error?.message ?? asked.stderr.toString().trim()
  throw new Fault(
    'data-in-use',
    isMissing
      ? `${path} cannot be locked: the command flock is not here. Install util-linux (or BusyBox), which every distribution has.`
      : `${path} cannot be locked: flock said "${said}". It must be on a file system that has locks.`,
  )
}

function isStillThere(path: string, fd: number): boolean {
  try {
    const [ours, there] = [fstatSync(fd), statSync(path)]
    return ours.ino === there.ino && ours.dev === there.dev
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return false
    throw error
  }
}

function inUse(path: string): Fault {
  let holder: string
  try {
    holder = readFileSync(path, 'utf8').slice(0, holderCharactersMax).trim()
  } catch {
    holder = ''
  }
  const said = holder === '' ? 'another process' : holder
  return new Fault(
    'data-in-use',
    `${path} is held by ${said}. Wait until it is done, or stop it: its lock ends with it.`,
  )
}
