// Port of one socket. What a listener and the engine say to each other about one socket.

import type { CloseCode } from '../../protocol/errors.ts'

/** A phone has one owner's bands behind it, a hub has many (PROTOCOL §8). */
export type ConnectionKind = 'phone' | 'hub'

/** One socket, as the engine uses it. */
export type Connection = {
  readonly kind: ConnectionKind
  /** The peer's address, for limits and logs. */
  readonly remoteAddress: string
  /** The Host header of the upgrade: what the phone signs in its hello. */
  readonly host: string
  readonly isOpen: boolean
  /** Sends one binary message; the bytes are copied or sent before this returns. A peer that does not read is closed with `slow-reader`, never waited for. */
  readonly send: (bytes: Uint8Array) => void
  /** Ends the connection; later calls do nothing. */
  readonly close: (code: CloseCode) => void
  /** Runs `work` so that what it sends leaves in one write. */
  readonly cork: (work: () => void) => void
}

/** What the engine wants to hear of a socket. */
export type ConnectionEvents = {
  /** One binary message, within the size and rate limits. The bytes are borrowed: valid until this returns. */
  readonly receive: (bytes: Uint8Array) => void
  /** The socket is gone; called exactly once. */
  readonly closed: () => void
}

/** Called for every upgraded socket. */
export type Acceptor = (connection: Connection) => ConnectionEvents
