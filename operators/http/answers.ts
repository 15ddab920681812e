// Request and response types of a route handler; app.ts makes HTTP of them.

import type { ApiRefusal, OperatorRole } from '../../protocol/operator-api.ts'
import type { Headers } from './origins.ts'
import type { OperatorSession } from '../guards/sessions.ts'

export type Asked = {
  /** Of the path, by name. */
  readonly param: (name: string) => string
  /** The whole address, as the browser has it. */
  readonly url: URL
  /** Without the question mark. */
  readonly query: string
  readonly body: Uint8Array
  readonly headers: Headers
  /** Of the TCP connection. */
  readonly address: string
  /** The session's cookie, and the other one. */
  readonly cookie: string | undefined
  readonly oidcCookie: string | undefined
  readonly session: OperatorSession | undefined
  /** Aborted when the client went away. */
  readonly signal: AbortSignal
}

type AnsweredJson = {
  readonly type: 'json'
  readonly status: number
  readonly body: unknown
  readonly cookies?: readonly string[]
}

export type Answered =
  | AnsweredJson
  | { readonly type: 'redirect'; readonly location: string; readonly cookies?: readonly string[] }
  | {
      readonly type: 'stream'
      readonly contentType: string
      readonly headers: Readonly<Record<string, string>>
      /** Pulled as fast as the reader takes them; ended when it goes away. */
      readonly chunks: AsyncIterable<Uint8Array>
    }

export type Route = {
  readonly method: 'GET' | 'POST'
  /** As in operatorPaths. */
  readonly path: string
  /** The least role; `anybody` may be signed out. */
  readonly needs: OperatorRole | 'anybody'
  /** A browser may come here from another site: the way back from a provider. */
  readonly fromElsewhere?: true
  /** Asking does not keep the session from growing idle. */
  readonly isQuiet?: true
  readonly answer: (asked: Asked) => Promise<Answered> | Answered
}

/** Request of a route that needs sign-in: the session is there. */
export type SignedInAsked = Asked & { readonly session: OperatorSession }

/** Ends a stream before its end, on purpose; the message says why. */
export class CutOff extends Error {
  override readonly name = 'CutOff'
}

export function json(body: unknown, cookies?: readonly string[]): AnsweredJson {
  return { type: 'json', status: 200, body, ...(cookies === undefined ? {} : { cookies }) }
}

export function refused(status: number, error: string, message: string, retryAfterMs?: number): AnsweredJson {
  const body: ApiRefusal = { error, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
  return { type: 'json', status, body }
}
