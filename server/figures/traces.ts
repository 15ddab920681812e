// OpenTelemetry tracing. Spans of what an operator wants to see, through the public API of OpenTelemetry and nothing else: an operator who
// wants traces loads an SDK of their choice before us. Without one there are no traces to ask, and what would be traced runs as it is.

import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  isSpanContextValid,
  trace,
} from '@opentelemetry/api'
import { Fault } from '../../engine/ports/fault.ts'
import { version } from '../machine/version.ts'

/** Of closed lists and numbers only: never an id, a name, or a text from outside. */
type SpanFacts = Readonly<Record<string, string | number | boolean>>

export type SpanOptions = {
  /** `server`: a request asked for it. */
  readonly kind?: 'internal' | 'server'
  readonly facts?: SpanFacts
}

/** What runs inside a span may add facts to it, and have spans of its own. */
export type OpenSpan = {
  readonly tell: (facts: SpanFacts) => void
  /** It goes on to its end, but what it was for failed. */
  readonly failed: () => void
  readonly during: During
}

type During = <Result>(
  name: string,
  work: (span: OpenSpan) => Promise<Result>,
  options?: SpanOptions,
) => Promise<Result>

export type Traces = {
  /** A span from now until the work is done, failed when that rejects. */
  readonly during: During
  /** A span of what is over; instants are ms since 1970. */
  readonly past: (
    name: string,
    when: { readonly fromMs: number; readonly toMs: number },
    options: SpanOptions & { readonly failed?: boolean },
  ) => void
}

/** How long the end of the process waits for the last spans to leave. */
const flushWithinMs = 2_000

/** Undefined unless an SDK was loaded. */
export function openTraces(): Traces | undefined {
  const tracer = trace.getTracer('bandpass', version)
  // A span without an SDK has no id. This one never ends, so no exporter hears of it.
  const isHeard = isSpanContextValid(tracer.startSpan('probe', { root: true }).spanContext())
  return isHeard ? tracesOf(tracer) : undefined
}

/** Runs the work in a span, or just runs it. */
export function spanned<Result>(
  traces: Traces | undefined,
  name: string,
  work: (span: OpenSpan) => Promise<Result>,
): Promise<Result> {
  return traces === undefined ? work(noSpan) : traces.during(name, work)
}

const noSpan: OpenSpan = { tell: () => undefined, failed: () => undefined, during: (_name, work) => work(noSpan) }

/** Lets the SDK send what it holds back; the API has no word for it, so it is asked as far as it can be. Never rejects. */
export async function flushTraces(): Promise<void> {
  const provider: object = trace.getTracerProvider()
  const real = 'getDelegate' in provider ? called(provider, provider.getDelegate) : provider
  if (typeof real !== 'object' || real === null || !('forceFlush' in real)) return
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, flushWithinMs)
  })
  const flushed = Promise.resolve(called(real, real.forceFlush)).then(
    () => undefined,
    () => undefined,
  )
  await Promise.race([flushed, late])
  clearTimeout(timer)
}

function called(self: object, method: unknown): unknown {
  return typeof method === 'function' ? Reflect.apply(method, self, []) : undefined
}

// Parents are passed on by hand: a context that is carried along would make a child of the start of everything after it.
function tracesOf(tracer: Tracer): Traces {
  const kinds = { internal: SpanKind.INTERNAL, server: SpanKind.SERVER }
  const open = (parent: Context, name: string, { kind = 'internal', facts = {} }: SpanOptions, startTime?: number) =>
    tracer.startSpan(
      name,
      { kind: kinds[kind], attributes: facts, ...(startTime === undefined ? {} : { startTime }) },
      parent,
    )
  const duringIn =
    (parent: Context): During =>
    async (name, work, options = {}) => {
      const span = open(parent, name, options)
      try {
        return await work({
          tell: (facts) => void span.setAttributes(facts),
          failed: () => void span.setStatus({ code: SpanStatusCode.ERROR }),
          during: duringIn(trace.setSpan(parent, span)),
        })
      } catch (error) {
        failedBy(span, error)
        throw error
      } finally {
        span.end()
      }
    }
  return {
    during: duringIn(ROOT_CONTEXT),
    past(name, { fromMs, toMs }, options) {
      const span = open(ROOT_CONTEXT, name, options, fromMs)
      if (options.failed === true) span.setStatus({ code: SpanStatusCode.ERROR })
      span.end(toMs)
    },
  }
}

/** What kind of failure it was. Messages stay here: the log has them, without secrets. */
function failedBy(span: Span, error: unknown): void {
  const type = error instanceof Fault ? error.code : error instanceof Error ? error.name : typeof error
  span.setAttribute('error.type', type)
  span.setStatus({ code: SpanStatusCode.ERROR })
}
