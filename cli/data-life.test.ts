// What an operator does to data over its life: audit, backup and restore, a new master key, and the crash in between.

import { cpSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { PhoneClient } from '../sdk/phone-client.ts'
import { auditData } from '../server/data/audit.ts'
import { openDataFolder } from '../server/documents/data-folder.ts'
import { openStore } from '../server/data/open-store.ts'
import { rotateMaster } from '../server/data/rotate-master.ts'
import type { ServerConfig } from '../server/settings/settings.ts'
import { startServer } from '../server/start-server.ts'
import { armedBand, bandpass, bandpassProcess, pays, testEngine, testFolder } from './test-engine.ts'

const log = () => undefined

/** An engine with an armed band that has paid once; stopped. */
async function lived(data: string, environment: Record<string, string> = {}) {
  const engine = await testEngine(onTestFinished, data, environment)
  const member = await armedBand(onTestFinished, engine, 'alice')
  expect(await pays(engine, member.band)).toMatchObject({ approved: true })
  return { engine, member }
}

/** A list is changed beside an engine of this process, which reads meanwhile what the command waits for. */
async function changed(data: string, ...change: readonly string[]) {
  const { status } = await bandpassProcess(onTestFinished, ...change, '--data', data).ended
  expect(status).toBe(0)
}

async function auditedView(config: ServerConfig) {
  return (await auditData(config, openDataFolder(config, {}, false))).view
}

/** The same band, phone and account at an engine that was started again: no pairing, no arming. */
async function paysAgain(
  data: string,
  { member }: Awaited<ReturnType<typeof lived>>,
  environment: Record<string, string> = {},
) {
  const again = await testEngine(onTestFinished, data, environment)
  const client = await PhoneClient.connect({ ...member.options, url: again.server.url })
  const band = await client.attach(member.radio.phone, member.band.bid)
  const decision = await pays(again, band)
  client.close()
  await again.server.stop()
  return decision
}

describe('an audit', () => {
  it('finds a view equal to its journal, and says how much there is of each', async () => {
    const data = testFolder(onTestFinished)
    const { engine } = await lived(data)
    expect(bandpass('audit', 'verify', '--data', data)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/journal {2}whole: \d+ records[^]*not compared: an engine runs here/),
    })
    await engine.server.stop()
    const { status, stdout } = bandpass('audit', 'verify', '--data', data, '--json')
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      journal: { type: 'whole', tornBytes: 0 },
      view: { type: 'equal', rows: { band: 1, bid: 1, ratchet: 1, reference: 1, phone: 1 } },
    })
  })

  it('names the rows of a view that are not what the journal says', async () => {
    const environment = { BANDPASS_MASTER_KEY: 'a1'.repeat(32) }
    const [ours, theirs] = [testFolder(onTestFinished), testFolder(onTestFinished)]
    const one = await lived(ours, environment)
    const other = await lived(theirs, environment)
    await one.engine.server.stop()
    await other.engine.server.stop()
    // The view of another engine with the same master key: every row of it is genuine, and none is ours.
    rmSync(join(ours, 'view'), { recursive: true })
    cpSync(join(theirs, 'view'), join(ours, 'view'), { recursive: true })
    const { config } = one.engine
    const { view } = await auditData(config, openDataFolder(config, environment, false))
    expect(view).toMatchObject({
      type: 'different',
      differences: expect.arrayContaining([
        `band ${one.member.wearer.band.device.bandId}: in the journal, but not in the view`,
        `bid ${other.member.band.bid}: in the view, but not in the journal`,
      ]),
    })
    expect(readdirSync(ours).some((name) => name.startsWith('audit-'))).toBe(false)
  })

  it('names the first bad place of a journal, and what to do', async () => {
    const data = testFolder(onTestFinished)
    const { engine } = await lived(data)
    await engine.server.stop()
    const path = join(data, 'journal', '00000000000001.segment')
    const bytes = readFileSync(path)
    bytes[1_600] = (bytes[1_600] ?? 0) ^ 0x10
    writeFileSync(path, bytes)
    const { status, stdout } = bandpass('audit', 'verify', '--data', data)
    expect(status).toBe(1)
    expect(stdout).toMatch(/journal {2}DAMAGED\n {2}first bad place: record \d+, .*00000000000001\.segment at byte \d+/)
    expect(stdout).toContain('what to do')
  })
})

