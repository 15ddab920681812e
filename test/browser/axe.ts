// Accessibility audit of a page by axe-core. It is evaluated by the debugger, so the page's CSP stays as strict as it is.

import axeCore from 'axe-core'
import type { OpenedPage } from './browser.ts'

/** An accessibility violation: one rule broken, and where. */
export type Violation = {
  readonly rule: string
  readonly impact: 'serious' | 'critical'
  readonly help: string
  /** Selectors of the elements. */
  readonly at: readonly string[]
}

/** Serious and critical violations of WCAG 2.2 A and AA and of axe's best practices. */
export async function axe({ page, context }: Pick<OpenedPage, 'page' | 'context'>): Promise<readonly Violation[]> {
  const session = await context.newCDPSession(page)
  const evaluate = async (expression: string): Promise<string> => {
    const answer = await session.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })
    if (answer.exceptionDetails !== undefined) throw new Error(`axe: ${answer.exceptionDetails.text}`)
    return String(answer.result.value)
  }
  try {
    await evaluate(`${axeCore.source}\n;'ready'`)
    const found: readonly Found[] = JSON.parse(await evaluate(run))
    return found
      .filter((one) => one.impact === 'serious' || one.impact === 'critical')
      .map(({ id, impact, help, at }) => ({ rule: id, impact: impact === 'critical' ? impact : 'serious', help, at }))
  } finally {
    await session.detach()
  }
}

type Found = { readonly id: string; readonly impact: string | null; readonly help: string; readonly at: string[] }

const run = `axe.run(document, { resultTypes: ['violations'], preload: false }).then(({ violations }) => JSON.stringify(violations.map(
  ({ id, impact, help, nodes }) => ({ id, impact, help, at: nodes.map(({ target }) => target.join(' ')) }),
)))`
