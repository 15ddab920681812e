// The feed: what a page is told, what it costs when nobody looks, and who is cut off.
import { connect } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { fromHex, toHex } from '../../base/bytes.ts'
import { operatorPaths } from '../../protocol/operator-api.ts'
import {
  type FeedMessage,
  type FeedValue,
  decodeFeed,
  encodeFeed,
  feedFields,
  feedSubprotocol,
} from '../../protocol/messages/operator-feed.ts'
import { operatorLimits } from '../ports/limits.ts'
import { type Browser, type TestSite, knownBand, testSite } from '../test-site.ts'

/** A page that looks. */
class Page {
  readonly socket: WebSocket
  readonly heard: FeedMessage[] = []
  count = 0
  readonly closed: Promise<number>
  readonly opened: Promise<void>

  constructor(browser: Browser, headers: Readonly<Record<string, string>> = {}, protocol: string = feedSubprotocol) {
    const address = `${browser.origin.replace('http', 'ws')}${operatorPaths.feed}`
    const all = { origin: browser.origin, cookie: browser.cookieHeader, ...headers }
    this.socket = new WebSocket(address, protocol, { headers: all })
    this.opened = new Promise((resolve, reject) => {
      this.socket.once('open', () => resolve())
      this.socket.once('error', reject)
    })
    this.closed = new Promise((resolve) => this.socket.once('close', (code) => resolve(code)))
    this.socket.on('error', () => undefined)
    this.socket.on('message', (data: Buffer) => {
      this.count++
      // No feed is as large as the one that a test makes up.
      if (data.length > 10_000) return
      const message = decodeFeed(data)
      if ('expected' in message) throw new Error(message.expected)
      this.heard.push(message)
    })
    onTestFinished(() => this.socket.terminate())
  }

  /** Resolves when so many messages are here. */
  async has(count: number): Promise<readonly FeedMessage[]> {
    await until(() => this.count >= count)
    return this.heard
  }

  watch(bandId: string): void {
    this.socket.send(encodeFeed({ type: 'watch', bandId: fromHex(bandId) }))
  }
}

async function page(browser: Browser): Promise<Page> {
  const one = new Page(browser)
  await one.has(1)
  return one
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2))
}

/** The newest value of a field. */
function newest(heard: readonly FeedMessage[], field: string) {
  const at = feedFields.indexOf(field)
  let value: FeedValue | undefined
  for (const message of heard) {
    if (message.type === 'whole') value = message.values[at]
    const change = message.type === 'changed' ? message.changes.find(([changed]) => changed === at) : undefined
    if (change !== undefined) value = change[1]
  }
  return value
}

describe('the feed', () => {
  it('tells a page everything as it opens, then each second what changed', async () => {
    const site = await testSite(onTestFinished)
    site.values[3] = 5
    const otto = await page(await site.signedIn('otto'))
    const [whole] = otto.heard
    expect(whole).toMatchObject({ type: 'whole', atMs: site.clock.nowMs() })
    expect(whole?.type === 'whole' && [whole.values.length, whole.values[3]]).toEqual([feedFields.length, 5])
    site.values[3] = 6
    site.values[10] = 1
    site.clock.pass(1_000)
    const [, changed] = await otto.has(2)
    const viewers = feedFields.indexOf('viewers')
    expect(changed).toEqual({
      type: 'changed',
      atMs: site.clock.nowMs(),
      changes: [
        [3, 6],
        [10, 1],
      ],
    })
    await page(await site.signedIn('olga'))
    site.clock.pass(1_000)
    expect((await otto.has(3))[2]).toMatchObject({ changes: [[viewers, 2]] })
  })

  it('tells every page that a proposal came, and that it went: agreed to, withdrawn or over', async () => {
    const site = await testSite(onTestFinished)
    const [olga, oscar] = [await site.signedIn('olga'), await site.signedIn('otto')]
    const otto = await page(oscar)
    const propose = async () => {
      const { body } = await olga.post(operatorPaths.acts, {
        act: 'unfreeze-band',
        bandId: knownBand,
        reason: 'Found.',
      })
      return String(body.proposal.id)
    }
    const told = async () => {
      const before = otto.count
      site.clock.pass(1_000)
      await otto.has(before + 1)
      return ['proposals', 'changes.proposals'].map((field) => newest(otto.heard, field))
    }
    expect(await told()).toEqual([0, 0])
    const first = await propose()
    expect(await told()).toEqual([1, 1])
    expect((await olga.post(operatorPaths.withdraw.replace(':id', first), {})).status).toBe(200)
    expect(await told()).toEqual([0, 2])
    const second = await propose()
    expect(await told()).toEqual([1, 3])
    expect((await oscar.post(operatorPaths.agree.replace(':id', second), {})).status).toBe(200)
    expect(await told()).toEqual([0, 4])
    await propose()
    expect(await told()).toEqual([1, 5])
    for (let passedMs = 0; passedMs < operatorLimits.proposalLifeMs; passedMs += 600_000) {
      // Who is at work stays signed in.
      await oscar.get(operatorPaths.partners)
      site.clock.pass(600_000)
    }
    expect(await told()).toEqual([0, 6])
  })

  it('tells every page that the list of operators changed', async () => {
    const site = await testSite(onTestFinished)
    const otto = await page(await site.signedIn('otto'))
    site.operators.change('olga', () => undefined)
    site.clock.pass(1_000)
    await otto.has(2)
    expect(newest(otto.heard, 'changes.operators')).toBe(1)
  })

  it('reads the figures once a second for however many look', async () => {
    const site = await testSite(onTestFinished)
    const browser = await site.signedIn('otto')
    const pages = await Promise.all(Array.from({ length: 10 }, () => page(browser)))
    const before = site.reads.count
    site.clock.pass(1_000)
    await Promise.all(pages.map((one) => one.has(2)))
    expect(site.reads.count - before).toBe(1)
  })

  it('does nothing when no one looks: no timer, nothing read, no band watched, before the first and after the last', async () => {
    const site = await testSite(onTestFinished)
    const browser = await site.signedIn('otto')
    const idle = () => [site.clock.waiting.length, site.engine.watched.size]
    expect([...idle(), site.reads.count]).toEqual([0, 0, 0])
    const [one, two] = [await page(browser), await page(browser)]
    one.watch(knownBand)
    await until(() => site.engine.watched.size === 1)
    expect(idle()).toEqual([1, 1])
    for (const { socket } of [one, two]) socket.close()
    await until(() => site.clock.waiting.length === 0)
    expect(idle()).toEqual([0, 0])
    const before = site.reads.count
    site.clock.pass(10_000)
    expect([...idle(), site.reads.count]).toEqual([0, 0, before])
  })

  it('tells a page that its band moved, at most once a second, and nobody else', async () => {
    const site = await testSite(onTestFinished)
    const browser = await site.signedIn('otto')
    const [watching, other] = [await page(browser), await page(browser)]
    watching.watch(knownBand)
    await until(() => site.engine.watched.size === 1)
    for (let at = 0; at < 5; at++) site.engine.moved(knownBand)
    site.clock.pass(1_000)
    expect((await watching.has(3)).map(({ type }) => type)).toEqual(['whole', 'changed', 'band'])
    site.clock.pass(1_000)
    await other.has(3)
    expect([watching.heard.length, other.heard.map(({ type }) => type)]).toEqual([4, ['whole', 'changed', 'changed']])
    watching.watch('')
    await until(() => site.engine.watched.size === 0)
  })
})

