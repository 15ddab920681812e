// Bindings that an operator brings from elsewhere: another engine's bands go on living here, and pay here if they were armed.

import { describe, expect, it } from 'vitest'
import { type ImportResult, importsUnderWayMax } from '../../engine/operators/import.ts'
import type { RowReader } from '../../engine/ports/rows.ts'
import { apply } from '../../engine/ports/apply.ts'
import { decodeRecord } from '../../engine/ports/records.ts'
import { decodeRow, encodeRow } from '../../engine/ports/rows.ts'
import type { Table } from '../../engine/ports/view.ts'
import { idBytes, parseAccountId, parseBid } from '../../protocol/ids.ts'
import { type ImportedBinding, decodeImport, encodeImport } from '../../protocol/messages/imported-binding.ts'
import { armedMaxMs } from '../../protocol/limits.ts'
import { malformed } from '../../protocol/malformed.ts'
import { sampleBinding } from '../../server/http/test-import.ts'
import { VirtualTime } from '../../band-sim/virtual/scheduler.ts'
import { JournalAuditor } from '../support/journal-auditor.ts'
import { World, type WorldOptions, armedBand } from '../support/world.ts'

const pause = () => Promise.resolve()

/** The bands of a world as its operator exports them: the rows with their secrets in the clear. */
function exported(world: World): readonly ImportedBinding[] {
  const rows = rowsOf(world)
  const bindings: ImportedBinding[] = []
  for (const { table, bytes } of world.disk.rows.values()) {
    if (table !== 'band') continue
    const band = decodeRow('band', bytes)
    const ratchet = rows.get('ratchet', band.bandId)
    if (band.account === null || band.bid === null || ratchet === undefined) continue
    const { bandId, bid, account, generation, vendor, model, batch, conformance, bandKey, acctTag, name } = band
    const key = idBytes(bandId)
    const { keyring } = world.keys
    const secret =
      band.sealedArmSecret === null ? undefined : keyring.open('arm', key, band.armEpoch, band.sealedArmSecret)
    const { armEpoch, wearEpoch, armedUntilMs, verifiedAtMs } = band
    bindings.push({
      bandId,
      bid,
      account,
      generation,
      vendor,
      model,
      batch,
      conformance,
      bandKey,
      acctTag,
      name,
      root: keyring.open('ratchet', key, ratchet.k, ratchet.sealedRoot) ?? new Uint8Array(0),
      k: ratchet.k,
      armed: secret === undefined ? null : { secret, armEpoch, wearEpoch, armedUntilMs, verifiedAtMs },
    })
  }
  return bindings
}

function rowsOf(world: World): RowReader {
  return {
    get: (table, key) => {
      const bytes = world.disk.rows.get(`${table}/${key}`)?.bytes
      return bytes === undefined ? undefined : decodeRow(table, bytes)
    },
  }
}

/** Another engine: its own disk and master key, the same vendor and the same clock. */
async function anotherEngine(world: World, config: WorldOptions['config'] = {}): Promise<World> {
  const other = new World({ seed: 1, time: world.time, config })
  await other.start()
  return other
}

function takes(world: World, bindings: readonly ImportedBinding[]): Promise<ImportResult> {
  return world.run(world.engine.importBindings(bindings, pause))
}

/** A band that was armed and linked at one engine, which is then gone; and a new engine. */
async function movedBand(options: { readonly config?: WorldOptions['config']; readonly takeOff?: true } = {}) {
  const old = new World()
  await old.start()
  const { wearer } = await armedBand(old)
  await old.time.advance(40_000)
  if (options.takeOff === true) {
    wearer.takesOff()
    await old.time.advance(5_000)
  }
  const bindings = exported(old)
  await old.crash()
  const world = await anotherEngine(old, options.config)
  return { world, wearer, bindings }
}

async function attached(world: World, bindings: readonly ImportedBinding[], wearer: Parameters<World['radio']>[0]) {
  const bid = bindings[0]?.bid ?? parseBid('00'.repeat(8))
  const phone = await world.phone('alice')
  const band = await world.run(phone.client.attach(world.radio(wearer).phone, bid))
  await world.run(band.whenLinked(200_000))
  return band
}

