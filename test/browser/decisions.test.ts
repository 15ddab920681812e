// What was decided, found again: the page, its files and the payments themselves say the same, row by row.
import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { exportColumns } from '../../protocol/operator-api.ts'
import type { PhoneDecision } from '../../sdk/phone/phone-band.ts'
import { type OpenedPage, describeInBrowser } from './browser.ts'
import { Desk } from './desk.ts'
import { areThere, areThereAtLeast, cellsOf, patience, says } from './seen.ts'

type Paid = { readonly amountMinor: number; readonly bandId: string; readonly decision: PhoneDecision }

describeInBrowser('decisions', (open) => {
  let desk: Desk
  /** Newest first. */
  const paid: Paid[] = []
  beforeAll(async () => {
    desk = await Desk.open({ operators: { otto: 'operator' }, bands: 2 })
    for (let turn = 0; turn < 12; turn++) {
      const member = desk.fleet.member(turn % 2)
      // Every fourth is far too much.
      const amountMinor = turn % 4 === 3 ? 9_000_000 + turn : 100 + turn
      paid.unshift({ amountMinor, bandId: member.bandId, decision: await member.pay(amountMinor, `Cup, "${turn}"`) })
    }
  })
  afterAll(() => desk.close())

  const found = (page: Page) => page.locator('.decisions tbody tr:not(.opened)')

  it('are filtered by the form, and the file has exactly the rows of the page, which are what was paid', async () => {
    const opened = await open()
    const { page } = opened
    await saveToOwnDisk(opened)
    await desk.signIn(opened, 'otto', '/decisions')
    await areThere(found(page), 12)

    await page.getByLabel('Reason', { exact: true }).selectOption('denied')
    await page.getByRole('button', { name: 'Search' }).click()
    await areThere(found(page), 3)
    expect(new URL(page.url()).search).toBe('?reason=denied')
    await page.getByRole('link', { name: 'Clear' }).click()
    await page.getByLabel('Currency').selectOption('EUR')
    await page.getByLabel('Amount, at most').fill('1.08')
    await page.getByLabel('Band id').fill(desk.fleet.member(0).bandId)
    await page.getByRole('button', { name: 'Search' }).click()

    const wanted = paid.filter((one) => one.amountMinor <= 108 && one.bandId === desk.fleet.member(0).bandId)
    expect(wanted.length).toBeGreaterThan(3)
    await areThere(found(page), wanted.length)
    const rows = await cellsOf(found(page))
    const seen = rows.map((cells) => ({
      lsn: Number(cells[0]?.replace(/\D/g, '')),
      reason: cells[2],
      amount: cells[3],
    }))
    expect(seen).toEqual(
      wanted.map(({ amountMinor, decision }) => ({
        lsn: decision.lsn,
        reason: decision.reason,
        amount: `€${(amountMinor / 100).toFixed(2)}`,
      })),
    )

    const asked = wanted.map(({ amountMinor, bandId, decision }) => [
      String(decision.lsn),
      bandId,
      String(amountMinor),
      decision.reason,
    ])
    const pick = ['lsn', 'bandId', 'amountMinor', 'reason'] as const
    const lines = await savedBy(opened, 'Export as JSON lines', 'jsonl')
    const members = lines.trimEnd().split('\n')
    expect(members.map((line) => pick.map((name) => String(fieldsOf(line)[name])))).toEqual(asked)

    const [head = [], ...cells] = cellsOfCsv(await savedBy(opened, 'Export as CSV', 'csv'))
    expect(head).toEqual(exportColumns)
    expect(cells.map((row) => pick.map((name) => row[head.indexOf(name)]))).toEqual(asked)
    const labels = cells.map((row) => row[head.indexOf('label')])
    expect(labels).toEqual(members.map((line) => fieldsOf(line)['label']))
    expect(labels.every((label) => /^Cup, "\d+"$/.test(label ?? ''))).toBe(true)
  })

  it('are given as a download where the browser has no picker of files', async () => {
    const opened = await open()
    const { page } = opened
    await page.addInitScript(() => Reflect.deleteProperty(window, 'showSaveFilePicker'))
    await desk.signIn(opened, 'otto', '/decisions?reason=denied')
    await found(page).first().waitFor()
    const coming = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Export as CSV' }).click()
    const download = await coming
    expect(download.suggestedFilename()).toMatch(/^decisions-.*Z\.csv$/)
    const [head = [], ...rows] = cellsOfCsv(readFileSync(await download.path(), 'utf8'))
    const denied = paid.filter(({ decision }) => !decision.approved)
    expect(rows.map((row) => Number(row[head.indexOf('lsn')]))).toEqual(denied.map(({ decision }) => decision.lsn))
    await page.getByText('Exported 100 %, 3 rows').waitFor()
  })

  it('open into the facts, the rule and the receipt, and are the same when they are made again', async () => {
    const opened = await open()
    const { page } = opened
    await desk.signIn(opened, 'otto', '/decisions')
    const denied = paid.find(({ decision }) => !decision.approved)?.decision.lsn ?? 0
    const approved = paid.find(({ decision }) => decision.approved)?.decision.lsn ?? 0
    await page
      .getByTitle('Why')
      .filter({ hasText: `${denied}` })
      .click()
    const why = page.locator('.explanation')
    await why.getByText('None: only an approval has one.').waitFor()
    await says(why.locator('.rule'), 'over-use-limit')
    await areThereAtLeast(why.locator('tbody tr'), 6)
    await why.locator('.holds.bad').first().waitFor()

    await page.goto(`${desk.origin}/decisions/${approved}`)
    await says(why.locator('.rule'), 'approved')
    await areThere(why.locator('.holds.bad'), 0)
    await areThereAtLeast(why.locator('.facts').last().locator('dt'), 6, 'claims of the receipt')
    await why.getByRole('link', { name: 'Replay' }).click()
    await page.getByText('✓ the same').waitFor()
    await areThere(page.locator('tr.differs'), 0)
  })
})

