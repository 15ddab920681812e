// Deterministic derivation of every band of the fleet, from one seed and its number: two runs with one seed have the same bands.
// A band's static key is drawn like the rest: any 32 bytes are a public key of X25519 (RFC 7748 §5), the engine only keeps it,
// and a load plays no rekey, which alone would ask for its secret. To compute a million of them took a minute.

import { conformanceBits } from '../../protocol/band-cert.ts'
import { parseAccountId, parseBandId, parseBid } from '../../protocol/ids.ts'
import type { ImportedBinding } from '../../protocol/messages/imported-binding.ts'
import { sha256Into } from '../machine/fast-hash.ts'

/** What is drawn, by number: each is 32 bytes of its own. */
const parts = { names: 0, root: 1, bandKey: 2, armSecret: 3, carrierKey: 4, carrierName: 5, chance: 6 } as const

/** The epochs and numbers every band of a fleet begins with. */
export const firstEpochs = { generation: 1, wearEpoch: 1, armEpoch: 1 } as const
/** All the certificate can vouch for, so that a profile may use any evidence. */
const conformance = Object.values(conformanceBits).reduce((bits, bit) => bits | bit, 0)
/** No vendor of a real list: the engine restricts such bands to small amounts, which is all a load needs. */
export const fleetVendor = { vendor: 0xfffe, model: 1, batch: 1 } as const
/** An hour less than an arming may last, so that the clocks of both ends need not agree to the second. */
const armedMs = 23 * 3_600_000
const verifiedBeforeMs = 60_000

export class FleetSeed {
  /** Accounts of this fleet are `load-<digits>-<number>`; bands of other fleets have other digits. */
  readonly accountPrefix: string
  readonly #message = new Uint8Array(37)
  readonly #block = new Uint8Array(32)

  constructor(seed: string) {
    sha256Into(Buffer.from(`bandpass loadtest ${seed}`), this.#message, 0)
    this.accountPrefix = `load-${Buffer.from(this.#message.subarray(0, 6)).toString('hex')}-`
  }

  /** 32 bytes of a band's or carrier's own; valid until the next call. */
  draw(part: keyof typeof parts, index: number): Uint8Array {
    const message = this.#message
    message[32] = parts[part]
    message[33] = index >>> 24
    message[34] = index >>> 16
    message[35] = index >>> 8
    message[36] = index
    sha256Into(message, this.#block, 0)
    return this.#block
  }

  account(index: number): string {
    return `${this.accountPrefix}${index}`
  }

  /**
   * The binding to import, armed at `atMs` for most of a day. The run is part of its name: an engine takes the same import
   * again without a word, but bands that have lived on there cannot be played by a fleet that begins anew, and another
   * name is refused.
   */
  binding(index: number, atMs: number): ImportedBinding {
    const names = this.draw('names', index).slice()
    const root = this.draw('root', index).slice()
    const secret = this.draw('armSecret', index).slice(0, 16)
    const { generation, wearEpoch, armEpoch } = firstEpochs
    return {
      bandId: parseBandId(names.subarray(0, 16)),
      bid: parseBid(names.subarray(16, 24)),
      account: parseAccountId(this.account(index)),
      generation,
      ...fleetVendor,
      conformance,
      bandKey: this.draw('bandKey', index).slice(),
      acctTag: names.subarray(24),
      name: `Load ${atMs.toString(36)}`,
      root,
      k: 0,
      armed: { secret, armEpoch, wearEpoch, armedUntilMs: atMs + armedMs, verifiedAtMs: atMs - verifiedBeforeMs },
    }
  }
}