describe('a backup', () => {
  it('taken beside a running engine is a data folder that the band pays with, given the master key', async () => {
    const data = testFolder(onTestFinished)
    const life = await lived(data)
    const to = join(testFolder(onTestFinished), 'copy')
    expect(bandpass('backup', '--data', data, '--to', to).status).toBe(0)
    await life.engine.server.stop()
    expect(readdirSync(to)).not.toContain('master.key')
    const masterKeyFile = join(data, 'master.key')
    expect(bandpass('audit', 'verify', '--data', to, '--master-key-file', masterKeyFile)).toMatchObject({ status: 0 })
    expect(bandpass('audit', 'verify', '--data', to)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('no master key'),
    })
    cpSync(masterKeyFile, join(to, 'master.key'))
    cpSync(join(data, 'demo.json'), join(to, 'demo.json'))
    expect(await paysAgain(to, life)).toMatchObject({ approved: true })
  })
})

describe('an older copy of a sealed document', () => {
  it.each([
    ['a dropped key of a partner', 'lists/partners.json', ['partner', 'add', '--name', 'Shop']],
    ['a vendor before it was revoked', 'lists/vendors.json', ['vendor', 'revoke', '--vendor', '65534']],
    ['an operator who was removed', 'operators.json', ['operator', 'add', 'ann', '--role', 'viewer']],
    ['a receipt key that was destroyed', 'keys.json', ['keys', 'rotate', 'receipt']],
  ] as const)('does not bring back %s: the engine does not start on it', async (_, name, change) => {
    const data = testFolder(onTestFinished)
    const first = await testEngine(onTestFinished, data)
    await first.server.stop()
    const path = join(data, name)
    // A list that is there before the change.
    if (name === 'operators.json')
      expect(bandpass('operator', 'add', '--data', data, 'bob', '--role', 'admin').status).toBe(0)
    const older = readFileSync(path)
    const second = await testEngine(onTestFinished, data)
    await changed(data, ...change)
    second.server.reload()
    const newer = readFileSync(path)
    writeFileSync(path, older)
    second.server.reload()
    expect(second.logged).toContain('error file.not-reloaded')
    writeFileSync(path, newer)
    await second.server.stop()
    writeFileSync(path, older)
    await expect(testEngine(onTestFinished, data)).rejects.toThrow(/older copy was put back.*lists.acceptOlder/)
    writeFileSync(path, newer)
    const third = await testEngine(onTestFinished, data)
    await third.server.stop()
  })

  it('is taken once when the operator says that it is meant', async () => {
    const data = testFolder(onTestFinished)
    const first = await testEngine(onTestFinished, data)
    const path = join(data, 'lists', 'partners.json')
    const older = readFileSync(path)
    await changed(data, 'partner', 'add', '--name', 'Shop')
    first.server.reload()
    await first.server.stop()
    writeFileSync(path, older)
    const config = { ...first.config, lists: { acceptOlder: true } }
    const accepting = await startServer(config, { environment: {}, log })
    await accepting.stop()
    const again = await testEngine(onTestFinished, data)
    await again.server.stop()
  })
})