/** The picker of files gives files of the browser's own disk: nobody is there to choose. */
async function saveToOwnDisk({ page }: OpenedPage): Promise<void> {
  await page.addInitScript(() => {
    const pick = async ({ suggestedName }: { readonly suggestedName: string }) => {
      const folder = await navigator.storage.getDirectory()
      const file = await folder.getFileHandle(suggestedName, { create: true })
      const createWritable = async () => {
        const stream = await file.createWritable()
        const close = async () => {
          await stream.close()
          Reflect.set(window, 'saved', suggestedName)
        }
        return {
          write: (chunk: Uint8Array<ArrayBuffer>) => stream.write(chunk),
          close,
          abort: () => stream.abort(),
        }
      }
      return { createWritable }
    }
    Reflect.set(window, 'showSaveFilePicker', pick)
  })
}

/** The text of the file that an export wrote. */
async function savedBy({ page }: OpenedPage, name: string, ending: string): Promise<string> {
  await page.getByRole('button', { name }).click()
  const saved = () => page.evaluate(() => String(Reflect.get(window, 'saved')))
  await expect.poll(saved, patience).toMatch(new RegExp(`\\.${ending}$`))
  await page.getByText(/Exported 100 %/).waitFor()
  return page.evaluate(async () => {
    const folder = await navigator.storage.getDirectory()
    const file = await folder.getFileHandle(String(Reflect.get(window, 'saved')))
    return (await file.getFile()).text()
  })
}

function fieldsOf(line: string): Readonly<Record<string, unknown>> {
  return JSON.parse(line) as Readonly<Record<string, unknown>>
}

/** RFC 4180, read without the code that wrote it. */
function cellsOfCsv(csv: string): readonly (readonly string[])[] {
  const rows: string[][] = []
  let row: string[] = []
  // It begins with a byte order mark, for Excel.
  for (const [, quoted, plain = '', end] of csv
    .replace(/^\ufeff/, '')
    .matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g)) {
    if (end === '' && quoted === undefined && plain === '' && row.length === 0) break
    row.push(quoted?.replaceAll('""', '"') ?? plain)
    if (end === ',') continue
    rows.push(row)
    row = []
  }
  return rows
}