/** The bytes of every row, as the disk has them once the view was written. */
async function rowsWhenWritten(world: World): Promise<ReadonlyMap<string, string>> {
  await world.time.advance(1_000)
  return new Map([...world.disk.rows].map(([key, row]) => [key, Buffer.from(row.bytes).toString('hex')]))
}

/** The rows that the journal alone gives. */
function rowsOfJournal(world: World): ReadonlyMap<string, string> {
  const rows = new Map<string, Uint8Array>()
  const reader: RowReader = {
    get: (table, key) => {
      const bytes = rows.get(`${table}/${key}`)
      return bytes === undefined ? undefined : decodeRow(table, bytes)
    },
  }
  for (const [at, body] of world.disk.records.entries()) {
    for (const change of apply(decodeRecord(body), at + 1, reader)) {
      const key = `${change.table}/${change.key}`
      if (change.row === null) rows.delete(key)
      else rows.set(key, encodeRow<Table>(change.table, change.row))
    }
  }
  return new Map([...rows].map(([key, bytes]) => [key, Buffer.from(bytes).toString('hex')]))
}

function audited(world: World): readonly string[] {
  const auditor = new JournalAuditor(world.config.limits)
  for (const [at, body] of world.disk.records.entries()) auditor.take({ lsn: at + 1, record: decodeRecord(body) })
  return auditor.violations
}

describe('An imported binding', () => {
  it('of an armed band resumes here and pays at once', async () => {
    const { world, wearer, bindings } = await movedBand()
    expect(bindings).toHaveLength(1)
    expect(await takes(world, bindings)).toEqual({ type: 'done', imported: 1, refused: [] })
    const band = await attached(world, bindings, wearer)
    await world.time.advance(5_000)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    expect(audited(world)).toEqual([])
    expect(world.failures).toEqual([])
  })

  it('pays after the bytes of a request carried it, and after these bytes were wiped', async () => {
    const { world, wearer, bindings } = await movedBand()
    const bytes = encodeImport(bindings)
    const read = decodeImport(bytes)
    if ('expected' in read) throw new Error(read.expected)
    await takes(world, read)
    bytes.fill(0)
    const band = await attached(world, bindings, wearer)
    await world.time.advance(5_000)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    expect(await rowsWhenWritten(world)).toEqual(rowsOfJournal(world))
  })

  it('is kept by a crash right after it was acknowledged, and pays then', async () => {
    const { world, wearer, bindings } = await movedBand()
    await takes(world, bindings)
    await world.crash()
    await world.start()
    const band = await attached(world, bindings, wearer)
    await world.time.advance(5_000)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    await world.crash()
    await world.start()
    await world.run(band.whenLinked(200_000))
    await world.time.advance(5_000)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    expect(await rowsWhenWritten(world)).toEqual(rowsOfJournal(world))
  })

  it('of a band that is not worn approves nothing until it is put on and armed here', async () => {
    const { world, wearer, bindings } = await movedBand({ takeOff: true })
    expect(bindings[0]?.armed).toBe(null)
    await takes(world, bindings)
    const band = await attached(world, bindings, wearer)
    expect((await world.run(band.pay(world.offer().bytes))).approved).toBe(false)
    wearer.putsOn()
    await world.time.advance(5_000)
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
  })

  it('whose arming is over is worn and disarmed, and is not armed under an epoch it had before', async () => {
    const { world, bindings } = await movedBand()
    await world.time.advance(armedMaxMs)
    await takes(world, bindings)
    await world.time.advance(1_000)
    const armed = bindings[0]?.armed
    const row = rowsOf(world).get('band', bindings[0]?.bandId ?? '')
    expect(row).toMatchObject({ state: 'disarmed', armedUntilMs: 0, sealedArmSecret: null })
    expect(row).toMatchObject({ armEpoch: armed?.armEpoch, wearEpoch: armed?.wearEpoch })
  })

  it('is armed no longer than this engine lets a band be armed, and then disarms by itself', async () => {
    const { world, bindings } = await movedBand({ config: { armedMs: 120_000 } })
    const verifiedAtMs = bindings[0]?.armed?.verifiedAtMs ?? 0
    await takes(world, bindings)
    await world.time.advance(1_000)
    const bandId = bindings[0]?.bandId ?? ''
    expect(rowsOf(world).get('band', bandId)).toMatchObject({ state: 'armed', armedUntilMs: verifiedAtMs + 120_000 })
    expect(world.engine.status().bands.armed).toBe(1)
    await world.time.advance(120_000)
    expect(rowsOf(world).get('band', bandId)).toMatchObject({ state: 'disarmed', sealedArmSecret: null })
    expect(world.engine.status().bands).toMatchObject({ armed: 0, disarmed: 1 })
  })

  it('leaves the rows that a binding made here has, and those that its journal gives', async () => {
    const { world, bindings } = await movedBand()
    await takes(world, [...bindings, sampleBinding(1), sampleBinding(2)])
    const rows = await rowsWhenWritten(world)
    expect(rows).toEqual(rowsOfJournal(world))
    const counts = Object.groupBy(rows.keys(), (key) => key.split('/')[0] ?? '')
    // One armed band with its alarm, two that are off their wrists, two states, and how each began.
    expect(Object.fromEntries(Object.entries(counts).map(([table, keys]) => [table, keys?.length]))).toEqual({
      band: 3,
      bid: 3,
      ratchet: 3,
      accountBand: 3,
      alarm: 1,
      tally: 2,
      move: 3,
    })
    expect(audited(world)).toEqual([])
  })

  it('leaves no secret in the clear in journal or rows', async () => {
    const { world, bindings } = await movedBand()
    await takes(world, bindings)
    await world.time.advance(1_000)
    const [binding] = bindings
    const disk = Buffer.concat([...world.disk.records, ...[...world.disk.rows.values()].map((row) => row.bytes)])
    for (const secret of [binding?.root, binding?.armed?.secret]) {
      expect(secret?.length).toBeGreaterThan(0)
      expect(disk.includes(Buffer.from(secret ?? []))).toBe(false)
    }
    expect(disk.includes(Buffer.from(binding?.bandKey ?? []))).toBe(true)
  })
})

