// A file of bindings, one JSON object a line, as an operator brings it: read line by line, sent to a running engine in
// requests of at most a thousand. A line that does not fit costs that line only. No value of a line is ever repeated in a
// message: it may be a secret.

import { wipe } from '../../crypto/primitives/secret.ts'
import { fromHex } from '../../base/bytes.ts'
import { parseAccountId, parseBandId, parseBid } from '../../protocol/ids.ts'
import { type ImportedBinding, encodeImport, importBindingsMax } from '../../protocol/messages/imported-binding.ts'
import { didYouMean } from '../../base/did-you-mean.ts'

/** Longest line, in characters: several times what a binding needs. */
export const importLineMax = 4_096

/** Why a line was not taken: what was expected of it, or the engine's reason. */
export type RefusedLine = { readonly line: number; readonly reason: string }

/** What an engine said to one request. */
export type ImportAnswer = {
  readonly imported: number
  readonly refused: readonly { readonly index: number; readonly reason: string }[]
}

export type ImportedLines = { readonly read: number; readonly imported: number; readonly refused: number }

export type ImportingLines = {
  /** Sends one request, and resolves when the engine has answered it; a rejection ends the import. */
  readonly send: (body: Uint8Array<ArrayBuffer>) => Promise<ImportAnswer>
  readonly refused: (line: RefusedLine) => void
  readonly progressed: (lines: ImportedLines) => void
}

/** Requests on their way at once: the engine works at one while the next arrives. */
const requestsAtOnce = 4

/** Imports lines. Empty ones are skipped. Rejects with what `send` rejected with; what was sent before is taken. */
export async function importLines(lines: AsyncIterable<string>, to: ImportingLines): Promise<ImportedLines> {
  const totals = { read: 0, imported: 0, refused: 0 }
  const underWay = new Set<Promise<void>>()
  let failure: { readonly error: unknown } | undefined
  let batch: Numbered[] = []

  const refuse = (refused: RefusedLine): void => {
    totals.refused++
    to.refused(refused)
  }
  const send = async (sent: readonly Numbered[]): Promise<void> => {
    const body = encodeImport(sent.map((one) => one.binding))
    const { imported, refused } = await to.send(body).finally(() => wipe(body))
    totals.imported += imported
    for (const { index, reason } of refused) refuse({ line: sent[index]?.line ?? 0, reason })
    to.progressed({ ...totals })
  }
  const sendBatch = async (): Promise<void> => {
    const sending: Promise<void> = send(batch)
      .catch((error: unknown) => {
        failure ??= { error }
      })
      .finally(() => underWay.delete(sending))
    batch = []
    underWay.add(sending)
    if (underWay.size >= requestsAtOnce) await Promise.race(underWay)
  }

  let line = 0
  for await (const text of lines) {
    line++
    if (text.trim() === '') continue
    totals.read++
    const binding = readLine(text)
    if (typeof binding === 'string') refuse({ line, reason: binding })
    else batch.push({ line, binding })
    if (batch.length === importBindingsMax) await sendBatch()
    if (failure !== undefined) break
  }
  if (batch.length > 0 && failure === undefined) await sendBatch()
  await Promise.all(underWay)
  if (failure !== undefined) throw failure.error
  return totals
}

type Numbered = { readonly line: number; readonly binding: ImportedBinding }

const members = [
  'bandId',
  'bid',
  'account',
  'generation',
  'vendor',
  'model',
  'batch',
  'conformance',
  'bandKey',
  'acctTag',
  'name',
  'root',
  'k',
  'armed',
] as const
const armedMembers = ['secret', 'armEpoch', 'wearEpoch', 'armedUntilMs', 'verifiedAtMs'] as const

