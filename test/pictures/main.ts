// Entry point of `make pictures`, the screenshots of the guide: goes through the first hour of docs/operating.md with a real
// engine, a small fleet and Debian's Chromium, and takes the pictures of that document on the way. It waits for what the document
// says is seen, and fails without it.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { VirtualAuthenticator } from '../browser/authenticator.ts'
import { startChromium } from '../browser/chromium.ts'
import { ServingEngine } from '../support/serving-engine.ts'
import { type Camera, cameraInto } from './camera.ts'
import { SmallFleet, addOperator } from './commands.ts'

const folder = join(import.meta.dirname, '..', '..', 'docs', 'pictures')
/** The plots show five minutes; before this much of it they look empty. */
const fleetWorksForMs = 75_000
const patienceMs = 60_000
/** Alarms that other work on this machine raised may end; who judges the pictures is told when they do not. */
const quietWithinMs = 45_000
const denialsShown = 4
const againMs = 3_000
const triesMax = 30
const reasons = { freeze: 'ticket 4711: reported as stolen', unfreeze: 'ticket 4711: found in the gym bag' }

await takePictures()

async function takePictures(): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const data = mkdtempSync(join(tmpdir(), 'bandpass-pictures-'))
  const engine = new ServingEngine(data, ['--journal-segment-bytes', '1048576'])
  let fleet: SmallFleet | undefined
  let browser: Browser | undefined
  try {
    await engine.start()
    fleet = await SmallFleet.bring(engine)
    browser = await startChromium()
    await firstHour(engine, browser, cameraInto(folder))
  } finally {
    await browser?.close()
    await fleet?.leave()
    await engine.stop()
    rmSync(data, { recursive: true, force: true })
  }
}

async function firstHour(engine: ServingEngine, browser: Browser, camera: Camera): Promise<void> {
  const tokens = { alice: await addOperator(engine, 'alice'), bob: await addOperator(engine, 'bob') }
  const alice = await visit(browser, engine)
  await VirtualAuthenticator.plugIn(alice)
  await signIn(alice.page, 'alice', tokens.alice)
  await addPasskey(alice.page, camera)
  await pause(fleetWorksForMs)
  await lookAtTheFleet(alice.page, camera)
  await findABand(alice.page)
  await freeze(alice.page, camera)
  await readTheDenial(alice.page, camera)
  const bob = await visit(browser, engine)
  await signIn(bob.page, 'bob', tokens.bob)
  await unfreeze(alice.page, bob.page, camera)
  await searchAndExport(bob.page, camera)
  await replay(bob.page, camera)
  await revokeAModel(bob.page, alice.page, camera)
  await drain(alice.page, engine, camera)
}

async function visit(browser: Browser, engine: ServingEngine): Promise<{ page: Page; context: BrowserContext }> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    colorScheme: 'light',
    reducedMotion: 'reduce',
    timezoneId: 'UTC',
  })
  context.setDefaultTimeout(patienceMs)
  // A picker of files waits for hands; without one the page downloads.
  await context.addInitScript(() => void Reflect.deleteProperty(window, 'showSaveFilePicker'))
  const page = await context.newPage()
  await page.goto(engine.operatorsUrl)
  return { page, context }
}

async function signIn(page: Page, name: string, token: string): Promise<void> {
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('Token').fill(token)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByRole('heading', { name: 'Fleet', exact: true }).waitFor()
}

async function addPasskey(page: Page, camera: Camera): Promise<void> {
  await page.getByRole('link', { name: 'alice' }).click()
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  await page.getByText('A passkey was added').waitFor()
  await camera.window('passkey', page, 360)
  await page.getByRole('banner').getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await page.getByRole('heading', { name: 'alice' }).waitFor()
  await page.getByRole('navigation').locator('a[href="/"]').click()
}

async function lookAtTheFleet(page: Page, camera: Camera): Promise<void> {
  const alarms = page.getByRole('region', { name: 'Alarms', exact: true })
  await alarms.waitFor()
  await alarms
    .getByText('all off')
    .waitFor({ timeout: quietWithinMs })
    .catch(() => console.log('alarms are on in the pictures: this machine does other things, or its disk is slow'))
  await page.locator('.panel', { hasText: 'Time to the durable answer' }).first().waitFor()
  await camera.window('fleet', page, 860)
  const [times, decisions] = ['Time to the durable answer', 'Decisions'].map((title) =>
    page.getByRole('region', { name: title, exact: true }),
  )
  if (times !== undefined && decisions !== undefined) await camera.around('fleet-times', page, [times, decisions])
}

async function findABand(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Decisions', exact: true }).click()
  await page.locator('table.decisions tbody a').first().click()
  await page.getByRole('heading', { name: 'Timeline', exact: true }).waitFor()
  await page.getByText('armed', { exact: true }).first().waitFor()
}

