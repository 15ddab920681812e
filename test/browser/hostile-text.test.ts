// Whatever somebody writes, into an input, an address, a label or a reason, is text on every page, and nothing of it runs.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type OpenedPage, describeInBrowser } from './browser.ts'
import { Desk, isLive } from './desk.ts'
import { areThere, countOf, holds, patience, settled } from './seen.ts'

/** As long as a label of an offer may be. */
const markup = '<img src=x onerror=go()>'
const written = encodeURIComponent(markup)

describeInBrowser('hostile text', (open) => {
  let desk: Desk
  beforeAll(async () => {
    desk = await Desk.open({ operators: { adam: 'admin' }, bands: 1 })
    expect((await desk.fleet.member(0).pay(100, markup)).approved).toBe(true)
  })
  afterAll(() => desk.close())

  /** So many images came of it. Their scripts, and what the CSP kept from running, are problems of the opened page. */
  const imagesAre = ({ page }: OpenedPage, count: number, place?: string) => areThere(page.locator('img'), count, place)

  it('would be seen by these tests if it were taken for more than text', async () => {
    const opened = await open({ failsOnProblems: false })
    await desk.signIn(opened, 'adam')
    await opened.page.evaluate((html) => document.body.insertAdjacentHTML('beforeend', html), markup)
    await imagesAre(opened, 1)
    await expect.poll(() => opened.problems().join('\n'), patience).toContain('CSP: script-src-attr forbids inline')
  })

  it('is text in every input of every page', async () => {
    const opened = await open()
    opened.allow(/400|404/)
    const { page } = opened
    await page.goto(desk.origin)
    await page.getByLabel('Name', { exact: true }).fill(markup)
    await page.getByLabel('Token').fill(markup)
    await page.getByLabel('Token').press('Enter')
    opened.allow(/401/)
    await page.getByRole('alert').waitFor()
    await imagesAre(opened, 0)
    await desk.signIn(opened, 'adam')
    let inputs = 0
    const places = ['/bands', desk.pathOf(desk.fleet.member(0)), '/decisions', '/replay', '/vendors', '/partners']
    for (const place of [...places, '/settings', '/operators']) {
      await page.goto(desk.origin + place)
      await page.locator('main input').first().waitFor()
      const texts = page.locator('main input:not([type=checkbox]):not([type=datetime-local])')
      const count = await countOf(texts)
      inputs += count
      for (let index = 0; index < count; index++) {
        // One that was sent may have led to another page.
        await page.goto(desk.origin + place)
        const input = texts.nth(index)
        await input.waitFor()
        await settled(page)
        // Longer than some take from a keyboard.
        await input.evaluate((element, text) => {
          if (element instanceof HTMLInputElement) element.value = text
          element.dispatchEvent(new Event('input', { bubbles: true }))
        }, markup)
        await holds(input, markup, place)
        await input.press('Enter')
        await imagesAre(opened, 0, place)
      }
    }
    expect(inputs).toBeGreaterThanOrEqual(12)
  })

  it('is text in the address of every page', async () => {
    const opened = await open()
    opened.allow(/400|404/)
    const { page } = opened
    await page.goto(`${desk.origin}/?error=${written}`)
    await page.getByText(markup).waitFor()
    await desk.signIn(opened, 'adam')
    for (const place of [
      `/band/${written}`,
      `/bands?name=${written}`,
      `/decisions?reason=${written}&partner=${written}&action=${written}&account=${written}&bandId=${written}`,
      `/decisions/${written}`,
      `/replay?lsn=${written}`,
      `/${written}`,
      `/vendors#${written}`,
    ]) {
      await page.goto(desk.origin + place)
      await isLive(opened)
      await page.locator('main h1').waitFor()
      await imagesAre(opened, 0, place)
    }
    await page.goto(`${desk.origin}/bands?name=${written}`)
    await holds(page.getByLabel('Band id, bid, account or phone'), markup)
  })

  it('is text where it comes back: a label of an offer, a reason of an act', async () => {
    const opened = await open()
    const { page } = opened
    await desk.signIn(opened, 'adam', desk.pathOf(desk.fleet.member(0)))
    await page.getByRole('button', { name: 'Freeze band' }).click()
    await page.getByLabel('Why').fill(markup)
    await page.getByRole('dialog').getByRole('button', { name: 'Freeze band' }).click()
    await page.getByRole('button', { name: 'Close' }).click()
    await page.getByRole('button', { name: 'Unfreeze band' }).click()
    await page.getByLabel('Why').fill(markup)
    await page.getByRole('button', { name: 'Ask for a second operator' }).click()
    await page.getByRole('button', { name: 'Close' }).click()
    const lines = page.locator('.timeline > li')
    await lines.filter({ hasText: 'approved' }).filter({ hasText: markup }).waitFor()
    await lines.filter({ hasText: 'freeze-band' }).filter({ hasText: markup }).waitFor()
    await page.getByRole('link', { name: 'Proposals' }).click()
    await page.locator('.proposal', { hasText: markup }).waitFor()
    await page.getByRole('link', { name: 'Decisions', exact: true }).click()
    await page.locator('.decisions td', { hasText: markup }).waitFor()
    await imagesAre(opened, 0)
  })
})
