// Lists of decisions, and exports: what is in them, who took them, and what happens to who does not read.
import { type Socket, connect } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { exportColumns, exportFromHeader, exportToHeader, operatorPaths } from '../../protocol/operator-api.ts'
import { operatorLimits } from '../ports/limits.ts'
import { type Browser, type TestSite, batchRows, entryOf, testSite } from '../test-site.ts'

const csv = `${operatorPaths.export}?format=csv`
const jsonl = `${operatorPaths.export}?format=jsonl`

describe('a list of decisions', () => {
  it('has accounts shortened and partners by name', async () => {
    const site = await testSite(onTestFinished)
    site.decisions.push(entryOf(7))
    const { body, text } = await (await site.signedIn('vera')).get(operatorPaths.decisions)
    expect(body.decisions).toEqual([entryOf(7, { account: 'alic…', partnerName: 'Corner shop' })])
    expect(text).not.toContain('alice-of')
  })

  it('is searched by exactly what was asked', async () => {
    const site = await testSite(onTestFinished)
    const asked = {
      fromMs: '1',
      toMs: '2',
      partner: '0c'.repeat(16),
      reason: 'denied',
      minMinor: '3',
      maxMinor: '4',
      currency: '978',
      action: 'pay',
      account: 'alice',
      bandId: '5A'.repeat(16),
      beforeLsn: '99',
    }
    const query = new URLSearchParams(asked).toString()
    expect((await (await site.signedIn('otto')).get(`${operatorPaths.decisions}?${query}`)).status).toBe(200)
    expect(site.searches).toEqual([
      {
        fromMs: 1,
        toMs: 2,
        partner: asked.partner,
        reason: 'denied',
        minMinor: 3,
        maxMinor: 4,
        currency: 978,
        action: 'pay',
        account: 'alice',
        bandId: '5a'.repeat(16),
        beforeLsn: 99,
      },
    ])
  })

  it.for([
    'partner=shop',
    'reason=because',
    'minMinor=-1',
    'minMinor=1.5',
    'currency=euro',
    'currency=1000',
    'account=%3Cimg%20src%3Dx%3E',
    'bandId=<img src=x onerror=alert(1)>',
    'fromMs=yesterday',
    'beforeLsn=1e3',
    'limit=0',
    `limit=${operatorLimits.decisionsMax + 1}`,
    'reason=approved&reason=denied',
    'unknown=1',
  ])('is not guessed at from %s', async (query) => {
    const site = await testSite(onTestFinished)
    const { status, body } = await (await site.signedIn('vera')).get(`${operatorPaths.decisions}?${query}`)
    expect([status, body.error]).toEqual([400, 'malformed'])
    expect(site.searches).toEqual([])
  })
})

