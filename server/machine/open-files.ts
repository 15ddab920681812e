// Open files (file descriptors): each connection is one, and the engine needs some of its own. Limits that the system does not allow are
// lowered at the start, and when there are nearly none left all the same, new connections are refused until there are.

import { readFileSync } from 'node:fs'
import type { Chores } from '../../engine/ports/chores.ts'
import { Fault } from '../../engine/ports/fault.ts'
import { holdReserve, isReserveHeld, releaseReserve } from '../../store/files/file-reserve.ts'
import type { ServerConfig } from '../settings/settings.ts'

/**
 * What the engine opens for itself at most: 41 when idle, six for each of ten threads that search, export or judge passkeys, a process that
 * walks the view, files that are read or replaced, and the reserve.
 */
export const openFilesOwn = 128
/** With fewer it does not start: it would serve a handful of phones and stumble. */
export const openFilesMin = 192
/** Of the connections that there may be, the operators' page has this part, and what is no socket yet that one. */
const shareOfOperators = 1 / 8
const shareOfConnections = 1 / 4
/** As many as the operators' listener takes anyway. */
const operatorsMax = 2_048

/** The limits of a configuration as far as open files allow. */
export type FittedLimits = {
  readonly config: ServerConfig
  /** How many files may be open; Infinity when nothing says. */
  readonly allowed: number
  readonly operatorsConnectionsMax: number
  /** What was lowered, by setting; empty when all fits. */
  readonly lowered: Readonly<Record<string, { readonly wanted: number; readonly is: number }>>
}

/** Beside two maps of the view the process has so much address space of its own, bytes. */
const ownAddressSpaceBytes = 64 * 1024 ** 3

/** Throws a Fault `view-failed` when the view's map does not fit a limit of address space (`ulimit -v`), which would crash the process. */
export function checkAddressSpace(mapBytes: number, limits = readLimits()): void {
  const allowed = limitOf('Max address space', limits)
  if (2 * mapBytes + ownAddressSpaceBytes <= allowed) return
  throw new Fault(
    'view-failed',
    `view.mapBytes ${mapBytes} needs ${2 * mapBytes + ownAddressSpaceBytes} bytes of address space, ${allowed} are allowed: lower it, or raise ` +
      'the limit (ulimit -v, LimitAS)',
  )
}

/** How many files this process may have open; Infinity when nothing bounds them. Node has raised the soft limit to the hard one. */
export function openFilesAllowed(): number {
  return limitOf('Max open files', readLimits())
}

/** The soft limit of that name; Infinity when nothing says. */
function limitOf(name: string, limits: string): number {
  const soft = new RegExp(`^${name}\\s+(\\d+)`, 'm').exec(limits)?.[1]
  return soft === undefined ? Infinity : Number(soft)
}

/** Empty where this is no Linux: nothing is lowered then, and what runs out is met when it comes. */
function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return ''
  }
}

/** Lowers what does not fit. Throws a Fault `too-few-open-files` when too little would be left. */
export function fitOpenFiles(config: ServerConfig, allowed: number): FittedLimits {
  if (allowed < openFilesMin) {
    throw new Fault(
      'too-few-open-files',
      `at least ${openFilesMin} open files are needed, ${allowed} are allowed: raise the limit (ulimit -n, LimitNOFILE in a unit file, ` +
        '--ulimit nofile of a container). Each phone takes one.',
    )
  }
  const { network, operators } = config
  // More than that no limit asks for.
  const forPeers = Math.min(allowed - openFilesOwn, Number.MAX_SAFE_INTEGER)
  const forOperators = operators.port === 'off' ? 0 : Math.min(operatorsMax, Math.floor(forPeers * shareOfOperators))
  const forPhones = forPeers - forOperators
  const fits = network.connectionsMax + network.socketsMax <= forPhones
  const connectionsMax = fits
    ? network.connectionsMax
    : Math.min(network.connectionsMax, Math.floor(forPhones * shareOfConnections))
  const socketsMax = Math.min(network.socketsMax, forPhones - connectionsMax)
  const ofAddress = Math.min(network.address.socketsMax, socketsMax)
  const lowered = {
    ...change('network.connectionsMax', network.connectionsMax, connectionsMax),
    ...change('network.socketsMax', network.socketsMax, socketsMax),
    ...change('network.address.socketsMax', network.address.socketsMax, ofAddress),
  }
  const address = { ...network.address, socketsMax: ofAddress }
  return {
    config: { ...config, network: { ...network, connectionsMax, socketsMax, address } },
    allowed,
    operatorsConnectionsMax: forOperators,
    lowered,
  }
}

function change(setting: string, wanted: number, is: number): FittedLimits['lowered'] {
  return wanted === is ? {} : { [setting]: { wanted, is } }
}

export type OpenFiles = {
  /** Nearly none are left: only what is needed to be seen as alive is let in. */
  readonly areScarce: () => boolean
  readonly stop: () => void
}

/** How often it is looked, ms: a listener that cannot accept takes a core for that long at most. */
const lookEveryMs = 250
/** Enough must have been free for so many looks in a row: at the edge it would come and go all the time. */
const looksUntilEnough = 20

/** Holds the reserve from now on, gives it up when open files run out, and takes it again when there are enough. */
export function watchOpenFiles(chores: Chores): OpenFiles {
  let isScarce = false
  let goodLooks = 0
  const look = (): void => {
    try {
      holdReserve()
      if (!isScarce || ++goodLooks < looksUntilEnough) return
      isScarce = false
      chores.worked('open-files')
    } catch (error) {
      if (!isScarce) chores.failed('open-files', error)
      isScarce = true
      goodLooks = 0
    }
  }
  look()
  const stop = chores.every('open-files', { everyMs: lookEveryMs, item: 'looking', work: look })
  return {
    areScarce: () => isScarce || !isReserveHeld(),
    stop() {
      stop()
      chores.worked('open-files', { isTold: true })
      releaseReserve()
    },
  }
}
