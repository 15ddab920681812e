// In-memory state of the bench's engine end: bands, their links, pairings under way, connections.

import type { EnginePairing } from '../../crypto/links/pairing.ts'
import type { SealedChannel } from '../../crypto/links/sealed-channel.ts'
import type { Bytes } from '../../base/bytes.ts'
import type { BandId, Bid } from '../../protocol/ids.ts'
import type { Wear } from '../../protocol/ops.ts'
import type { BenchSocket } from './bench-socket.ts'

/** One live or pending link of a band. */
export type BenchLink = { readonly channel: SealedChannel; readonly n: number; readonly nextRoot: Bytes; tick: number }

/** State of a band that the bench paired. */
export type BenchBand = {
  readonly bandId: BandId
  readonly bid: Bid
  readonly generation: number
  readonly account: string
  readonly bandKey: Bytes
  k: number
  root: Bytes
  previous: Bytes | undefined
  link: BenchLink | undefined
  candidate: BenchLink | undefined
  nonce: Bytes | undefined
  session: BenchSession | undefined
  slot: number
  wear: Wear
  wearEpoch: number
  armEpoch: number
  armSecret: Bytes | undefined
  holds: number
  tombstoned: boolean
  cloneAlarms: number
  /** Answers frame 8 once the band has acknowledged. */
  armed: ((armEpoch: number) => void) | undefined
}

/** A pairing under way in a slot. */
export type BenchPairing = {
  readonly slot: number
  readonly requestId: number
  readonly ps: Bytes
  readonly pair0: Uint8Array<ArrayBuffer>
  readonly acctTag: Bytes
  handshake?: EnginePairing
  channel?: SealedChannel
  band?: BenchBand
}

/** One phone's connection. */
export type BenchSession = {
  readonly socket: BenchSocket
  readonly challenge: Bytes
  readonly uvChallenges: Set<string>
  readonly slots: Map<number, BenchBand | BenchPairing>
  account: string
  verifyKey: Bytes
  phoneKey: string
}

/** A band that was just paired: never linked, never worn. */
export function newBenchBand(
  of: Pick<BenchBand, 'bandId' | 'bid' | 'generation' | 'account' | 'bandKey' | 'root'>,
): BenchBand {
  return {
    ...of,
    k: 0,
    previous: undefined,
    link: undefined,
    candidate: undefined,
    nonce: undefined,
    session: undefined,
    slot: 0,
    wear: 'off',
    wearEpoch: 0,
    armEpoch: 0,
    armSecret: undefined,
    holds: 0,
    tombstoned: false,
    cloneAlarms: 0,
    armed: undefined,
  }
}
