// The operators' page of a real server: operators made by command, bands at work, and what is seen and done over HTTP.

import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { type DemoWorld, demoWorld } from '../../band-sim/demo-world.ts'
import { SoftwareAuthenticator } from '../../operators/sign-in/test-authenticator.ts'
import { Browser } from '../../operators/test-site.ts'
import { operatorPaths } from '../../protocol/operator-api.ts'
import {
  type FeedMessage,
  type FeedValue,
  decodeFeed,
  feedFields,
  feedSubprotocol,
} from '../../protocol/messages/operator-feed.ts'
import { type Partner, createPartner } from '../../sdk/offers.ts'
import type { PhoneBand } from '../../sdk/phone/phone-band.ts'
import { PhoneClient } from '../../sdk/phone-client.ts'
import { ServingEngine } from '../support/serving-engine.ts'

const launcher = join(import.meta.dirname, '..', '..', 'bin', 'bandpass')
const folder = mkdtempSync(join(tmpdir(), 'bandpass-operators-'))
const engine = new ServingEngine(folder, ['--journal-segment-bytes', '1048576', '--drain-ms', '500'])
const account = 'wearer-of-the-hills'
const tokens = new Map<string, string>()
let world: DemoWorld
let partner: Partner
let client: PhoneClient
let band: PhoneBand
let powerOff = (): void => {}

/** Beside this process, whose connections must not be let go stale meanwhile. */
function bandpass(
  ...args: readonly string[]
): Promise<{ readonly status: number | string; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve) => {
    execFile(launcher, [...args, '--data', folder], (error, stdout, stderr) => {
      resolve({ status: error?.code ?? 0, stdout, stderr })
    })
  })
}

async function signedIn(name: string): Promise<Browser> {
  const browser = new Browser({ port: Number(new URL(engine.operatorsUrl).port) })
  const { status } = await browser.signIn(name, tokens.get(name))
  expect(status).toBe(200)
  return browser
}

function pays(amountMinor = 450) {
  const order = {
    action: 'pay',
    resource: '0b'.repeat(16),
    amountMinor,
    currency: 978,
    label: '=Coffee, "hot"',
  } as const
  return band.pay(partner.offer({ ...order, expiresAtMs: Date.now() + 60_000 }).bytes)
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20))
}

/** What the feed says, from `whole` on. */
function feedOf(browser: Browser): { readonly heard: FeedMessage[]; readonly closed: Promise<number> } {
  const headers = { origin: browser.origin, cookie: browser.cookieHeader }
  const address = `${browser.origin.replace('http', 'ws')}${operatorPaths.feed}`
  const socket = new WebSocket(address, feedSubprotocol, { headers })
  const heard: FeedMessage[] = []
  socket.on('message', (data: Buffer) => {
    const message = decodeFeed(data)
    if (!('expected' in message)) heard.push(message)
  })
  return { heard, closed: new Promise((resolve) => socket.once('close', (code) => resolve(code))) }
}

/** The newest value of a field. */
function valueOf(heard: readonly FeedMessage[], field: string): FeedValue | undefined {
  const at = feedFields.indexOf(field)
  let value: FeedValue | undefined
  for (const message of heard) {
    if (message.type === 'whole') value = message.values[at]
    const change = message.type === 'changed' ? message.changes.find(([changed]) => changed === at) : undefined
    if (change !== undefined) value = change[1]
  }
  return value
}

beforeAll(async () => {
  await engine.start()
  const roles = { vera: 'viewer', otto: 'operator', olga: 'operator', adam: 'admin', anna: 'admin' }
  for (const [name, role] of Object.entries(roles)) {
    const { status, stdout, stderr } = await bandpass('operator', 'add', name, '--role', role)
    expect([status, stderr]).toEqual([0, 'bandpass: the running engine knows\n'])
    tokens.set(name, (JSON.parse(stdout) as { readonly token: string }).token)
  }
  world = demoWorld(engine.demoFile())
  partner = createPartner(world.partner)
  client = await PhoneClient.connect(world.phone(account))
  const { wearer, radio } = world.newBand()
  powerOff = () => wearer.band.powerOff()
  wearer.taps()
  band = await client.pair(radio.phone, { packageSecret: wearer.band.device.packageSecret })
  wearer.putsOn()
  await band.whenWorn()
  await band.arm()
  await until(async () => (await signedInNow('vera')) !== undefined)
})

