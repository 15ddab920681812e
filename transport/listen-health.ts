// Health checks over HTTP/1.0: a small listener of its own on node:http. The native one answers 505 to any version but 1.1, and to a target
// in absolute form (RFC 9112 §3.2.2), before a handler of ours is asked; some health checkers send such and cannot be told otherwise.

import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { headersOf } from './gate.ts'
import { type HttpAnswer, ListenError } from './listener.ts'
import { methodNotAllowed, originForm, targetOf } from './upgrade.ts'

/** Those who check are few; one past it is closed at once. */
export const healthConnectionsMax = 64
const requestTimeoutMs = 2_000
export const headBytesMax = 2_048

export type HealthOptions = {
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  /** Answers a path; undefined for one that it does not know. */
  readonly answer: (path: string) => HttpAnswer | undefined
  /** Hears of a bug while a request was answered, and of the listener's own failures. */
  readonly failed: (error: unknown) => void
}

export type HealthListener = { readonly port: number; readonly close: () => Promise<void> }

/** Listens. Rejects with a ListenError when the address cannot be had. */
export async function listenHealth({ host, port, answer, failed }: HealthOptions): Promise<HealthListener> {
  const server = createServer(
    {
      headersTimeout: requestTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: requestTimeoutMs / 2,
      maxHeaderSize: headBytesMax,
    },
    (request, response) => {
      try {
        respond(request, response, answer)
      } catch (error) {
        response.destroy()
        failed(error)
      }
    },
  )
  server.maxConnections = healthConnectionsMax
  server.timeout = requestTimeoutMs
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new ListenError(`cannot listen on ${host}:${port}: ${error.message}`, { cause: error })),
    )
    server.listen(port, host, resolve)
  })
  server.removeAllListeners('error').on('error', failed)
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

/** One answer for each connection: who checks comes again with another. */
function respond(request: IncomingMessage, response: ServerResponse, answer: HealthOptions['answer']): void {
  const isAsked = request.method === 'GET' || request.method === 'HEAD'
  const given = isAsked ? (answer(targetOf(originForm(request.url ?? '')).path) ?? unknownPath) : methodNotAllowed
  response.shouldKeepAlive = false
  response.writeHead(given.status, { ...headersOf(given), 'content-length': Buffer.byteLength(given.body) })
  response.end(given.body)
}

const unknownPath: HttpAnswer = {
  status: 404,
  contentType: 'text/plain; charset=utf-8',
  body: 'expected /healthz or /readyz\n',
}
