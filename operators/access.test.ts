// Who gets in, and who does what: every route and every act against every role.
import { describe, expect, it, onTestFinished } from 'vitest'
import { namesOf } from '../base/names.ts'
import {
  type OperatorActName,
  type OperatorRole,
  operatorActs,
  operatorHeader,
  operatorPaths,
  operatorRoles,
} from '../protocol/operator-api.ts'
import { operatorLimits } from './ports/limits.ts'
import type { KeptSession } from './ports/ports.ts'
import { knownBand, testRoles, testSite } from './test-site.ts'

const nameOf: Readonly<Record<OperatorRole, string>> = { viewer: 'vera', operator: 'otto', admin: 'adam' }

/** What each path needs, written down once more, by hand: what the code says must be this. */
const needs: Readonly<Record<string, OperatorRole | 'anybody'>> = {
  'GET /api/session': 'anybody',
  'POST /api/session/token': 'anybody',
  'POST /api/session/passkey/begin': 'anybody',
  'POST /api/session/passkey': 'anybody',
  'GET /api/session/oidc': 'anybody',
  'GET /api/session/oidc/back': 'anybody',
  'POST /api/session/end': 'anybody',
  'POST /api/passkeys/begin': 'viewer',
  'POST /api/passkeys': 'viewer',
  'GET /api/fleet': 'viewer',
  'GET /api/bands': 'viewer',
  'GET /api/bands/:bandId': 'viewer',
  'GET /api/bands/:bandId/timeline': 'viewer',
  'GET /api/decisions': 'viewer',
  'GET /api/decisions/:lsn': 'viewer',
  'GET /api/export': 'operator',
  'POST /api/replay': 'viewer',
  'POST /api/acts/preview': 'operator',
  'POST /api/acts': 'operator',
  'GET /api/proposals': 'viewer',
  'POST /api/proposals/:id/agree': 'operator',
  'POST /api/proposals/:id/withdraw': 'operator',
  'GET /api/partners': 'viewer',
  'GET /api/vendors': 'viewer',
  'GET /api/settings': 'viewer',
  'GET /api/operators': 'admin',
}

describe('each route', () => {
  it('is in the table of this test, but for the feed, which is no route', () => {
    const paths = new Set(Object.keys(needs).map((key) => key.split(' ')[1]))
    expect(Object.values(operatorPaths).filter((path) => !paths.has(path))).toEqual([operatorPaths.feed])
  })

  const rows = Object.entries(needs).flatMap(([key, need]) =>
    ([...operatorRoles, 'nobody'] as const).map((role) => ({ key, need, role })),
  )

  it.for(rows)('$key needs $need, and is answered so to $role', async ({ key, need, role }) => {
    const site = await testSite(onTestFinished)
    const browser = role === 'nobody' ? site.browser() : await site.signedIn(nameOf[role])
    const [method, path = ''] = key.split(' ')
    const address = path.replace(/:\w+/, '5a'.repeat(16))
    const { status, body } = method === 'GET' ? await browser.get(address) : await browser.post(address, '{"no":1}')
    const isLeft =
      need === 'anybody' || (role !== 'nobody' && operatorRoles.indexOf(role) >= operatorRoles.indexOf(need))
    if (isLeft) {
      // Let through to what reads the request, which finds that it makes no sense, or answers.
      expect(['role', 'signed-out', 'foreign']).not.toContain(body?.error)
    } else {
      expect([status, body.error]).toEqual(role === 'nobody' ? [401, 'signed-out'] : [403, 'role'])
    }
  })
})

const bandActs = namesOf(operatorActs).filter((act) => !['revoke-vendor', 'restore-vendor', 'drain'].includes(act))

function requestOf(act: OperatorActName): object {
  if (act === 'remove-phone') return { act, bandId: knownBand, phoneId: 'ab'.repeat(16) }
  if (bandActs.includes(act)) return { act, bandId: knownBand }
  return act === 'drain' ? { act } : { act, vendor: 7 }
}