describe('what the actor of a watched band takes', () => {
  const step = (number: number) => ({ atMs: number, event: 'band.worn', from: 'offWrist', to: 'disarmed' })

  it('is told to the page that watches it, in the order it came, with the next message', async () => {
    const site = await testSite(onTestFinished)
    const browser = await site.signedIn('otto')
    const [watching, other] = [await page(browser), await page(browser)]
    watching.watch(knownBand)
    await until(() => site.engine.steps.size === 1)
    for (const at of [1, 2]) site.engine.took(knownBand, step(at))
    site.clock.pass(1_000)
    const told = (await watching.has(3))[2]
    expect(told).toMatchObject({ type: 'steps', left: 0, steps: [step(1), step(2)] })
    expect(told?.type === 'steps' && toHex(told.bandId)).toBe(knownBand)
    site.clock.pass(1_000)
    await other.has(3)
    expect([watching.heard.length, other.heard.map(({ type }) => type)]).toEqual([4, ['whole', 'changed', 'changed']])
    watching.watch('')
    await until(() => site.engine.steps.size === 0)
  })

  it.each([
    [operatorLimits.feedStepsMax, 0],
    [operatorLimits.feedStepsMax + 1, 1],
  ])('in a number of %i in a second leaves out %i, the oldest, and says so', async (count, left) => {
    const site = await testSite(onTestFinished)
    const watching = await page(await site.signedIn('otto'))
    watching.watch(knownBand)
    await until(() => site.engine.steps.size === 1)
    for (let at = 0; at < count; at++) site.engine.took(knownBand, step(at))
    site.clock.pass(1_000)
    const told = (await watching.has(3))[2]
    expect(told?.type === 'steps' && [told.left, told.steps.length, told.steps[0]]).toEqual([
      left,
      operatorLimits.feedStepsMax,
      step(left),
    ])
  })
})

