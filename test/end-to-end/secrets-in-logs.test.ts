// Threat I3: a real engine lives a day, good and bad, and then everything that it said is searched for every secret that it was
// given, gave out or made: its log, its stdout, what it answers on HTTP, and the report that Node writes of a process in trouble.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { demoWorld } from '../../band-sim/demo-world.ts'
import { createPartner } from '../../sdk/offers.ts'
import { PhoneClient } from '../../sdk/phone-client.ts'
import { ServingEngine } from '../support/serving-engine.ts'

const launcher = join(import.meta.dirname, '..', '..', 'bin', 'bandpass')
const patience = { timeout: 30_000, interval: 50 }

type Secrets = Map<string, Uint8Array | string>

it('An engine that lives a whole day, with mistakes and attacks in it, tells its log and its reports none of its secrets', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bandpass-canary-'))
  const masterKey = randomBytes(32)
  const inEnvironment = randomBytes(32).toString('hex')
  const engine = new ServingEngine(
    join(folder, 'data'),
    ['--journal-segment-bytes', '1048576', '--log-level', 'info'],
    {
      BANDPASS_MASTER_KEY: masterKey.toString('hex'),
      LEFT_IN_THE_ENVIRONMENT: inEnvironment,
      NODE_OPTIONS: `--report-on-signal --report-signal=SIGUSR2 --report-directory=${folder}`,
    },
  )
  onTestFinished(async () => {
    await engine.kill()
    rmSync(folder, { recursive: true, force: true })
  })
  await engine.start()
  const secrets: Secrets = new Map([['master key', masterKey]])
  const answers = await liveADay(engine, folder, secrets)
  expect(secrets.size).toBeGreaterThanOrEqual(14)

  process.kill(engine.pid, 'SIGUSR2')
  const report = await vi.waitFor(() => reportIn(folder), patience)
  await engine.stop()
  const said = { log: engine.log.join('\n'), answers: answers.join('\n'), report }

  // The search would find them: here is one that was left where reports look, and one in a line that forgot about secrets.
  expect(foundIn(report, new Map([['left', inEnvironment]]))).toEqual(['left'])
  const forgetful = JSON.stringify({ keys: [...secrets].map(([, secret]) => secret) })
  expect(foundIn(forgetful, secrets)).toEqual([...secrets.keys()])

  for (const event of ['server.started', 'admin.token', 'admin.partner', 'file.not-reloaded', 'server.stopped']) {
    expect(said.log).toContain(`"event":"${event}"`)
  }
  for (const [where, text] of Object.entries(said)) expect(foundIn(text, secrets), where).toEqual([])
})

/** Pairs, pays, freezes; imports; tokens and partners are made; wrong tokens, broken bodies, garbage, an altered file. */
async function liveADay(engine: ServingEngine, folder: string, secrets: Secrets): Promise<readonly string[]> {
  const { partner, vendor, ...world } = demoWorld(engine.demoFile())
  const file = JSON.parse(engine.demoFile()) as { readonly tokens: { readonly seed: string } }
  const adminToken = readFileSync(join(engine.folder, 'admin-token'), 'utf8').trim()
  const metricsToken = readFileSync(join(engine.folder, 'metrics-token'), 'utf8').trim()
  secrets.set('partner key', partner.key).set('vendor seed', vendor.seed)
  secrets.set('token seed', Buffer.from(file.tokens.seed, 'hex'))
  secrets.set('admin token', adminToken).set('metrics token', metricsToken)

  const options = world.phone('a-whole-day')
  const accountToken = await options.token({ refused: null })
  secrets.set('account token', accountToken)
  const client = await PhoneClient.connect({ ...options, token: () => accountToken })
  const { wearer, radio } = world.newBand()
  secrets.set('package secret', wearer.band.device.packageSecret)
  wearer.taps()
  const band = await client.pair(radio.phone, { packageSecret: wearer.band.device.packageSecret })
  wearer.putsOn()
  await band.whenWorn()
  await band.arm()
  const order = { action: 'pay', resource: '0b'.repeat(16), amountMinor: 450, currency: 978, label: 'Coffee' } as const
  const offer = () => createPartner(partner).offer({ ...order, expiresAtMs: Date.now() + 60_000 }).bytes
  expect((await band.pay(offer())).approved).toBe(true)
  await client.freeze()
  expect((await band.pay(offer())).approved).toBe(false)

  const imported = { root: randomBytes(32), armSecret: randomBytes(16) }
  secrets.set('imported root', imported.root).set('imported arm secret', imported.armSecret)
  await importBand(engine, folder, imported)

  const base = `http://127.0.0.1:${engine.port}`
  const answers: string[] = []
  const ask = async (path: string, token: string, body?: string) => {
    const method = body === undefined ? {} : { method: 'POST', body }
    const response = await fetch(`${base}${path}`, { ...method, headers: { authorization: `Bearer ${token}` } })
    return response.text()
  }
  const minted = JSON.parse(await ask('/admin/tokens', adminToken, '{"account":"somebody"}')) as { token: string }
  secrets.set('minted token', minted.token)
  const made = JSON.parse(await ask('/admin/partners', adminToken, '{"name":"Till"}')) as { key: string }
  secrets.set('new partner key', Buffer.from(made.key, 'hex'))
  for (const path of [
    '/admin/info',
    '/admin/meters',
    '/admin/last-minute',
    '/admin/bands/a-whole-day',
    '/admin/nothing',
  ]) {
    answers.push(await ask(path, adminToken))
  }
  answers.push(await ask('/metrics', metricsToken), await ask('/readyz', ''), await ask('/.well-known/jwks.json', ''))

  const wrongToken = randomBytes(32).toString('base64url')
  const inBody = randomBytes(32)
  secrets.set('a wrong token', wrongToken).set('a broken body', inBody)
  answers.push(await ask('/admin/info', wrongToken), await ask('/admin/info', accountToken))
  await ask('/admin/tokens', adminToken, `{"account":"x","sessionKey":"${inBody.toString('hex')}`)
  await ask('/admin/tokens', adminToken, JSON.stringify({ account: 'x', password: inBody.toString('hex') }))
  await ask('/admin/import', adminToken, inBody.toString('latin1'))
  const refused = await PhoneClient.connect({ ...world.phone(), token: () => `${accountToken}x` }).then(
    () => 'taken',
    () => 'refused',
  )
  expect(refused).toBe('refused')
  await spoil(engine, secrets)
  client.close()
  wearer.band.powerOff()
  return answers
}

