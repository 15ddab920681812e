// What a hostile peer does to the operators' listener, and what comes of it.
import { type Socket, connect } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { operatorHeader, operatorPaths } from '../protocol/operator-api.ts'
import { operatorLimits } from './ports/limits.ts'
import { type Browser, type TestSite, batchRows, entryOf, knownBand, postedFrom, testSite } from './test-site.ts'

const csv = `${operatorPaths.export}?format=csv`

/** A connection that says this and goes on as the test wants. */
function opened({ listener }: TestSite, bytes: string, isHalfOpen = false): Socket {
  const socket = connect({ port: listener.port, host: '127.0.0.1', allowHalfOpen: isHalfOpen })
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => undefined)
  socket.write(bytes)
  return socket
}

function headOf(browser: Browser, first: string, more: readonly string[] = []): string {
  const own = [`host: ${new URL(browser.origin).host}`, `origin: ${browser.origin}`, `${operatorHeader}: 1`]
  return `${[first, ...own, `cookie: ${browser.cookieHeader}`, ...more].join('\r\n')}\r\n\r\n`
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 5))
}

describe('who is turned away at the feed and does not go', () => {
  it('takes no one’s place: there is room after as many of them as connections fit', async () => {
    const site = await testSite(onTestFinished)
    const upgrade = headOf(site.browser(), `GET ${operatorPaths.feed} HTTP/1.1`, [
      'connection: upgrade',
      'upgrade: websocket',
    ])
    const stubborn = Array.from({ length: operatorLimits.crowded.max }, () => opened(site, upgrade, true))
    await Promise.all(
      stubborn.map((socket) => {
        socket.resume()
        return new Promise((resolve) => socket.once('end', resolve))
      }),
    )
    expect((await site.browser().get(operatorPaths.session)).status).toBe(200)
  })
})

