// Signing in with a passkey, by an authenticator in software, and what a hostile one gets.
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { Fault } from '../engine/ports/fault.ts'
import { operatorPaths } from '../protocol/operator-api.ts'
import { operatorLimits } from './ports/limits.ts'
import { SoftwareAuthenticator, type Wish } from './sign-in/test-authenticator.ts'
import { hashToken } from './sign-in/token-sign-in.ts'
import { type Browser, type TestSite, postedFrom, testSite } from './test-site.ts'

const domain = 'localhost'

/** A challenge that waits, and the origin it is for. */
async function begun(browser: Browser, path: string): Promise<Wish> {
  const { status, body } = await browser.post(path, {})
  expect(status).toBe(200)
  return { challenge: body.challenge, origin: browser.origin, domain }
}

/** One for all: to load what judges passkeys takes a while. */
let site: TestSite
const after: (() => void | Promise<void>)[] = []
let count = 0

beforeAll(async () => {
  site = await testSite((work) => void after.push(work))
})
afterAll(async () => {
  for (const work of after.reverse()) await work()
})
// Attempts come back, and the thread that judges stays.
beforeEach(() => site.clock.pass(30_000))

/** A new operator with a passkey. */
async function withPasskey() {
  const name = `otto-${++count}`
  site.operators.add(name, 'operator')
  const browser = await site.signedIn(name)
  const authenticator = new SoftwareAuthenticator()
  const wish = await begun(browser, operatorPaths.beginNewPasskey)
  const added = await browser.post(operatorPaths.addPasskey, { response: authenticator.create(wish) })
  expect([added.status, added.body.passkeys]).toEqual([200, 1])
  return { name, browser, authenticator }
}

