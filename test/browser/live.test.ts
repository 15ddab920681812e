// The page that stays open all day: it moves with the fleet, in ten windows too, and comes back after the engine was away.
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeInBrowser } from './browser.ts'
import { Desk, isLive } from './desk.ts'
import { areThere, numberNow, patience } from './seen.ts'

const pagesAtOnce = 10

describeInBrowser('the live page', (open) => {
  let desk: Desk
  beforeAll(async () => {
    desk = await Desk.open({ operators: { otto: 'operator' }, bands: 4 })
  })
  afterAll(() => desk.close())

  /** The count of a state, drawn in the statechart. */
  const bandsIn = (page: Page, state: string) => numberNow(page.locator(`.leaf[data-state$=".${state}"] .count`))
  const approvedOn = (page: Page) =>
    numberNow(page.locator('tr', { has: page.getByRole('link', { name: 'approved', exact: true }) }).locator('td'))

  it('draws how many bands are in every state, and the counts change while they are taken off and put on', async () => {
    const opened = await open()
    const { page } = opened
    await desk.signIn(opened, 'otto')
    const counts = async () => [await bandsIn(page, 'armed'), await bandsIn(page, 'offWrist')]
    await expect.poll(counts, patience).toEqual([4, 0])
    desk.fleet.member(3).takesOff()
    await expect.poll(counts, patience).toEqual([3, 1])
    await desk.fleet.member(3).putsOn()
    await expect.poll(counts, patience).toEqual([4, 0])
  })

  it('moves in ten windows at once while the fleet pays, and nobody is kept from paying', async () => {
    const opened = await open()
    await desk.signIn(opened, 'otto')
    const more = Array.from({ length: pagesAtOnce - 1 }, () => opened.context.newPage())
    const pages = [opened.page, ...(await Promise.all(more))]
    await Promise.all(pages.slice(1).map((page) => page.goto(desk.origin)))
    await Promise.all(pages.map((page) => isLive({ page })))
    const before = await Promise.all(pages.map(approvedOn))
    desk.fleet.startPaying(40)
    for (const [index, page] of pages.entries()) {
      await expect.poll(() => approvedOn(page), patience).toBeGreaterThan((before[index] ?? 0) + 20)
    }
    const middle = await Promise.all(pages.map(approvedOn))
    for (const [index, page] of pages.entries()) {
      await expect.poll(() => approvedOn(page), patience).toBeGreaterThan(middle[index] ?? 0)
    }
    const { approved, denied, failed } = await desk.fleet.stopPaying()
    expect([denied, failed]).toEqual([0, 0])
    for (const page of pages) await expect.poll(() => approvedOn(page), patience).toBe(approved)
    await expect.poll(() => watching(opened.page), patience).toBe(pagesAtOnce)
  })

  it('says that the engine is away, finds it again by itself, and goes on where it was', async () => {
    const opened = await open()
    const { page } = opened
    opened.allow(/ERR_CONNECTION|WebSocket/)
    await desk.signIn(opened, 'otto', '/partners')
    await desk.engine.kill()
    await page.getByText('The engine cannot be reached; it may be restarting.').waitFor()
    await page.locator('.feed.bad', { hasText: 'lost' }).waitFor()
    await desk.engine.start()
    await isLive(opened)
    expect(new URL(page.url()).pathname).toBe('/partners')
    await areThere(page.getByText('The engine cannot be reached'), 0)
    await page.getByText('The engine restarted').waitFor()
    await page.reload()
    await page.locator('tbody tr').first().waitFor()
  })

  it('asks who lost their session meanwhile to sign in, and goes on where it was', async () => {
    const opened = await open()
    const { page } = opened
    opened.allow(/ERR_CONNECTION|WebSocket|401/)
    await desk.signIn(opened, 'otto', '/partners')
    await desk.engine.kill()
    await page.locator('.feed.bad', { hasText: 'lost' }).waitFor()
    desk.forgetSessions()
    await desk.engine.start()
    await page.getByText('Your session has ended.').waitFor({ timeout: 60_000 })
    await areThere(page.getByText('Sign in to go on where you were.'), 1)
    await page.getByLabel('Name', { exact: true }).fill('otto')
    await page.getByLabel('Token').fill(desk.tokenOf('otto'))
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await isLive(opened)
    expect(new URL(page.url()).pathname).toBe('/partners')
    await page.locator('tbody tr').first().waitFor()
  })
})

/** Fact of the fleet page. */
async function watching(page: Page): Promise<number> {
  const fact = page.locator('.facts div', { has: page.locator('dt', { hasText: 'Operators watching' }) })
  return numberNow(fact.locator('dd'))
}
