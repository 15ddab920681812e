// Every page of the operators', with bands at work on it, as it is looked at: light and dark, wide and narrow. The pictures are
// kept in .build/screenshots.
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { operatorPaths } from '../../protocol/operator-api.ts'
import { axe } from './axe.ts'
import {
  type OpenedPage,
  currentPlaceIsCut,
  describeInBrowser,
  lookName,
  looks,
  screenshot,
  scrollsSideways,
} from './browser.ts'
import { Desk } from './desk.ts'
import { patience } from './seen.ts'

type Place = {
  readonly name: string
  readonly path: () => string
  /** Is there when the page is whole. */
  readonly shows: string
  /** What is opened on it before it is looked at. */
  readonly opens?: (opened: OpenedPage) => Promise<void>
}

describeInBrowser('the pages', (open) => {
  let desk: Desk
  let deniedLsn = 0
  beforeAll(async () => {
    // With an alarm that is always on, beside the proposal that waits: the row of places is at its longest.
    const alarm = {
      name: 'loop',
      field: 'loopP99Us',
      above: 0,
      forS: 0,
      says: 'The event loop is late by more than 0 ms.',
    }
    const flags = ['--operators-alarms', JSON.stringify([alarm])]
    desk = await Desk.open({ operators: { adam: 'admin', anna: 'admin' }, bands: 4, flags })
    const { fleet } = desk
    fleet.startPaying(10, [fleet.member(0), fleet.member(1)])
    await vi.waitFor(() => expect(fleet.payments.approved).toBeGreaterThan(16), patience)
    await fleet.stopPaying()
    fleet.startPaying(1, [fleet.member(0), fleet.member(1)])
    fleet.member(2).takesOff()
    const anna = await desk.operator('anna')
    const frozen = { bandId: fleet.member(3).bandId, reason: 'Found in the street' }
    await anna.post(operatorPaths.acts, { act: 'freeze-band', ...frozen })
    await anna.post(operatorPaths.acts, { act: 'unfreeze-band', ...frozen })
    deniedLsn = (await fleet.member(0).pay(9_999_900, 'A very long label of it')).lsn
  })
  afterAll(() => desk.close())

  const band = () => desk.pathOf(desk.fleet.member(0))
  const places: readonly Place[] = [
    { name: 'fleet', path: () => '/', shows: '.statechart .leaf[data-state$=armed]' },
    { name: 'bands', path: () => '/bands', shows: '.empty' },
    { name: 'bands-none', path: () => '/bands?name=nobody', shows: 'text=No band has this id' },
    { name: 'band', path: band, shows: '.timeline details' },
    {
      name: 'band-freeze',
      path: band,
      shows: '.timeline details',
      opens: async ({ page }) => {
        await page.getByRole('button', { name: 'Freeze band' }).click()
        await page.locator('dialog .says').waitFor()
      },
    },
    {
      name: 'band-decision',
      path: band,
      shows: '.timeline details',
      opens: async ({ page }) => {
        await page.locator('.timeline summary').first().click()
        await page.locator('.timeline .explanation').waitFor()
      },
    },
    {
      name: 'decisions',
      path: () => '/decisions',
      shows: '.decisions tbody tr',
      opens: async ({ page }) => {
        await page.locator('.decisions button').nth(1).click()
        await page.locator('.explanation').waitFor()
      },
    },
    { name: 'decision', path: () => `/decisions/${deniedLsn}`, shows: '.explanation' },
    { name: 'replay', path: () => `/replay?lsn=${deniedLsn}`, shows: '.explanation' },
    { name: 'proposals', path: () => '/proposals', shows: '.proposal' },
    { name: 'vendors', path: () => '/vendors', shows: '.panel' },
    { name: 'partners', path: () => '/partners', shows: 'tbody tr' },
    { name: 'settings', path: () => '/settings', shows: 'tbody tr' },
    { name: 'operators', path: () => '/operators', shows: 'tbody tr' },
    { name: 'you', path: () => '/you', shows: '.panel' },
    { name: 'no-such-page', path: () => '/nowhere', shows: '.empty' },
  ]

  async function looksRight(opened: OpenedPage, picture: string): Promise<void> {
    await screenshot(opened, picture)
    expect(await scrollsSideways(opened), picture).toBe(false)
    expect(await currentPlaceIsCut(opened), picture).toBe(false)
    expect(await axe(opened), picture).toEqual([])
  }

  it.for(looks)('are whole, fit $width pixels and have no serious fault, $colorScheme', async (look) => {
    const opened = await open({ look })
    await opened.page.goto(desk.origin)
    await opened.page.getByLabel('Token').waitFor()
    await looksRight(opened, lookName('sign-in', look))
    await desk.signIn(opened, 'adam')
    for (const { name, path, shows, opens } of places) {
      await opened.page.goto(`${desk.origin}${path()}`)
      await opened.page.locator(shows).first().waitFor()
      await opens?.(opened)
      await looksRight(opened, lookName(name, look))
    }
  })
})
