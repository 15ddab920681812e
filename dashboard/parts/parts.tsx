// Shared UI components of all pages. What they show is always text, never markup.

import type { ApiRefusal } from '../../protocol/operator-api.ts'
import { type ComponentChildren, useId } from '../state/preact.ts'
import { formatInstant, formatUtc } from './times.ts'

/** An instant in the reader's zone, with UTC when pointed at; a dash for never. */
export function Time({ atMs }: { readonly atMs: number | null }) {
  if (atMs === null) return <span class="muted">–</span>
  const utc = formatUtc(atMs)
  return (
    <time dateTime={utc} title={utc} class="number">
      {formatInstant(atMs)}
    </time>
  )
}

/** An id, in one width for all letters. */
export function Id({ children }: { readonly children: string | number }) {
  return <code class="id">{children}</code>
}

/** A part of a page with a heading, reachable as a landmark by its name. */
export function Panel(props: {
  readonly title: string
  readonly aside?: ComponentChildren
  readonly class?: string
  readonly children: ComponentChildren
}) {
  const id = useId()
  return (
    <section class={`panel ${props.class ?? ''}`} aria-labelledby={id}>
      <header class="panel-head">
        <h2 id={id}>{props.title}</h2>
        {props.aside}
      </header>
      {props.children}
    </section>
  )
}

/** Scroll container for what may be wider than the screen: it scrolls by itself, by keyboard too, and the page does not. */
export function Wide({ label, children }: { readonly label: string; readonly children: ComponentChildren }) {
  return (
    <div class="wide" role="region" aria-label={label} tabIndex={0}>
      {children}
    </div>
  )
}

/** Description list: names and values, one below the other. */
export function Facts({ children }: { readonly children: ComponentChildren }) {
  return <dl class="facts">{children}</dl>
}

export function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

/** A word in a box; its tone says at a glance what the word says in full. */
export function Tag({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) {
  return <span class={`tag ${tone}`}>{children}</span>
}
export type Tone = 'plain' | 'good' | 'warn' | 'bad'

/** Approved, or why not. */
export function ReasonTag({ reason }: { readonly reason: string }) {
  return <Tag tone={reason === 'approved' ? 'good' : 'bad'}>{reason}</Tag>
}

/** A band's state. */
export function StateTag({ state }: { readonly state: string }) {
  return <Tag tone={state === 'armed' ? 'good' : 'plain'}>{state}</Tag>
}

/** The holds of a band, or that there are none. */
export function HoldTags({ holds }: { readonly holds: readonly string[] }) {
  if (holds.length === 0) return <span class="muted">none</span>
  return (
    <span class="tags">
      {holds.map((hold) => (
        <Tag key={hold} tone="warn">
          {hold}
        </Tag>
      ))}
    </span>
  )
}

/** Error message, in the engine's words. */
export function Refused({ refusal, again }: { readonly refusal: ApiRefusal; readonly again?: () => void }) {
  return (
    <div class="notice bad" role="alert">
      <p>
        {sentence(refusal.message)} <span class="muted">({refusal.error})</span>
      </p>
      {again !== undefined && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  )
}

/** Formats an error message of the engine as a sentence for people. */
export function sentence(message: string): string {
  const written = message.charAt(0).toUpperCase() + message.slice(1)
  return /[.!?]$/.test(written) ? written : `${written}.`
}

export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="empty">{children}</p>
}

export function Loading({ what }: { readonly what: string }) {
  return (
    <p class="empty" role="status">
      Loading {what} …
    </p>
  )
}

/** A labelled input with its hint below. */
export function Field(props: {
  readonly label: string
  readonly hint?: string
  readonly children: (ids: { readonly id: string; readonly 'aria-describedby'?: string }) => ComponentChildren
}) {
  const id = useId()
  const hintId = useId()
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      {props.children(props.hint === undefined ? { id } : { id, 'aria-describedby': hintId })}
      {props.hint !== undefined && (
        <p class="hint" id={hintId}>
          {props.hint}
        </p>
      )}
    </div>
  )
}

const whole = new Intl.NumberFormat('en-GB')

/** A whole number with its thousands apart; a dash when it is not known. */
export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : whole.format(value)
}
