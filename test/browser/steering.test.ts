// What operators do to the fleet from the page, with the next payment as the judge: frozen, unfrozen by two, revoked by two,
// drained; and what a viewer cannot do.
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type OpenedPage, describeInBrowser } from './browser.ts'
import { Desk, isLive } from './desk.ts'
import { tabTo } from './keyboard.ts'
import { areThere, areThereAtLeast, cannotBePressed, cellsOf, foundIn, hasFocus, says } from './seen.ts'

/** The lines of a band's timeline, newest first. */
const timeline = (page: Page) => page.locator('.timeline > li')
const button = (page: Page, name: string | RegExp) =>
  page.getByRole('button', { name, exact: typeof name === 'string' })

/** From the button to what came of it. */
async function act(page: Page, name: string, reason: string): Promise<string> {
  await button(page, name).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.locator('.says').waitFor()
  await dialog.getByLabel('Why').fill(reason)
  await dialog.locator('button[type=submit]').click()
  const said = await says(dialog.locator('.notice', { hasText: /done|waits|refused/ }).first(), /done|waits|refused/)
  await button(page, 'Close').click()
  return said
}

/** Agrees to what waits. */
async function agree(page: Page): Promise<string> {
  await button(page, 'Agree …').click()
  await button(page, 'Agree and do it').click()
  const said = await says(page.getByRole('dialog').locator('.notice.good'), /\S/)
  await button(page, 'Close').click()
  return said
}

/** Asks the engine to act as the page would, past its buttons. */
function postAct(page: Page, body: object, path = '/api/acts'): Promise<number> {
  return page.evaluate(
    async ([to, text]) => {
      const headers = { 'content-type': 'application/json', 'x-bandpass-operator': '1' }
      return (await fetch(to, { method: 'POST', headers, body: text })).status
    },
    [path, JSON.stringify(body)] as const,
  )
}

