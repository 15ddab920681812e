// Shared test fixture of the operators' page: an engine with its operators, a fleet at work on it, and how they sign in. A group
// of tests opens one for all of its tests.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Browser } from '../../operators/test-site.ts'
import type { OperatorRole } from '../../protocol/operator-api.ts'
import { openDataFolder } from '../../server/documents/data-folder.ts'
import { addOperator } from '../../server/documents/operator-list.ts'
import type { ServingEngine } from '../support/serving-engine.ts'
import type { OpenedPage } from './browser.ts'
import { BusyFleet, type Member, engineForTest } from './fleet.ts'
import { settled } from './seen.ts'

type DeskOptions = {
  readonly operators: Readonly<Record<string, OperatorRole>>
  /** How many bands are at work; one account each. */
  readonly bands?: number
  readonly flags?: readonly string[]
}

export class Desk {
  readonly engine: ServingEngine
  readonly fleet: BusyFleet
  readonly #tokens: ReadonlyMap<string, string>
  readonly #ends: (() => Promise<void>)[]

  private constructor(
    engine: ServingEngine,
    fleet: BusyFleet,
    tokens: ReadonlyMap<string, string>,
    ends: (() => Promise<void>)[],
  ) {
    this.engine = engine
    this.fleet = fleet
    this.#tokens = tokens
    this.#ends = ends
  }

  /** Starts all of it; `close` ends it. */
  static async open({ operators, bands = 0, flags = [] }: DeskOptions): Promise<Desk> {
    const ends: (() => Promise<void>)[] = []
    const atEnd = (end: () => Promise<void>): void => void ends.push(end)
    const tokens = new Map<string, string>()
    const addAll = (dataFolder: string): void => {
      // As `bandpass operator add` does it.
      const { places } = openDataFolder({ data: dataFolder, masterKeyFile: undefined }, {}, true)
      for (const [name, role] of Object.entries(operators)) {
        tokens.set(name, addOperator(places.operators, { name, role }).token)
      }
    }
    const engine = await engineForTest(flags, atEnd, addAll)
    return new Desk(engine, await BusyFleet.bring(engine, bands, atEnd), tokens, ends)
  }

  async close(): Promise<void> {
    for (const end of this.#ends.toReversed()) await end()
  }

  /** `http://localhost:…`, without a path. */
  get origin(): string {
    return new URL(this.engine.operatorsUrl).origin
  }

  tokenOf(name: string): string {
    const token = this.#tokens.get(name)
    if (token === undefined) throw new Error(`there is no operator ${name}`)
    return token
  }

  /** While the engine is away: it finds no session signed in. */
  forgetSessions(): void {
    rmSync(join(this.engine.folder, 'operator-sessions.json'))
  }

  /** The address of a band's page. */
  pathOf(member: Member): string {
    return `/band/${member.bandId}`
  }

  /** Opens an address, signs in there by token, and waits until the feed is live. */
  async signIn({ page }: Pick<OpenedPage, 'page'>, name: string, path = '/'): Promise<void> {
    await page.goto(`${this.origin}${path}`)
    await page.getByLabel('Name', { exact: true }).fill(name)
    await page.getByLabel('Token').fill(this.tokenOf(name))
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await isLive({ page })
  }

  /** An operator who is signed in without a page, to prepare what a test looks at. */
  async operator(name: string): Promise<Browser> {
    const browser = new Browser({ port: Number(new URL(this.origin).port) })
    const { status } = await browser.signIn(name, this.tokenOf(name))
    if (status !== 200) throw new Error(`${name} cannot sign in: ${status}`)
    return browser
  }
}

/** Resolves when the page has its feed, and has drawn what it asked for. */
export async function isLive({ page }: Pick<OpenedPage, 'page'>): Promise<void> {
  await page.locator('.feed.good').waitFor()
  await settled(page)
}
