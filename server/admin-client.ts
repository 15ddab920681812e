// The other end of the admin API, for commands: asks a running engine over HTTP, and asks again while it says so.

import type { ImportAnswer } from './import-lines.ts'
import { Field } from './shape.ts'

/** The engine did not do what it was asked: the message says why and what to do. */
export class AdminError extends Error {
  override readonly name = 'AdminError'
}

/** How often one request is tried in all, while the engine says that asking again may help. */
const triesMax = 30
/** Longest wait between two tries, ms. */
const waitMaxMs = 10_000

/** Sends one import request. `url` is where the engine listens: http:, https:, or the ws: of its phones. */
export async function postImport(url: string, token: string, body: Uint8Array<ArrayBuffer>): Promise<ImportAnswer> {
  const at = new URL('/admin/import', httpUrl(url))
  for (let tries = 1; ; tries++) {
    const answer = await posted(at, token, body)
    if (answer.status === 200) return importAnswer(await answer.json())
    const said = await answer.text()
    const isTemporary = answer.status === 429 || answer.status === 503
    if (!isTemporary || tries === triesMax) throw new AdminError(`${at.href} answered ${answer.status}: ${said.trim()}`)
    await wait(Math.min(waitMaxMs, 1_000 * (Number(answer.headers.get('retry-after')) || 1)))
  }
}

/** The place of the HTTP answers beside a WebSocket. Throws an AdminError on what is no such address. */
export function httpUrl(written: string): URL {
  const url = URL.parse(written)
  const protocol = url === null ? undefined : protocols.get(url.protocol)
  if (url === null || protocol === undefined) {
    throw new AdminError(`an address such as http://localhost:8484 expected, got ${JSON.stringify(written)}`)
  }
  url.protocol = protocol
  return url
}

const protocols: ReadonlyMap<string, string> = new Map([
  ['http:', 'http:'],
  ['https:', 'https:'],
  ['ws:', 'http:'],
  ['wss:', 'https:'],
])

async function posted(at: URL, token: string, body: Uint8Array<ArrayBuffer>): Promise<Response> {
  try {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' }
    return await fetch(at, { method: 'POST', headers, body })
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
    throw new AdminError(`${at.href} cannot be reached: ${cause}`, { cause: error })
  }
}

function importAnswer(json: unknown): ImportAnswer {
  const answer = new Field(json, 'the answer')
  return {
    imported: answer.get('imported').count,
    refused: answer.get('refused').list.map((one) => ({
      index: one.get('index').count,
      reason: one.get('reason').text,
    })),
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