/** The binding of a line, or what was expected of it. */
export function readLine(text: string): ImportedBinding | string {
  if (text.length > importLineMax) return `a line of at most ${importLineMax} characters expected, got ${text.length}`
  try {
    const binding = bindingOf(new Members(parsed(text), '', members))
    // The bytes have bounds of their own: asked before a whole request fails by one line.
    wipe(encodeImport([binding]))
    return binding
  } catch (error) {
    if (error instanceof RangeError) return error.message
    throw error
  }
}

function bindingOf(from: Members<(typeof members)[number]>): ImportedBinding {
  const armed = from.object('armed', armedMembers)
  return {
    bandId: parseBandId(from.hex('bandId', 16)),
    bid: parseBid(from.hex('bid', 8)),
    account: accountOf(from.text('account')),
    generation: from.number('generation'),
    vendor: from.number('vendor'),
    model: from.number('model'),
    batch: from.number('batch'),
    conformance: from.number('conformance'),
    bandKey: from.hex('bandKey', 32),
    acctTag: from.hex('acctTag', 8),
    name: from.text('name', ''),
    root: from.hex('root', 32),
    k: from.number('k'),
    armed:
      armed === null
        ? null
        : {
            secret: armed.hex('secret', 16),
            armEpoch: armed.number('armEpoch'),
            wearEpoch: armed.number('wearEpoch'),
            armedUntilMs: armed.number('armedUntilMs'),
            verifiedAtMs: armed.number('verifiedAtMs'),
          },
  }
}

function accountOf(text: string): ImportedBinding['account'] {
  try {
    return parseAccountId(text)
  } catch (error) {
    throw new RangeError('account: 1 to 64 of A-Z a-z 0-9 . _ : - expected', { cause: error })
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The language's own message shows what it stumbled over.
    throw new RangeError('a JSON object expected, this is no JSON')
  }
}

/** The members of a JSON object, each read as what it must be; throws a RangeError that names the member. */
class Members<Name extends string> {
  readonly #object: Readonly<Record<string, unknown>>
  readonly #above: string

  constructor(value: unknown, above: string, names: readonly Name[]) {
    if (!isObject(value)) throw new RangeError(`${above === '' ? '' : `${above}: `}a JSON object expected`)
    this.#object = value
    this.#above = above
    const unknown = Object.keys(value).find((name) => !names.some((known) => known === name))
    if (unknown === undefined) return
    const near = didYouMean(unknown, names)
    const hint = near === undefined ? '' : `; did you mean ${near}?`
    throw new RangeError(`${this.#place('')}only ${names.join(', ')} expected${hint}`)
  }

  hex(name: Name, lengthBytes: number): Uint8Array<ArrayBuffer> {
    const value = this.#get(name)
    const digits = 2 * lengthBytes
    if (typeof value === 'string' && value.length === digits && /^[0-9a-f]*$/i.test(value)) return fromHex(value)
    const got = typeof value === 'string' ? `${value.length} characters` : typeOf(value)
    throw new RangeError(`${this.#place(name)}: ${digits} hex digits expected, got ${got}`)
  }

  number(name: Name): number {
    const value = this.#get(name)
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
    throw new RangeError(`${this.#place(name)}: a whole number expected, got ${typeOf(value)}`)
  }

  text(name: Name, unlessGiven?: string): string {
    const value = this.#get(name) ?? unlessGiven
    if (typeof value === 'string') return value
    throw new RangeError(`${this.#place(name)}: text expected, got ${typeOf(value)}`)
  }

  /** Null when it is null or not there. */
  object<Inner extends string>(name: Name, names: readonly Inner[]): Members<Inner> | null {
    const value = this.#get(name) ?? null
    return value === null ? null : new Members(value, this.#place(name), names)
  }

  #get(name: Name): unknown {
    return Object.hasOwn(this.#object, name) ? this.#object[name] : undefined
  }

  #place(name: string): string {
    if (this.#above === '') return name
    return name === '' ? `${this.#above}: ` : `${this.#above}.${name}`
  }
}

function typeOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  return value === null ? 'null' : Array.isArray(value) ? 'a list' : `a ${typeof value}`
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