describe('a page is not let in to the feed', () => {
  const forged: readonly (readonly [string, number, (browser: Browser, site: TestSite) => Page])[] = [
    ['of another origin', 403, (browser) => new Page(browser, { origin: 'https://evil.example' })],
    ['that is not signed in', 401, (_browser, site) => new Page(site.browser())],
    ['with a cookie that is none', 401, (browser) => new Page(browser, { cookie: `${browser.cookieHeader}x` })],
    ['that speaks something else', 400, (browser) => new Page(browser, {}, 'other')],
    [
      'that the browser says is of another site',
      403,
      (browser) => new Page(browser, { 'sec-fetch-site': 'cross-site' }),
    ],
  ]

  it.for(forged)('%s', async ([, status, opened]) => {
    const site = await testSite(onTestFinished)
    const browser = await site.signedIn('otto')
    await page(browser)
    await expect(opened(browser, site).opened).rejects.toThrow(`Unexpected server response: ${status}`)
  })

  it(`past the ${operatorLimits.viewersPerOperatorMax} that one operator may have`, async () => {
    const site = await testSite(onTestFinished)
    const browser = await site.signedIn('otto')
    for (let at = 0; at < operatorLimits.viewersPerOperatorMax; at++) await page(browser)
    await expect(new Page(browser).opened).rejects.toThrow('429')
    await page(await site.signedIn('olga'))
  })

  it('without an origin', async () => {
    const site = await testSite(onTestFinished)
    const browser = await site.signedIn('otto')
    const socket = connect(site.listener.port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    const head = [
      `GET ${operatorPaths.feed} HTTP/1.1`,
      `host: localhost:${site.listener.port}`,
      `cookie: ${browser.cookieHeader}`,
      'connection: upgrade',
      'upgrade: websocket',
      'sec-websocket-version: 13',
      'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==',
      `sec-websocket-protocol: ${feedSubprotocol}`,
    ]
    socket.write(`${head.join('\r\n')}\r\n\r\n`)
    const said = await new Promise<string>((resolve) => socket.once('data', (data) => resolve(data.toString())))
    expect(said).toMatch(/^HTTP\/1\.1 403 /)
    expect(said).toContain("default-src 'none'")
  })
})

describe('a page of the feed is closed', () => {
  it.for([
    ['its operator signs out', (browser: Browser) => browser.post(operatorPaths.signOut, {})],
    ['its operator is removed', async (_: Browser, site: TestSite) => site.operators.change('otto', () => undefined)],
    [
      'its operator gets another role',
      async (_: Browser, site: TestSite) => site.operators.change('otto', (one) => ({ ...one, role: 'admin' })),
    ],
    ['its session is idle too long', async (_: Browser, site: TestSite) => site.clock.pass(30 * 60_000)],
  ] as const)('when %s', async ([, ends]) => {
    const site = await testSite(onTestFinished)
    const browser = await site.signedIn('otto')
    const one = await page(browser)
    await ends(browser, site)
    expect(await one.closed).toBe(4001)
  })

  it('although it comes back again and again by itself: that does not keep its session from growing idle', async () => {
    const site = await testSite(onTestFinished)
    const browser = await site.signedIn('otto')
    site.clock.pass(30 * 60_000 - 1)
    const one = await page(browser)
    site.clock.pass(1_000)
    expect(await one.closed).toBe(4001)
    expect((await browser.get(operatorPaths.session)).body.signedIn).toBe(false)
  })

  it('when the engine stops', async () => {
    const site = await testSite(onTestFinished)
    const one = await page(await site.signedIn('otto'))
    await site.listener.close()
    expect(await one.closed).toBe(1001)
  })

  it('when it says what it must not', async () => {
    const site = await testSite(onTestFinished)
    const browser = await site.signedIn('otto')
    const said = [Buffer.from('text'), encodeFeed({ type: 'whole', atMs: 1, values: [] }), Buffer.alloc(10)]
    for (const bytes of said) {
      const one = await page(browser)
      one.socket.send(bytes)
      expect(await one.closed).toBe(1008)
    }
    const long = await page(browser)
    long.socket.send(Buffer.alloc(65))
    expect(await long.closed).toBe(1009)
  })

  it(`when it asks more than ${operatorLimits.feedAsksPerSecond} times a second`, async () => {
    const site = await testSite(onTestFinished)
    const one = await page(await site.signedIn('otto'))
    for (let at = 0; at < operatorLimits.feedAsksPerSecond; at++) one.watch(knownBand)
    await until(() => site.engine.watched.size === 1)
    site.clock.pass(1_000)
    await one.has(2)
    for (let at = 0; at <= operatorLimits.feedAsksPerSecond; at++) one.watch(knownBand)
    expect(await one.closed).toBe(1008)
    await until(() => site.engine.watched.size === 0)
  })

  it('when it answers no ping for a minute', async () => {
    const site = await testSite(onTestFinished)
    const browser = await site.signedIn('otto')
    const [deaf, other] = [await page(browser), await page(browser)]
    deaf.socket.pause()
    for (let at = 0; at < 65; at++) {
      site.clock.pass(1_000)
      await other.has(at + 2)
    }
    deaf.socket.resume()
    expect(await deaf.closed).toBe(1006)
  })

  it('when it does not read: others are told every second all the same', async () => {
    const site = await testSite(onTestFinished)
    const browser = await site.signedIn('otto')
    const [slow, other] = [await page(browser), await page(browser)]
    slow.socket.pause()
    // Far more values than there are, so that what waits for the slow one outgrows the system's own buffers soon.
    site.values.push(...Array.from({ length: 20_000 }, () => 0))
    let seconds = 0
    while (seconds < 200) {
      seconds++
      site.values.fill(1_000_000_000 + seconds)
      site.clock.pass(1_000)
      await other.has(seconds + 1)
    }
    slow.socket.resume()
    expect(await slow.closed).toBe(1006)
    expect(slow.count).toBeLessThan(seconds)
  })
})
