// Test fixture: a started server of the tests beside this file, with what a scraper needs to know of it.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig } from '../../server/settings/config.ts'
import { startServer } from '../../server/start-server.ts'
import { testFolder, testLog } from '../../server/log/test-folder.ts'

export type ScrapedServer = {
  readonly port: number
  readonly data: string
  readonly tokenPath: string
  /** What /metrics says now. */
  readonly text: () => Promise<string>
}

/** Starts it on a folder of its own; stopped after the test or the file, whatever `after` is. */
export async function scrapedServer(after: (work: () => Promise<void> | void) => void): Promise<ScrapedServer> {
  const data = testFolder(after)
  const flags = { data, port: '0', demo: 'true', 'journal-segment-bytes': '131072', 'watchdog-hang-ms': '0' }
  const server = await startServer(readConfig({ flags }), { environment: {}, log: testLog().log })
  after(() => server.stop())
  const tokenPath = join(data, 'metrics-token')
  const headers = { authorization: `Bearer ${readFileSync(tokenPath, 'utf8').trim()}` }
  return {
    port: server.port,
    data,
    tokenPath,
    text: async () => (await fetch(`http://127.0.0.1:${server.port}/metrics`, { headers })).text(),
  }
}

/** The names that samples of a text in Prometheus' format have. */
export function namesIn(text: string): ReadonlySet<string> {
  return new Set([...text.matchAll(/^(\w+)(?:\{.*\})? \S+$/gm)].map((found) => found[1] ?? ''))
}
