// The door to uWebSockets.js, which the npm registry has only as republished by @uwsjs/core: two versions side by side,
// each for other Node and glibc versions. Loading one is trying; the types say what of it is used here.

import { type PinnedBuilds, buildHere, checkPinned, installedBuild, pinned20514, pinned20690 } from './pinned-builds.ts'

/** The packages to try, newest first. */
export const uwsPackages = ['uws-current', 'uws-compat'] as const
export type UwsPackage = (typeof uwsPackages)[number]

/** The part of uWebSockets.js that the listener uses, the same in both versions. */
export type Uws = {
  readonly App: () => UwsApp
  readonly us_listen_socket_close: (socket: UwsListenSocket) => void
  readonly us_socket_local_port: (socket: UwsListenSocket) => number
  readonly DISABLED: number
}

/** Opaque: a pointer held by the library. */
export type UwsListenSocket = object

export type UwsApp = {
  readonly ws: (pattern: string, behavior: UwsBehavior) => UwsApp
  readonly any: (pattern: string, handler: (response: UwsResponse, request: UwsRequest) => void) => UwsApp
  /** Called with 1 for every TCP connection, with −1 when one ends that was not upgraded (then without address). */
  readonly filter: (handler: (response: UwsResponse, count: number) => void) => UwsApp
  readonly listen: (
    host: string,
    port: number,
    options: number,
    listening: (socket: UwsListenSocket | false) => void,
  ) => UwsApp
  readonly close: () => UwsApp
}

export type UwsBehavior = {
  readonly maxPayloadLength: number
  readonly closeOnBackpressureLimit: boolean
  readonly maxBackpressure: number
  readonly maxLifetime: number
  readonly idleTimeout: number
  readonly sendPingsAutomatically: boolean
  readonly compression: number
  readonly upgrade: (response: UwsResponse, request: UwsRequest, context: object) => void
  readonly open: (socket: UwsSocket) => void
  readonly message: (socket: UwsSocket, message: ArrayBuffer, isBinary: boolean) => void
  readonly ping: (socket: UwsSocket) => void
  readonly pong: (socket: UwsSocket) => void
  readonly close: (socket: UwsSocket) => void
}

export type UwsResponse = {
  readonly writeStatus: (status: string) => UwsResponse
  readonly writeHeader: (name: string, value: string) => UwsResponse
  readonly end: (body: string, closeConnection: boolean) => UwsResponse
  readonly endWithoutBody: () => UwsResponse
  readonly close: () => UwsResponse
  readonly cork: (work: () => void) => UwsResponse
  /** The body: `chunk` is gone after the callback. A request without a body gives one empty last chunk. */
  readonly onData: (handler: (chunk: ArrayBuffer, isLast: boolean) => void) => UwsResponse
  /** The connection ended before the answer; the object is dead from then on. Needed where one answers later. */
  readonly onAborted: (handler: () => void) => UwsResponse
  readonly getRemoteAddressAsText: () => ArrayBuffer
  readonly upgrade: (userData: object, key: string, protocol: string, extensions: string, context: object) => void
}

export type UwsRequest = {
  readonly getHeader: (lowerCaseName: string) => string
  /** Every header; lower-case names. */
  readonly forEach: (told: (lowerCaseName: string, value: string) => void) => void
  readonly getUrl: () => string
  /** Lower case. */
  readonly getMethod: () => string
  readonly getQuery: () => string | undefined
}

export type UwsSocket = {
  /** 1 sent, 0 waiting in memory, 2 dropped. */
  readonly send: (message: Uint8Array, isBinary: boolean, compress: boolean) => number
  readonly getBufferedAmount: () => number
  /** Cuts the connection; the close handler runs before this returns. */
  readonly close: () => void
  /** Sends a close frame; the close handler runs before this returns, and the object is dead afterwards. */
  readonly end: (code: number, reason: string) => void
  readonly cork: (work: () => void) => UwsSocket
  /** What was given to `upgrade` under this name: the library copies its properties here. */
  readonly upgraded?: unknown
}

/** The builds of each package that may be loaded. */
export const pinnedBuilds: Readonly<Record<UwsPackage, PinnedBuilds>> = {
  'uws-current': pinned20690,
  'uws-compat': pinned20514,
}

/** Loads one of the packages, once its native build has been found to be the one that is pinned; throws what kept it from loading. */
export async function loadUws(name: UwsPackage, check: (name: UwsPackage) => void = checkInstalled): Promise<Uws> {
  check(name)
  const loaded: unknown = name === 'uws-current' ? await import('uws-current') : await import('uws-compat')
  if (!isUws(loaded)) throw new Error(`${name} does not export what uWebSockets.js does`)
  return loaded
}

function checkInstalled(name: UwsPackage): void {
  checkPinned(pinnedBuilds[name], buildHere, installedBuild(name))
}

function isUws(loaded: unknown): loaded is Uws {
  if (typeof loaded !== 'object' || loaded === null) return false
  const has = (name: keyof Uws, type: 'function' | 'number'): boolean => typeof Reflect.get(loaded, name) === type
  return (
    has('App', 'function') &&
    has('us_listen_socket_close', 'function') &&
    has('us_socket_local_port', 'function') &&
    has('DISABLED', 'number')
  )
}