describe('The same import, asked again,', () => {
  it('counts as imported and changes nothing, also within one request', async () => {
    const { world, bindings } = await movedBand()
    await takes(world, bindings)
    const recordsCount = world.disk.records.length
    expect(await takes(world, [...bindings, ...bindings])).toEqual({ type: 'done', imported: 2, refused: [] })
    expect(world.disk.records.length).toBe(recordsCount)
  })

  it('does not throw back a band that has resumed here since', async () => {
    const { world, wearer, bindings } = await movedBand()
    await takes(world, bindings)
    const band = await attached(world, bindings, wearer)
    await world.time.advance(40_000)
    expect(await takes(world, bindings)).toEqual({ type: 'done', imported: 1, refused: [] })
    world.cutSockets()
    await world.time.advance(40_000)
    await world.run(band.whenLinked(200_000))
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
  })

  it('is answered only when the first one is on disk too', async () => {
    const world = new World()
    await world.start()
    const first = world.engine.importBindings([sampleBinding(1)], pause)
    const second = world.engine.importBindings([sampleBinding(1)], pause)
    await second
    expect(world.disk.records.map(decodeRecord).filter((record) => record.type === 'imported')).toHaveLength(1)
    expect(await first).toEqual({ type: 'done', imported: 1, refused: [] })
  })
})

