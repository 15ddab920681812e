// Redis as the peer's database: one EVALSHA of authorize.lua per request. @redis/client writes what one turn of the event loop
// asked for with one call (auto-pipelining), and Redis syncs its file once for all it read at once, as our groups do.

import { readFileSync } from 'node:fs'
import { RESP_TYPES, createClient } from '@redis/client'
import { benchCurrency } from '../driver/requests.ts'
import type { FleetBand } from '../driver/fleet.ts'
import { type PeerDecision, type PeerLedger, type PeerLimits, bandRow } from './ledger.ts'

const script = readFileSync(new URL('authorize.lua', import.meta.url), 'utf8')

/** Brings the bands in. */
export async function seedRedis(socketPath: string, bands: readonly FleetBand[], nowMs: number): Promise<void> {
  const client = await connected(socketPath)
  await Promise.all(
    bands.flatMap((band) => {
      const row = bandRow(band, nowMs)
      return [
        client.hSet(bandKey(row.band_id), {
          account: row.account,
          generation: row.generation,
          state: row.state,
          holds: row.holds,
          conformance: row.conformance,
          armEpoch: row.arm_epoch,
          armSecret: row.arm_secret,
          armedUntilMs: row.armed_until_ms,
          armedOwnerEpoch: row.armed_owner_epoch,
          verifiedAtMs: row.verified_at_ms,
        }),
        client.hSet(accountKey(row.account), { currency: benchCurrency, ownerEpoch: 0, usageDay: 0, payMinor: 0 }),
      ]
    }),
  )
  client.destroy()
}

/** Opens a ledger on keys that `seedRedis` wrote. Requests take turns on the connections. */
export async function openRedisLedger(
  socketPath: string,
  connections: number,
  limits: PeerLimits,
): Promise<PeerLedger> {
  const clients = await Promise.all(Array.from({ length: connections }, () => connected(socketPath)))
  const sha = await clients[0]?.scriptLoad(script)
  if (sha === undefined) throw new RangeError('a ledger needs a connection')
  let turn = 0
  const next = () => {
    turn = (turn + 1) % clients.length
    const client = clients[turn]
    if (client === undefined) throw new RangeError('a ledger needs a connection')
    return client
  }
  return {
    async band(bandId) {
      const [armEpoch, armSecret, conformance] = await next().hmGet(bandKey(bandId), [
        'armEpoch',
        'armSecret',
        'conformance',
      ])
      if (typeof armEpoch !== 'string' || typeof armSecret !== 'string') return undefined
      return {
        armEpoch: Number(armEpoch),
        armSecret: Buffer.from(armSecret, 'hex'),
        conformance: Number(conformance),
      }
    },
    async decide(one) {
      const answer = await next().evalSha(sha, {
        keys: [bandKey(one.bandId), accountKey(one.account), referenceKey(one), 'lsn'],
        arguments: [
          one.account,
          String(one.generation),
          String(one.armEpoch),
          String(one.deniedFor),
          String(one.amountMinor),
          String(one.currency),
          String(limits.perUseMinor),
          String(limits.perLevelUseMinor[one.level]),
          String(limits.perDayMinor),
          String(one.nowMs),
          bufferOf(one.rd),
          Buffer.concat([
            one.canon,
            one.label,
            one.evidence,
            Buffer.from([one.level, one.verdict, one.armEpoch & 0xff]),
          ]),
        ],
      })
      if (typeof answer !== 'string') throw new TypeError('authorize.lua answers with a text')
      return decisionOf(answer)
    },
    async stored(reference) {
      const client = next().withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
      const known = await client.get(referenceKey(reference))
      if (!Buffer.isBuffer(known) || known[0] !== 1) return undefined
      const nul = known.indexOf(0, 33)
      const isSame =
        known.subarray(1, 33).equals(reference.rd) && known.toString('latin1', 33, nul) === reference.account
      return decisionOf(isSame ? known.toString('latin1', nul + 1, known.indexOf(0, nul + 1)) : '23 0 0 0 0')
    },
  }
}

async function connected(path: string) {
  const client = createClient({ socket: { path, tls: false, reconnectStrategy: false } })
  client.on('error', (error: unknown) => process.stderr.write(`redis: ${String(error)}\n`))
  await client.connect()
  return client
}

function decisionOf(answer: string): PeerDecision {
  const [reason = Number.NaN, obligation = 0, useLeftMinor = 0, dayLeftMinor = 0, lsn = 0] = answer
    .split(' ')
    .map(Number)
  return { reason, obligation, useLeftMinor, dayLeftMinor, lsn }
}

function bandKey(bandId: string): string {
  return `band:${bandId}`
}

function accountKey(account: string): string {
  return `account:${account}`
}

function referenceKey({ partner, rid }: { readonly partner: string; readonly rid: string }): string {
  return `reference:${partner}:${rid}`
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
