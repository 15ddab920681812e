// Answers in JSON, as the admin API gives them.

import type { HttpAnswer } from '../../transport/listener.ts'

export function jsonAnswer(status: number, body: unknown): HttpAnswer {
  return { status, contentType: 'application/json', body: `${JSON.stringify(body)}\n` }
}

/** A refusal: a stable code, and for people what was expected. `retryAfterS` says that asking again may help. */
export function refusal(status: number, error: string, message: string, retryAfterS?: number): HttpAnswer {
  const headers = retryAfterS === undefined ? {} : { headers: { 'retry-after': String(retryAfterS) } }
  return { ...jsonAnswer(status, { error, message }), ...headers }
}