describe('a passkey', () => {
  it('is asked for with its user verified, bound to the name of the page, and kept on the authenticator', async () => {
    const { name, browser, authenticator } = await withPasskey()
    const { body } = await browser.post(operatorPaths.beginNewPasskey, {})
    expect(body.authenticatorSelection).toMatchObject({ residentKey: 'required', userVerification: 'required' })
    expect([body.rp.id, body.user.name]).toEqual([domain, name])
    expect(body.excludeCredentials).toEqual([{ type: 'public-key', id: authenticator.id }])
    const asked = await site.browser().post(operatorPaths.beginPasskey, {})
    expect(asked.body).toMatchObject({ rpId: domain, userVerification: 'required', allowCredentials: [] })
  })

  it('of an engine takes no place of one for the same name at another engine of that host', async () => {
    const userAt = async (of: TestSite, name: string) => {
      const { body } = await (await of.signedIn(name)).post(operatorPaths.beginNewPasskey, {})
      return { ...body.user, shownAs: body.rp.name }
    }
    const other = await testSite(onTestFinished)
    for (const at of [site, other]) at.operators.add('both', 'operator')
    other.operators.change('both', (one) => {
      const salt = new Uint8Array(32).fill(99)
      return { ...one, token: { salt, hash: hashToken(salt, 'both-token') } }
    })
    const [here, there] = [await userAt(site, 'both'), await userAt(other, 'both')]
    expect([here.name, there.name]).toEqual(['both', 'both'])
    expect(here.id).not.toBe(there.id)
    expect(here.displayName).toMatch(/^both at localhost:\d+$/)
    expect(here.displayName).not.toBe(there.displayName)
    expect(here.shownAs).not.toBe(there.shownAs)
    // One place for one operator, and none for two of the same engine.
    expect(await userAt(site, 'both')).toEqual(here)
    site.operators.add('else', 'operator')
    expect((await userAt(site, 'else')).id).not.toBe(here.id)
  })

  it('signs its operator in, and its counter is kept', async () => {
    const { name, authenticator } = await withPasskey()
    const browser = site.browser()
    expect((await browser.get(operatorPaths.session)).body.methods.passkey).toBe(true)
    authenticator.counter = 41
    const wish = await begun(browser, operatorPaths.beginPasskey)
    const { status, body } = await browser.post(operatorPaths.signInByPasskey, { response: authenticator.get(wish) })
    expect([status, body.name, body.role]).toEqual([200, name, 'operator'])
    expect(site.operators.all().find((one) => one.name === name)?.passkeys[0]?.counter).toBe(42)
    expect(site.logged.at(-1)).toMatchObject({ event: 'operator.signed-in', fields: { method: 'passkey' } })
  })

  const hostile: readonly (readonly [string, (wish: Wish) => Wish])[] = [
    ['used on a page of another origin', (wish) => ({ ...wish, origin: 'https://evil.example' })],
    ['used for another name', (wish) => ({ ...wish, domain: 'evil.example' })],
    ['that answers a challenge we never gave', (wish) => ({ ...wish, challenge: 'A'.repeat(43) })],
    ['whose user was not verified', (wish) => ({ ...wish, verified: false })],
    ['that was made for something else', (wish) => ({ ...wish, type: 'payment.get' })],
  ]

  it.for(hostile)('%s signs no one in', async ([, spoilt]) => {
    const { authenticator } = await withPasskey()
    const browser = site.browser()
    const wish = await begun(browser, operatorPaths.beginPasskey)
    const refused = await browser.post(operatorPaths.signInByPasskey, { response: authenticator.get(spoilt(wish)) })
    expect([refused.status, refused.body.error]).toEqual([401, 'sign-in-refused'])
    // The same without the spoiling does.
    const again = await begun(browser, operatorPaths.beginPasskey)
    const good = await browser.post(operatorPaths.signInByPasskey, { response: authenticator.get(again) })
    expect(good.status).toBe(200)
  })

  it('answers a challenge once: what was overheard signs no one in', async () => {
    const { authenticator } = await withPasskey()
    const response = authenticator.get(await begun(site.browser(), operatorPaths.beginPasskey))
    expect((await site.browser().post(operatorPaths.signInByPasskey, { response })).status).toBe(200)
    expect((await site.browser().post(operatorPaths.signInByPasskey, { response })).status).toBe(401)
  })

  it('answers a challenge within minutes, and none that is older', async () => {
    const { authenticator } = await withPasskey()
    const response = authenticator.get(await begun(site.browser(), operatorPaths.beginPasskey))
    site.clock.pass(operatorLimits.waitingMs)
    expect((await site.browser().post(operatorPaths.signInByPasskey, { response })).status).toBe(401)
  })

  it.runIf(process.platform === 'linux')(
    'signs its operator in however many sign-ins strangers begin meanwhile, from however many addresses',
    async () => {
      const { authenticator } = await withPasskey()
      const browser = site.browser()
      const wish = await begun(browser, operatorPaths.beginPasskey)
      // All of 127.0.0.0/8 is this machine.
      const addresses = Array.from({ length: 44 }, (_, at) => `127.0.7.${at + 1}`)
      const asked = { path: operatorPaths.beginPasskey, body: {} }
      const statuses = new Set<number>()
      for (let round = 0; round < 25; round++) {
        for (const status of await Promise.all(addresses.map((address) => postedFrom(site, address, asked))))
          statuses.add(status)
      }
      expect([...statuses]).toEqual([200])
      const { status } = await browser.post(operatorPaths.signInByPasskey, { response: authenticator.get(wish) })
      expect(status).toBe(200)
    },
  )

  it('that is new and finds no room on the disk is refused with what to do, and is no bug of ours', async () => {
    const { browser, name } = await withPasskey()
    const wish = await begun(browser, operatorPaths.beginNewPasskey)
    const keep = vi.spyOn(site.operators, 'keepPasskey')
    keep.mockImplementation(() => {
      throw new Fault('not-written', '/var/lib/bandpass/operators.json could not be written (ENOSPC)', { retry: true })
    })
    onTestFinished(() => keep.mockRestore())
    const response = new SoftwareAuthenticator().create(wish)
    const { status, body, text } = await browser.post(operatorPaths.addPasskey, { response })
    expect([status, body.error]).toEqual([503, 'not-written'])
    expect(body.message).toContain('make room')
    expect(text).not.toContain('/var/lib')
    expect(site.logged.at(-1)).toMatchObject({ level: 'error', event: 'operators.list-not-written' })
    expect(site.operators.all().find((one) => one.name === name)?.passkeys).toHaveLength(1)
  })

  it('whose counter fell is a copy, and signs nobody in', async () => {
    const { authenticator } = await withPasskey()
    authenticator.counter = 10
    const first = authenticator.get(await begun(site.browser(), operatorPaths.beginPasskey))
    expect((await site.browser().post(operatorPaths.signInByPasskey, { response: first })).status).toBe(200)
    authenticator.counter = 5
    const copy = authenticator.get(await begun(site.browser(), operatorPaths.beginPasskey))
    expect((await site.browser().post(operatorPaths.signInByPasskey, { response: copy })).status).toBe(401)
  })

  it('of somebody who was removed, or that nobody has, signs nobody in', async () => {
    const { name, authenticator } = await withPasskey()
    const stranger = new SoftwareAuthenticator()
    const unknown = stranger.get(await begun(site.browser(), operatorPaths.beginPasskey))
    expect((await site.browser().post(operatorPaths.signInByPasskey, { response: unknown })).status).toBe(401)
    site.operators.change(name, () => undefined)
    const gone = authenticator.get(await begun(site.browser(), operatorPaths.beginPasskey))
    expect((await site.browser().post(operatorPaths.signInByPasskey, { response: gone })).status).toBe(401)
  })

  it('is not added with the challenge of a sign-in, or with that of another operator', async () => {
    const { browser } = await withPasskey()
    const signIn = await begun(browser, operatorPaths.beginPasskey)
    const one = { response: new SoftwareAuthenticator().create(signIn) }
    expect((await browser.post(operatorPaths.addPasskey, one)).status).toBe(400)
    const olga = await site.signedIn('olga')
    const hers = await begun(olga, operatorPaths.beginNewPasskey)
    const other = { response: new SoftwareAuthenticator().create(hers) }
    expect((await browser.post(operatorPaths.addPasskey, other)).status).toBe(400)
  })

  it('is not added without its user verified', async () => {
    const { browser } = await withPasskey()
    const wish = await begun(browser, operatorPaths.beginNewPasskey)
    const response = new SoftwareAuthenticator().create({ ...wish, verified: false })
    expect((await browser.post(operatorPaths.addPasskey, { response })).status).toBe(400)
  })

  it('is not asked for by a session that began long ago, which may be a stolen one', async () => {
    const { name } = await withPasskey()
    const browser = await site.signedIn(name)
    site.clock.pass(operatorLimits.newPasskeyWithinMs - 1)
    expect((await browser.post(operatorPaths.beginNewPasskey, {})).status).toBe(200)
    site.clock.pass(1)
    const { status, body } = await browser.post(operatorPaths.beginNewPasskey, {})
    expect([status, body.error]).toEqual([403, 'sign-in-again'])
  })

  it('is not added by another session of its operator than the one that asked', async () => {
    const { name, browser } = await withPasskey()
    const wish = await begun(browser, operatorPaths.beginNewPasskey)
    const other = await site.signedIn(name)
    const response = new SoftwareAuthenticator().create(wish)
    expect((await other.post(operatorPaths.addPasskey, { response })).status).toBe(400)
  })

  it('has no place where the page has no name, and the answer says where it has', async () => {
    const site = await testSite(onTestFinished)
    const origin = `http://127.0.0.1:${site.listener.port}`
    const { status, body } = await site.browser().post(operatorPaths.beginPasskey, {}, { origin })
    expect([status, body.error]).toEqual([409, 'no-passkeys'])
    expect(body.message).toContain(`http://localhost:${site.listener.port}`)
  })

  it.for([
    ['nothing', {}],
    ['no credential', { response: 'yes' }],
    ['parts that are no base64url', { response: { id: '!', type: 'public-key', response: {} } }],
    ['a part that is too long', { response: { id: 'A'.repeat(9_000), type: 'public-key', response: {} } }],
  ] as const)('is not looked for in %s', async ([, body]) => {
    const site = await testSite(onTestFinished)
    expect((await site.browser().post(operatorPaths.signInByPasskey, body)).status).toBe(400)
  })

  it(`is begun ${operatorLimits.begunPerAddress.burst} times at once from one address, and not once more`, async () => {
    const site = await testSite(onTestFinished)
    for (let at = 0; at < operatorLimits.begunPerAddress.burst; at++) {
      expect((await site.browser().post(operatorPaths.beginPasskey, {})).status).toBe(200)
    }
    expect((await site.browser().post(operatorPaths.beginPasskey, {})).status).toBe(429)
  })
})

