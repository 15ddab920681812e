// Keyboard navigation of a page, without a mouse.

import type { Locator, Page } from 'playwright-core'
import { isFocused, settled } from './seen.ts'

/** Far more than a page has on the way to anything. */
const stepsMax = 60

/** Presses Tab from element to element until there. */
export async function tabTo(page: Page, wanted: Locator): Promise<void> {
  await wanted.waitFor()
  // What is drawn anew loses the focus.
  await settled(page)
  for (let step = 0; step < stepsMax; step++) {
    if (await isFocused(wanted)) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`not reached by keyboard: ${String(wanted)}`)
}
