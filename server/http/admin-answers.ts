// The admin API: what an operator's tools ask of a running engine, each request with the admin token. Before the token was
// right nothing of a body is kept, and nothing is told, not even which paths there are.

import { Mistake } from '../../base/request.ts'
import type { Engine } from '../../engine/engine.ts'
import { importsUnderWayMax } from '../../engine/operators/import.ts'
import { Fault } from '../../engine/ports/fault.ts'
import { toHex } from '../../base/bytes.ts'
import { importBindingsMax } from '../../protocol/messages/imported-binding.ts'
import type {
  AnswersLater,
  HttpAnswer,
  HttpRequest,
  ListenerName,
  PostHandler,
  TakesBody,
} from '../../transport/listener.ts'
import { type AccessToken, refusedBy } from './access-token.ts'
import { bandAnswer } from './admin-band.ts'
import { importBody } from './admin-import.ts'
import { type WantedToken, readAfter, readBandRequest, readPartnerRequest, readTokenRequest } from './admin-requests.ts'
import { engineConfigOf, listenLimitsOf } from '../settings/engine-limits.ts'
import { notReadyReasons } from './http-answers.ts'
import { jsonAnswer, refusal } from './json-answer.ts'
import type { LastMinute } from '../figures/last-minute.ts'
import { ListError } from '../documents/list-lock.ts'
import type { Log } from '../log/log.ts'
import type { ServerMeters } from '../figures/meters.ts'
import type { ListedPartner } from '../documents/partner-list.ts'
import { processMemory } from '../figures/process-memory.ts'
import type { ServerConfig } from '../settings/settings.ts'

export type AdminSources = {
  readonly token: Pick<AccessToken, 'judge'>
  readonly config: ServerConfig
  readonly version: string
  /** Known once the listener listens. */
  readonly place: () => { readonly url: string; readonly listener: ListenerName }
  readonly engine: Pick<Engine, 'importBindings' | 'inspectBand' | 'status'>
  readonly meters: Pick<ServerMeters, 'report' | 'reset'>
  readonly lastMinute: Pick<LastMinute, 'report'>
  /** Makes a token of the local issuer; undefined when this engine takes none. */
  readonly mint: ((request: WantedToken) => Promise<string>) | undefined
  /** Lists a partner, for this engine at once. Throws when the name is taken. */
  readonly addPartner: (name: string) => ListedPartner
  readonly isStopping: () => boolean
  readonly log: Log
}

export type AdminAnswers = {
  /** Answers GET and HEAD under /admin/; undefined for other paths. */
  readonly get: (request: HttpRequest) => HttpAnswer | AnswersLater | undefined
  /** Takes POST under /admin/; undefined for other paths. */
  readonly post: PostHandler
}

/** Every path of the admin API with its method (HEAD goes with GET). */
export const adminPaths = {
  '/admin/info': 'GET',
  '/admin/meters': 'GET',
  '/admin/meters/reset': 'POST',
  '/admin/last-minute': 'GET',
  '/admin/bands/<name>': 'GET',
  '/admin/import': 'POST',
  '/admin/tokens': 'POST',
  '/admin/partners': 'POST',
} as const

type Get = { readonly get: (request: HttpRequest) => HttpAnswer | AnswersLater }
type Post = { readonly post: TakesBody }
type Route = Get | Post
type Routes = {
  readonly [Path in keyof typeof adminPaths]: (typeof adminPaths)[Path] extends 'GET' ? Get : Post
}

export function adminAnswers(from: AdminSources): AdminAnswers {
  const all: Routes = {
    '/admin/info': { get: () => jsonAnswer(200, infoOf(from)) },
    '/admin/meters': { get: () => jsonAnswer(200, { ...from.meters.report(), status: from.engine.status() }) },
    '/admin/meters/reset': { post: async () => resetMeters(from) },
    '/admin/last-minute': { get: ({ query }) => lastMinute(from, query) },
    '/admin/bands/<name>': { get: (request) => inspectBand(from, request) },
    '/admin/import': { post: (body) => importBody(from.engine.importBindings, body) },
    '/admin/tokens': { post: (body) => giveToken(from, body) },
    '/admin/partners': { post: async (body) => listPartner(from, body) },
  }
  const routes: ReadonlyMap<string, Route> = new Map(Object.entries(all))
  return {
    get(request) {
      if (!isAdmin(request)) return undefined
      const found = refusedBy(from.token, 'admin-token', request) ?? routeOf(routes, request) ?? noSuchPath(routes)
      if ('status' in found) return found
      return 'get' in found ? found.get(request) : wrongMethod('POST')
    },
    post(request) {
      if (!isAdmin(request)) return undefined
      const found = refusedBy(from.token, 'admin-token', request) ?? routeOf(routes, request) ?? noSuchPath(routes)
      if ('status' in found) return found
      if (!('post' in found)) return wrongMethod('GET, HEAD')
      return from.isStopping() ? draining : found.post
    },
  }
}

