// A page without a mouse.

import type { Locator, Page } from 'playwright-core'

/** Far more than a page has on the way to anything. */
const stepsMax = 60

/** Goes from element to element until there. */
export async function tabTo(page: Page, wanted: Locator): Promise<void> {
  await wanted.waitFor()
  for (let step = 0; step < stepsMax; step++) {
    if (await hasFocus(wanted)) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`not reached by keyboard: ${String(wanted)}`)
}

/** Whether keys go to this element. */
export function hasFocus(wanted: Locator): Promise<boolean> {
  return wanted.evaluate((element) => element === document.activeElement)
}