describe('a new master key', () => {
  it('opens everything that the old one sealed, and the old one opens nothing any more', async () => {
    const data = testFolder(onTestFinished)
    const life = await lived(data)
    const oldFile = readFileSync(join(data, 'master.key'), 'utf8')
    const folder = () => openDataFolder(life.engine.config, {}, false)
    await expect(rotateMaster(life.engine.config, folder(), log)).rejects.toMatchObject({ code: 'data-in-use' })
    expect(readFileSync(join(data, 'master.key'), 'utf8')).toBe(oldFile)
    await life.engine.server.stop()
    const rotated = await rotateMaster(life.engine.config, folder(), log)
    expect(rotated).toMatchObject({ sealedAnew: 2 })
    expect(readFileSync(join(data, 'master.key'), 'utf8').split('\n')[1]).not.toBe(oldFile.split('\n')[1])
    expect(await auditedView(life.engine.config)).toMatchObject({ type: 'equal' })
    const { journal, view } = await openStore(life.engine.config, folder(), log)
    const [ratchet] = view.range('ratchet', { from: ' ', to: '~', limit: 2 })
    await journal.close()
    await view.close()
    // Root and what knows an older copy of the band: two sealed values of 76 bytes, each begins with its master key's id.
    const row = Buffer.from(ratchet?.bytes ?? []).toString('latin1')
    const masterKeyIds = [...row.matchAll(/\xc4\x4c([^]{4})/g)].map(([, id]) => id)
    expect(masterKeyIds.length).toBe(2)
    expect(new Set(masterKeyIds).size).toBe(1)
    expect(await paysAgain(data, life)).toMatchObject({ approved: true })
    const old = oldFile.split('\n')[1] ?? ''
    await expect(testEngine(onTestFinished, data, { BANDPASS_MASTER_KEY: old })).rejects.toThrow(/MAC|master key/)
  })

  it('is taken on in the middle, wherever it was interrupted', async () => {
    const data = testFolder(onTestFinished)
    const life = await lived(data)
    await life.engine.server.stop()
    const folder = () => openDataFolder(life.engine.config, {}, false)
    const before = join(testFolder(onTestFinished), 'before')
    cpSync(data, before, { recursive: true })
    await rotateMaster(life.engine.config, folder(), log)
    // As it was when the new key was on disk beside the old one, and nothing was sealed with it yet.
    const [head, added] = readFileSync(join(data, 'master.key'), 'utf8').split('\n')
    const [, old] = readFileSync(join(before, 'master.key'), 'utf8').split('\n')
    writeFileSync(join(before, 'master.key'), `${head}\n${added}\n${old}\n`)
    const config = { ...life.engine.config, data: before }
    await rotateMaster(config, openDataFolder(config, {}, false), log)
    expect(readFileSync(join(before, 'master.key'), 'utf8')).toBe(`${head}\n${added}\n`)
    // And as it was when everything was sealed, but the old key not let go of.
    writeFileSync(join(data, 'master.key'), `${head}\n${added}\n${old}\n`)
    await rotateMaster(life.engine.config, folder(), log)
    expect(await paysAgain(data, life)).toMatchObject({ approved: true })
  })

  it('from the environment replaces the one there, when both are given', async () => {
    const data = testFolder(onTestFinished)
    const old = { BANDPASS_MASTER_KEY: 'a1'.repeat(32) }
    const added = { BANDPASS_MASTER_KEY: 'b2'.repeat(32) }
    const life = await lived(data, old)
    await life.engine.server.stop()
    const { config } = life.engine
    await expect(rotateMaster(config, openDataFolder(config, old, false), log)).rejects.toThrow(
      /BANDPASS_MASTER_KEY_OLD/,
    )
    const both = { ...added, BANDPASS_MASTER_KEY_OLD: old.BANDPASS_MASTER_KEY }
    await rotateMaster(config, openDataFolder(config, both, false), log)
    expect(await paysAgain(data, life, added)).toMatchObject({ approved: true })
  })
})

describe('a crash', () => {
  it('that damaged the view ends the engine that starts on it, and the next start builds the view anew', async () => {
    const data = testFolder(onTestFinished)
    const life = await lived(data)
    await expect
      .poll(() => life.engine.server.status().appliedLsn, { timeout: 20_000 })
      .toBe(life.engine.server.status().durableLsn)
    const crashed = join(testFolder(onTestFinished), 'crashed')
    cpSync(data, crashed, { recursive: true, filter: (path) => !/\/lock(\.\d+)?$/.test(path) })
    const path = join(crashed, 'view', 'view.lmdb')
    const bytes = readFileSync(path)
    const { bandId } = life.member.wearer.band.device
    // In every page that has it: LMDB copies pages when it writes.
    for (let at = bytes.indexOf(bandId); at >= 0; at = bytes.indexOf(bandId, at + 1)) bytes.write('ffff', at, 'latin1')
    writeFileSync(path, bytes)
    rmSync(join(crashed, 'demo.json'))
    cpSync(join(data, 'demo.json'), join(crashed, 'demo.json'))
    const found = await testEngine(onTestFinished, crashed)
    expect(await found.server.ended).toMatchObject({ code: 'view-damaged' })
    const again = await testEngine(onTestFinished, crashed)
    await expect.poll(() => again.server.status().bands.armed).toBe(1)
    await again.server.stop()
    expect(await auditedView(again.config)).toMatchObject({ type: 'equal' })
  })
})
