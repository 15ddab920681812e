// HTTP client of the engine's API. An answer is a value, and so is a refusal; a server that is not there is a refusal too. Bodies
// are checked for the members that the caller names: a server of another version may have left some out.

import { type ApiRefusal, type SessionAnswer, operatorHeader, operatorPaths } from '../../protocol/operator-api.ts'
import { printable } from '../../base/printable.ts'
import { signal } from './signals.ts'

export type Answered<Answer> =
  { readonly ok: true; readonly answer: Answer } | { readonly ok: false; readonly refusal: ApiRefusal }

/** Which members an answer must have, to be one. */
type Members<Answer> = readonly (keyof Answer & string)[]

/** Who is signed in; undefined until the engine has said. */
export const session = signal<SessionAnswer | undefined>(undefined)
/** The session expired: an operator was signed in here, and did not sign out. */
export const wasCutOff = signal(false)

/** GET of a path with its query. */
export async function get<Answer extends object>(
  path: string,
  members: Members<Answer>,
  signal?: AbortSignal,
): Promise<Answered<Answer>> {
  return ask(path, members, signal === undefined ? {} : { signal })
}

/** POST of a body. */
export async function post<Answer extends object>(
  path: string,
  body: unknown,
  members: Members<Answer>,
): Promise<Answered<Answer>> {
  return ask(path, members, {
    method: 'POST',
    headers: { 'content-type': 'application/json', [operatorHeader]: '1' },
    body: JSON.stringify(body),
  })
}

/** A path with its parameters, such as `:bandId`, filled in. */
export function pathOf(path: string, parameters: Readonly<Record<string, string | number>>): string {
  return path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(parameters[name] ?? '')))
}

/** Asks who is signed in. */
export async function readSession(): Promise<void> {
  const answered = await get<SessionAnswer>(operatorPaths.session, ['signedIn'])
  if (!answered.ok) return
  if (session.value?.signedIn === true && !answered.answer.signedIn) wasCutOff.value = true
  session.value = answered.answer
}

/** Error of a response that refuses. An operator who is no longer signed in is asked to. */
export async function refusalOf(response: Response): Promise<ApiRefusal> {
  const said = await bodyOf(response)
  if (response.status === 401 && session.value?.signedIn === true) await readSession()
  if (isRefusal(said)) return said
  return { error: `http-${response.status}`, message: `The engine answered ${response.status} and did not say why.` }
}

/** Network error as a refusal. */
export function unreachable(error: unknown): ApiRefusal {
  const isCancelled = error instanceof DOMException && error.name === 'AbortError'
  return isCancelled
    ? { error: 'cancelled', message: 'Cancelled.' }
    : { error: 'unreachable', message: 'The engine cannot be reached. It may be restarting; try again.' }
}

async function ask<Answer extends object>(
  path: string,
  members: Members<Answer>,
  init: RequestInit,
): Promise<Answered<Answer>> {
  try {
    const response = await fetch(path, { ...init, credentials: 'same-origin' })
    if (!response.ok) return { ok: false, refusal: await refusalOf(response) }
    const body = await bodyOf(response)
    if (has(body, members)) return { ok: true, answer: body }
    const message = `The engine answered something else than this page expects (${members.join(', ')}). Load the page again.`
    return { ok: false, refusal: { error: 'unexpected-answer', message } }
  } catch (error) {
    return { ok: false, refusal: unreachable(error) }
  }
}

async function bodyOf(response: Response): Promise<unknown> {
  try {
    return readable(await response.text())
  } catch {
    return undefined
  }
}

/** Parses and sanitizes an answer: labels, names and reasons in it were written by others, so no text gets to a page before it is harmless. */
function readable(json: string): unknown {
  return JSON.parse(json, (_name, value: unknown) => (typeof value === 'string' ? printable(value) : value))
}

function has<Answer extends object>(body: unknown, members: Members<Answer>): body is Answer {
  return typeof body === 'object' && body !== null && members.every((name) => name in body)
}

function isRefusal(body: unknown): body is ApiRefusal {
  return has<ApiRefusal>(body, ['error', 'message']) && typeof body.message === 'string'
}
