// The drill of a restore, by the commands that an operator types, while bands and their phones go on.

import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { demoWorld } from '../../band-sim/demo-world.ts'
import { createPartner } from '../../sdk/offers.ts'
import { PhoneClient } from '../../sdk/phone-client.ts'
import { armedBand, bandpass, bandpassProcess, pays, testEngine, testFolder } from '../test-engine.ts'

const named = (options: Readonly<Record<string, string>>) =>
  Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
const masterKey = (data: string) => join(data, 'master.key')

/** Which root of its resume chain the band has reached. */
const rootOf = ({ wearer }: Awaited<ReturnType<typeof armedBand>>) => wearer.band.flash.root?.n ?? 0

/** `bandpass serve` as a process; where it listens, and how to end it. */
async function serve(data: string, ...flags: readonly string[]) {
  const running = bandpassProcess(onTestFinished, 'serve', '--data', data, '--port', '0', '--demo', ...flags)
  const line = await Promise.race([running.firstLine, running.ended.then(({ stderr }) => stderr)])
  if (!line.startsWith('{"ready"')) throw new Error(line)
  const world = demoWorld(readFileSync(join(data, 'demo.json'), 'utf8'))
  const stop = async () => {
    running.child.kill('SIGTERM')
    return running.ended
  }
  return { world, partner: createPartner(world.partner), stop, running }
}

/** A folder of a demo's engine that ran once and was backed up, stopped. */
async function backedUp() {
  const data = testFolder(onTestFinished)
  const engine = await testEngine(onTestFinished, data)
  await engine.server.stop()
  const backup = join(testFolder(onTestFinished), 'monday')
  expect(bandpass('backup', '--data', data, '--to', backup).status).toBe(0)
  const to = join(testFolder(onTestFinished), 'restored')
  const restore = (...more: readonly string[]) =>
    bandpass('restore', '--from', backup, '--to', to, '--master-key-file', masterKey(data), ...more)
  return { data, backup, to, restore, engine }
}

