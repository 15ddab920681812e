// Errors of the operating system (errno), as what they mean for those who run the engine and what to do: a port that is taken or a disk that
// is full is no bug of ours.

import { Fault } from '../../engine/ports/fault.ts'
import { codeOf } from './error-code.ts'

/** What to do, by the code of the system's error. */
const remedies: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program has that address: stop it, or set another port',
  EADDRNOTAVAIL: 'no network interface of this machine has that address: set `host` to one that it has',
  EACCES:
    'the user of this process may not: give it the right (ports below 1024 need CAP_NET_BIND_SERVICE), or take another place',
  EPERM: 'the user of this process may not: run it as the owner of the files',
  ENOENT: 'it is not there: see that the path is right',
  ENOTDIR: 'a part of the path is a file: see that the path is right',
  EISDIR: 'a folder is where a file is expected: move it away',
  ELOOP: 'symbolic links lead in a circle: put them right',
  ENAMETOOLONG: 'the path is too long: take a shorter one',
  ENOSPC: 'the disk is full: make room on it',
  EDQUOT: "the quota of the disk's user is used up: make room in it",
  EROFS: 'the disk is mounted read-only: mount it to be written',
  EIO: 'the disk fails: look at the log of the system',
  ENOMEM: 'there is no memory left: give the process more, or lower view.mapBytes where its address space is limited',
  EAGAIN: 'the system gives no more processes or threads: raise their limit (ulimit -u, TasksMax)',
  EMFILE: 'no more open files are allowed: raise the limit (ulimit -n, LimitNOFILE)',
  ENFILE: 'the whole system has no more open files: raise fs.file-max',
  ENOTFOUND: 'that host name is not known: see that it is right',
  EAI_AGAIN: 'host names cannot be looked up now: see that DNS works',
  ETXTBSY: 'the file is in use: stop what uses it',
  ECONNREFUSED: 'nothing listens there: start it, or set another address',
  ERR_WORKER_INIT_FAILED:
    'the system gives no more threads, memory or open files: raise their limits (ulimit -u, ulimit -n)',
}

/** What to do about an error of the system; undefined when it is none, and for a Fault, which says itself what to do. */
export function remedyOf(error: unknown): string | undefined {
  if (error instanceof Fault) return undefined
  for (let at = error, depth = 0; at instanceof Error && depth < depthMax; at = at.cause, depth++) {
    const code = codeOf(at)
    if (code !== undefined && code in remedies) return remedies[code]
    if (isOfSystem(at)) return 'an error of the system: its name says what it is'
  }
  return undefined
}

/** An error may be the cause of a cause. */
const depthMax = 4

/** Node gives each error of the system the call that failed, and its number. */
function isOfSystem(error: Error): boolean {
  return 'syscall' in error && 'errno' in error
}
