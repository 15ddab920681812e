// Client of an engine's admin API for benchmarks: their fleet in, a partner, tokens for hubs, its own meters.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fromHex } from '../../base/bytes.ts'
import { parsePartnerId } from '../../protocol/ids.ts'
import { encodeImport, importBindingsMax } from '../../protocol/messages/imported-binding.ts'
import { AdminClient, type ServerMeters } from '../../sdk/admin/admin-client.ts'
import { type FleetBand, type FleetPartner, importedBand } from './fleet.ts'

export type Admin = {
  readonly importBands: (bands: readonly FleetBand[]) => Promise<void>
  readonly partner: (name: string) => Promise<FleetPartner>
  /** A token for a hub that may speak for every account. */
  readonly hubToken: (sessionKey: Uint8Array) => Promise<string>
  readonly meters: () => Promise<ServerMeters>
  /** Bands that are bound. */
  readonly bandsCount: () => Promise<number>
  readonly resetMeters: () => Promise<void>
}

const tokenLifeS = 6 * 3_600

/** Talks to the engine on `port` whose data lie in `folder`. */
export function openAdmin(port: number, folder: string): Admin {
  const client = new AdminClient(`http://127.0.0.1:${port}`, readFileSync(join(folder, 'admin-token'), 'utf8'))
  return {
    async importBands(bands) {
      const nowMs = Date.now()
      for (let at = 0; at < bands.length; at += importBindingsMax) {
        const some = bands.slice(at, at + importBindingsMax).map((band) => importedBand(band, nowMs))
        const answer = await client.import(encodeImport(some))
        if (answer.imported !== some.length) throw new Error(`import: ${JSON.stringify(answer).slice(0, 300)}`)
      }
    },
    async partner(name) {
      const { id, kid, key } = await client.addPartner(name)
      return { id: parsePartnerId(id), kid, key: fromHex(key) }
    },
    hubToken: (sessionKey) => client.token({ account: 'hub', sessionKey, isHub: true, lifeS: tokenLifeS }),
    meters: () => client.meters(),
    async bandsCount() {
      const { bands } = (await client.meters()).status
      return ['offWrist', 'disarmed', 'armed'].reduce((sum, state) => sum + (bands[state] ?? 0), 0)
    },
    resetMeters: () => client.resetMeters(),
  }
}