describe('bandpass restore', () => {
  it(
    'brings an engine back while its bands go on: they link, are armed again, and pay',
    { timeout: 120_000 },
    async () => {
      const data = testFolder(onTestFinished)
      const witness = join(testFolder(onTestFinished), 'witness')
      const first = await serve(data, '--journal-witness', witness)
      const member = await armedBand(onTestFinished, first, 'alice')
      const backup = join(testFolder(onTestFinished), 'monday')
      expect(bandpass('backup', '--data', data, '--to', backup).status).toBe(0)
      const atBackup = rootOf(member)
      expect(await pays(first, member.band)).toMatchObject({ approved: true })
      member.client.close()
      await first.stop()
      // Two more lives of the engine: the band links in each, and gets ahead of the backup.
      for (let life = 0; life < 2; life++) {
        const engine = await serve(data, '--journal-witness', witness)
        const before = rootOf(member)
        const client = await PhoneClient.connect({ ...member.options, url: engine.world.phone('alice').url })
        await client.attach(member.radio.phone, member.band.bid)
        await expect.poll(() => rootOf(member), { timeout: 60_000 }).toBeGreaterThan(before)
        client.close()
        await engine.stop()
      }
      const ahead = rootOf(member)
      expect(ahead).toBeGreaterThan(atBackup + 1)
      const to = join(testFolder(onTestFinished), 'restored')
      const stoppedAt = new Date().toISOString()
      const restored = bandpass(
        'restore',
        ...named({ from: backup, to, 'master-key-file': masterKey(data) }),
        ...named({ 'journal-witness': witness, 'stopped-at': stoppedAt }),
      )
      expect(restored.stderr).toContain('journal.restored')
      expect(restored).toMatchObject({ status: 0, stdout: expect.stringMatching(/At least \d+ records are lost/) })
      copyFileSync(join(data, 'demo.json'), join(to, 'demo.json'))
      const engine = await serve(to, '--master-key-file', masterKey(data), '--journal-witness', witness)
      const client = await PhoneClient.connect({ ...member.options, url: engine.world.phone('alice').url })
      onTestFinished(() => client.close())
      const band = await client.attach(member.radio.phone, member.band.bid)
      await band.whenLinked(60_000)
      await expect.poll(() => rootOf(member), { timeout: 20_000 }).toBeGreaterThan(ahead)
      // Made since, and with all the life that an offer may have: the engine before cannot have decided it.
      const offer = () => {
        const order = {
          action: 'pay',
          resource: '0b'.repeat(16),
          amountMinor: 450,
          currency: 978,
          label: 'Coffee',
        } as const
        return engine.partner.offer({ ...order, expiresAtMs: Date.now() + 15 * 60_000 - 100 }).bytes
      }
      await expect(pays(engine, band)).rejects.toMatchObject({ code: 'unavailable' })
      expect(await band.pay(offer())).toMatchObject({ approved: false, reason: 'band-not-armed' })
      await band.arm()
      expect(await band.pay(offer())).toMatchObject({ approved: true })
      client.close()
      expect(await engine.stop()).toMatchObject({ status: 0 })
      expect(bandpass('audit', 'verify', '--data', to, '--master-key-file', masterKey(data))).toMatchObject({
        status: 0,
      })
    },
  )

  it('makes folders and files that only their owner may enter, and leaves the backup as it was', async () => {
    const { backup, to, restore } = await backedUp()
    const before = readdirSync(backup, { recursive: true })
    expect(restore().status).toBe(0)
    expect(readdirSync(backup, { recursive: true })).toEqual(before)
    for (const name of ['.', ...readdirSync(to, { recursive: true, encoding: 'utf8' })]) {
      const { mode } = statSync(join(to, name))
      expect([name, mode & 0o077]).toEqual([name, 0])
    }
  })

  it('refuses a folder that has data, a backup that is not good, or a key that does not open it, and leaves nothing', async () => {
    const { data, backup, to, restore } = await backedUp()
    expect(bandpass('restore', '--from', backup, '--to', data)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/holds data already \(journal, view, lists, keys.json.*move the folder away/),
    })
    expect(bandpass('restore', '--from', backup, '--to', backup).stderr).toContain('onto itself')
    mkdirSync(to)
    expect(bandpass('restore', '--from', backup, '--to', to)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('no master key'),
    })
    const segment = join(backup, 'journal', '00000000000001.segment')
    const bytes = readFileSync(segment)
    bytes[600] = (bytes[600] ?? 0) ^ 1
    writeFileSync(segment, bytes)
    expect(restore()).toMatchObject({ status: 1, stderr: expect.stringContaining('is not good') })
    expect(readdirSync(to)).toEqual([])
  })

  it('that was cut off before the keys were there starts no engine', async () => {
    const { data, to, restore } = await backedUp()
    expect(restore().status).toBe(0)
    rmSync(join(to, 'keys.json'))
    expect(bandpass('serve', '--data', to, '--port', '0', '--master-key-file', masterKey(data))).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('a restore was cut off'),
    })
    expect(existsSync(join(to, 'keys.json'))).toBe(false)
  })

  it('that fails leaves the witness to the folder that was moved away', async () => {
    const { data, backup, restore } = await backedUp()
    const witness = join(testFolder(onTestFinished), 'witness')
    const engine = await serve(data, '--journal-witness', witness, '--journal-accept-rollback', 'true')
    await engine.stop()
    const before = readFileSync(witness)
    writeFileSync(join(backup, 'keys.json'), 'no keys')
    expect(restore('--journal-witness', witness).status).toBe(1)
    expect(readFileSync(witness)).toEqual(before)
    expect(await (await serve(data, '--journal-witness', witness)).stop()).toMatchObject({ status: 0 })
  })

  it('believes no name of a manifest that leads out of the backup', async () => {
    const { backup, to, restore } = await backedUp()
    const path = join(backup, 'manifest.json')
    const text = readFileSync(path, 'utf8')
    const name = '../stolen'
    cpSync(join(backup, 'keys.json'), join(backup, name))
    writeFileSync(path, text.replaceAll('"keys.json"', JSON.stringify(name)))
    expect(restore()).toMatchObject({ status: 1, stderr: expect.stringContaining('no part of a backup') })
    expect(existsSync(join(to, 'journal'))).toBe(false)
  })

  it('freezes whom the operator names before the engine starts, whether known or not', async () => {
    const { data, to, restore } = await backedUp()
    const list = join(data, 'stolen.txt')
    writeFileSync(list, 'alice\n\nbob\nalice\n')
    const restored = restore('--freeze', list, '--json')
    expect(JSON.parse(restored.stdout)).toMatchObject({ frozen: 2 })
    cpSync(masterKey(data), masterKey(to))
    cpSync(join(data, 'demo.json'), join(to, 'demo.json'))
    const again = await testEngine(onTestFinished, to)
    expect(again.server.status()).toMatchObject({ accountHolds: { 'operator-freeze': 2 } })
    await expect(armedBand(onTestFinished, again, 'bob')).rejects.toMatchObject({ code: 'band-held' })
    writeFileSync(list, 'alice\nb b\n')
    expect(restore('--freeze', list)).toMatchObject({ status: 2, stderr: expect.stringContaining('line 2') })
  })

  it('believes no engine to have stopped before its backup was made', async () => {
    const { to, restore } = await backedUp()
    const refused = restore('--stopped-at', new Date(Date.now() - 3_600_000).toISOString())
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining('the backup was made at') })
    expect(existsSync(join(to, 'keys.json'))).toBe(false)
  })

  it.each([
    ['the future', '2999-01-01T00:00Z'],
    ['an instant without a zone', '2026-01-01T00:00'],
    ['no instant', 'yesterday'],
  ] as const)('takes %s for no instant at which an engine has stopped', async (_, instant) => {
    expect(bandpass('restore', '--from', '/nowhere', '--to', '/nowhere-else', '--stopped-at', instant)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('--stopped-at'),
    })
  })
})

describe('a data folder that was copied back by hand', () => {
  it('is refused by its witness, and started once knowingly it is a restore like any other', async () => {
    const data = testFolder(onTestFinished)
    const engine = await testEngine(onTestFinished, data)
    await engine.server.stop()
    const older = join(testFolder(onTestFinished), 'older')
    cpSync(data, older, { recursive: true })
    const witness = join(testFolder(onTestFinished), 'witness')
    const flags = ['--journal-witness', witness]
    const life = await serve(data, ...flags, '--journal-accept-rollback', 'true')
    await life.stop()
    const plain = bandpassProcess(onTestFinished, 'serve', '--data', older, '--port', '0', ...flags)
    expect(await plain.ended).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('an older copy was put back'),
    })
    const knowing = await serve(older, ...flags, '--journal-accept-rollback', 'true')
    expect((await knowing.stop()).stderr).toContain('journal.restored')
    const again = await serve(older, ...flags)
    expect((await again.stop()).stderr).not.toContain('journal.restored')
  })
})