describe('an export', () => {
  it('is every decision, over as many pages as it takes, newest first, in columns that say what they are', async () => {
    const site = await testSite(onTestFinished)
    const count = batchRows * 2 + 1
    for (let lsn = 1; lsn <= count; lsn++) site.decisions.push(entryOf(lsn))
    const { text, headers } = await (await site.signedIn('otto')).get(csv)
    const lines = text.split('\r\n')
    expect(lines[0]).toBe(exportColumns.join(','))
    expect(lines.length).toBe(count + 2)
    expect([lines[1]?.split(',')[0], lines[count]?.split(',')[0], lines.at(-1)]).toEqual([`${count}`, '1', ''])
    expect(headers.get(exportFromHeader)).toBe(`${count}`)
    expect(headers.get(exportToHeader)).toBe('1')
    expect(headers.get('content-disposition')).toBe('attachment; filename="decisions.csv"')
  })

  it('has the same columns as JSON lines, and accounts shortened in both', async () => {
    const site = await testSite(onTestFinished)
    site.decisions.push(entryOf(7))
    const otto = await site.signedIn('otto')
    const { text } = await otto.get(jsonl)
    const line = JSON.parse(text)
    expect(Object.keys(line)).toEqual([...exportColumns])
    expect([line.at, line.account, line.partnerName]).toEqual(['2027-01-15T08:00:00.007Z', 'alic…', 'Corner shop'])
    expect((await otto.get(csv)).text).not.toContain('alice-of')
  })

  it('keeps commas, quotes and lines within their cell, and lets no cell begin a formula', async () => {
    const site = await testSite(onTestFinished)
    site.decisions.push(
      entryOf(1, { label: 'Tea, "Earl\r\nGrey"' }),
      entryOf(2, { label: '=HYPERLINK("http://evil")' }),
      entryOf(3, { label: '@SUM(1)' }),
      entryOf(4, { label: '-1' }),
      entryOf(5, { label: '+1' }),
    )
    const { text } = await (await site.signedIn('otto')).get(csv)
    expect(text).toContain(',"Tea, ""Earl\r\nGrey""",')
    expect(text).toContain(`,"'=HYPERLINK(""http://evil"")",`)
    for (const label of ['@SUM(1)', '-1', '+1']) expect(text).toContain(`,'${label},`)
  })

  it('lets no cell begin a formula by a sign as wide as a letter, nor behind spaces', async () => {
    const site = await testSite(onTestFinished)
    const labels = ['＝1+1', '＋1', '－1', '＠SUM(1)', '\u3000＝1', ' =1', 'Tea;＝1']
    labels.forEach((label, at) => site.decisions.push(entryOf(at + 1, { label })))
    const { text } = await (await site.signedIn('otto')).get(csv)
    const written = ["'＝1+1", "'＋1", "'－1", "'＠SUM(1)", "\u3000'＝1", " '=1", "Tea;'＝1"]
    for (const label of written) expect(text).toContain(`,${label},`)
  })

  it('begins as CSV with what tells Excel that it is UTF-8, and as JSON lines with its first line', async () => {
    const site = await testSite(onTestFinished)
    site.decisions.push(entryOf(1, { label: 'Café' }))
    const otto = await site.signedIn('otto')
    const first = async (path: string) =>
      new Uint8Array(await (await otto.raw(path, { method: 'GET', headers: {} })).arrayBuffer())
    expect([...(await first(csv)).subarray(0, 6)]).toEqual([0xef, 0xbb, 0xbf, ...Buffer.from('lsn')])
    expect((await first(jsonl))[0]).toBe('{'.charCodeAt(0))
  })

  it('shows in CSV nothing that is not seen, and loses nothing in JSON lines', async () => {
    const site = await testSite(onTestFinished)
    const label = 'Tea \u202eeerf\u200b\ud800'
    site.decisions.push(entryOf(1, { label, partnerName: 'Shop\u2066' }))
    const otto = await site.signedIn('otto')
    expect((await otto.get(csv)).text).toContain(',Tea \ufffdeerf\ufffd\ufffd,')
    const line = (await otto.get(jsonl)).text
    expect(line.trimEnd()).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
    expect(JSON.parse(line).label).toBe(label)
  })

  it('is written down before its first row: who took what', async () => {
    const site = await testSite(onTestFinished)
    const otto = await site.signedIn('otto')
    await otto.get(`${csv}&reason=denied&account=alice-of-the-hills`)
    expect(site.engine.journaled).toEqual([
      {
        act: 'export',
        subject: 'decisions',
        who: { by: 'operator:otto', reason: 'csv of reason=denied account=alic...' },
      },
    ])
    site.engine.refuses = 'storage-full'
    site.decisions.push(entryOf(7))
    const { status, text } = await otto.get(csv)
    expect([status, text.includes('Coffee')]).toEqual([503, false])
  })

  it('keeps no one else from one: an operator whose readers do not read has one at a time, and others theirs', async () => {
    const site = await siteWithMany()
    const [otto, olga] = [await site.signedIn('otto'), await site.signedIn('olga')]
    const stuck = paused(site, otto)
    await until(() => site.engine.journaled.length === operatorLimits.exports.perOwnerMax)
    const past = await otto.get(csv)
    expect([past.status, past.body.error]).toEqual([429, 'busy'])
    expect((await olga.get(`${jsonl}&beforeLsn=2`)).status).toBe(200)
    stuck.destroy()
    await until(async () => (await otto.get(`${jsonl}&beforeLsn=2`)).status === 200)
  })

  it(`runs beside ${operatorLimits.exports.max - 1} others, waits for its reader, and ends when the reader goes`, async () => {
    const site = await siteWithMany()
    const names = ['otto', 'olga', 'adam', 'anna'].slice(0, operatorLimits.exports.max + 1)
    const browsers = await Promise.all(names.map((name) => site.signedIn(name)))
    const late = browsers.pop()
    const stuck = browsers.map((one) => paused(site, one))
    await until(() => site.engine.journaled.length === operatorLimits.exports.max)
    expect((await late?.get(csv))?.body.error).toBe('busy')
    // Nobody reads, so before long nothing more is searched for.
    await nothingMoves(site)
    expect(site.searches.length).toBeLessThan(100)
    stuck[0]?.destroy()
    await until(async () => (await late?.get(`${jsonl}&beforeLsn=2`))?.status === 200)
  })

  it('is cut off when its reader does not take a batch in time, and gives its place back', async () => {
    const site = await siteWithMany()
    const otto = await site.signedIn('otto')
    const stuck = paused(site, otto)
    await until(() => site.engine.journaled.length === 1)
    await nothingMoves(site)
    site.clock.pass(operatorLimits.exportTakenMs - 1)
    expect((await otto.get(csv)).body.error).toBe('busy')
    site.clock.pass(1)
    await until(async () => (await otto.get(`${jsonl}&beforeLsn=2`)).status === 200)
    expect(site.logged.filter(({ event }) => event === 'operator.answer-cut-off')).toMatchObject([{ level: 'warning' }])
    const text: Buffer[] = []
    stuck.on('data', (part: Buffer) => text.push(part))
    stuck.resume()
    await new Promise((resolve) => stuck.once('close', resolve))
    // The last chunk of a whole answer is not there: nobody takes the part for the whole.
    expect(Buffer.concat(text).toString('latin1').endsWith('0\r\n\r\n')).toBe(false)
  })
})