/** The engine reads the list within a second. */
async function signedInNow(name: string): Promise<Browser | undefined> {
  const browser = new Browser({ port: Number(new URL(engine.operatorsUrl).port) })
  return (await browser.signIn(name, tokens.get(name))).status === 200 ? browser : undefined
}

afterAll(async () => {
  client.close()
  powerOff()
  await engine.kill()
  rmSync(folder, { recursive: true, force: true })
})

/** The band's id, as an operator finds it by the account. */
async function bandId(browser: Browser): Promise<string> {
  const { body } = await browser.get(`${operatorPaths.bands}?name=${account}`)
  expect(body.bands.length).toBe(1)
  return body.bands[0].bandId
}

const act = (browser: Browser, body: object) => browser.post(operatorPaths.acts, { ...body, reason: 'a drill' })

describe('the operators of a server', () => {
  it('are in a file that only the server may read, without their tokens', async () => {
    const path = join(folder, 'operators.json')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const text = readFileSync(path, 'utf8')
    for (const token of tokens.values()) expect(text).not.toContain(token)
    expect((await bandpass('operator', 'list')).stdout).toMatch(/otto +operator +0/)
    expect(engine.log.join('\n')).not.toContain(tokens.get('otto'))
  })

  it.for([
    [1, 'there is an operator otto already', ['add', 'otto', '--role', 'viewer']],
    [2, '1 to 32 of a-z', ['add', 'Otto!', '--role', 'viewer']],
    [2, 'one of viewer, operator, admin', ['add', 'ida', '--role', 'king']],
    [2, 'NAME is missing', ['token']],
    [1, 'no operator "nobody"', ['remove', 'nobody']],
  ] as const)('are told with exit code %i and "%s" what somebody typed wrong', async ([code, message, args]) => {
    const { status, stderr } = await bandpass('operator', ...args)
    expect([status, stderr]).toEqual([code, expect.stringContaining(message)])
  })

  it('come to the page from the phones’ port, when a browser asks here', async () => {
    const address = `http://127.0.0.1:${engine.port}/`
    const browser = await fetch(address, { headers: { accept: 'text/html' }, redirect: 'manual' })
    expect([browser.status, browser.headers.get('location')]).toEqual([302, engine.operatorsUrl])
    expect(await (await fetch(address)).text()).toContain('/phone')
  })

  it('sign in with a passkey, too', async () => {
    const otto = await signedIn('otto')
    const authenticator = new SoftwareAuthenticator()
    const place = { origin: otto.origin, domain: 'localhost' }
    const wish = (await otto.post(operatorPaths.beginNewPasskey, {})).body
    const response = authenticator.create({ ...place, challenge: wish.challenge })
    expect((await otto.post(operatorPaths.addPasskey, { response })).body.passkeys).toBe(1)
    const browser = new Browser({ port: Number(new URL(otto.origin).port) })
    const { challenge } = (await browser.post(operatorPaths.beginPasskey, {})).body
    const signed = await browser.post(operatorPaths.signInByPasskey, {
      response: authenticator.get({ ...place, challenge }),
    })
    expect([signed.status, signed.body.name]).toEqual([200, 'otto'])
    expect((await bandpass('operator', 'list')).stdout).toMatch(/otto +operator +1/)
  })

  it('who are removed are signed out, and their pages closed', async () => {
    const { stdout } = await bandpass('operator', 'add', 'ida', '--role', 'admin')
    tokens.set('ida', (JSON.parse(stdout) as { readonly token: string }).token)
    let ida: Browser | undefined
    await until(async () => (ida = await signedInNow('ida')) !== undefined)
    if (ida === undefined) return
    const feed = feedOf(ida)
    await until(() => feed.heard.length > 0)
    expect((await bandpass('operator', 'remove', 'ida')).status).toBe(0)
    expect(await feed.closed).toBe(4001)
    expect((await ida.get(operatorPaths.fleet)).status).toBe(401)
  })
})

