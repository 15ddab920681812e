import { describe, expect, it } from 'vitest'
import { sourceFiles } from './source-files.ts'

/** What reads a page as it is at this moment, drawn or not, or waits for a time instead of for what is meant. */
const tooEarly: Readonly<Record<string, RegExp>> = {
  'a count': /\.count\(\)/,
  'a text': /\.(?:textContent|innerText|innerHTML|allTextContents|allInnerTexts|inputValue|getAttribute)\(/,
  'a state': /\.(?:boundingBox|isVisible|isHidden|isDisabled|isEnabled|isChecked|isEditable)\(/,
  'elements of this moment': /\.\$\$?(?:eval)?\(|\.evaluateAll\(|\.elementHandles?\(|\.all\(\)/,
  'a comparison inside the page': /expect\(\s*await [\w.]+\.evaluate\(/,
  'a time': /waitForTimeout\(|\bsetTimeout\(|waitForLoadState\(\s*'networkidle'/,
}

/** Asks in a settled page, and again until it is so. */
const helper = 'test/browser/seen.ts'

const harness = sourceFiles.filter(({ path }) => path.startsWith('test/browser/') && path !== helper)

describe('a test in a browser', () => {
  it.for(Object.entries(tooEarly))('never takes %s before the page has settled', ([, call]) => {
    expect(harness.filter(({ code }) => call.test(code)).map(({ path }) => path)).toEqual([])
  })

  it('would be found: the helper, which may, has every kind but a time', () => {
    const code = sourceFiles.find(({ path }) => path === helper)?.code ?? ''
    const found = Object.entries(tooEarly).filter(([, call]) => call.test(code))
    expect(found.map(([kind]) => kind)).toEqual(['a count', 'a text', 'a state', 'elements of this moment'])
    expect(harness.length).toBeGreaterThan(10)
  })

  it.for([
    ['a count', 'expect(await page.locator("tr").count()).toBe(3)'],
    ['a text', 'expect(await rule.textContent()).toContain("approved")'],
    ['a state', 'if (await dialog.isVisible()) return'],
    ['elements of this moment', 'for (const row of await page.$$("tr"))'],
    ['elements of this moment', 'await rows.all()'],
    ['a comparison inside the page', 'expect(await page.evaluate(() => document.title)).toBe("x")'],
    ['a time', 'await page.waitForTimeout(500)'],
    ['a time', 'await new Promise((resolve) => setTimeout(resolve, 50))'],
  ] as const)('is known by %s: %s', ([kind, code]) => {
    expect(tooEarly[kind]?.test(code)).toBe(true)
  })
})
