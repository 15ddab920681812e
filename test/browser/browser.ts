// Test fixture for pages in Debian's Chromium: each page has a context of its own, with its colours and size, and fails its test
// on whatever a user's browser would complain about: errors on the console, errors of scripts, violations of the CSP, requests
// that leave this machine. What a test provokes, it allows.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, onTestFinished } from 'vitest'
import { hasChromium, startChromium } from './chromium.ts'
import { countQuestions, foundIn, settled } from './seen.ts'

/** Outside git. */
const screenshotFolder = join(import.meta.dirname, '..', '..', '.build', 'screenshots')
const closeWithinMs = 10_000

/** Viewports and colour schemes that the project's pages are looked at with. */
export const looks = [
  { colorScheme: 'light', width: 1280, height: 900 },
  { colorScheme: 'dark', width: 1280, height: 900 },
  { colorScheme: 'light', width: 390, height: 844 },
  { colorScheme: 'dark', width: 390, height: 844 },
] as const
type Look = { readonly colorScheme: 'light' | 'dark'; readonly width: number; readonly height: number }

type PageOptions = {
  /** Light and 1280 wide unless given. */
  readonly look?: Look
  /** `false` when the test looks at the problems itself. */
  readonly failsOnProblems?: boolean
}

export type OpenedPage = {
  readonly page: Page
  readonly context: BrowserContext
  /** What went wrong so far, and is not allowed, a line each. */
  readonly problems: () => readonly string[]
  /** From here on, and before, this is no problem. */
  readonly allow: (what: RegExp) => void
}

/** Opens an empty page in a context of its own. */
type OpenPage = (options?: PageOptions) => Promise<OpenedPage>

/** A group of tests with a browser, started once for them; skipped where there is none, see `hasChromium`. */
export function describeInBrowser(name: string, tests: (open: OpenPage) => void): void {
  describe.skipIf(!hasChromium())(name, () => {
    let browser: Browser | undefined
    beforeAll(async () => {
      browser = await startChromium()
    })
    afterAll(() => browser?.close())
    tests((options) => {
      if (browser === undefined) throw new Error('pages are opened in tests')
      return openPage(browser, options ?? {})
    })
  })
}

/** A picture of the whole page in .build/screenshots; its path. */
export async function screenshot({ page }: Pick<OpenedPage, 'page'>, name: string): Promise<string> {
  mkdirSync(screenshotFolder, { recursive: true })
  const path = join(screenshotFolder, `${name}.png`)
  await settled(page)
  await page.screenshot({ path, fullPage: true, animations: 'disabled' })
  return path
}

/** `fleet-390-dark`: what a picture of a page is called. */
export function lookName(page: string, { width, colorScheme }: Look): string {
  return `${page}-${width}-${colorScheme}`
}

/** Whether any part of the page lies beside the window. */
export function scrollsSideways({ page }: Pick<OpenedPage, 'page'>): Promise<boolean> {
  return foundIn(page, () => document.documentElement.scrollWidth > document.documentElement.clientWidth)
}

/** Whether the place where one is, among the places on top or at the side, is not wholly to be seen. */
export function currentPlaceIsCut({ page }: Pick<OpenedPage, 'page'>): Promise<boolean> {
  return foundIn(page, () => {
    const current = document.querySelector('.places [aria-current]')?.getBoundingClientRect()
    return current !== undefined && (current.left < 0 || current.right > document.documentElement.clientWidth)
  })
}

async function openPage(browser: Browser, options: PageOptions): Promise<OpenedPage> {
  const { width, height, colorScheme } = options.look ?? looks[0]
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, reducedMotion: 'reduce' })
  const seen: string[] = []
  const allowed: RegExp[] = []
  const problems = () => seen.filter((one) => !allowed.some((what) => what.test(one)))
  onTestFinished(async () => {
    await context.close()
    if (options.failsOnProblems !== false && problems().length > 0) throw new Error(problems().join('\n'))
  }, closeWithinMs)
  await watchContext(context, (problem) => seen.push(problem))
  await countQuestions(context)
  return { page: await context.newPage(), context, problems, allow: (what) => void allowed.push(what) }
}

/** Every page of the context, and those that it opens. */
async function watchContext(context: BrowserContext, report: (problem: string) => void): Promise<void> {
  context.on('console', (message) => {
    if (message.type() === 'error') report(`console: ${message.text()} (${message.location().url})`)
  })
  context.on('weberror', (thrown) => report(`script: ${String(thrown.error())}`))
  context.on('request', (request) => {
    if (isElsewhere(request.url())) report(`leaves this machine: ${request.url()}`)
  })
  context.on('page', (page) => {
    page.on('websocket', (socket) => isElsewhere(socket.url()) && report(`leaves this machine: ${socket.url()}`))
    page.on('crash', () => report('the page crashed'))
  })
  // A violation is on the console too, but not one of `report-only`.
  await context.exposeBinding('tellViolation', (_source, directive: string, blocked: string) =>
    report(`CSP: ${directive} forbids ${blocked}`),
  )
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      const tell: unknown = Reflect.get(window, 'tellViolation')
      if (typeof tell === 'function') Reflect.apply(tell, window, [event.effectiveDirective, event.blockedURI])
    })
  })
}

function isElsewhere(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return /^(https?|wss?):$/.test(protocol) && !['localhost', '127.0.0.1', '[::1]'].includes(hostname)
}
