// What others do while a page is open, and what a page looks like that does not know any more: nothing on it is untrue for longer
// than the feed takes, and what may be untrue looks so.
import { type Socket, createServer } from 'node:net'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { operatorPaths } from '../../protocol/operator-api.ts'
import { AdminClient } from '../../sdk/admin/admin-client.ts'
import { describeInBrowser, looks, screenshot } from './browser.ts'
import { Desk } from './desk.ts'
import { areThere, boxOf, cannotBePressed, patience, says, textsOf } from './seen.ts'

const facts = (page: Page, name: string) =>
  page.locator('.facts div', { has: page.locator('dt', { hasText: new RegExp(`^${name}$`) }) }).locator('dd')

describeInBrowser('a page that stays open', (open) => {
  let desk: Desk
  beforeAll(async () => {
    const operators = { olga: 'operator', otto: 'operator', adam: 'admin', anna: 'admin' } as const
    desk = await Desk.open({ operators, bands: 2, flags: ['--drain-ms', '500'] })
  })
  afterAll(() => desk.close())

  it('hears of a proposal of another operator, on whatever page, and of its end', async () => {
    const opened = await open()
    const { page } = opened
    const { bandId } = desk.fleet.member(0)
    const olga = await desk.operator('olga')
    await desk.signIn(opened, 'otto', '/proposals')
    await page.getByText('Nothing waits.').waitFor()
    expect((await olga.post(operatorPaths.acts, { act: 'freeze-band', bandId, reason: 'Stolen' })).status).toBe(200)
    await olga.post(operatorPaths.acts, { act: 'unfreeze-band', bandId, reason: 'Found again' })
    await page.getByText('“Found again”').waitFor()
    await page.locator('.places .tag', { hasText: '1 waiting for a second operator' }).waitFor()
    await page.getByRole('button', { name: 'Agree …' }).click()
    const { body } = await olga.get(operatorPaths.proposals)
    await olga.post(operatorPaths.withdraw.replace(':id', body.proposals[0].id), {})
    await page.getByText('It does not wait any more').waitFor()
    await cannotBePressed(page.getByRole('button', { name: 'Agree and do it' }))
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByText('Nothing waits.').waitFor()
  })

  it('hears of a freeze by another operator in the list, on the band’s page, and in an open preview', async () => {
    const { bandId } = desk.fleet.member(1)
    const opened = await open()
    const { page } = opened
    await desk.signIn(opened, 'otto', `/band/${bandId}`)
    await page.getByRole('button', { name: 'Freeze band' }).click()
    await page.getByRole('dialog').locator('.says').waitFor()
    const olga = await desk.operator('olga')
    await olga.post(operatorPaths.acts, { act: 'freeze-band', bandId, reason: 'Stolen' })
    await page.getByText('The band is frozen by operators already.').waitFor()
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('button', { name: 'Unfreeze band' }).waitFor()
    await facts(page, 'Holds last changed').locator('time').waitFor()
    await areThere(page.getByText('Last hold ended'), 0)
  })

  it('hears of a revocation and of a partner who is listed elsewhere', async () => {
    const [vendors, partners] = [await open(), await open()]
    await desk.signIn(vendors, 'adam', '/vendors')
    await desk.signIn(partners, 'otto', '/partners')
    await vendors.page.getByText('No model and no batch of it is revoked.').first().waitFor()
    const [adam, anna] = [await desk.operator('adam'), await desk.operator('anna')]
    const { body } = await adam.post(operatorPaths.acts, {
      act: 'revoke-vendor',
      vendor: 65_534,
      model: 1,
      reason: 'Keys',
    })
    await anna.post(operatorPaths.agree.replace(':id', body.proposal.id), {})
    await vendors.page.locator('table .tag.bad', { hasText: 'revoked' }).waitFor()
    const token = readFileSync(join(desk.engine.folder, 'admin-token'), 'utf8').trim()
    await new AdminClient(`http://127.0.0.1:${desk.engine.port}`, token).addPartner('Kiosk')
    await partners.page.getByRole('rowheader', { name: 'Kiosk' }).waitFor()
  })

  it('shows no number before an act that was not counted', async () => {
    const opened = await open()
    const { page } = opened
    await desk.signIn(opened, 'adam', '/vendors')
    await page.getByRole('button', { name: 'Revoke vendor' }).first().click()
    const dialog = page.getByRole('dialog')
    await dialog.locator('.says', { hasText: 'not counted' }).waitFor()
    await areThere(dialog.locator('.facts'), 0)
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.goto(`${desk.origin}/`)
    await page.getByRole('button', { name: 'Drain for maintenance' }).click()
    await dialog.locator('.says').waitFor()
    expect(await textsOf(dialog.locator('.facts dt'))).toEqual(['Links', 'Sessions'])
  })

  it('draws its pictures of the last minutes at once after it is loaded again, under a heading that is true', async () => {
    const opened = await open()
    const { page } = opened
    desk.fleet.startPaying(10)
    await desk.signIn(opened, 'otto')
    const heading = page.getByText(/^a second, last /)
    await says(heading, /last (5 minutes|\d+ (s|min)|\d+\.\d s)/)
    await page.reload()
    const held = async () => {
      const text = await says(heading, /last /)
      const [, minutes, seconds] = /last (?:(\d+) min ?)?(?:(\d+)(?:\.\d)? s)?/.exec(text) ?? []
      return 60 * Number(minutes ?? 0) + Number(seconds ?? 0)
    }
    await expect.poll(held, patience).toBeGreaterThanOrEqual(10)
    await desk.fleet.stopPaying()
    await page.getByText('all off').waitFor()
  })

  it('looks old on every page while the engine is away, also while it drained before, and no banner covers another', async () => {
    const shown = []
    for (const look of looks) {
      const opened = await open({ look })
      opened.allow(/ERR_CONNECTION|WebSocket|Failed to fetch/)
      await desk.signIn(opened, 'adam')
      const first = opened.page.locator('.tile.good .tile-value').first()
      const good = () => first.evaluate((one) => getComputedStyle(one).color)
      shown.push({ look, opened, page: opened.page, good, before: await good() })
    }
    const adam = await desk.operator('adam')
    await adam.post(operatorPaths.acts, { act: 'drain', reason: 'Maintenance' })
    for (const { page } of shown) await page.getByText('Draining for maintenance:').waitFor()
    await desk.engine.kill()
    for (const { look, opened, page, good, before } of shown) {
      await page.getByText('The engine cannot be reached; it may be restarting.').waitFor()
      await page.mouse.wheel(0, 900)
      const [lost, drained] = await Promise.all(
        ['cannot be reached', 'drained for maintenance'].map((text) =>
          boxOf(page.locator('.notice.banner', { hasText: text })),
        ),
      )
      expect((drained?.y ?? 0) - ((lost?.y ?? 0) + (lost?.height ?? 0))).toBeGreaterThanOrEqual(0)
      expect(lost?.y).toBeGreaterThanOrEqual(0)
      await page.getByRole('button', { name: 'Try now' }).click()
      await expect.poll(good, patience).not.toBe(before)
      await page.locator('.stale .tiles').waitFor()
      await page
        .getByText(/last .*, up to /)
        .first()
        .waitFor()
      await screenshot(opened, `stale-${look.width}-${look.colorScheme}`)
    }
    await desk.engine.start()
    for (const { page, good, before } of shown) {
      await page.locator('.feed.good').waitFor()
      await expect.poll(good, patience).toBe(before)
    }
  })

  it('leaves a connection that is taken and never answered, and finds the engine when it is back', async () => {
    const opened = await open()
    const { page } = opened
    opened.allow(/ERR_|WebSocket|Failed to fetch/)
    await desk.signIn(opened, 'adam')
    await page.locator('.feed.good').waitFor()
    await desk.engine.kill()
    await page.getByText('The engine cannot be reached; it may be restarting.').waitFor()
    const silent = createServer()
    const taken: Socket[] = []
    let asked = ''
    silent.on('connection', (socket) => {
      taken.push(socket.on('error', () => undefined).on('data', (bytes) => (asked += bytes.toString('latin1'))))
    })
    onTestFinished(() => {
      for (const socket of taken) socket.destroy()
    })
    silent.listen(Number(new URL(desk.origin).port))
    await page.getByRole('button', { name: 'Try now' }).click()
    await expect.poll(() => asked, patience).toContain('Upgrade: websocket')
    // Those that were taken stay open; new ones find the engine.
    silent.close()
    await desk.engine.start()
    await page.locator('.feed.good').waitFor({ timeout: 45_000 })
  })
})