/** What waits for the disk is not begun any more. */
const draining = refusal(503, 'draining', 'expected a server that is not stopping', 1)

function isAdmin({ path }: HttpRequest): boolean {
  return path === '/admin' || path.startsWith('/admin/')
}

const bandsPath = '/admin/bands/'

function routeOf(routes: ReadonlyMap<string, Route>, { path }: HttpRequest): Route | undefined {
  const route = adminRouteOf(path)
  return route === undefined ? undefined : routes.get(route)
}

/** The path as it stands in `adminPaths`, for counting; undefined when there is none such. */
export function adminRouteOf(path: string): string | undefined {
  const route = path.startsWith(bandsPath) ? '/admin/bands/<name>' : path
  return Object.hasOwn(adminPaths, route) ? route : undefined
}

function noSuchPath(routes: ReadonlyMap<string, Route>): HttpAnswer {
  return refusal(404, 'not-found', `expected one of ${[...routes.keys()].join(', ')}`)
}

function wrongMethod(allow: string): HttpAnswer {
  return { ...refusal(405, 'wrong-method', `expected ${allow}`), headers: { allow } }
}

function infoOf({ config, version, place, mint }: AdminSources) {
  const { durability, heartbeatS } = config
  const { kinds, bodyBytesMax, ...network } = listenLimitsOf(config)
  const { linksMax, sessionsMax, gateDepthMax, accountFramesPerSecond, accountFramesBurst } = engineConfigOf(
    config,
    version,
  )
  return {
    version,
    ...place(),
    durability,
    heartbeatS,
    localTokens: mint !== undefined,
    tokenAudience: config.tokens.audience,
    limits: {
      import: { bindingsMax: importBindingsMax, bytesMax: bodyBytesMax, underWayMax: importsUnderWayMax },
      linksMax,
      sessionsMax,
      gateDepthMax,
      accountFrames: { perSecond: accountFramesPerSecond, burst: accountFramesBurst },
      network: { ...network, ...kinds },
    },
  }
}

function lastMinute({ lastMinute, engine, isStopping }: AdminSources, query: string): HttpAnswer {
  try {
    const seen = lastMinute.report(readAfter(query))
    const status = engine.status()
    const notReady = isStopping() ? ['draining'] : notReadyReasons(status)
    return jsonAnswer(200, { ...seen, notReady, status, memory: processMemory() })
  } catch (error) {
    return badRequest(error)
  }
}

function inspectBand(
  { engine, log, isStopping }: AdminSources,
  { path, query }: HttpRequest,
): HttpAnswer | AnswersLater {
  if (isStopping()) return draining
  try {
    const asked = readBandRequest(path.slice(bandsPath.length), query)
    return () => bandAnswer({ inspectBand: engine.inspectBand, log }, asked)
  } catch (error) {
    return badRequest(error)
  }
}

function resetMeters({ meters }: AdminSources): HttpAnswer {
  meters.reset()
  return jsonAnswer(200, { reset: true })
}

async function giveToken({ mint, log }: AdminSources, body: Uint8Array): Promise<HttpAnswer> {
  if (mint === undefined) {
    const message = 'this engine takes no token of its own issuer: have yours make one, or start with --tokens-local on'
    return refusal(409, 'no-local-issuer', message)
  }
  try {
    const wanted = readTokenRequest(body)
    const token = await mint(wanted)
    log('info', 'admin.token', { account: wanted.account, scopes: wanted.scopes ?? [], lifeS: wanted.lifeS })
    return jsonAnswer(200, { token })
  } catch (error) {
    return badRequest(error)
  }
}

function listPartner({ addPartner, log }: AdminSources, body: Uint8Array): HttpAnswer {
  try {
    const { id, name, keys } = addPartner(readPartnerRequest(body))
    const [newest] = keys
    if (newest === undefined) throw new Error('a new partner without a key')
    log('info', 'admin.partner', { id, name })
    return jsonAnswer(200, { id, kid: newest.kid, key: toHex(newest.key) })
  } catch (error) {
    return badRequest(error)
  }
}

/** What was asked for does not fit: the error says how. Bugs and failures of the disk go on to become a 500. */
function badRequest(error: unknown): HttpAnswer {
  if (error instanceof ListError) return refusal(409, 'conflict', error.message)
  if (error instanceof Fault && error.code === 'data-in-use') return refusal(503, 'busy', error.message, 1)
  if (error instanceof Fault && error.code === 'not-written') return refusal(503, 'not-written', error.message, 5)
  if (error instanceof Mistake) return refusal(400, 'malformed', error.message)
  throw error
}
