// HTTP routing and authorization of the operators' API: the one door to hono. A request is judged in this order: is it from our own
// page, is it small enough, who is it, may they; only then is it read.

import { Mistake } from '../../base/request.ts'
import type { IncomingMessage } from 'node:http'
import { type Context, Hono } from 'hono'
import { canonicalAddress } from '../../engine/ports/address.ts'
import type { Clock } from '../../engine/ports/clock.ts'
import { Fault } from '../../engine/ports/fault.ts'
import { operatorHeader } from '../../protocol/operator-api.ts'
import { type Answered, CutOff, type Route, refused } from './answers.ts'
import { type CookieNames, cookieOf } from './cookies.ts'
import type { ForeignLog } from '../guards/foreign-log.ts'
import { operatorLimits } from '../ports/limits.ts'
import { type Origins, foreign } from './origins.ts'
import type { OperatorLog } from '../ports/ports.ts'
import { may } from '../ports/roles.ts'
import { securityHeaders } from './security-headers.ts'
import type { OperatorSessions } from '../guards/sessions.ts'
import type { StaticFiles } from './static-files.ts'

export type AppParts = {
  readonly routes: readonly Route[]
  readonly sessions: OperatorSessions
  readonly origins: () => Origins
  readonly cookies: () => CookieNames
  readonly files: StaticFiles
  readonly log: OperatorLog
  readonly clock: Pick<Clock, 'after'>
  readonly foreignLog: ForeignLog
}

/** Bindings that the Node adapter gives with a request. */
type Incoming = { readonly incoming: IncomingMessage }
type Env = { Bindings: Incoming }

export type App = (request: Request, from: Incoming) => Promise<Response>

export function createApp(parts: AppParts): App {
  const app = new Hono<Env>()
  for (const route of parts.routes) {
    app.on(route.method, route.path, async (context) => sent(parts, context, await judged(parts, route, context)))
  }
  app.all('/api/*', (context) => responseOf(noRoute(parts.routes, context)))
  app.get('*', (context) => staticResponse(parts, context))
  app.notFound(() => responseOf(refused(405, 'wrong-method', 'expected GET')))
  app.onError((error) => responseOf(failed(parts, error)))
  return async (request, from) => app.fetch(request, from)
}

async function judged(parts: AppParts, route: Route, context: Context<Env>): Promise<Answered> {
  const { raw } = context.req
  const { headers } = raw
  // Hono answers HEAD with the head of a GET, which would have been carried out.
  if (raw.method !== route.method) return refused(405, 'wrong-method', `expected ${route.method}`)
  const why = route.fromElsewhere === true ? undefined : foreign(parts.origins(), raw)
  if (why !== undefined) return turnedAway(parts, context, 'foreign', why)
  if (raw.method === 'POST' && headers.get(operatorHeader) === null) {
    return turnedAway(parts, context, 'foreign', `expected the header ${operatorHeader}`)
  }
  const url = new URL(raw.url)
  if (url.search.length > operatorLimits.queryMax) {
    return refused(414, 'too-long', `expected a query of at most ${operatorLimits.queryMax} characters`)
  }
  const names = parts.cookies()
  const cookie = cookieOf(headers.get('cookie'), names.session)
  const signedIn = parts.sessions.find(cookie, route.isQuiet !== true)
  if (route.needs !== 'anybody') {
    if (signedIn === undefined) return signedOut
    if (!may(signedIn.role, route.needs)) {
      parts.log('warning', 'operator.refused', { operator: signedIn.name, role: signedIn.role, path: route.path })
      return refused(403, 'role', `expected the role ${route.needs}, got ${signedIn.role}`)
    }
  }
  const body = await bodyOf(raw)
  if (body === 'cut-off') return refused(400, 'malformed', 'expected the whole body')
  if (body === undefined) {
    return refused(413, 'too-large', `expected a body of at most ${operatorLimits.bodyBytesMax} bytes`)
  }
  // Recheck of the session: a body may take seconds to come, and an operator who was signed out meanwhile, or may do less, is refused.
  const session = parts.sessions.find(cookie, false)
  if (route.needs !== 'anybody' && session !== signedIn) return signedOut
  try {
    return await route.answer({
      param: (name) => context.req.param(name) ?? '',
      url: ownUrl(parts.origins(), url),
      query: url.search.slice(1),
      body,
      headers,
      address: canonicalAddress(context.env.incoming.socket.remoteAddress ?? ''),
      cookie,
      oidcCookie: cookieOf(headers.get('cookie'), names.oidc),
      session,
      signal: raw.signal,
    })
  } catch (error) {
    return failed(parts, error)
  }
}

const signedOut = refused(401, 'signed-out', 'expected who is signed in')

