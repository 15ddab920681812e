// Partitioning of a fleet: over phones or hubs, over threads, with a token for each socket.

import { fromHex } from '../../base/bytes.ts'
import { hubSlotMax } from '../../protocol/limits.ts'
import type { AdminClient, EngineInfo } from '../../sdk/admin/admin-client.ts'
import { floodCarrier } from './adversary.ts'
import { counterBytes } from '../figures/counters.ts'
import { FleetSeed } from '../fleet/fleet-seed.ts'
import { carrierPublicKey } from '../fleet/hello.ts'
import type { FleetOptions } from '../profile/load-options.ts'
import { LoadFailed, type LoadOrder } from './load-threads.ts'
import { openFilesMax } from '../machine/open-files.ts'

const linkWindowDefault = 256
const bandsPerHub = 50_000
const hubsMin = 4
const tokenLifeS = 2 * 86_400
/** Files this process needs beside its sockets. */
const otherFiles = 256

/** Phones while they fit, here and there. Throws a LoadFailed when what was asked for does not. */
export function sessionsOf(options: FleetOptions, info: EngineInfo): 'phone' | 'hub' {
  const { bands, sessions } = options
  if (!info.localTokens)
    throw new LoadFailed('the engine takes no tokens of its own issuer; start it with --tokens-local on')
  const files = openFilesMax() - otherFiles
  const atServer = info.limits?.network?.socketsPerAddressMax ?? Infinity
  const most = Math.min(files, atServer)
  if (sessions === 'hub' || (sessions === 'auto' && bands > most)) return 'hub'
  if (bands > files) {
    throw new LoadFailed(
      `${bands} phones are ${bands} sockets, and this process may open ${files}: raise ulimit -n, or take --sessions hub`,
    )
  }
  if (bands > atServer) {
    throw new LoadFailed(
      `${bands} phones are ${bands} sockets of one address, and the engine takes ${atServer}: ` +
        'raise its network.address.socketsMax, or take --sessions hub',
    )
  }
  return 'phone'
}

/** What each thread is started with. */
export async function ordersOf(
  options: FleetOptions,
  sessions: 'phone' | 'hub',
  admin: AdminClient,
  partner: { readonly id: string; readonly kid: number; readonly key: string },
): Promise<readonly LoadOrder[]> {
  const { bands, seed, url, workers } = options
  const hubs = Math.max(
    options.hubs ?? Math.max(hubsMin, Math.ceil(bands / bandsPerHub)),
    Math.ceil(bands / (hubSlotMax + 1)),
  )
  const carriers = sessions === 'phone' ? bands : Math.min(bands, hubs)
  const threads = Math.max(1, Math.min(workers, carriers))
  const fleet = new FleetSeed(seed)
  const plans = Array.from({ length: threads }, (_, worker) => {
    const from = Math.floor((carriers * worker) / threads)
    const to = Math.floor((carriers * (worker + 1)) / threads)
    const bandsPerCarrier = Math.ceil(bands / carriers)
    const first = Math.min(bands, from * bandsPerCarrier)
    return {
      worker,
      from,
      count: to - from,
      bandsPerCarrier,
      share: { first, count: Math.min(bands, to * bandsPerCarrier) - first },
    }
  }).filter(({ share }) => share.count > 0)
  const tokens = await tokensOf(admin, fleet, sessions, carriers)
  return Promise.all(
    plans.map(async ({ worker, from, count, bandsPerCarrier, share }) => {
      const isHub = true
      const sessionKey = carrierPublicKey(fleet, floodCarrier - worker)
      const floodToken = await admin.token({
        account: `loadtest-flood-${worker}`,
        sessionKey,
        isHub,
        lifeS: tokenLifeS,
      })
      return {
        seed,
        worker,
        share,
        carriers: {
          url: url.replace(/^http/, 'ws').replace(/\/+$/, ''),
          kind: sessions,
          count: Math.min(count, Math.ceil(share.count / bandsPerCarrier)),
          bandsPerCarrier,
          first: from,
          tokens: tokens.slice(from, from + count),
          linkWindow: Math.max(1, Math.ceil((options.linkWindow ?? linkWindowDefault) / plans.length)),
        },
        partner: { id: fromHex(partner.id), kid: partner.kid, key: fromHex(partner.key) },
        floodToken,
        counters: new SharedArrayBuffer(counterBytes),
      }
    }),
  )
}

async function tokensOf(
  admin: AdminClient,
  fleet: FleetSeed,
  sessions: 'phone' | 'hub',
  count: number,
): Promise<readonly string[]> {
  const tokens = Array.from({ length: count }, () => '')
  let next = 0
  const mint = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      const account = sessions === 'phone' ? fleet.account(index) : `loadtest-hub-${index}`
      const sessionKey = carrierPublicKey(fleet, index)
      tokens[index] = await admin.token({ account, sessionKey, isHub: sessions === 'hub', lifeS: tokenLifeS })
    }
  }
  await Promise.all([mint(), mint(), mint(), mint()])
  return tokens
}