describeInBrowser('steering', (open) => {
  let desk: Desk
  beforeAll(async () => {
    desk = await Desk.open({
      operators: { vera: 'viewer', otto: 'operator', olga: 'operator', adam: 'admin', anna: 'admin' },
      bands: 4,
      flags: ['--drain-ms', '500'],
    })
  })
  afterAll(() => desk.close())

  async function at(name: string, path: string): Promise<OpenedPage> {
    const opened = await open()
    await desk.signIn(opened, name, path)
    return opened
  }

  it('An armed band is frozen from its page: its very next payment is denied, and both are seen without a reload', async () => {
    const member = desk.fleet.member(0)
    const { page } = await at('otto', desk.pathOf(member))
    await page.evaluate(() => Object.assign(window, { wasNotReloaded: true }))
    await page.locator('.statechart .leaf.lit[data-state$=".armed"]').waitFor()
    const before = await member.pay(450)
    expect(before.approved).toBe(true)
    await timeline(page).first().filter({ hasText: 'approved' }).filter({ hasText: '€4.50' }).waitFor()

    await button(page, 'Freeze band').click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('nothing is approved with it until two operators unfreeze it').waitFor()
    const freeze = dialog.getByRole('button', { name: 'Freeze band' })
    await cannotBePressed(freeze, 'without a reason')
    await dialog.getByLabel('Why').fill('Seen with somebody else')
    await freeze.click()
    const fanOut = dialog.locator('.notice.good')
    await says(fanOut, `Last approval before it${before.lsn}`)
    await says(fanOut, /On disk after[\d.]+ m?s/)
    await says(fanOut, /Sessions told[1-9]/)
    const close = dialog.getByRole('button', { name: 'Close' })
    await hasFocus(close, 'the focus is on Close')
    await close.click()

    expect((await member.pay(460)).reason).toBe('operator-freeze')
    await timeline(page).first().filter({ hasText: 'operator-freeze' }).filter({ hasText: '€4.60' }).waitFor()
    await timeline(page).filter({ hasText: 'freeze-band' }).filter({ hasText: 'Seen with somebody else' }).waitFor()
    await says(timeline(page).filter({ hasText: 'freeze-band' }), 'by operator:otto')
    await page.locator('.statechart .leaf.lit[data-state="holds.held"]').waitFor()
    expect(await foundIn(page, () => Boolean(Reflect.get(window, 'wasNotReloaded')))).toBe(true)
    const steps = page.locator('.steps tbody tr')
    await steps.filter({ hasText: 'hold.set' }).filter({ hasText: 'armed → disarmed held' }).waitFor()
    await steps.filter({ hasText: 'band.authorize' }).first().waitFor()
    expect((await desk.fleet.member(1).pay()).approved, 'another band').toBe(true)
  })

  it('Who proposed to unfreeze it cannot agree, not past the buttons either; another one can, and then it pays again', async () => {
    const member = desk.fleet.member(0)
    const otto = await at('otto', desk.pathOf(member))
    expect(await act(otto.page, 'Unfreeze band', 'It was a mistake')).toContain('A second operator has to agree')
    await otto.page.getByRole('link', { name: 'Proposals' }).click()
    await otto.page.getByText('You proposed it; somebody else has to agree.').waitFor()
    await areThere(button(otto.page, 'Agree …'), 0)
    const id = await otto.page.evaluate(async () => {
      const { proposals } = (await (await fetch('/api/proposals')).json()) as { proposals: { id: string }[] }
      return proposals[0]?.id ?? ''
    })
    otto.allow(/403/)
    expect(await postAct(otto.page, {}, `/api/proposals/${id}/agree`)).toBe(403)
    expect((await member.pay()).reason).toBe('operator-freeze')

    const olga = await at('olga', '/proposals')
    await olga.page.getByText('“It was a mistake” – otto').waitFor()
    expect(await agree(olga.page)).toContain('done')
    await olga.page.getByText('Nothing waits.').waitFor()
    await member.putsOn()
    await otto.page.goto(`${desk.origin}${desk.pathOf(member)}`)
    await otto.page.locator('.statechart .leaf.lit[data-state$=".armed"]').waitFor()
    await says(timeline(otto.page).filter({ hasText: 'unfreeze-band' }), 'olga')
    expect((await member.pay()).approved).toBe(true)
  })

  it('A viewer has no button to act with, and the engine refuses what an operator may, from the same page', async () => {
    const member = desk.fleet.member(1)
    const path = desk.pathOf(member)
    const vera = await at('vera', path)
    await timeline(vera.page).first().waitFor()
    const acts = /freeze|epoch|open account|end session|remove|revoke|restore|drain|export|agree|withdraw/i
    await areThere(button(vera.page, acts), 0)
    vera.allow(/403/)
    const body = { act: 'raise-epoch', bandId: member.bandId, reason: 'Lost phone' }
    expect(await postAct(vera.page, body)).toBe(403)
    expect(await foundIn(vera.page, async () => (await fetch('/api/export?format=csv')).status)).toBe(403)
    expect((await member.pay()).approved).toBe(true)
    for (const place of ['/', '/vendors', '/decisions', '/proposals']) {
      await vera.page.goto(`${desk.origin}${place}`)
      await vera.page.locator('.feed.good').waitFor()
      await vera.page.locator('.panel').first().waitFor()
      await areThere(button(vera.page, acts), 0, place)
    }
    await areThere(vera.page.getByRole('link', { name: 'Operators' }), 0)

    const otto = await at('otto', path)
    await timeline(otto.page).first().waitFor()
    await areThereAtLeast(button(otto.page, acts), 5)
    expect(await postAct(otto.page, body)).toBe(200)
  })

  it('A vendor is revoked by two admins: its bands pay only the least from then on, until two restore it', async () => {
    const member = desk.fleet.member(2)
    expect((await member.pay(2_000)).approved).toBe(true)
    const adam = await at('adam', '/vendors')
    const anna = await at('anna', '/proposals')
    expect(await act(adam.page, 'Revoke vendor', 'Keys were stolen')).toContain('A second operator has to agree')
    expect((await member.pay(2_000)).approved).toBe(true)
    await button(anna.page, 'Read again').click()
    expect(await agree(anna.page)).toContain('done')
    expect((await member.pay(2_000)).approved).toBe(false)
    await adam.page.reload()
    await adam.page.locator('.panel .tag.bad', { hasText: 'revoked' }).waitFor()

    await act(adam.page, 'Restore vendor', 'It was another vendor')
    await button(anna.page, 'Read again').click()
    expect(await agree(anna.page)).toContain('done')
    expect((await member.pay(2_000)).approved).toBe(true)
  })

  it('Without a mouse an operator can sign in, find a band, freeze it, read what came of it, close', async () => {
    const member = desk.fleet.member(3)
    const opened = await open()
    const { page } = opened
    await page.goto(desk.origin)
    await tabTo(page, page.getByLabel('Name', { exact: true }))
    await page.keyboard.type('otto')
    await tabTo(page, page.getByLabel('Token'))
    await page.keyboard.type(desk.tokenOf('otto'))
    await page.keyboard.press('Enter')
    await isLive(opened)
    await tabTo(page, page.getByRole('link', { name: 'Bands', exact: true }))
    await page.keyboard.press('Enter')
    await tabTo(page, page.getByLabel('Band id, bid, account or phone'))
    await page.keyboard.type(member.account)
    await page.keyboard.press('Enter')
    await page.waitForURL(`**${desk.pathOf(member)}`)
    await tabTo(page, page.getByRole('button', { name: 'Freeze band' }))
    await page.keyboard.press('Enter')
    const dialog = page.getByRole('dialog')
    await dialog.locator('.says').waitFor()
    await hasFocus(dialog.getByLabel('Why'))
    await page.keyboard.type('No mouse')
    await page.keyboard.press('Enter')
    await dialog.getByText('Last session told after').waitFor()
    await page.keyboard.press('Enter')
    await dialog.waitFor({ state: 'detached' })
    expect((await member.pay()).reason).toBe('operator-freeze')
    await tabTo(page, page.getByRole('button', { name: 'Unfreeze band' }))
    await page.keyboard.press('Enter')
    await dialog.locator('.says').waitFor()
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    const unfreeze = page.getByRole('button', { name: 'Unfreeze band' })
    await hasFocus(unfreeze, 'back where it was')
  })

  it('A phone of an account is removed from a page of its band when a second operator agrees, and the timeline says so', async () => {
    const member = desk.fleet.member(3)
    const otto = await at('otto', desk.pathOf(member))
    const phones = otto.page.locator('table.phones tbody tr')
    await says(phones.first(), 'live')
    const [before] = await cellsOf(phones)
    expect(await act(otto.page, 'Remove phone', 'It was stolen')).toContain('A second operator has to agree')
    await says(phones.first(), 'live')
    const olga = await at('olga', '/proposals')
    expect(await agree(olga.page)).toContain('done')
    await otto.page.reload()
    await says(
      timeline(otto.page).filter({ hasText: 'remove-phone' }),
      /It was stolen.*by operator:otto and operator:olga/,
    )
    // Its phone may come back, and waits then as any new one does.
    const after = await cellsOf(phones)
    expect(after.filter(([id, now]) => id === before?.[0] && now?.includes('pending') !== true)).toEqual([])
  })

  it('A drained engine says so on every page, and takes no new phone', async () => {
    const vera = await at('vera', '/partners')
    const adam = await at('adam', '/')
    const banner = (page: Page) => page.getByText('Draining for maintenance:')
    await areThere(banner(vera.page), 0)
    expect(await act(adam.page, 'Drain for maintenance', 'A new disk')).toContain('done')
    await Promise.all([banner(vera.page).waitFor(), banner(adam.page).waitFor()])
    expect((await fetch(`http://127.0.0.1:${desk.engine.port}/readyz`)).status).toBe(503)
  })
})