/** As the browser has it: behind a proxy the request names another host, or another scheme. */
function ownUrl({ main }: Origins, { pathname, search }: URL): URL {
  return new URL(`${pathname}${search}`, main)
}

/** The whole body, or undefined when it is longer than it may be. A client that leaves in the middle of it is not worth a line of the log. */
async function bodyOf({ body }: Request): Promise<Uint8Array | 'cut-off' | undefined> {
  const chunks: Uint8Array[] = []
  let length = 0
  if (body === null) return new Uint8Array(0)
  try {
    for await (const part of body) {
      const chunk: unknown = part
      if (!(chunk instanceof Uint8Array)) return 'cut-off'
      length += chunk.length
      if (length > operatorLimits.bodyBytesMax) return undefined
      chunks.push(chunk)
    }
  } catch {
    return 'cut-off'
  }
  return Buffer.concat(chunks)
}

function turnedAway(parts: AppParts, context: Context<Env>, error: string, message: string): Answered {
  parts.foreignLog({ address: context.env.incoming.socket.remoteAddress, path: context.req.path, message })
  return refused(403, error, message)
}

function noRoute(routes: readonly Route[], context: Context<Env>): Exclude<Answered, Streamed> {
  const here = routes.filter(({ path }) => patternOf(path).test(context.req.path))
  return here.length === 0
    ? refused(404, 'not-found', 'expected a path of the operators’ page')
    : refused(405, 'wrong-method', `expected ${here.map(({ method }) => method).join(', ')}`)
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/:\w+/g, '[^/]+')}$`)
}

/** Error handler: for a request that does not fit, the error says how. A bug goes to the log, and the client learns that there was one. */
function failed({ log }: AppParts, error: unknown): Exclude<Answered, Streamed> {
  if (error instanceof Mistake) return refused(400, 'malformed', error.message)
  log('error', 'operator.request-failed', { error })
  if (error instanceof Fault) return refused(503, 'unavailable', 'expected a store that works; see the log', 2_000)
  return refused(500, 'internal', 'expected no bug; see the log')
}

type Streamed = Extract<Answered, { readonly type: 'stream' }>

function sent(parts: AppParts, context: Context<Env>, answer: Answered): Response {
  if (answer.type !== 'stream') return responseOf(answer)
  const headers = new Headers({ ...securityHeaders, 'cache-control': 'no-store', ...answer.headers })
  headers.set('content-type', answer.contentType)
  return new Response(ReadableStream.from(wholeOrCut(parts, context, answer)), { status: 200, headers })
}

/**
 * Aborts a streamed answer that fails on its way by cutting the connection, so that no reader takes a part for the whole: the adapter
 * would end it as usual, and tell the error to the client, and to the console. So does a reader that takes too long over a part.
 */
async function* wholeOrCut(
  { log, clock }: AppParts,
  { env, req }: Context<Env>,
  { chunks }: Streamed,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of chunks) {
      const cancel = clock.after(operatorLimits.exportTakenMs, () => {
        log('warning', 'operator.answer-cut-off', { message: 'its reader did not take a part of it in time' })
        env.incoming.socket.destroy()
      })
      try {
        yield chunk
      } finally {
        cancel()
      }
    }
  } catch (error) {
    env.incoming.socket.destroy()
    if (error instanceof CutOff) log('warning', 'operator.answer-cut-off', { message: error.message })
    else if (!req.raw.signal.aborted) log('error', 'operator.answer-cut-off', { error })
  }
}

function responseOf(answered: Exclude<Answered, Streamed>): Response {
  const headers = new Headers({ ...securityHeaders, 'cache-control': 'no-store' })
  for (const cookie of answered.cookies ?? []) headers.append('set-cookie', cookie)
  if (answered.type === 'redirect') {
    headers.set('location', answered.location)
    return new Response(null, { status: 302, headers })
  }
  headers.set('content-type', 'application/json')
  const { retryAfterMs } = Object.assign({ retryAfterMs: undefined }, answered.body)
  if (typeof retryAfterMs === 'number') headers.set('retry-after', String(Math.ceil(retryAfterMs / 1_000)))
  return new Response(`${JSON.stringify(answered.body)}\n`, { status: answered.status, headers })
}

async function staticResponse(parts: AppParts, context: Context<Env>): Promise<Response> {
  const { headers } = context.req.raw
  const { hosts } = parts.origins()
  if (hosts !== undefined && !hosts.includes(headers.get('host') ?? '')) {
    return responseOf(refused(403, 'foreign', `expected the host ${hosts[0] ?? ''}`))
  }
  const found = await parts.files(context.req.path, headers.get('accept-encoding') ?? '')
  return new Response(found.body, { status: found.status, headers: { ...securityHeaders, ...found.headers } })
}
