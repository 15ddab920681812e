// Filter form of decisions. Amounts are written in the chosen currency, or in minor units without one.

import { actions } from '../../protocol/actions.ts'
import { namesOf } from '../../base/names.ts'
import {
  type BandsAnswer,
  type DecisionFilter,
  type PartnersAnswer,
  operatorPaths,
} from '../../protocol/operator-api.ts'
import { reasons } from '../../protocol/reasons.ts'
import { idDigitsMin, writtenName } from '../../protocol/written-name.ts'
import { get } from '../state/api.ts'
import { useFresh, useLoaded } from '../state/load.ts'
import { amountText, knownCurrencies, parseAmount } from '../parts/money.ts'
import { Field, sentence } from '../parts/parts.tsx'
import { type ComponentChildren, useState } from '../state/preact.ts'
import { instantOfField, localInstants, toLocalInput } from '../parts/times.ts'

type DecisionFormProps = {
  readonly filter: DecisionFilter
  readonly search: (filter: DecisionFilter) => void
}

type Texts = Readonly<Record<TextName, string>>
type TextName =
  'from' | 'to' | 'partner' | 'reason' | 'min' | 'max' | 'currency' | 'action' | 'account' | 'bandId' | 'reference'

export function DecisionForm({ filter, search }: DecisionFormProps) {
  const [texts, setTexts] = useState<Texts>(() => textsOf(filter))
  const [wrong, setWrong] = useState<string | undefined>(undefined)
  const partners = useLoaded<PartnersAnswer>('partners', async () =>
    get<PartnersAnswer>(operatorPaths.partners, ['partners']),
  )
  useFresh(partners, ['changes.partners'])
  const set = (name: TextName) => (event: { readonly currentTarget: { readonly value: string } }) =>
    setTexts({ ...texts, [name]: event.currentTarget.value })
  const ask = async (): Promise<void> => {
    const made = filterOfTexts(texts, filter)
    const whole = typeof made === 'string' ? made : await withWholeBand(made)
    setWrong(typeof whole === 'string' ? whole : undefined)
    if (typeof whole !== 'string') search(whole)
  }
  const isKnown = texts.currency !== ''
  const amountHint = isKnown ? undefined : 'In minor units; choose a currency to write decimals.'
  return (
    <form
      class="filter"
      onSubmit={(event) => {
        event.preventDefault()
        void ask()
      }}
    >
      <Field label="From" {...twiceHint(texts.from, filter.fromMs, 'first')}>
        {(ids) => <input {...ids} type="datetime-local" step="1" value={texts.from} onInput={set('from')} />}
      </Field>
      <Field label="To" {...twiceHint(texts.to, filter.toMs, 'last')}>
        {(ids) => <input {...ids} type="datetime-local" step="1" value={texts.to} onInput={set('to')} />}
      </Field>
      <Field label="Reason">
        {(ids) => (
          <Select ids={ids} value={texts.reason} change={set('reason')}>
            <option value="">any</option>
            <option value="denied">every denial</option>
            {namesOf(reasons).map((reason) => (
              <option key={reason} value={reason}>
                {reason}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Partner">
        {(ids) => (
          <Select ids={ids} value={texts.partner} change={set('partner')}>
            <option value="">any</option>
            {withChosen(partners.answer?.partners ?? [], texts.partner).map((partner) => (
              <option key={partner.id} value={partner.id}>
                {partner.name}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Action">
        {(ids) => (
          <Select ids={ids} value={texts.action} change={set('action')}>
            <option value="">any</option>
            {namesOf(actions).map((action) => (
              <option key={action} value={action}>
                {action}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Currency">
        {(ids) => (
          <Select ids={ids} value={texts.currency} change={set('currency')}>
            <option value="">any</option>
            {withCurrency(texts.currency).map((currency) => (
              <option key={currency.code} value={String(currency.code)}>
                {currency.letters}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Amount, at least" {...(amountHint === undefined ? {} : { hint: amountHint })}>
        {(ids) => (
          <input
            {...ids}
            inputMode="decimal"
            autocomplete="off"
            maxLength={20}
            value={texts.min}
            onInput={set('min')}
          />
        )}
      </Field>
      <Field label="Amount, at most">
        {(ids) => (
          <input
            {...ids}
            inputMode="decimal"
            autocomplete="off"
            maxLength={20}
            value={texts.max}
            onInput={set('max')}
          />
        )}
      </Field>
      <Field label="Account" hint="The whole id: open it at one of its bands.">
        {(ids) => (
          <input
            {...ids}
            autocomplete="off"
            spellcheck={false}
            maxLength={64}
            value={texts.account}
            onInput={set('account')}
          />
        )}
      </Field>
      <Field label="Band id, or its first digits">
        {(ids) => (
          <input
            {...ids}
            autocomplete="off"
            spellcheck={false}
            maxLength={100}
            value={texts.bandId}
            onInput={set('bandId')}
          />
        )}
      </Field>
      <Field label="Reference of the partner">
        {(ids) => (
          <input
            {...ids}
            autocomplete="off"
            spellcheck={false}
            maxLength={40}
            value={texts.reference}
            onInput={set('reference')}
          />
        )}
      </Field>
      {wrong !== undefined && (
        <p class="notice bad" role="alert">
          {wrong}
        </p>
      )}
      <div class="buttons">
        <button type="submit" class="primary">
          Search
        </button>
        <a class="button" href="/decisions">
          Clear
        </a>
      </div>
    </form>
  )
}

function Select(props: {
  readonly ids: { readonly id: string; readonly 'aria-describedby'?: string }
  readonly value: string
  readonly change: (event: { readonly currentTarget: { readonly value: string } }) => void
  readonly children: ComponentChildren
}) {
  return (
    <select {...props.ids} value={props.value} onChange={props.change}>
      {props.children}
    </select>
  )
}

function textsOf(filter: DecisionFilter): Texts {
  const amount = (minor: number | undefined): string => (minor === undefined ? '' : amountText(minor, filter.currency))
  return {
    from: filter.fromMs === undefined ? '' : toLocalInput(filter.fromMs),
    to: filter.toMs === undefined ? '' : toLocalInput(filter.toMs),
    partner: filter.partner ?? '',
    reason: filter.reason ?? '',
    min: amount(filter.minMinor),
    max: amount(filter.maxMinor),
    currency: filter.currency === undefined ? '' : String(filter.currency),
    action: filter.action ?? '',
    account: filter.account ?? '',
    bandId: filter.bandId ?? '',
    reference: filter.reference ?? '',
  }
}

/** The journal is searched for a whole band id: its beginning is looked up first. In words why there is no such one. */
async function withWholeBand(filter: DecisionFilter): Promise<DecisionFilter | string> {
  const { bandId } = filter
  if (bandId === undefined || bandId.length === 32) return filter
  const path = `${operatorPaths.bands}?name=${encodeURIComponent(`${bandId}…`)}`
  const answered = await get<BandsAnswer>(path, ['bands', 'isCut'])
  if (!answered.ok) return sentence(answered.refusal.message)
  const [only, second] = answered.answer.bands
  if (only === undefined) return `No band has an id that begins with ${bandId}.`
  if (second === undefined) return { ...filter, bandId: only.bandId }
  const some = answered.answer.bands.slice(0, 5).map((one) => one.bandId)
  const more = answered.answer.bands.length > some.length ? ' and others' : ''
  return `${bandId} begins several ids: ${some.join(', ')}${more}. Write more of it.`
}

/** Hint for an ambiguous local time, in the hour that comes twice when summer time ends. */
function twiceHint(text: string, kept: number | undefined, which: 'first' | 'last'): { readonly hint?: string } {
  const instants = localInstants(text)
  if (instants.length < 2) return {}
  const meant =
    kept !== undefined && text === toLocalInput(kept)
      ? instants.findLastIndex((one) => one <= kept)
      : which === 'first'
        ? 0
        : 1
  return { hint: `This hour comes twice; the ${meant === 0 ? 'first' : 'second'} is meant.` }
}

/** Parses and validates the form: the filter, or what is wrong with it in words. */
function filterOfTexts(texts: Texts, before: DecisionFilter): DecisionFilter | string {
  const currency = texts.currency === '' ? undefined : Number(texts.currency)
  const filter: { -readonly [Name in keyof DecisionFilter]: DecisionFilter[Name] } = {}
  const fromMs = instantOfField(texts.from, { kept: before.fromMs, which: 'first' })
  const toMs = instantOfField(texts.to, { kept: before.toMs, which: 'last' })
  if (typeof fromMs === 'string') return fromMs
  if (typeof toMs === 'string') return toMs
  if (fromMs !== undefined) filter.fromMs = fromMs
  if (toMs !== undefined) filter.toMs = toMs
  if (fromMs !== undefined && toMs !== undefined && fromMs > toMs) return 'From is later than To.'
  if (currency !== undefined) filter.currency = currency
  for (const [text, name] of [
    [texts.min, 'minMinor'],
    [texts.max, 'maxMinor'],
  ] as const) {
    if (text.trim() === '') continue
    const minor = parseAmount(text, currency)
    if (minor === undefined) return `“${text}” is no amount${currency === undefined ? ' in minor units' : ''}.`
    filter[name] = minor
  }
  if (filter.minMinor !== undefined && filter.maxMinor !== undefined && filter.minMinor > filter.maxMinor) {
    return 'The least amount is more than the most.'
  }
  for (const name of ['partner', 'reason', 'action', 'account'] as const) {
    const text = texts[name].trim()
    if (text !== '') filter[name] = text
  }
  for (const name of ['bandId', 'reference'] as const) {
    const text = texts[name].trim()
    const { digits } = writtenName(text)
    if (text !== '' && digits === undefined) return `“${text}” is no id: ${idDigitsMin} or more hex digits are.`
    if (digits !== undefined) filter[name] = digits
  }
  if ((filter.reference?.length ?? 0) > 16) return 'A reference is 16 hex digits.'
  return filter
}

/** A partner or a currency of the address that is on no list can still be seen and taken away. */
function withChosen(partners: PartnersAnswer['partners'], chosen: string): readonly { id: string; name: string }[] {
  const isListed = chosen === '' || partners.some((partner) => partner.id === chosen)
  return isListed ? partners : [...partners, { id: chosen, name: chosen }]
}

function withCurrency(chosen: string): typeof knownCurrencies {
  const isListed = chosen === '' || knownCurrencies.some((currency) => String(currency.code) === chosen)
  return isListed ? knownCurrencies : [...knownCurrencies, { code: Number(chosen), letters: chosen }]
}