async function importBand(
  { port, folder }: ServingEngine,
  into: string,
  { root, armSecret }: { readonly root: Buffer; readonly armSecret: Buffer },
): Promise<void> {
  const path = join(into, 'bands.ndjson')
  const hex = (byte: string, length: number) => byte.repeat(length)
  const line = {
    bandId: hex('0a', 16),
    bid: hex('0b', 8),
    account: 'imported',
    generation: 1,
    vendor: 7,
    model: 1,
    batch: 1,
    conformance: 31,
    bandKey: hex('b1', 32),
    acctTag: hex('ac', 8),
    root: root.toString('hex'),
    k: 0,
    armed: {
      secret: armSecret.toString('hex'),
      armEpoch: 1,
      wearEpoch: 1,
      armedUntilMs: Date.now() + 3_600_000,
      verifiedAtMs: Date.now(),
    },
  }
  writeFileSync(path, JSON.stringify(line))
  const place = ['--url', `http://127.0.0.1:${port}`, '--admin-token', join(folder, 'admin-token')]
  const child = spawn(launcher, ['import', path, ...place], { stdio: 'ignore' })
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0)
}

/** Alters the list of partners, and puts a secret in it, as a careless hand would. */
async function spoil(engine: ServingEngine, secrets: Secrets): Promise<void> {
  const path = [join(engine.folder, 'partners.json'), join(engine.folder, 'lists', 'partners.json')].find(existsSync)
  if (path === undefined) throw new Error(`no partners.json in ${readdirSync(engine.folder).join(', ')}`)
  const pasted = randomBytes(32)
  secrets.set('pasted into a file', pasted)
  const text = readFileSync(path, 'utf8')
  writeFileSync(path, `{"key":"${pasted.toString('hex')}" ${text}`)
  process.kill(engine.pid, 'SIGHUP')
  await vi.waitFor(() => expect(engine.log.join('\n')).toContain('file.not-reloaded'), patience)
}

function reportIn(folder: string): string {
  const [name] = readdirSync(folder).filter((one) => one.startsWith('report.'))
  if (name === undefined) throw new Error('no report yet')
  const text = readFileSync(join(folder, name), 'utf8')
  JSON.parse(text)
  return text
}

/** The names of those that stand in a text, in any spelling of bytes; of texts also the half of them. */
function foundIn(text: string, secrets: Secrets): readonly string[] {
  const lower = text.toLowerCase()
  return [...secrets]
    .filter(([, secret]) => {
      if (typeof secret === 'string') return text.includes(secret.slice(-Math.ceil(secret.length / 2)))
      return spellings(secret).some((spelling) => lower.includes(spelling.toLowerCase()))
    })
    .map(([name]) => name)
}

/** Half of the bytes is enough: nothing of a secret belongs anywhere. */
function spellings(secret: Uint8Array): readonly string[] {
  const half = Buffer.from(secret.subarray(0, Math.ceil(secret.length / 6) * 3))
  const hex = half.toString('hex')
  return [
    hex,
    hex.replaceAll(/..(?=.)/g, '$& '),
    half.toString('base64'),
    half.toString('base64url'),
    half.toString('latin1'),
    [...half].join(),
    [...half].map((byte, at) => `"${at}":${byte}`).join(),
  ]
}
