// In-memory span exporter, a tracer provider that keeps spans, written against OpenTelemetry's API as an SDK is: what it is not
// told, no SDK is.

import {
  type Attributes,
  type Context,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  type SpanStatus,
  SpanStatusCode,
  type TimeInput,
  TraceFlags,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api'

export type KeptSpan = {
  readonly name: string
  readonly kind: string
  readonly parent: string | undefined
  readonly attributes: Readonly<Attributes>
  readonly failed: boolean
  readonly ended: boolean
  readonly tookMs: number
}

export class MemorySpans implements TracerProvider {
  readonly #spans: MemorySpan[] = []
  flushes = 0

  getTracer(): Tracer {
    const startSpan = (name: string, options: SpanOptions = {}, context?: Context): Span => {
      const parent = context === undefined || options.root === true ? undefined : trace.getSpan(context)
      const span = new MemorySpan(name, options, parent instanceof MemorySpan ? parent : undefined)
      this.#spans.push(span)
      return span
    }
    return {
      startSpan,
      startActiveSpan: () => {
        throw new Error('a span that is carried along would have children that it has not')
      },
    }
  }

  /** As SDKs have it. */
  async forceFlush(): Promise<void> {
    this.flushes++
  }

  /** Those that ended, in the order in which they began. */
  get kept(): readonly KeptSpan[] {
    return this.#spans.map((span) => span.kept).filter((span) => span.ended)
  }

  named(name: string): readonly KeptSpan[] {
    return this.kept.filter((span) => span.name === name)
  }
}

let lastId = 0

class MemorySpan implements Span {
  readonly #context: SpanContext
  readonly #name: string
  readonly #kind: SpanKind
  readonly #parent: MemorySpan | undefined
  readonly #attributes: Attributes
  readonly #startMs: number
  #status: SpanStatus = { code: SpanStatusCode.UNSET }
  #endMs: number | undefined

  constructor(name: string, { kind, attributes, startTime }: SpanOptions, parent: MemorySpan | undefined) {
    const id = (++lastId).toString(16)
    this.#context = { traceId: id.padStart(32, '0'), spanId: id.padStart(16, '0'), traceFlags: TraceFlags.SAMPLED }
    this.#name = name
    this.#kind = kind ?? SpanKind.INTERNAL
    this.#parent = parent
    this.#attributes = { ...attributes }
    this.#startMs = msOf(startTime)
  }

  get kept(): KeptSpan {
    return {
      name: this.#name,
      kind: SpanKind[this.#kind],
      parent: this.#parent?.kept.name,
      attributes: this.#attributes,
      failed: this.#status.code === SpanStatusCode.ERROR,
      ended: this.#endMs !== undefined,
      tookMs: (this.#endMs ?? this.#startMs) - this.#startMs,
    }
  }

  spanContext(): SpanContext {
    return this.#context
  }

  setAttribute(key: string, value: Attributes[string]): this {
    return this.setAttributes({ [key]: value })
  }

  setAttributes(attributes: Attributes): this {
    if (this.#endMs !== undefined) throw new Error(`${this.#name} has ended`)
    Object.assign(this.#attributes, attributes)
    return this
  }

  setStatus(status: SpanStatus): this {
    this.#status = status
    return this
  }

  end(endTime?: TimeInput): void {
    if (this.#endMs !== undefined) throw new Error(`${this.#name} ends twice`)
    this.#endMs = msOf(endTime)
  }

  isRecording(): boolean {
    return this.#endMs === undefined
  }

  addEvent(): this {
    throw new Error('events are not for spans of ours')
  }

  addLink(): this {
    throw new Error('links are not for spans of ours')
  }

  addLinks(): this {
    throw new Error('links are not for spans of ours')
  }

  updateName(): this {
    throw new Error('a span keeps its name')
  }

  recordException(): void {
    throw new Error('messages may hold what is not for everybody')
  }
}

function msOf(time: TimeInput | undefined): number {
  return typeof time === 'number' ? time : Date.now()
}
