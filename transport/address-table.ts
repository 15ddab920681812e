// Per-address limits. What each address has used of its limits. Addresses with a socket stay as long as it does (`socketsMax` bounds them);
// the others are kept, longest unseen first out, up to `idleAddressesMax`. So memory is bounded, however many knock.

import { addressKey } from '../engine/ports/address.ts'
import type { ListenLimits } from './limits.ts'
import type { RefusedBy } from './listener.ts'
import { RecentKeys } from '../base/recent-keys.ts'
import { TokenBucket } from '../base/token-bucket.ts'

/** One address's use of its limits. */
export type AddressUse = {
  readonly key: string
  readonly frames: TokenBucket
  readonly connections: TokenBucket
  readonly requests: TokenBucket
  socketsCount: number
}

export class AddressTable {
  readonly #limits: ListenLimits
  readonly #busy = new Map<string, AddressUse>()
  /** In the order in which they were last seen: the first is the next to be forgotten. */
  readonly #idle: RecentKeys<string, AddressUse>
  #socketsCount = 0

  constructor(limits: ListenLimits) {
    this.#idle = new RecentKeys(limits.idleAddressesMax)
    this.#limits = limits
  }

  /** Sockets admitted and not yet released. */
  get socketsCount(): number {
    return this.#socketsCount
  }

  /** Addresses remembered. */
  get size(): number {
    return this.#busy.size + this.#idle.size
  }

  /** Whether a new TCP connection of this address may stay. */
  admitConnection(address: string, nowMs: number): boolean {
    return this.#use(address, nowMs).connections.take(1, nowMs)
  }

  /** How many TCP connections this address opened lately. */
  connectionsLately(address: string, nowMs: number): number {
    return this.#use(address, nowMs).connections.used(nowMs)
  }

  /** Whether an upgrade or a plain request of this address may be looked at. */
  admitRequest(address: string, nowMs: number): boolean {
    return this.#use(address, nowMs).requests.take(1, nowMs)
  }

  /** Counts a socket in, or says which limit keeps it out. Give back what it returns with `releaseSocket`. */
  admitSocket(address: string, nowMs: number): AddressUse | RefusedBy {
    const use = this.#use(address, nowMs)
    if (this.#socketsCount >= this.#limits.socketsMax) return 'socketsMax'
    if (use.socketsCount >= this.#limits.socketsPerAddressMax) return 'socketsPerAddressMax'
    use.socketsCount += 1
    this.#socketsCount += 1
    this.#idle.delete(use.key)
    this.#busy.set(use.key, use)
    return use
  }

  /** The socket is gone. Call once for each admitted socket. */
  releaseSocket(use: AddressUse): void {
    use.socketsCount -= 1
    this.#socketsCount -= 1
    if (use.socketsCount > 0) return
    this.#busy.delete(use.key)
    this.#remember(use)
  }

  #use(address: string, nowMs: number): AddressUse {
    const key = addressKey(address)
    const busy = this.#busy.get(key)
    if (busy !== undefined) return busy
    const use = this.#idle.get(key) ?? this.#create(key, nowMs)
    this.#remember(use)
    return use
  }

  #create(key: string, nowMs: number): AddressUse {
    return {
      key,
      frames: new TokenBucket(this.#limits.framesPerAddress, nowMs),
      connections: new TokenBucket(this.#limits.connectionsPerAddress, nowMs),
      requests: new TokenBucket(this.#limits.requestsPerAddress, nowMs),
      socketsCount: 0,
    }
  }

  #remember(use: AddressUse): void {
    this.#idle.set(use.key, use)
  }
}