describe('each act', () => {
  const rows = namesOf(operatorActs).flatMap((act) => operatorRoles.map((role) => ({ act, role })))

  it.for(rows)('$act is done, proposed or refused to $role as the protocol says', async ({ act, role }) => {
    const site = await testSite(onTestFinished)
    const browser = await site.signedIn(nameOf[role])
    const { status, body } = await browser.post(operatorPaths.acts, { ...requestOf(act), reason: 'a drill' })
    const preview = await browser.post(operatorPaths.preview, requestOf(act))
    const { role: needed, second } = operatorActs[act]
    const did = [...site.engine.performed, ...site.vendorActs, ...site.engine.journaled]
    if (operatorRoles.indexOf(role) < operatorRoles.indexOf(needed)) {
      expect([status, body.error]).toEqual([403, 'role'])
      expect([preview.status, preview.body.error]).toEqual([403, 'role'])
      expect(did).toEqual([])
    } else {
      expect([status, body.type]).toEqual([200, second ? 'proposed' : 'done'])
      expect(preview.status).toBe(200)
      expect(did.length).toBe(second ? 0 : 1)
    }
  })
})

describe('signing in by token', () => {
  it('lets in who shows the name and its token, in a cookie that scripts and other sites cannot have', async () => {
    const site = await testSite(onTestFinished)
    const browser = site.browser()
    const { status, body, headers } = await browser.signIn('otto')
    expect([status, body.signedIn, body.name, body.role]).toEqual([200, true, 'otto', 'operator'])
    const [cookie = ''] = headers.getSetCookie()
    expect(cookie).toMatch(/^bandpass-\d+=[\w-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict$/)
    expect((await browser.get(operatorPaths.session)).body.name).toBe('otto')
  })

  it('behind https sets a Secure cookie that no other host can set', async () => {
    const origin = 'https://bands.example'
    const site = await testSite(onTestFinished, { origin })
    const { headers } = await site
      .browser()
      .post(operatorPaths.signInByToken, { name: 'otto', token: 'otto-token' }, { origin })
    expect(headers.getSetCookie()[0]).toMatch(/^__Host-bandpass=.*; Path=\/; .*; HttpOnly; SameSite=Strict; Secure$/)
  })

  it('answers a wrong token, a name that nobody has, and a token of somebody else alike', async () => {
    const site = await testSite(onTestFinished)
    const told = await Promise.all([
      site.browser().signIn('otto', 'wrong'),
      site.browser().signIn('nobody', 'wrong'),
      site.browser().signIn('otto', 'adam-token'),
    ])
    expect(new Set(told.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect(told[0]?.status).toBe(401)
  })

  it('is logged, and a refusal is, and neither shows a token, not even one typed as a name', async () => {
    const site = await testSite(onTestFinished)
    await site.signedIn('otto')
    await site.browser().signIn('otto', 'not-the-token')
    await site.browser().signIn('Tm90LWEtbmFtZS1idXQtYS10b2tlbi1vZi0zMi1ieXRlcw', 'otto')
    expect(site.logged.map(({ event }) => event)).toEqual([
      'operator.signed-in',
      'operator.sign-in-refused',
      'operator.sign-in-refused',
    ])
    expect(JSON.stringify(site.logged)).not.toMatch(/token"?:"|not-the-token|otto-token|Tm90/)
  })

  it(`answers the ${operatorLimits.wrongPerName.burst}th wrong token of a name, and the next one not for a while`, async () => {
    const site = await testSite(onTestFinished)
    for (let at = 0; at < operatorLimits.wrongPerName.burst; at++) {
      expect((await site.browser().signIn('otto', 'wrong')).status).toBe(401)
    }
    const past = await site.browser().signIn('otto', 'wrong')
    expect([past.status, past.body.error, past.headers.get('retry-after')]).toEqual([429, 'too-many-attempts', '12'])
    site.clock.pass(12_000)
    expect((await site.browser().signIn('otto', 'wrong')).status).toBe(401)
  })

  it(`answers the ${operatorLimits.wrongPerAddress.burst}th wrong token of an address, whatever the names, and no more`, async () => {
    const site = await testSite(onTestFinished)
    for (let at = 0; at < operatorLimits.wrongPerAddress.burst; at++) {
      expect((await site.browser().signIn(`name-${at}`, 'wrong')).status).toBe(401)
    }
    expect((await site.browser().signIn('another', 'wrong')).status).toBe(429)
  })

  it('is not kept from who has the token by who guesses at the name, at the same address', async () => {
    const site = await testSite(onTestFinished)
    for (let at = 0; at < 30; at++) await site.browser().signIn('otto', 'wrong')
    expect((await site.browser().signIn('otto', 'wrong')).status).toBe(429)
    expect((await site.browser().signIn('otto')).status).toBe(200)
  })
})

describe('a session', () => {
  it('ends at sign-out, also for who kept its cookie', async () => {
    const site = await testSite(onTestFinished)
    const browser = await site.signedIn('otto')
    const copy = site.browser()
    for (const [name, value] of browser.cookies) copy.cookies.set(name, value)
    expect((await copy.get(operatorPaths.fleet)).status).toBe(200)
    expect((await browser.post(operatorPaths.signOut, {})).body.signedIn).toBe(false)
    expect((await copy.get(operatorPaths.fleet)).status).toBe(401)
  })

  it('lasts while it is used within the idle time, and not a moment longer', async () => {
    const idleMs = 60_000
    const site = await testSite(onTestFinished, { sessionTimes: { idleMs, absoluteMs: 10 * idleMs } })
    const browser = await site.signedIn('otto')
    site.clock.pass(idleMs - 1)
    expect((await browser.get(operatorPaths.fleet)).status).toBe(200)
    site.clock.pass(idleMs - 1)
    expect((await browser.get(operatorPaths.fleet)).status).toBe(200)
    site.clock.pass(idleMs)
    expect((await browser.get(operatorPaths.fleet)).status).toBe(401)
  })

  it('is not kept alive by a page that only asks whether it lasts', async () => {
    const idleMs = 60_000
    const site = await testSite(onTestFinished, { sessionTimes: { idleMs, absoluteMs: 10 * idleMs } })
    const browser = await site.signedIn('otto')
    site.clock.pass(idleMs - 1)
    expect((await browser.get(operatorPaths.session)).body.signedIn).toBe(true)
    site.clock.pass(1)
    expect((await browser.get(operatorPaths.session)).body.signedIn).toBe(false)
  })

  it('ends when it is old, however much it is used', async () => {
    const idleMs = 60_000
    const site = await testSite(onTestFinished, { sessionTimes: { idleMs, absoluteMs: 2 * idleMs } })
    const browser = await site.signedIn('otto')
    for (let at = 0; at < 3; at++) {
      site.clock.pass(idleMs / 2)
      expect((await browser.get(operatorPaths.fleet)).status).toBe(200)
    }
    site.clock.pass(idleMs / 2)
    expect((await browser.get(operatorPaths.fleet)).status).toBe(401)
  })

  it.for([
    ['is removed', (site: Site) => site.operators.change('otto', () => undefined)],
    ['gets another role', (site: Site) => site.operators.change('otto', (one) => ({ ...one, role: 'viewer' }))],
    ['gets a new token', (site: Site) => site.operators.newToken('otto', 'new')],
  ] as const)('ends when its operator %s, and those of others go on', async ([, change]) => {
    const site = await testSite(onTestFinished)
    const [otto, olga] = [await site.signedIn('otto'), await site.signedIn('olga')]
    change(site)
    expect((await otto.get(operatorPaths.fleet)).status).toBe(401)
    expect((await olga.get(operatorPaths.fleet)).status).toBe(200)
  })

  it(`makes room when an operator has more than ${operatorLimits.sessionsPerOperatorMax}: the oldest ends`, async () => {
    const site = await testSite(onTestFinished)
    const first = await site.signedIn('otto')
    for (let at = 1; at < operatorLimits.sessionsPerOperatorMax; at++) await site.signedIn('otto')
    expect((await first.get(operatorPaths.fleet)).status).toBe(200)
    await site.signedIn('otto')
    expect((await first.get(operatorPaths.fleet)).status).toBe(401)
  })

  it('is not begun by a cookie that somebody else sets', async () => {
    const site = await testSite(onTestFinished)
    const browser = await site.signedIn('otto')
    const [name = ''] = browser.cookies.keys()
    const fixed = site.browser()
    fixed.cookies.set(name, 'A'.repeat(43))
    await fixed.signIn('olga')
    expect(fixed.cookies.get(name)).not.toBe('A'.repeat(43))
  })

  /** The next start at the same port, with what the one before left on disk. */
  async function restarted(before: Site, disk: Disk, sessionTimes = { idleMs: 60_000, absoluteMs: 600_000 }) {
    await before.listener.close()
    const site = await testSite(onTestFinished, { port: before.listener.port, sessionTimes }, disk)
    // Connections of before are found to be gone by using them.
    const isServed = () =>
      site
        .browser()
        .get(operatorPaths.session)
        .then(Boolean, () => false)
    for (let served = false; !served;) served = await isServed()
    return site
  }

  it('outlives a restart, for as long as it would have lasted, and not what ended it', async () => {
    const disk: Disk = { sessions: [] }
    const idleMs = 60_000
    const before = await testSite(onTestFinished, { sessionTimes: { idleMs, absoluteMs: 10 * idleMs } }, disk)
    const [otto, olga] = [await before.signedIn('otto'), await before.signedIn('olga')]
    const stolen = new Map(olga.cookies)
    await olga.post(operatorPaths.signOut, {})
    for (const cookie of otto.cookies.values()) expect(JSON.stringify(disk)).not.toContain(cookie)
    const after = await restarted(before, disk)
    expect((await otto.get(operatorPaths.fleet)).status).toBe(200)
    for (const [name, value] of stolen) olga.cookies.set(name, value)
    expect((await olga.get(operatorPaths.fleet)).status).toBe(401)
    after.clock.pass(idleMs)
    expect((await otto.get(operatorPaths.fleet)).status).toBe(401)
  })

  it.for([
    ['was removed', { name: 'nobody' }],
    ['got another role', { role: 'admin' }],
    ['got a new token', { tokenHash: '00'.repeat(32) }],
  ] as const)('does not outlive a restart in which its operator %s', async ([, other]) => {
    const disk: Disk = { sessions: [] }
    const before = await testSite(onTestFinished, {}, disk)
    const otto = await before.signedIn('otto')
    const unchanged = await restarted(before, disk)
    expect((await otto.get(operatorPaths.fleet)).status).toBe(200)
    await unchanged.listener.close()
    disk.sessions = disk.sessions.map((one) => ({ ...one, ...other }))
    await restarted(unchanged, disk)
    expect((await otto.get(operatorPaths.fleet)).status).toBe(401)
    expect(disk.sessions).toEqual([])
  })

  it('is shown to an admin as a count, never as what it is', async () => {
    const site = await testSite(onTestFinished)
    const [adam] = [await site.signedIn('adam'), await site.signedIn('otto')]
    const { body, text } = await adam.get(operatorPaths.operators)
    expect(body.operators.find((one: { name: string }) => one.name === 'otto')).toEqual({
      name: 'otto',
      role: testRoles.otto,
      passkeys: 0,
      sessions: 1,
    })
    expect(text).not.toMatch(/hash|salt|token/)
  })
})

type Site = Awaited<ReturnType<typeof testSite>>
type Disk = { sessions: readonly KeptSession[] }

describe('a request that is not of our own page', () => {
  const act = { act: 'freeze-band', bandId: knownBand, reason: 'a drill' }
  const forged: readonly (readonly [string, Readonly<Record<string, string | undefined>>])[] = [
    ['of another origin', { origin: 'https://evil.example', 'sec-fetch-site': undefined }],
    ['of another port of this machine', { origin: 'http://localhost:1' }],
    ['without an origin', { origin: undefined, 'sec-fetch-site': undefined }],
    ['of an origin that is kept secret', { origin: 'null' }],
    ['that the browser says comes from another site', { 'sec-fetch-site': 'cross-site' }],
    ['that the browser says comes from a sibling', { 'sec-fetch-site': 'same-site' }],
    ['that a form could send', { [operatorHeader]: undefined }],
  ]

  it.for(forged)('%s does nothing, although the cookie is there', async ([, headers]) => {
    const site = await testSite(onTestFinished)
    const browser = await site.signedIn('otto')
    expect((await browser.post(operatorPaths.acts, act)).status).toBe(200)
    const { status, body } = await browser.post(operatorPaths.acts, act, headers)
    expect([status, body.error]).toEqual([403, 'foreign'])
    expect(site.engine.performed.length).toBe(1)
    expect(site.logged.at(-1)?.event).toBe('operator.foreign-request')
  })

  it('reads nothing either', async () => {
    const site = await testSite(onTestFinished)
    const browser = await site.signedIn('otto')
    const { status } = await browser.get(operatorPaths.fleet, { 'sec-fetch-site': 'cross-site' })
    expect(status).toBe(403)
  })
})
