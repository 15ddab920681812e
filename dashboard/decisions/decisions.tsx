// Paged list of decisions of all bands: the filter is in the address, the journal is searched from the newest back, a page at a time.

import {
  type DecisionEntry,
  type DecisionFilter,
  type DecisionsAnswer,
  exportRole,
  operatorPaths,
} from '../../protocol/operator-api.ts'
import { get } from '../state/api.ts'
import { DecisionForm } from './decision-form.tsx'
import { Explanation } from './explanation.tsx'
import { ExportPanel } from './export-panel.tsx'
import { filterOf, queryOf } from './filter-url.ts'
import { useLoaded } from '../state/load.ts'
import { formatAmount } from '../parts/money.ts'
import { Empty, Id, Loading, Panel, ReasonTag, Refused, Tag, Time, Wide, count } from '../parts/parts.tsx'
import { useState } from '../state/preact.ts'
import { hasRole } from '../state/roles.ts'
import { goTo } from '../shell/route.ts'

const pageLength = 50

export function DecisionsPage({ query }: { readonly query: string }) {
  const filter = filterOf(query)
  const { beforeLsn: _, ...newest } = filter
  return (
    <>
      <h1>Decisions</h1>
      <Panel title="Filter" class="span">
        <DecisionForm key={queryOf(newest)} filter={newest} search={(chosen) => goTo(hrefOf(chosen))} />
      </Panel>
      {hasRole(exportRole) && <ExportPanel filter={newest} />}
      <Results filter={filter} />
    </>
  )
}

export function DecisionPage({ lsn }: { readonly lsn: number }) {
  return (
    <>
      <h1>
        Decision <Id>{lsn}</Id>
      </h1>
      <section class="panel span" aria-label="Explanation">
        <Explanation key={lsn} lsn={lsn} level={2} />
      </section>
    </>
  )
}

function Results({ filter }: { readonly filter: DecisionFilter }) {
  const query = queryOf(filter)
  const { answer, refusal, isLoading, again } = useLoaded<DecisionsAnswer>(query, async () =>
    get<DecisionsAnswer>(
      `${operatorPaths.decisions}?${[query, `limit=${pageLength}`].filter((part) => part !== '').join('&')}`,
      ['decisions', 'nextBeforeLsn', 'searched'],
    ),
  )
  return (
    <Panel
      title={filter.beforeLsn === undefined ? 'Newest first' : `Older than position ${filter.beforeLsn}`}
      class="span"
      aside={
        <span class="muted" role="status">
          {isLoading && 'Searching …'}
          {!isLoading && answer !== undefined && searchedText(answer)}
        </span>
      }
    >
      {refusal !== undefined && <Refused refusal={refusal} again={again} />}
      {answer === undefined && refusal === undefined && <Loading what="decisions" />}
      {answer !== undefined && answer.decisions.length === 0 && (
        <Empty>
          {answer.nextBeforeLsn === null ? 'No decision fits.' : 'No decision fits in the part that was searched.'}
        </Empty>
      )}
      {answer !== undefined && answer.decisions.length > 0 && <Table decisions={answer.decisions} />}
      <div class="buttons">
        {filter.beforeLsn !== undefined && (
          <a class="button" href={hrefOf({ ...filter, beforeLsn: undefined })}>
            Newest
          </a>
        )}
        {answer !== undefined && answer.nextBeforeLsn !== null && (
          <a class="button" href={hrefOf({ ...filter, beforeLsn: answer.nextBeforeLsn })}>
            Older
          </a>
        )}
      </div>
    </Panel>
  )
}

function Table({ decisions }: { readonly decisions: readonly DecisionEntry[] }) {
  const [open, setOpen] = useState<number | undefined>(undefined)
  return (
    <Wide label="Decisions">
      <table class="dense decisions">
        <thead>
          <tr>
            <th scope="col">Position</th>
            <th scope="col">Decided</th>
            <th scope="col">Reason</th>
            <th scope="col" class="right">
              Amount
            </th>
            <th scope="col">Action</th>
            <th scope="col">Label</th>
            <th scope="col">Partner</th>
            <th scope="col">Account</th>
            <th scope="col">Band</th>
          </tr>
        </thead>
        <tbody>
          {decisions.map((decision) => {
            const isOpen = open === decision.lsn
            return [
              <tr key={decision.lsn} class={isOpen ? 'open' : ''}>
                <th scope="row">
                  <button
                    type="button"
                    class="link"
                    aria-expanded={isOpen}
                    title="Why"
                    onClick={() => setOpen(isOpen ? undefined : decision.lsn)}
                  >
                    <span aria-hidden="true">{isOpen ? '▾' : '▸'}</span> {decision.lsn}
                  </button>
                </th>
                <td>
                  <Time atMs={decision.atMs} />
                </td>
                <td>
                  <ReasonTag reason={decision.reason} />
                  {decision.reversedByLsn !== null && <Tag tone="warn">taken back</Tag>}
                </td>
                <td class="number right">{formatAmount(decision.amountMinor, decision.currency)}</td>
                <td>{decision.action}</td>
                <td class="label">
                  <bdi>{decision.label}</bdi>
                </td>
                <td class="label" title={decision.partner}>
                  <bdi>{decision.partnerName ?? `${decision.partner.slice(0, 8)}…`}</bdi>
                </td>
                <td>
                  <Id>{decision.account}</Id>
                </td>
                <td>
                  <a href={`/band/${decision.bandId}`} title={decision.bandId}>
                    <Id>{`${decision.bandId.slice(0, 8)}…`}</Id>
                  </a>
                </td>
              </tr>,
              isOpen && (
                <tr key={`${decision.lsn} why`} class="opened">
                  <td colSpan={9}>
                    <Explanation lsn={decision.lsn} level={3} />
                  </td>
                </tr>
              ),
            ]
          })}
        </tbody>
      </table>
    </Wide>
  )
}

function searchedText({ decisions, searched }: DecisionsAnswer): string {
  return `${count(decisions.length)} found; ${count(searched.records)} records searched, ${count(searched.fromLsn)} to ${count(searched.toLsn)}`
}

/** The URL of a search. */
function hrefOf(filter: { readonly [Name in keyof DecisionFilter]: DecisionFilter[Name] | undefined }): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(filter)) if (value !== undefined) query.set(name, String(value))
  const text = queryOf(filterOf(query.toString()))
  return text === '' ? '/decisions' : `/decisions?${text}`
}