describe('a search', () => {
  it('keeps no one else from one: a viewer has a part of them', async () => {
    const site = await testSite(onTestFinished)
    const [vera, otto] = [await site.signedIn('vera'), await site.signedIn('otto')]
    let found = (_: undefined): void => undefined
    site.waits.search = new Promise((resolve) => (found = resolve))
    const { perOwnerMax } = operatorLimits.searches
    const slow = Array.from({ length: perOwnerMax }, () => vera.get(operatorPaths.decisions))
    await until(() => site.searches.length === perOwnerMax)
    const past = await vera.get(operatorPaths.decisions)
    expect([past.status, past.body.error]).toEqual([429, 'busy'])
    const other = otto.get(operatorPaths.decisions)
    await until(() => site.searches.length === perOwnerMax + 1)
    found(undefined)
    expect((await other).status).toBe(200)
    for (const one of slow) expect((await one).status).toBe(200)
    expect((await vera.get(operatorPaths.decisions)).status).toBe(200)
  })
})

/** So many that an export does not fit between the two ends of a connection. */
async function siteWithMany(): Promise<TestSite> {
  const site = await testSite(onTestFinished)
  for (let lsn = 1; lsn <= 60_000; lsn++) site.decisions.push(entryOf(lsn, { label: 'x'.repeat(200) }))
  return site
}

/** An export that is asked for and not read. */
function paused({ listener }: TestSite, { cookieHeader }: Browser): Socket {
  const socket = connect(listener.port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => undefined)
  socket.pause()
  socket.write(
    `${[`GET ${csv} HTTP/1.1`, `host: localhost:${listener.port}`, `cookie: ${cookieHeader}`].join('\r\n')}\r\n\r\n`,
  )
  return socket
}

async function nothingMoves(site: TestSite): Promise<void> {
  await until(async () => {
    const before = site.searches.length
    await new Promise((resolve) => setTimeout(resolve, 200))
    return site.searches.length === before
  })
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 5))
}
