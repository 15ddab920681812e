// A benchmark against something that does less is worth nothing: each peer must decide, remember and survive as ours does.

import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { openData } from '../../crypto/links/link-seal.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { decodeDownOp } from '../../protocol/ops.ts'
import { reasons } from '../../protocol/reasons.ts'
import { decodeData } from '../../protocol/records.ts'
import { parseRid } from '../../protocol/ids.ts'
import type { Target } from '../driver/driver.ts'
import { type BandRequest, jsonWire, makeRequest, prove } from '../driver/requests.ts'
import type { PeerLimits } from './ledger.ts'
import {
  type PeerDatabase,
  type RunningDatabase,
  findDatabase,
  startDatabase,
  startPeer,
  untuned,
} from './start-peer.ts'

const fleet = { seed: 'peers.test', sockets: 2, bandsPerSocket: 2 }
const limits: PeerLimits = {
  perUseMinor: 10_000,
  perDayMinor: 15_000,
  perLevelUseMinor: [0, 100, 9_000, 10_000, 10_000],
}
const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

const databases = [
  ['postgres', 'PostgreSQL'],
  ['redis', 'Redis'],
] as const satisfies readonly (readonly [PeerDatabase, string])[]

for (const [database, name] of databases) {
  const isMissing = findDatabase(database) === undefined
  if (isMissing)
    console.warn(`${name} is not on this machine: its tests are skipped (scripts/install-debian.sh peers brings it)`)
  describe.skipIf(isMissing)(`the peer on ${name}`, { timeout: 60_000 }, () => {
    it('approves, denies above the limits, gives the same answer again, refuses a conflict, and remembers after a crash', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'bandpass-peers-'))
      chmodSync(folder, 0o755)
      folders.push(folder)
      const start = (isNew: boolean) =>
        startDatabase(database, { folder, fleet, postgres: untuned.postgres.tuning, isNew })
      const connections = untuned[database].connections
      const first = await start(true)
      const peer = await startPeer(first, { fleet, limits, connections })
      const ask = asker(peer.target)
      const [one, other] = [bandOf(peer.target, 0), bandOf(peer.target, 1)]
      const request = (amountMinor: number, rid?: Uint8Array) =>
        makeRequest(one, peer.target.partner, { amountMinor, ...(rid === undefined ? {} : { rid }) })

      const paid = request(4_000)
      const approval = await ask(0, one.band.slot, paid)
      expect(approval).toMatchObject({ reason: reasons.approved, useLeft: 9_000, dayLeft: 11_000 })
      expect(openResult(one.link, approval.record)).toMatchObject({ type: 'authResult', outcome: 1 })

      // A proof that opened once, and one made anew for the same offer.
      expect(await ask(0, one.band.slot, paid)).toMatchObject({ reason: reasons.approved, lsn: approval.lsn })
      const again = { offer: paid.offer, record: prove(one.link, paid.offer, parseRid(ridOf(paid))) }
      expect(await ask(0, one.band.slot, again)).toMatchObject({ reason: reasons.approved, lsn: approval.lsn })

      expect(await ask(0, one.band.slot, request(5_000, ridOf(paid)))).toMatchObject({
        reason: reasons['reference-conflict'],
      })
      const elsewhere = { offer: paid.offer, record: prove(other.link, paid.offer, parseRid(ridOf(paid))) }
      expect(await ask(0, other.band.slot, elsewhere)).toMatchObject({ reason: reasons['reference-conflict'], lsn: 0 })

      expect(await ask(0, one.band.slot, request(10_001))).toMatchObject({ reason: reasons['over-use-limit'] })
      expect(await ask(0, one.band.slot, request(9_500))).toMatchObject({ reason: reasons['over-evidence-limit'] })
      expect(await ask(0, one.band.slot, request(9_000))).toMatchObject({ reason: reasons.approved, dayLeft: 2_000 })
      const tooMuch = request(2_001)
      expect(await ask(0, one.band.slot, tooMuch)).toMatchObject({ reason: reasons['over-day-limit'], dayLeft: 2_000 })

      const forged = request(1)
      forged.offer[40] = (forged.offer[40] ?? 0) ^ 1
      expect(await ask(0, one.band.slot, forged)).toMatchObject({ reason: reasons['offer-not-authentic'] })
      const unproven = request(1)
      unproven.record[30] = (unproven.record[30] ?? 0) ^ 1
      expect(await ask(0, one.band.slot, unproven)).toMatchObject({ reason: reasons['proof-invalid'] })

      await peer.server.kill()
      await first.kill()
      peer.target.lanes.forEach(({ socket }) => socket.close())
      const second: RunningDatabase = await start(false)
      const back = await startPeer(second, { fleet, limits, connections, linkEpoch: 2 })
      const askAgain = asker(back.target)
      expect(await askAgain(0, one.band.slot, paid)).toMatchObject({ reason: reasons.approved, lsn: approval.lsn })
      expect(await askAgain(0, one.band.slot, tooMuch)).toMatchObject({ reason: reasons['over-day-limit'] })
      const fresh = makeRequest(bandOf(back.target, 0), back.target.partner, { amountMinor: 2_000 })
      expect(await askAgain(0, one.band.slot, fresh)).toMatchObject({ reason: reasons.approved, dayLeft: 0 })
      await back.stop()
      await second.kill()
    })

    it('never approves more than a day holds, however many ask at once', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'bandpass-peers-'))
      chmodSync(folder, 0o755)
      folders.push(folder)
      const running = await startDatabase(database, { folder, fleet, postgres: untuned.postgres.tuning, isNew: true })
      const peer = await startPeer(running, { fleet, limits, connections: untuned[database].connections })
      const ask = asker(peer.target)
      const one = bandOf(peer.target, 0)
      const answers = await Promise.all(
        Array.from({ length: 40 }, () => ask(0, 0, makeRequest(one, peer.target.partner, { amountMinor: 1_000 }))),
      )
      expect(answers.filter(({ reason }) => reason === reasons.approved)).toHaveLength(15)
      expect(answers.filter(({ reason }) => reason === reasons['over-day-limit'])).toHaveLength(25)
      await peer.stop()
      await running.kill()
    })
  })
}