describe('while a passkey is judged', () => {
  /** A list that changes as soon as the thread has the answer, which takes it a while to load what judges. */
  async function judgedMeanwhile(ask: () => ReturnType<Browser['post']>, change: () => void) {
    const asked = ask()
    const endsAtMs = site.clock.nowMs() + operatorLimits.passkeyJudgedMs
    const isJudging = () => site.clock.waiting.some(({ atMs }) => atMs === endsAtMs)
    while (!isJudging()) await new Promise((resolve) => setImmediate(resolve))
    change()
    return asked
  }

  it.for([
    ['is removed', 401, undefined],
    ['may do less', 200, 'viewer'],
  ] as const)('an operator who %s is who they are then', async ([, status, role]) => {
    const { name, authenticator } = await withPasskey()
    const response = authenticator.get(await begun(site.browser(), operatorPaths.beginPasskey))
    const change = () => site.operators.change(name, (one) => (role === undefined ? undefined : { ...one, role }))
    const ask = () => site.browser().post(operatorPaths.signInByPasskey, { response })
    const told = await judgedMeanwhile(ask, change)
    expect([told.status, told.body.role]).toEqual([status, role])
  })

  it('a copy of it that says the same count gets nowhere', async () => {
    const { authenticator, name } = await withPasskey()
    const wish = await begun(site.browser(), operatorPaths.beginPasskey)
    const response = authenticator.get(wish)
    const counted = () =>
      site.operators.change(name, (one) => ({ ...one, passkeys: one.passkeys.map((key) => ({ ...key, counter: 1 })) }))
    const ask = () => site.browser().post(operatorPaths.signInByPasskey, { response })
    expect((await judgedMeanwhile(ask, counted)).status).toBe(401)
  })

  it('it is not added any more once its operator gets a new token', async () => {
    const { name } = await withPasskey()
    const browser = await site.signedIn(name)
    const wish = await begun(browser, operatorPaths.beginNewPasskey)
    const ask = () => browser.post(operatorPaths.addPasskey, { response: new SoftwareAuthenticator().create(wish) })
    expect((await judgedMeanwhile(ask, () => site.operators.newToken(name, 'new'))).status).toBe(400)
    expect(site.operators.all().find((one) => one.name === name)?.passkeys.length).toBe(1)
  })

  it('another one may have taken the last place: of three added at once into it one is kept', async () => {
    const { name, authenticator } = await withPasskey()
    const known = { publicKey: new Uint8Array(77), counter: 0, addedAtMs: 0 }
    for (let at = 2; at < operatorLimits.passkeysPerOperatorMax; at++)
      site.operators.keepPasskey(name, { ...known, id: `${authenticator.id}-${at}` })
    const browser = await site.signedIn(name)
    const wishes: Wish[] = []
    for (let at = 0; at < 3; at++) wishes.push(await begun(browser, operatorPaths.beginNewPasskey))
    const told = await Promise.all(
      wishes.map((wish) =>
        browser.post(operatorPaths.addPasskey, { response: new SoftwareAuthenticator().create(wish) }),
      ),
    )
    const said = told.map(({ status, body }) => `${status} ${body.error ?? body.passkeys}`)
    expect(said.toSorted()).toEqual(['200 10', '409 too-many-passkeys', '409 too-many-passkeys'])
    expect(site.operators.all().find((one) => one.name === name)?.passkeys.length).toBe(10)
  })

  it('that does not count, nothing is written: a full disk keeps nobody out', async () => {
    const { authenticator } = await withPasskey()
    authenticator.counter = -1
    const kept = vi.spyOn(site.operators, 'keepPasskey')
    onTestFinished(() => kept.mockRestore())
    const response = authenticator.get(await begun(site.browser(), operatorPaths.beginPasskey))
    expect((await site.browser().post(operatorPaths.signInByPasskey, { response })).status).toBe(200)
    expect(kept).not.toHaveBeenCalled()
  })
})
