// Tracing decorators: parts of a server that are traced: wrapped where the server is put together, so that neither they nor the engine know of
// it. Without traces each is given back as it came, and nothing is watched.

import type { Engine } from '../engine/engine.ts'
import type { ImportBindings } from '../engine/operators/import.ts'
import type { View } from '../engine/ports/view.ts'
import type { AnswersLater, HttpAnswer, HttpRequest } from '../transport/listener.ts'
import { type AdminAnswers, adminRouteOf } from './http/admin-answers.ts'
import type { SpanOptions, Traces } from './figures/traces.ts'

/** Of all decisions so many a second, and of slow ones as many more: enough to see where time goes, at any load. */
export const decisionSpansPerSecond = 10
/** Slow is what misses the budget of an answer, ms. */
export const slowMs = 3

type Asked = Pick<HttpRequest, 'method' | 'path'>

/** A span for each admin request that showed the token, with its route and never its path or its body. */
export function tracedAdmin(traces: Traces | undefined, admin: AdminAnswers, nowMs: () => number): AdminAnswers {
  if (traces === undefined) return admin
  const later = (request: Asked, answer: AnswersLater): Promise<HttpAnswer> => {
    const { name, options } = requestSpan(request)
    return traces.during(
      name,
      async (span) => {
        const given = await answer()
        span.tell(statusOf(given))
        if (given.status >= 500) span.failed()
        return given
      },
      options,
    )
  }
  const told = (request: Asked, answer: HttpAnswer, fromMs: number): HttpAnswer => {
    // A request without a token makes no spans.
    if (answer.status === 401 || answer.status === 429) return answer
    const { name, options } = requestSpan(request)
    const facts = { ...options.facts, ...statusOf(answer) }
    traces.past(name, { fromMs, toMs: nowMs() }, { ...options, facts, failed: answer.status >= 500 })
    return answer
  }
  return {
    get(request) {
      const fromMs = nowMs()
      const answer = admin.get(request)
      if (answer === undefined) return undefined
      // The request may be read until this returns, and not after.
      const { method, path } = request
      return typeof answer === 'function' ? () => later({ method, path }, answer) : told(request, answer, fromMs)
    },
    post(request) {
      const fromMs = nowMs()
      const answer = admin.post(request)
      if (answer === undefined) return undefined
      const { method, path } = request
      return typeof answer === 'function'
        ? (body) => later({ method, path }, () => answer(body))
        : told(request, answer, fromMs)
    },
  }
}

/** A span for each import, with how many bindings it brought. */
export function tracedImport(traces: Traces | undefined, importBindings: ImportBindings): ImportBindings {
  if (traces === undefined) return importBindings
  return (bindings, pause) =>
    traces.during('import', async (span) => {
      const result = await importBindings(bindings, pause)
      if (result.type === 'stopped') span.tell({ 'bandpass.stopped': result.error })
      else span.tell({ 'bandpass.imported': result.imported, 'bandpass.refused': result.refused.length })
      return result
    })
}

/** A span for each batch of rows that leaves for the view. */
export function tracedView(traces: Traces | undefined, view: View): View {
  if (traces === undefined) return view
  // Two may be under way: each counts from where the one before will end.
  let reachesLsn = view.appliedLsn
  return {
    get appliedLsn() {
      return view.appliedLsn
    },
    get isProven() {
      return view.isProven
    },
    get: (table, key) => view.get(table, key),
    range: (table, range) => view.range(table, range),
    write: (changes, appliedLsn) => {
      // Less than what was reached: one that failed is tried again.
      const records = appliedLsn - (appliedLsn > reachesLsn ? reachesLsn : view.appliedLsn)
      reachesLsn = appliedLsn
      const facts = { 'bandpass.applied_lsn': appliedLsn, 'bandpass.records': records }
      return traces.during('view.flush', () => view.write(changes, appliedLsn), { facts })
    },
    close: () => view.close(),
  }
}

/** Spans for some decisions, from the frame that was read to the durable answer. Call what it gives to stop. */
export function traceDecisions(traces: Traces | undefined, watch: Engine['watch'], nowMs: () => number): () => void {
  if (traces === undefined) return () => undefined
  const any = new Quota(decisionSpansPerSecond)
  const slow = new Quota(decisionSpansPerSecond)
  return watch((event) => {
    if (event.type !== 'decided') return
    const toMs = nowMs()
    const isTaken = any.takes(toMs) || (event.tookMs > slowMs && slow.takes(toMs))
    if (!isTaken) return
    const facts = {
      'bandpass.reason': event.reason,
      'bandpass.approved': event.reason === 'approved',
    }
    traces.past('decision', { fromMs: toMs - event.tookMs, toMs }, { facts })
  })
}

class Quota {
  readonly #perSecond: number
  #second = 0
  #taken = 0

  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  takes(nowMs: number): boolean {
    const second = Math.floor(nowMs / 1_000)
    if (second !== this.#second) {
      this.#second = second
      this.#taken = 0
    }
    return this.#taken++ < this.#perSecond
  }
}

function requestSpan({ method, path }: Asked): {
  readonly name: string
  readonly options: SpanOptions & { readonly facts: Readonly<Record<string, string>> }
} {
  const route = adminRouteOf(path)
  const facts = { 'http.request.method': method, ...(route === undefined ? {} : { 'http.route': route }) }
  return { name: route === undefined ? method : `${method} ${route}`, options: { kind: 'server', facts } }
}

function statusOf({ status }: HttpAnswer): Readonly<Record<string, number>> {
  return { 'http.response.status_code': status }
}
