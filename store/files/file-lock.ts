// File lock that the kernel holds (flock(2)): it ends with the process that took it, however that ends and in whichever container it
// ran, so nothing is ever locked by who is gone. What stands in the file is for the message only.
//
// Node has no flock. On macOS `open` takes one (O_EXLOCK). On Linux the command flock of util-linux or BusyBox locks a descriptor
// that it inherits: the lock belongs to the open file, which this process shares with the command, and stays when the command ends.

import { spawnSync } from 'node:child_process'
import { closeSync, constants, fstatSync, ftruncateSync, lstatSync, openSync, readSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { Fault } from '../../engine/ports/fault.ts'
import { fileErrorCode } from './file-port.ts'
import { giveToOwnerOf } from './file-owner.ts'
import { privateFileMode } from './private-folder.ts'

/** `O_EXLOCK` of macOS, which Node passes on and does not name. */
const macExclusiveLock = 0x20
/** Another process may remove the file between opening and locking it. */
const attemptsMax = 5
/** The command is done in milliseconds. */
const timeoutMs = 10_000
/** What a holder writes is short; of a file that is longer this much is shown. */
const holderCharactersMax = 120
const waitOrStop = 'Wait until it is done, or stop it: its lock ends with it.'

export type HeldFile = {
  /** Is the file that is locked still the one at its path? */
  readonly isHeld: () => boolean
  /** The file stays. Again it does nothing. */
  readonly unlock: () => void
}

/**
 * Locks the file at `path`, making it when it is not there; returns what unlocks it. The file stays. Throws a Fault `data-in-use`
 * when another holds it, in this process or any other of this machine, and an error of the system when it cannot be opened.
 */
export function lockFile(path: string): () => void {
  return holdFile(path).unlock
}

/** The same, for a holder who looks now and then whether it is still so; `advice` is what to do when another holds it. */
export function holdFile(path: string, advice = waitOrStop): HeldFile {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const fd = locked(path, advice)
    if (isStillThere(path, fd)) {
      nameHolder(fd)
      return held(path, fd)
    }
    closeSync(fd)
  }
  throw new Fault('data-in-use', `${path} is removed again and again by another process: find out which, and stop it`)
}

function held(path: string, fd: number): HeldFile {
  let isHeld = true
  return {
    isHeld: () => isHeld && isStillThere(path, fd),
    unlock() {
      if (isHeld) closeSync(fd)
      isHeld = false
    },
  }
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

/** A descriptor that has the lock. Node opens all of them to be closed in programs that are started: none of those keeps the lock. */
function locked(path: string, advice: string): number {
  if (process.platform === 'darwin') {
    try {
      return openSync(path, flags | constants.O_CREAT | macExclusiveLock | constants.O_NONBLOCK, privateFileMode)
    } catch (error) {
      throw fileErrorCode(error) === 'EAGAIN' ? inUse(path, advice) : error
    }
  }
  const fd = made(path) ?? openSync(path, flags)
  try {
    if (!fstatSync(fd).isFile())
      throw new Fault('data-in-use', `${path} cannot be locked: it is no file. Move it away.`)
    askFlock(path, fd, advice)
    return fd
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/** A link is not followed: what it leads to is not ours to write in. */
const flags = constants.O_RDWR | constants.O_NOFOLLOW

/** A new file, of the folder's owner; undefined when there is one already. */
function made(path: string): number | undefined {
  let fd: number
  try {
    fd = openSync(path, flags | constants.O_CREAT | constants.O_EXCL, privateFileMode)
  } catch (error) {
    if (fileErrorCode(error) === 'EEXIST') return undefined
    throw error
  }
  giveToOwnerOf(dirname(path), fd)
  return fd
}

function askFlock(path: string, fd: number, advice: string): void {
  // Without an environment the system looks where it keeps its own commands, not where a PATH leads.
  const stdio = ['ignore', 'ignore', 'pipe', fd] as const
  const asked = askedUnhurt(() =>
    spawnSync('flock', ['-x', '-n', '3'], { stdio: [...stdio], env: {}, timeout: timeoutMs }),
  )
  if (asked.status === 0) return
  const isMissing = asked.error !== undefined && fileErrorCode(asked.error) === 'ENOENT'
  const said = asked.error?.message ?? asked.stderr.toString().trim()
  // Of BusyBox 1 is every failure; only this one goes without words.
  if (asked.status === 1 && said === '') throw inUse(path, advice)
  throw new Fault(
    'data-in-use',
    isMissing
      ? `${path} cannot be locked: the command flock is not here. Install util-linux (or BusyBox), which every distribution has.`
      : `${path} cannot be locked: flock said "${said}". It must be on a file system that has locks.`,
  )
}

/** Asked again when a signal to the whole group, such as Ctrl-C, ended the command: that says nothing about the lock. */
function askedUnhurt<Asked extends { readonly signal: NodeJS.Signals | null; readonly error?: Error }>(
  ask: () => Asked,
): Asked {
  let asked = ask()
  for (let attempt = 1; attempt < attemptsMax && asked.signal !== null && asked.error === undefined; attempt++)
    asked = ask()
  return asked
}

function isStillThere(path: string, fd: number): boolean {
  const there = lstatSync(path, { throwIfNoEntry: false })
  const ours = fstatSync(fd)
  return there !== undefined && ours.ino === there.ino && ours.dev === there.dev
}

function inUse(path: string, advice: string): Fault {
  const holder = holderIn(path)
  const said = holder === '' ? 'another process' : holder
  return new Fault('data-in-use', `${path} is held by ${said}. ${advice}`)
}

/** What its holder wrote; earlier versions wrote other things, which say nothing about who holds it now. */
function holderIn(path: string): string {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      const bytes = Buffer.alloc(holderCharactersMax)
      const [line = ''] = bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0)).split('\n')
      return /^process \d+ on /.test(line) ? line.replace(/[^\x20-\x7e]/g, '?') : ''
    } finally {
      closeSync(fd)
    }
  } catch {
    return ''
  }
}