async function freeze(page: Page, camera: Camera): Promise<void> {
  await page.getByRole('button', { name: 'Freeze band' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('nothing is approved with it').waitFor()
  await dialog.getByLabel('Why').fill(reasons.freeze)
  await camera.window('freeze', page, 620)
  await dialog.getByRole('button', { name: 'Freeze band' }).click()
  await dialog.getByText('is frozen').waitFor()
  await camera.around('frozen', page, [dialog])
  await dialog.getByRole('button', { name: 'Close' }).click()
}

async function readTheDenial(page: Page, camera: Camera): Promise<void> {
  const denied = page.locator('ol.timeline li.decision').filter({ hasText: 'operator-freeze' }).first()
  await denied.waitFor()
  await denied.locator('summary').click()
  await denied.getByText('an operator froze the band').or(denied.getByText('does not hold').first()).first().waitFor()
  await camera.tall('denied', page, page.getByRole('region', { name: 'Timeline', exact: true }), 520)
}

async function unfreeze(alice: Page, bob: Page, camera: Camera): Promise<void> {
  await alice.getByRole('button', { name: 'Unfreeze band' }).click()
  const asked = alice.getByRole('dialog')
  await asked.getByText('A second operator has to agree').waitFor()
  await asked.getByLabel('Why').fill(reasons.unfreeze)
  await asked.getByRole('button', { name: 'Ask for a second operator' }).click()
  await asked.getByText('waits', { exact: true }).waitFor()
  await asked.getByRole('button', { name: 'Close' }).click()
  await bob.getByRole('link', { name: 'Proposals' }).click()
  await bob.getByRole('button', { name: 'Agree …' }).click()
  const dialog = bob.getByRole('dialog')
  await dialog.getByText(reasons.unfreeze).waitFor()
  await dialog.getByRole('button', { name: 'Agree and do it' }).and(bob.locator(':enabled')).waitFor()
  await camera.window('proposal', bob, 620)
  await dialog.getByRole('button', { name: 'Agree and do it' }).click()
  await dialog.getByText('is not frozen by operators any more').waitFor()
  await dialog.getByRole('button', { name: 'Close' }).click()
}

async function searchAndExport(page: Page, camera: Camera): Promise<void> {
  await page.getByRole('link', { name: 'Decisions', exact: true }).click()
  await page.getByLabel('Reason').selectOption('denied')
  await page.getByRole('button', { name: 'Search' }).click()
  await page.getByText(/\d+ found; /).waitFor()
  // The band is denied again and again: it is free, and not armed.
  const found = page.locator('table.decisions tbody tr')
  for (let tries = 0; (await found.count()) < denialsShown; tries++) {
    if (tries === triesMax) throw new Error(`${denialsShown} denials expected, got ${await found.count()}`)
    await pause(againMs)
    await page.reload()
    await page.getByText(/\d+ found; /).waitFor()
  }
  const downloading = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Export as CSV' }).click()
  await downloading
  await page.getByText('Exported 100 %').waitFor()
  await camera.window('decisions', page, 760)
}

async function replay(page: Page, camera: Camera): Promise<void> {
  await page.locator('table.decisions tbody tr button').first().click()
  await page.locator('td').getByRole('link', { name: 'Replay' }).click()
  await page.getByText('✓ the same').waitFor()
  await camera.window('replay', page, 440)
}

async function revokeAModel(bob: Page, alice: Page, camera: Camera): Promise<void> {
  await bob.getByRole('link', { name: 'Vendors' }).click()
  await bob.getByLabel(/^Revoke one model of/).fill('1')
  await bob.getByRole('button', { name: 'Revoke model 1' }).click()
  const asked = bob.getByRole('dialog')
  await asked.getByLabel('Why').fill('the maker reports keys that leaked')
  await asked.getByRole('button', { name: 'Ask for a second operator' }).click()
  await asked.getByRole('button', { name: 'Close' }).click()
  await alice.getByRole('link', { name: 'Proposals' }).click()
  await alice.getByRole('button', { name: 'Agree …' }).click()
  const dialog = alice.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Agree and do it' }).click()
  await dialog.getByText('Revoked vendor').waitFor()
  await dialog.getByRole('button', { name: 'Close' }).click()
  await alice.getByRole('link', { name: 'Vendors' }).click()
  await alice.getByRole('button', { name: 'Restore model' }).waitFor()
  await camera.window('vendors', alice, 370)
}

async function drain(page: Page, engine: ServingEngine, camera: Camera): Promise<void> {
  await page.getByRole('navigation').locator('a[href="/"]').click()
  await page.getByRole('button', { name: 'Drain for maintenance' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Why').fill('a new kernel')
  await dialog.getByRole('button', { name: 'Drain for maintenance' }).click()
  await dialog.getByText('The engine drains').waitFor()
  await dialog.getByRole('button', { name: 'Close' }).click()
  await page.getByText('Draining for maintenance:').waitFor()
  await camera.window('draining', page, 200)
  await engine.stop()
  await page.getByText('The engine cannot be reached').waitFor()
  await engine.start()
  await page.locator('.feed.good').waitFor()
}
