// PostgreSQL as the peer's database: one call of `authorize` (schema.sql) per request, as a statement that each connection has
// prepared, several of them under way on each connection (pipelining). How many connections is measured, not guessed
// (peer-tuning.ts): their commits share one flush of the write-ahead log, as our groups do.

import { readFileSync } from 'node:fs'
import postgres from 'postgres'
import { benchCurrency } from '../driver/requests.ts'
import type { FleetBand } from '../driver/fleet.ts'
import { type PeerLedger, type PeerLimits, bandRow } from './ledger.ts'

export type PostgresPlace = { readonly socketFolder: string; readonly user: string }

const database = 'bandpass'
const port = 5432
const seedRowsMax = 1_000

function client({ socketFolder, user }: PostgresPlace, name: string, connections: number): postgres.Sql {
  return postgres({
    host: socketFolder,
    port,
    database: name,
    user,
    max: connections,
    // Up to 100 requests under way on each (its `max_pipeline`, which its types do not know).
    // Arrays are not used: their types need not be looked up first.
    fetch_types: false,
    max_lifetime: null,
    onnotice: () => {},
  })
}

/** Makes the tables and the function, and brings the bands in. */
export async function seedPostgres(place: PostgresPlace, bands: readonly FleetBand[], nowMs: number): Promise<void> {
  const admin = client(place, 'postgres', 1)
  await admin.unsafe(`create database ${database}`)
  await admin.end()
  const sql = client(place, database, 1)
  await sql.unsafe(readFileSync(new URL('schema.sql', import.meta.url), 'utf8'))
  for (let at = 0; at < bands.length; at += seedRowsMax) {
    const some = bands.slice(at, at + seedRowsMax)
    await sql`insert into accounts ${sql(some.map(({ account }) => ({ account, currency: benchCurrency })))}`
    const rows = some.map((band) => {
      const row = bandRow(band, nowMs)
      return { ...row, band_id: bytesOf(row.band_id), arm_secret: bytesOf(row.arm_secret) }
    })
    await sql`insert into bands ${sql(rows)}`
  }
  await sql.unsafe('vacuum analyze')
  await sql.end()
}

/** Opens a ledger on tables that `seedPostgres` made. */
export async function openPostgresLedger(
  place: PostgresPlace,
  connections: number,
  limits: PeerLimits,
): Promise<PeerLedger> {
  const sql = client(place, database, connections)
  // All connections at once, before the first request waits for one.
  await Promise.all(Array.from({ length: connections }, () => sql`select pg_sleep(0.05)`))
  return {
    async band(bandId) {
      const [row] = await sql<BandRow[]>`
        select arm_epoch, arm_secret, conformance from bands where band_id = ${bytesOf(bandId)}`
      return row && { armEpoch: row.arm_epoch, armSecret: row.arm_secret, conformance: row.conformance }
    },
    async decide(one) {
      const [row] = await sql<DecisionRow[]>`
        select * from authorize(
          ${bytesOf(one.partner)}, ${bytesOf(one.rid)}, ${one.rd}, ${one.account}, ${bytesOf(one.bandId)},
          ${one.generation}, ${one.armEpoch}, ${one.deniedFor}, ${one.level}, ${one.verdict}, ${one.amountMinor},
          ${one.currency}, ${limits.perUseMinor}, ${limits.perLevelUseMinor[one.level]}, ${limits.perDayMinor},
          ${one.nowMs}, ${one.canon}, ${one.label}, ${one.evidence})`
      if (row === undefined) throw new Error('authorize returned no row')
      return decisionOf(row)
    },
    async stored({ partner, rid, account, rd }) {
      const [row] = await sql<(DecisionRow & { readonly account: string; readonly rd: Buffer })[]>`
        select account, rd, reason, obligation, use_left, day_left, lsn from decisions
        where partner = ${bytesOf(partner)} and rid = ${bytesOf(rid)} and final`
      if (row === undefined) return undefined
      return row.account === account && row.rd.equals(rd) ? decisionOf(row) : conflict
    },
  }
}

type BandRow = { readonly arm_epoch: number; readonly arm_secret: Buffer; readonly conformance: number }
/** bigint comes as text. */
type DecisionRow = {
  readonly reason: number
  readonly obligation: number
  readonly use_left: string
  readonly day_left: string
  readonly lsn: string
}

const conflict = { reason: 23, obligation: 0, useLeftMinor: 0, dayLeftMinor: 0, lsn: 0 } as const

function decisionOf(row: DecisionRow) {
  return {
    reason: row.reason,
    obligation: row.obligation,
    useLeftMinor: Number(row.use_left),
    dayLeftMinor: Number(row.day_left),
    lsn: Number(row.lsn),
  }
}

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex, 'hex')
}
