// Lists of decisions, and exports: what is in them, who took them, and what happens to who does not read.
import { connect } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { exportColumns, exportFromHeader, exportToHeader, operatorPaths } from '../protocol/operator-api.ts'
import { operatorLimits } from './limits.ts'
import { batchRows, entryOf, testSite } from './test-site.ts'

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
    expect((await (await site.signedIn('vera')).get(`${operatorPaths.decisions}?${query}`)).status).toBe(200)
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

  it(`runs beside ${operatorLimits.exportsMax - 1} other, waits for its reader, and ends when the reader goes`, async () => {
    const site = await testSite(onTestFinished)
    for (let lsn = 1; lsn <= 60_000; lsn++) site.decisions.push(entryOf(lsn, { label: 'x'.repeat(200) }))
    const otto = await site.signedIn('otto')
    const stuck = Array.from({ length: operatorLimits.exportsMax }, () => {
      const socket = connect(site.listener.port, '127.0.0.1')
      socket.pause()
      const head = [`GET ${csv} HTTP/1.1`, `host: localhost:${site.listener.port}`, `cookie: ${otto.cookieHeader}`]
      socket.write(`${head.join('\r\n')}\r\n\r\n`)
      return socket
    })
    await until(() => site.engine.journaled.length === operatorLimits.exportsMax)
    expect((await otto.get(csv)).body.error).toBe('busy')
    // Nobody reads, so before long nothing more is searched for.
    await until(async () => {
      const before = site.searches.length
      await new Promise((resolve) => setTimeout(resolve, 200))
      return site.searches.length === before
    })
    expect(site.searches.length).toBeLessThan(100)
    for (const socket of stuck) socket.destroy()
    await until(async () => (await otto.get(`${jsonl}&beforeLsn=2`)).status === 200)
  })
})

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 5))
}