describe('An import refuses', () => {
  async function refusals(world: World, bindings: readonly ImportedBinding[]): Promise<readonly string[]> {
    const result = await takes(world, bindings)
    if (result.type !== 'done') throw new Error(result.error)
    return result.refused.map(({ index, reason }) => `${index} ${reason}`)
  }

  async function worldWith(...bindings: readonly ImportedBinding[]): Promise<World> {
    const world = new World()
    await world.start()
    await takes(world, bindings)
    return world
  }

  it('a band that is bound to another account', async () => {
    const world = await worldWith(sampleBinding(1))
    expect(
      await refusals(world, [sampleBinding(1, { account: parseAccountId('thief'), bid: parseBid('ff'.repeat(8)) })]),
    ).toEqual(['0 band-elsewhere'])
  })

  it.each<[string, Partial<ImportedBinding>]>([
    ['bid', { bid: parseBid('ff'.repeat(8)) }],
    ['generation', { generation: 2 }],
    ['vendor', { vendor: 2 }],
    ['model', { model: 2 }],
    ['batch', { batch: 2 }],
    ['conformance', { conformance: 31 }],
    ['device key', { bandKey: new Uint8Array(32).fill(9) }],
    ['account tag', { acctTag: new Uint8Array(8).fill(9) }],
    ['name', { name: 'other' }],
    ['root', { root: new Uint8Array(32).fill(9) }],
    ['root number', { k: 1 }],
  ])('a band that is bound here with another %s', async (_name, change) => {
    const world = await worldWith(sampleBinding(1))
    expect(await refusals(world, [sampleBinding(1, change)])).toEqual(['0 band-known'])
  })

  it('a name on the air that another band has', async () => {
    const world = await worldWith(sampleBinding(1))
    expect(await refusals(world, [sampleBinding(2, { bid: sampleBinding(1).bid }), sampleBinding(2)])).toEqual([
      '0 bid-known',
    ])
  })

  it('a generation that ended here, and takes a later one under a new name', async () => {
    const world = new World()
    await world.start()
    const { band, phone } = await armedBand(world)
    await world.time.advance(5_000)
    const [before] = exported(world)
    if (before === undefined) throw new Error('no band')
    await world.run(phone.client.deactivate(band.bid))
    await world.time.advance(4 * 3_600_000)
    const row = rowsOf(world).get('band', before.bandId)
    expect(row).toMatchObject({ state: 'unbound' })
    const later = { ...before, generation: (row?.generation ?? 0) + 1, bid: parseBid('ee'.repeat(8)), armed: null }
    expect(await refusals(world, [before])).toEqual(['0 generation-ended'])
    expect(await refusals(world, [{ ...later, generation: row?.generation ?? 0 }])).toEqual(['0 generation-ended'])
    expect(await refusals(world, [{ ...later, bid: before.bid }])).toEqual(['0 bid-known'])
    expect(await refusals(world, [{ ...later, armed: before.armed }])).toEqual(['0 arm-ended'])
    expect(await refusals(world, [later])).toEqual([])
    await world.time.advance(1_000)
    expect(rowsOf(world).get('band', before.bandId)).toMatchObject({ generation: later.generation, bid: later.bid })
    expect(await rowsWhenWritten(world)).toEqual(rowsOfJournal(world))
    expect(audited(world)).toEqual([])
  })

  it('a revoked vendor, but takes one that is not listed', async () => {
    const world = new World()
    await world.start()
    world.vendorStatus = 'revoked'
    expect(await refusals(world, [sampleBinding(1), sampleBinding(2, { vendor: 77 })])).toEqual(['0 vendor-revoked'])
  })

  it('an arming that begins later than now or lasts longer than any may, and takes one at the limit', async () => {
    const world = new World()
    await world.start()
    const nowMs = world.time.nowMs()
    const armed = { secret: new Uint8Array(16), armEpoch: 1, wearEpoch: 1, verifiedAtMs: nowMs, armedUntilMs: 0 }
    const until = (armedUntilMs: number, verifiedAtMs = nowMs) => ({ armed: { ...armed, armedUntilMs, verifiedAtMs } })
    expect(
      await refusals(world, [
        sampleBinding(1, until(nowMs + armedMaxMs)),
        sampleBinding(2, until(nowMs + armedMaxMs + 1)),
        sampleBinding(3, until(nowMs + 2, nowMs + 1)),
        sampleBinding(4, until(nowMs - 1)),
      ]),
    ).toEqual(['1 arm-out-of-range', '2 arm-out-of-range', '3 arm-out-of-range'])
  })

  it('what is malformed, and takes the rest', async () => {
    const world = new World()
    await world.start()
    const result = await world.run(
      world.engine.importBindings([sampleBinding(1), malformed('a binding', 0), sampleBinding(2)], pause),
    )
    expect(result).toEqual({ type: 'done', imported: 2, refused: [{ index: 1, reason: 'malformed' }] })
  })
})

