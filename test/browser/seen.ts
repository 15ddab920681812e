// Web-first assertions that wait for a settled page, so that none is too early: a page is settled when nothing that it asked for
// is on its way and two frames were drawn since. What must be there is waited for; what must not is looked for in a settled page.
// Tests of a browser ask here and nowhere else; a tidy test has the calls that they may not make themselves.

import type { BrowserContext, Locator, Page } from 'playwright-core'
import { expect } from 'vitest'

/** For `expect.poll`: as long as a busy machine needs. */
export const patience = { timeout: 60_000, interval: 50 } as const

/** Has every page of the context count what it asked for and has not read yet. */
export async function countQuestions(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    const ask = window.fetch.bind(window)
    const open = new Set<unknown>()
    const until = <Value>(answer: Promise<Value>): Promise<Value> => {
      open.add(answer)
      return answer.finally(() => open.delete(answer))
    }
    window.fetch = async (...question) => {
      const response = await until(ask(...question))
      for (const name of ['json', 'text', 'blob', 'arrayBuffer'] as const) {
        const read: () => Promise<unknown> = response[name].bind(response)
        Object.defineProperty(response, name, { value: () => until(read()) })
      }
      return response
    }
    Reflect.set(window, 'openQuestions', () => open.size)
  })
}

/** Resolves when the page is there whole, waits for no answer, and has drawn what came. */
export async function settled(page: Page): Promise<void> {
  await page.waitForLoadState('load')
  await page.evaluate(
    () =>
      new Promise<void>((resolve) => {
        const count: unknown = Reflect.get(window, 'openQuestions')
        const isQuiet = (): boolean => typeof count !== 'function' || Reflect.apply(count, window, []) === 0
        let quietFrames = 0
        const look = (): void => {
          quietFrames = isQuiet() ? quietFrames + 1 : 0
          if (quietFrames > 2) resolve()
          else requestAnimationFrame(look)
        }
        look()
      }),
  )
}

/** Waits until the element says so, or something in which that is found; all of its text. */
export async function says(element: Locator, wanted: string | RegExp, what?: string): Promise<string> {
  let text = ''
  const read = async () => (text = (await element.textContent()) ?? '')
  if (typeof wanted === 'string') await expect.poll(read, saying(what)).toContain(wanted)
  else await expect.poll(read, saying(what)).toMatch(wanted)
  return text
}

/** Waits until the text of the element is exactly this. */
export async function saysOnly(element: Locator, wanted: string): Promise<void> {
  await settled(element.page())
  await expect.poll(() => element.textContent(), patience).toBe(wanted)
}

/** Waits until there are exactly so many in a settled page. */
export async function areThere(elements: Locator, wanted: number, what?: string): Promise<void> {
  await settled(elements.page())
  await expect.poll(() => elements.count(), saying(what)).toBe(wanted)
}

/** Waits until there are so many at least. */
export async function areThereAtLeast(elements: Locator, least: number, what?: string): Promise<void> {
  await expect.poll(() => elements.count(), saying(what)).toBeGreaterThanOrEqual(least)
}

/** How many there are in a settled page: for a page that decides it. */
export async function countOf(elements: Locator): Promise<number> {
  await settled(elements.page())
  return elements.count()
}

/** The text of each of them in a settled page. */
export async function textsOf(elements: Locator): Promise<readonly string[]> {
  await settled(elements.page())
  return elements.allTextContents()
}

/** The text of each cell of each of these rows, in a settled page. */
export async function cellsOf(rows: Locator): Promise<readonly (readonly string[])[]> {
  await settled(rows.page())
  return rows.evaluateAll((all) =>
    all.map((row) => Array.from(row.querySelectorAll('th, td'), (cell) => cell.textContent.trim())),
  )
}

/** The number that the first of them says at this moment, for `expect.poll`; 0 where there is none. */
export async function numberNow(elements: Locator): Promise<number> {
  if ((await elements.count()) === 0) return 0
  return Number((await elements.first().textContent())?.replaceAll(',', ''))
}

/** Waits until the input holds this. */
export async function holds(input: Locator, wanted: string, what?: string): Promise<void> {
  await expect.poll(() => input.inputValue(), saying(what)).toBe(wanted)
}

/** Waits until the button cannot be pressed. */
export async function cannotBePressed(button: Locator, what?: string): Promise<void> {
  await settled(button.page())
  await expect.poll(() => button.isDisabled(), saying(what)).toBe(true)
}

/** Waits until keys go to this element. */
export async function hasFocus(element: Locator, what?: string): Promise<void> {
  await expect.poll(() => isFocused(element), saying(what)).toBe(true)
}

/** Whether keys go to this element at this moment. */
export function isFocused(element: Locator): Promise<boolean> {
  return element.evaluate((one) => one === document.activeElement)
}

/** Where it is, in a settled page; pixels from the corner of the window. */
export async function boxOf(element: Locator): Promise<{ readonly y: number; readonly height: number }> {
  await settled(element.page())
  const box = await element.boundingBox()
  if (box === null) throw new Error(`nowhere on the page: ${String(element)}`)
  return box
}

/** What a function finds in a settled page. */
export async function foundIn<Found>(page: Page, find: () => Found | Promise<Found>): Promise<Found> {
  await settled(page)
  return page.evaluate(find)
}

function saying(what: string | undefined) {
  return what === undefined ? patience : { ...patience, message: what }
}
