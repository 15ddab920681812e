// Every limit of a listener by name, with the default that docs/architecture.md §8 and the threat list (D1 to D6) ask for.

import type { Rate } from '../base/token-bucket.ts'
import type { ConnectionKind } from '../engine/ports/connection.ts'
import { hubFrameBytesMax, phoneFrameBytesMax } from '../protocol/limits.ts'

/** What one socket of a kind may send. */
export type KindLimits = {
  /** Largest message, bytes; one more is close 1009. */
  readonly frameBytesMax: number
  /** Messages, pings and pongs; one more is `rate-limited`. */
  readonly frames: Rate
  /** Payload bytes; one more is `rate-limited`. The burst must hold a largest message. */
  readonly bytes: Rate
}

export type ListenLimits = {
  readonly kinds: Readonly<Record<ConnectionKind, KindLimits>>
  /** Bytes waiting for a peer that does not read; past it the socket is closed with `slow-reader`. */
  readonly bufferedBytesMax: number
  /**
   * A socket that says nothing whole this long, not even a pong, is cut, ms; bytes of what never ends do not count. uWebSockets
   * takes 8 s to 16 min.
   */
  readonly idleTimeoutMs: number
  /** How long a request's head and the whole request may take, ms; for a head uWebSockets has its own fixed 10 s. */
  readonly requestTimeoutMs: number
  /** Largest body of a POST, bytes; one more is answered 413. */
  readonly bodyBytesMax: number
  /** Bodies on their way in or waiting for their answer; one more is answered 503. */
  readonly bodiesMax: number
  /** How long a closed socket may wait for the peer's own close, ms. uWebSockets has its own, under the idle timeout. */
  readonly closeTimeoutMs: number
  /** TCP connections that are not sockets yet. */
  readonly connectionsMax: number
  /** Sockets open at once. */
  readonly socketsMax: number
  /** Sockets open at once from one address. */
  readonly socketsPerAddressMax: number
  /** New TCP connections from one address; one more is cut before a byte of it is read. */
  readonly connectionsPerAddress: Rate
  /** Upgrades and plain requests from one address; one more is answered 429. */
  readonly requestsPerAddress: Rate
  /** Frames of all sockets of one address together; one more closes its socket with `rate-limited`. */
  readonly framesPerAddress: Rate
  /** Addresses without a socket that are remembered; the longest unseen is forgotten first. */
  readonly idleAddressesMax: number
}

/** Of the connections that are no sockets yet this share is kept for addresses that opened few, so that a few that open many keep no others out. */
export const keptForFew = 1 / 8
/** So many lately, as the bucket of `connectionsPerAddress` counts them, are few. */
export const fewConnections = 32

/** While nearly no open files are left, so many connections that are no sockets may stay, for those who ask for health. */
export const connectionsWhenScarce = 8

/** Carrier networks put thousands of phones behind one address, so the limits per address are wide. */
export const defaultLimits: ListenLimits = {
  kinds: {
    phone: {
      frameBytesMax: phoneFrameBytesMax,
      frames: { perSecond: 50, burst: 100 },
      bytes: { perSecond: 4_096, burst: 16_384 },
    },
    hub: {
      frameBytesMax: hubFrameBytesMax,
      frames: { perSecond: 5_000, burst: 10_000 },
      bytes: { perSecond: 1_048_576, burst: 2_097_152 },
    },
  },
  bufferedBytesMax: 8_192,
  idleTimeoutMs: 60_000,
  requestTimeoutMs: 5_000,
  bodyBytesMax: 1_048_576,
  bodiesMax: 64,
  closeTimeoutMs: 2_000,
  connectionsMax: 10_000,
  socketsMax: 100_000,
  socketsPerAddressMax: 5_000,
  connectionsPerAddress: { perSecond: 200, burst: 4_000 },
  requestsPerAddress: { perSecond: 100, burst: 2_000 },
  framesPerAddress: { perSecond: 20_000, burst: 40_000 },
  idleAddressesMax: 100_000,
}

/** What is wrong with these limits, one sentence each; empty when nothing is. */
export function limitProblems(limits: ListenLimits): readonly string[] {
  const problems: string[] = []
  const count = (name: string, value: number): void => {
    if (!Number.isSafeInteger(value) || value < 1) problems.push(`${name} must be a whole number above 0, not ${value}`)
  }
  const rate = (name: string, value: Rate): void => {
    count(`${name}.perSecond`, value.perSecond)
    count(`${name}.burst`, value.burst)
  }
  for (const [kind, one] of Object.entries(limits.kinds)) {
    count(`${kind}.frameBytesMax`, one.frameBytesMax)
    rate(`${kind}.frames`, one.frames)
    rate(`${kind}.bytes`, one.bytes)
    if (one.bytes.burst < one.frameBytesMax) {
      problems.push(`${kind}.bytes.burst must hold a largest message of ${one.frameBytesMax} bytes`)
    }
  }
  const { kinds: _, connectionsPerAddress, requestsPerAddress, framesPerAddress, ...counts } = limits
  for (const [name, value] of Object.entries(counts)) count(name, value)
  for (const [name, value] of Object.entries({ connectionsPerAddress, requestsPerAddress, framesPerAddress })) {
    rate(name, value)
  }
  if (limits.idleTimeoutMs < 8_000 || limits.idleTimeoutMs > 960_000) {
    problems.push(`idleTimeoutMs must be 8000 to 960000, not ${limits.idleTimeoutMs}`)
  }
  return problems
}