describe('an operator at work', () => {
  it('sees the fleet, its last minute, its settings without a secret, and the feed that goes on', async () => {
    const vera = await signedIn('vera')
    const { body } = await vera.get(operatorPaths.fleet)
    expect([body.durability, body.budget]).toEqual(['disk', { p99Ms: 1, p999Ms: 3 }])
    expect(body.history.seconds.at(-1).values.length).toBe(body.history.fields.length)
    for (const field of body.history.fields) expect(feedFields).toContain(field)
    expect(body.alarms.map((one: { name: string }) => one.name)).toContain('journal')
    const feed = feedOf(vera)
    await until(() => feed.heard.length >= 2)
    expect(valueOf(feed.heard, 'bands.armed')).toBe(1)
    expect(valueOf(feed.heard, 'clockCertain')).toBe(1)
    const before = valueOf(feed.heard, 'decisions.approved') ?? 0
    expect((await pays()).reason).toBe('approved')
    await until(() => valueOf(feed.heard, 'decisions.approved') === before + 1)
    const { body: settings, text } = await vera.get(operatorPaths.settings)
    expect(settings.settings.find((one: { path: string }) => one.path === 'drainMs').value).toBe('500')
    expect(text).not.toMatch(/masterKeyFile|adminToken|clientSecretFile/)
    expect((await vera.get(operatorPaths.partners)).body.partners.length).toBe(1)
    expect((await vera.get(operatorPaths.vendors)).body.vendors).toMatchObject([{ standing: 'active' }])
  })

  it('freezes a band: the very next payment is denied, and two are needed to undo it', async () => {
    const [otto, olga] = [await signedIn('otto'), await signedIn('olga')]
    const id = await bandId(otto)
    expect((await pays()).reason).toBe('approved')
    const frozen = await act(otto, { act: 'freeze-band', bandId: id })
    expect([frozen.status, frozen.body.type]).toEqual([200, 'done'])
    expect(frozen.body.outcome.fanOut.lastApproval).not.toBeNull()
    expect((await pays()).reason).toBe('operator-freeze')
    const { body } = await otto.get(`${operatorPaths.timeline.replace(':bandId', id)}?limit=50`)
    const kinds = body.entries.map(
      (one: { type: string; reason?: string; act?: string }) => one.act ?? one.reason ?? one.type,
    )
    expect(kinds).toContain('operator-freeze')
    expect(JSON.stringify(body.entries)).toContain('operator:otto')
    const proposed = await act(otto, { act: 'unfreeze-band', bandId: id })
    expect(proposed.body.type).toBe('proposed')
    const agree = operatorPaths.agree.replace(':id', proposed.body.proposal.id)
    expect((await otto.post(agree, {})).body.error).toBe('same-operator')
    expect((await pays()).reason).toBe('operator-freeze')
    expect((await olga.post(agree, {})).body.type).toBe('done')
    expect((await pays()).reason).not.toBe('operator-freeze')
  })

  it('lists, exports, explains and replays the same decisions', async () => {
    const otto = await signedIn('otto')
    const query = 'reason=operator-freeze'
    const { body } = await otto.get(`${operatorPaths.decisions}?${query}`)
    expect(body.decisions.length).toBeGreaterThan(1)
    const lines = (await otto.get(`${operatorPaths.export}?format=jsonl&${query}`)).text.trim().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as { lsn: number }).lsn)).toEqual(
      body.decisions.map((one: { lsn: number }) => one.lsn),
    )
    const csv = (await otto.get(`${operatorPaths.export}?format=csv&${query}`)).text
    expect(csv.trim().split('\r\n').length).toBe(lines.length + 1)
    expect(csv).toContain(`"'=Coffee, ""hot"""`)
    expect(csv + lines.join('')).not.toContain(account)
    const [{ lsn }] = body.decisions
    const why = await otto.get(operatorPaths.decision.replace(':lsn', `${lsn}`))
    expect(why.body.decision).toMatchObject({ lsn, reason: 'operator-freeze' })
    expect(why.body.facts.length).toBeGreaterThan(3)
    const replayed = await otto.post(operatorPaths.replay, { lsn })
    expect([replayed.status, replayed.body.same]).toEqual([200, true])
    expect((await otto.post(operatorPaths.replay, { lsn: 1 })).status).toBe(404)
  })

  it('sees whose band it is only by an act of its own', async () => {
    const otto = await signedIn('otto')
    const id = await bandId(otto)
    const seen = await otto.get(operatorPaths.band.replace(':bandId', id))
    expect([seen.status, seen.text.includes(account)]).toEqual([200, false])
    const opened = await act(otto, { act: 'open-account', bandId: id })
    expect(opened.body.outcome.account).toBe(account)
    expect((await act(await signedIn('vera'), { act: 'open-account', bandId: id })).status).toBe(403)
  })

  it('revokes a vendor with a second admin, and restores it, in the list that the engine reads', async () => {
    const [adam, anna] = [await signedIn('adam'), await signedIn('anna')]
    const [{ vendor }] = (await adam.get(operatorPaths.vendors)).body.vendors
    for (const [name, standing] of [
      ['revoke-vendor', 'revoked'],
      ['restore-vendor', 'active'],
    ] as const) {
      const { body } = await act(adam, { act: name, vendor })
      expect(body.type).toBe('proposed')
      const done = await anna.post(operatorPaths.agree.replace(':id', body.proposal.id), {})
      expect(done.body.type).toBe('done')
      expect((await adam.get(operatorPaths.vendors)).body.vendors).toMatchObject([{ vendor, standing }])
      expect((await bandpass('vendor', 'list')).stdout).toContain(standing)
    }
    expect((await act(adam, { act: 'restore-vendor', vendor })).body.message).toBe('that is not revoked')
  })

  it('is told when the list of vendors cannot be written, and what was agreed to waits until it can', async () => {
    const [adam, anna] = [await signedIn('adam'), await signedIn('anna')]
    const [{ vendor }] = (await adam.get(operatorPaths.vendors)).body.vendors
    const { body } = await act(adam, { act: 'revoke-vendor', vendor })
    const agree = operatorPaths.agree.replace(':id', body.proposal.id)
    // Where the next list is written before it takes the place of the one before.
    const inTheWay = join(folder, 'lists', `vendors.json.${engine.pid}.next`)
    mkdirSync(inTheWay)
    const refused = await anna.post(agree, {})
    expect([refused.status, refused.body.error]).toEqual([503, 'unavailable'])
    expect(refused.body.message).toMatch(
      /^written down as \d+, but not carried out: the list of vendors could not be written \(\w+\)$/,
    )
    expect((await adam.get(operatorPaths.vendors)).body.vendors).toMatchObject([{ vendor, standing: 'active' }])
    rmSync(inTheWay, { recursive: true })
    expect((await anna.post(agree, {})).body.type).toBe('done')
    const restored = await act(adam, { act: 'restore-vendor', vendor })
    const again = operatorPaths.agree.replace(':id', restored.body.proposal.id)
    expect((await anna.post(again, {})).body.type).toBe('done')
  })

  it('drains the engine: nobody new, phones are told, the page stays and says so', async () => {
    const adam = await signedIn('adam')
    const feed = feedOf(adam)
    await until(() => feed.heard.length > 0)
    const ready = () => fetch(`http://127.0.0.1:${engine.port}/readyz`)
    expect((await ready()).status).toBe(200)
    expect((await act(adam, { act: 'drain' })).body.type).toBe('done')
    const answer = await ready()
    expect([answer.status, await answer.json()]).toEqual([503, { ready: false, reasons: ['draining'] }])
    await until(() => valueOf(feed.heard, 'draining') === 1 && valueOf(feed.heard, 'sessions.live') === 0)
    const newcomer = new WebSocket(`ws://127.0.0.1:${engine.port}/phone`, 'bandpass.v1')
    const turnedAway = new Promise((_resolve, reject) => newcomer.once('error', reject))
    await expect(turnedAway).rejects.toThrow('Unexpected server response: 503')
    expect((await adam.get(operatorPaths.fleet)).status).toBe(200)
    expect(await engine.stop()).toBe(0)
    expect(await feed.closed).toBe(1001)
  })
})