describe('a stranger who keeps the listener full of half heads, and comes back whenever one is cut', () => {
  const socketsCount = operatorLimits.crowded.perOwnerMax + 168

  function hold(site: TestSite, isOver: () => boolean): void {
    const socket = connect(site.listener.port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.on('error', () => undefined)
    socket.once('close', () => {
      if (!isOver()) hold(site, isOver)
    })
    socket.write(`GET / HTTP/1.1\r\nhost: localhost:${site.listener.port}\r\nx: `)
  }

  it.for(['who is signed in', 'who is about to sign in'])(
    'keeps no operator out: %s is answered each time',
    async (who) => {
      const site = await testSite(onTestFinished)
      const otto = who === 'who is signed in' ? await site.signedIn('otto') : site.browser()
      let isOver = false
      onTestFinished(() => void (isOver = true))
      for (let count = 0; count < socketsCount; count++) hold(site, () => isOver)
      await new Promise((resolve) => setTimeout(resolve, 200))
      const answers: string[] = []
      for (let time = 0; time < 14; time++) {
        let text = ''
        try {
          const page = headOf(otto, `GET ${operatorPaths.session} HTTP/1.1`, ['connection: close'])
          for await (const part of opened(site, page)) text += String(part)
        } catch {
          // It was cut.
        }
        answers.push(text.slice(0, 12))
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      isOver = true
      expect(answers).toEqual(Array(14).fill('HTTP/1.1 200'))
    },
  )
})

describe('an export', () => {
  it('that its reader left before it began gives its place back', async () => {
    const site = await testSite(onTestFinished)
    const otto = await site.signedIn('otto')
    for (let at = 0; at < operatorLimits.exports.max; at++) {
      let isOnDisk = (_: undefined): void => {}
      site.engine.waitsFor = new Promise((resolve) => (isOnDisk = resolve))
      const gone = opened(site, headOf(otto, `GET ${csv} HTTP/1.1`))
      await until(() => site.engine.journaled.length === at + 1)
      gone.destroy()
      await until(async () => (await otto.get(operatorPaths.session)).status === 200)
      await new Promise((resolve) => setTimeout(resolve, 20))
      isOnDisk(undefined)
    }
    site.engine.waitsFor = undefined
    await until(async () => (await otto.get(csv)).status === 200)
  })

  it.for([
    ['was removed', (site: TestSite) => site.operators.change('otto', () => undefined)],
    ['signed out', (_: TestSite, otto: Browser) => otto.post(operatorPaths.signOut, {})],
  ] as const)('is cut off when its reader %s, and the file is seen to be cut', async ([, change]) => {
    const site = await testSite(onTestFinished)
    for (let lsn = 1; lsn <= 60 * batchRows; lsn++) site.decisions.push(entryOf(lsn, { label: 'x'.repeat(200) }))
    const otto = await site.signedIn('otto')
    const answer = await otto.raw(csv, { method: 'GET', headers: { 'sec-fetch-site': 'same-origin' } })
    expect(answer.status).toBe(200)
    await change(site, otto)
    const isCut = await answer.text().then(
      () => false,
      () => true,
    )
    expect(isCut).toBe(true)
    expect(site.searches.length).toBeLessThan(60)
  })

  it('whose search fails is seen to be cut, says nothing of where the journal lies, and is in the log as JSON', async () => {
    const console_ = vi.spyOn(console, 'error')
    onTestFinished(() => console_.mockRestore())
    const site = await testSite(onTestFinished)
    for (let lsn = 1; lsn <= 3 * batchRows; lsn++) site.decisions.push(entryOf(lsn))
    site.faults.searchAfter = 2
    const otto = await site.signedIn('otto')
    const head = headOf(otto, `GET ${csv} HTTP/1.1`, ['connection: close'])
    let text = ''
    try {
      for await (const part of opened(site, head)) text += String(part)
    } catch {
      // It was cut off.
    }
    expect(text).toContain('HTTP/1.1 200')
    expect(text.includes('/var/lib')).toBe(false)
    // The last chunk of a whole answer.
    expect(text.endsWith('0\r\n\r\n')).toBe(false)
    expect(console_).not.toHaveBeenCalled()
    expect(site.logged.at(-1)).toMatchObject({ level: 'error', event: 'operator.answer-cut-off' })
  })

  it('lasts as long as its reader takes it, however idle the page is meanwhile', async () => {
    const idleMs = 60_000
    const site = await testSite(onTestFinished, { sessionTimes: { idleMs, absoluteMs: 10 * idleMs } })
    for (let lsn = 1; lsn <= 3 * batchRows; lsn++) site.decisions.push(entryOf(lsn))
    const otto = await site.signedIn('otto')
    site.clock.pass(idleMs - 1)
    expect((await otto.get(csv)).text.split('\r\n').length).toBe(3 * batchRows + 2)
    site.clock.pass(idleMs - 1)
    expect((await otto.get(operatorPaths.session)).body.signedIn).toBe(true)
  })

  it('lets no part of a cell begin a formula either, where a spreadsheet cuts at semicolons', async () => {
    const site = await testSite(onTestFinished)
    site.decisions.push(entryOf(1, { label: 'Tea;=cmd|"/C calc"!A1' }), entryOf(2, { label: 'Tea\t@SUM(1); -2' }))
    const { text } = await (await site.signedIn('otto')).get(csv)
    expect(text).toContain(`,"Tea;'=cmd|""/C calc""!A1",`)
    expect(text).toContain(`,Tea\t'@SUM(1); '-2,`)
  })

  it('of a short account does not write the whole of it down', async () => {
    const site = await testSite(onTestFinished)
    await (await site.signedIn('otto')).get(`${csv}&account=bob`)
    expect(JSON.stringify([site.engine.journaled, site.logged])).not.toContain('bob')
  })
})

describe('a request whose body comes late', () => {
  it.for([
    ['signed out', (_: TestSite, otto: Browser) => otto.post(operatorPaths.signOut, {})],
    ['was removed', (site: TestSite) => site.operators.change('otto', () => undefined)],
    ['may do less', (site: TestSite) => site.operators.change('otto', (one) => ({ ...one, role: 'viewer' }))],
  ] as const)('does nothing when its operator %s meanwhile', async ([, change]) => {
    const site = await testSite(onTestFinished)
    const otto = await site.signedIn('otto')
    const body = JSON.stringify({ act: 'freeze-band', bandId: knownBand, reason: 'a drill' })
    const head = headOf(otto, `POST ${operatorPaths.acts} HTTP/1.1`, [
      `content-length: ${body.length}`,
      'connection: close',
    ])
    const late = opened(site, head + body.slice(0, 10))
    // Another request after it: the first is judged by now.
    await otto.get(operatorPaths.session)
    await new Promise((resolve) => setTimeout(resolve, 20))
    await change(site, otto)
    late.write(body.slice(10))
    let text = ''
    for await (const part of late) text += String(part)
    expect(text).toMatch(/^HTTP\/1\.1 401 /)
    expect(site.engine.performed).toEqual([])
  })
})

describe('a body that is cut off', () => {
  it('is no line of the log, however often', async () => {
    const site = await testSite(onTestFinished)
    const head = headOf(site.browser(), `POST ${operatorPaths.signInByToken} HTTP/1.1`, ['content-length: 100'])
    for (let at = 0; at < 5; at++) {
      const cut = opened(site, `${head}{`)
      // Answered for sure: the one after it is.
      await site.browser().get(operatorPaths.session)
      cut.destroy()
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect((await site.browser().get(operatorPaths.session)).status).toBe(200)
    expect(site.logged).toEqual([])
  })
})

describe('an operator whose session was stolen', () => {
  const { burst, perMinute } = operatorLimits.actsPerOperator
  const act = { act: 'raise-epoch', bandId: knownBand, reason: 'a drill' }

  it(`fills no journal: acts ${burst} times at once and not once more, and others act as before`, async () => {
    const site = await testSite(onTestFinished)
    const [otto, olga] = [await site.signedIn('otto'), await site.signedIn('olga')]
    for (let at = 0; at < burst; at++) expect((await otto.post(operatorPaths.acts, act)).status).toBe(200)
    const past = await otto.post(operatorPaths.acts, act)
    expect([past.status, past.body.error]).toEqual([429, 'too-many-acts'])
    expect((await olga.post(operatorPaths.acts, act)).status).toBe(200)
    site.clock.pass(60_000 / perMinute)
    expect((await otto.post(operatorPaths.acts, act)).status).toBe(200)
    expect(site.engine.performed.length).toBe(burst + 2)
  })

  it(`exports ${operatorLimits.exportsPerOperator.burst} times at once, and not once more`, async () => {
    const site = await testSite(onTestFinished)
    const otto = await site.signedIn('otto')
    for (let at = 0; at < operatorLimits.exportsPerOperator.burst; at++) expect((await otto.get(csv)).status).toBe(200)
    expect((await otto.get(csv)).status).toBe(429)
    expect((await (await site.signedIn('olga')).get(csv)).status).toBe(200)
  })
})

describe('who asks in a loop', () => {
  const { burst, perMinute } = operatorLimits.requests

  it(`is answered ${burst} times at once and not once more, and who is signed in as before`, async () => {
    const site = await testSite(onTestFinished)
    const otto = await site.signedIn('otto')
    const stranger = site.browser()
    for (let at = 1; at < burst; at++) expect((await stranger.get(operatorPaths.session)).status).toBe(200)
    const past = await stranger.get('/')
    expect([past.status, past.body.error, past.headers.get('retry-after')]).toEqual([429, 'too-many-requests', '1'])
    const upgrade = headOf(stranger, `GET ${operatorPaths.feed} HTTP/1.1`, [
      'connection: upgrade',
      'upgrade: websocket',
    ])
    let said = ''
    for await (const part of opened(site, upgrade)) said += String(part)
    expect(said).toMatch(/^HTTP\/1\.1 429 /)
    expect((await otto.get(operatorPaths.fleet)).status).toBe(200)
    site.clock.pass(60_000 / perMinute)
    expect((await stranger.get(operatorPaths.session)).status).toBe(200)
  })

  it('although signed in, is felt by no other operator', async () => {
    const site = await testSite(onTestFinished)
    const [otto, olga] = [await site.signedIn('otto'), await site.signedIn('olga')]
    for (let at = 0; at < burst; at++) expect((await otto.get(operatorPaths.session)).status).toBe(200)
    expect((await otto.get(operatorPaths.session)).status).toBe(429)
    expect((await olga.get(operatorPaths.session)).status).toBe(200)
  })
})

describe.runIf(process.platform === 'linux')('a stranger who guesses from many addresses', () => {
  it('fills no log: so many lines a minute of all of them, which then say how many there were', async () => {
    const site = await testSite(onTestFinished)
    const { burst, perMinute } = operatorLimits.refusedLogged
    const perAddress = operatorLimits.wrongPerAddress.burst
    const guess = (at: number, name: string): Promise<number> => {
      const body = { name, token: 'a guess' }
      return postedFrom(site, `127.0.8.${Math.floor(at / perAddress) + 1}`, { path: operatorPaths.signInByToken, body })
    }
    const lines = () => site.logged.filter(({ event }) => event === 'operator.sign-in-refused')
    for (let at = 0; at < burst + 2 * perAddress; at++) expect(await guess(at, `name-${at}`)).toBe(401)
    expect(lines().length).toBe(burst)
    site.clock.pass(60_000 / perMinute)
    await guess(burst + 3 * perAddress, 'one-more')
    expect(lines().at(-1)?.fields).toMatchObject({ operator: 'one-more', notLogged: 2 * perAddress })
  })
})

describe('a page of somebody else that asks without end', () => {
  const forged = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
  const foreignLines = (site: TestSite) => site.logged.filter(({ event }) => event === 'operator.foreign-request')

  it('fills no log: a handful of lines a minute, which then say how many there were', async () => {
    const site = await testSite(onTestFinished)
    const { burst, perMinute } = operatorLimits.foreignLogged
    for (let at = 0; at < 3 * burst; at++) await site.browser().post(operatorPaths.acts, {}, forged)
    expect(foreignLines(site).length).toBe(burst)
    site.clock.pass(60_000 / perMinute)
    await site.browser().post(`/api/bands/${'x'.repeat(2_000)}`, {}, forged)
    await site.browser().post(operatorPaths.acts, {}, forged)
    expect(foreignLines(site).length).toBe(burst + 1)
    expect(foreignLines(site).at(-1)?.fields).toMatchObject({ notLogged: 2 * burst })
  })

  it('fills none through the socket of the feed', async () => {
    const site = await testSite(onTestFinished)
    const upgrade = `GET ${operatorPaths.feed} HTTP/1.1\r\nhost: evil\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`
    for (let at = 0; at < 2 * operatorLimits.foreignLogged.burst; at++) {
      const socket = opened(site, upgrade)
      socket.resume()
      await new Promise((resolve) => socket.once('close', resolve))
    }
    expect(foreignLines(site).length).toBe(operatorLimits.foreignLogged.burst)
  })
})