type PeerAnswer = {
  readonly id: number
  readonly reason: number
  readonly useLeft: number
  readonly dayLeft: number
  readonly lsn: number
  readonly record: string | null
}

/** Asks over a lane and gives the whole answer. */
function asker(target: Target): (lane: number, slot: number, request: BandRequest) => Promise<PeerAnswer> {
  const waiting = new Map<number, (answer: PeerAnswer) => void>()
  for (const { socket } of target.lanes) {
    socket.onMessage = (bytes, from, to) => {
      const answer = JSON.parse(bytes.toString('utf8', from, to)) as PeerAnswer
      waiting.get(answer.id)?.(answer)
    }
  }
  let id = 0
  return (lane, slot, request) =>
    new Promise((resolve) => {
      waiting.set(++id, resolve)
      target.lanes[lane]?.socket.send(Buffer.from(jsonWire.encode(id, slot, request)).toString())
    })
}

function bandOf(target: Target, index: number) {
  const found = target.lanes.flatMap((lane) => lane.bands).find(({ band }) => band.slot === index)
  if (found === undefined) throw new Error(`no band ${index}`)
  return found
}

/** Bytes 59 to 66 of an offer. */
function ridOf({ offer }: BandRequest): Uint8Array {
  return offer.slice(59, 67)
}

function openResult(link: ReturnType<typeof bandOf>['link'], record: string | null) {
  const data = decodeData(Uint8Array.from(Buffer.from(record ?? '', 'base64')))
  if (data.type !== 'data') throw new Error('a sealed record expected')
  const opened = openData(nodePrimitives, link.down, data, link, new Uint8Array(0))
  return opened && decodeDownOp(opened)
}