describe('An import', () => {
  it('on a full disk says so, and is taken whole when there is room', async () => {
    const world = new World()
    await world.start()
    world.disk.trouble = 'full'
    expect(await takes(world, [sampleBinding(1)])).toEqual({ type: 'stopped', error: 'storage-full' })
    world.disk.trouble = 'none'
    expect(await takes(world, [sampleBinding(1)])).toEqual({ type: 'done', imported: 1, refused: [] })
  })

  it('is not taken while the clock is uncertain', async () => {
    const world = new World()
    await world.start()
    world.wallSkewMs = 10_000
    expect(await takes(world, [sampleBinding(1)])).toEqual({ type: 'stopped', error: 'unavailable' })
  })

  it('beyond those that may be under way is told to come again', async () => {
    const world = new World()
    await world.start()
    const asked = Array.from({ length: importsUnderWayMax + 1 }, (_, at) =>
      world.engine.importBindings([sampleBinding(at + 1)], pause),
    )
    const results = await world.run(Promise.all(asked))
    expect(results.filter((result) => result.type === 'done')).toHaveLength(importsUnderWayMax)
    expect(results.at(-1)).toEqual({ type: 'stopped', error: 'busy' })
    expect(await takes(world, [sampleBinding(importsUnderWayMax + 1)])).toMatchObject({ type: 'done', imported: 1 })
  })

  it('of five thousand waits for the view on its way, and leaves the rows that its journal gives', async () => {
    const world = new World()
    await world.start()
    const bindings = Array.from({ length: 5_000 }, (_, at) => sampleBinding(at + 1))
    let furthestAhead = 0
    world.disk.becameDurable = (lsn) => {
      furthestAhead = Math.max(furthestAhead, lsn - world.disk.appliedLsn)
    }
    expect(await takes(world, bindings)).toEqual({ type: 'done', imported: 5_000, refused: [] })
    // Three flushes of 500: more would be an engine that is behind.
    expect(furthestAhead).toBeLessThan(3 * 500)
    expect(world.engine.status().bands.offWrist).toBe(5_000)
    expect(await rowsWhenWritten(world)).toEqual(rowsOfJournal(world))
  })

  it('lets everything else go on whenever half a millisecond is used up', async () => {
    const time = new VirtualTime()
    const pass = passing(time)
    const world = new World({ time })
    await world.start()
    let pausesCount = 0
    function* slowly() {
      for (let index = 1; index <= 8; index++) {
        pass(0.25)
        yield sampleBinding(index)
      }
    }
    const importing = world.engine.importBindings(slowly(), async () => {
      pausesCount++
    })
    expect(await world.run(importing)).toEqual({ type: 'done', imported: 8, refused: [] })
    expect(pausesCount).toBe(4)
  })
})

describe('A payment', () => {
  it('does not wait for an import that is under way, nor the import for it', async () => {
    const time = new VirtualTime()
    const pass = passing(time)
    const world = new World({ time })
    await world.start()
    const { band } = await armedBand(world)
    let goOn: () => void = () => undefined
    const paused = new Promise<void>((resolve) => {
      goOn = resolve
    })
    function* slowly() {
      for (let index = 1; index <= 3; index++) {
        pass(0.6)
        yield sampleBinding(index)
      }
    }
    const importing = world.engine.importBindings(slowly(), () => paused)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    expect(world.engine.status().bands.offWrist).toBe(0)
    goOn()
    expect(await world.run(importing)).toMatchObject({ imported: 3 })
    expect(world.engine.status().bands).toMatchObject({ offWrist: 3, armed: 1 })
    expect(audited(world)).toEqual([])
  })
})

/** Lets the clock also move while nothing waits for it, as a real one does; returns what moves it. */
function passing(time: VirtualTime): (ms: number) => void {
  const waited = time.nowMs
  let passedMs = 0
  Object.defineProperty(time, 'nowMs', { value: () => waited() + passedMs })
  return (ms) => {
    passedMs += ms
  }
}
