// List pages: partners, settings, and operators who may sign in.

import {
  type OperatorsAnswer,
  type PartnersAnswer,
  type SettingsAnswer,
  operatorPaths,
} from '../../protocol/operator-api.ts'
import { get } from '../state/api.ts'
import { type Loaded, useFresh, useLoaded } from '../state/load.ts'
import { ListSearch, matches } from '../parts/list-search.tsx'
import { Id, Loading, Refused, Tag, Wide } from '../parts/parts.tsx'
import { type ComponentChildren, useState } from '../state/preact.ts'

export function PartnersPage() {
  const partners = useLoaded<PartnersAnswer>('', async () => get<PartnersAnswer>(operatorPaths.partners, ['partners']))
  useFresh(partners, ['changes.partners'])
  return (
    <ListPage
      title="Partners"
      loaded={partners}
      rows={(answer) => answer.partners}
      textOf={({ id, name }) => `${name} ${id}`}
      columns={['Name', 'Id', 'Keys', 'Decisions']}
      row={(partner) => (
        <tr key={partner.id}>
          <th scope="row">{partner.name}</th>
          <td>
            <Id>{partner.id}</Id>
          </td>
          <td class="number">{partner.kids.join(', ')}</td>
          <td>
            <a href={`/decisions?partner=${partner.id}`}>its decisions</a>
          </td>
        </tr>
      )}
    />
  )
}

export function SettingsPage() {
  const settings = useLoaded<SettingsAnswer>('', async () => get<SettingsAnswer>(operatorPaths.settings, ['settings']))
  useFresh(settings, [])
  return (
    <ListPage
      title="Settings"
      loaded={settings}
      rows={(answer) => answer.settings}
      textOf={({ path, value, help }) => `${path} ${value} ${help}`}
      columns={['Setting', 'In force', 'Default', 'What it is']}
      row={(setting) => (
        <tr key={setting.path}>
          <th scope="row">
            <code>{setting.path}</code>
          </th>
          <td class="number">
            {setting.value} {setting.value !== setting.default && <Tag tone="warn">changed</Tag>}
          </td>
          <td class="number muted">{setting.default}</td>
          <td class="help">{withCode(setting.help)}</td>
        </tr>
      )}
    />
  )
}

/** Words between backticks are code. */
function withCode(help: string): ComponentChildren {
  return help.split('`').map((part, at) => (at % 2 === 1 ? <code key={at}>{part}</code> : part))
}

export function OperatorsPage() {
  const operators = useLoaded<OperatorsAnswer>('', async () =>
    get<OperatorsAnswer>(operatorPaths.operators, ['operators']),
  )
  // Operators who come and go change the number of sessions, which the list shows.
  useFresh(operators, ['changes.operators', 'viewers'])
  return (
    <>
      <ListPage
        title="Operators"
        loaded={operators}
        rows={(answer) => answer.operators}
        textOf={({ name, role }) => `${name} ${role}`}
        columns={['Name', 'Role', 'Passkeys', 'Sessions']}
        row={(operator) => (
          <tr key={operator.name}>
            <th scope="row">{operator.name}</th>
            <td>{operator.role}</td>
            <td class="number">{operator.passkeys}</td>
            <td class="number">{operator.sessions}</td>
          </tr>
        )}
      />
      <p class="muted">
        Operators are added and removed where the engine runs: <code>bandpass operator add NAME --role viewer</code>,{' '}
        <code>bandpass operator remove NAME</code>.
      </p>
    </>
  )
}

type ListPageProps<Answer, Row> = {
  readonly title: string
  readonly loaded: Loaded<Answer>
  readonly rows: (answer: Answer) => readonly Row[]
  /** What a search looks at. */
  readonly textOf: (row: Row) => string
  readonly columns: readonly string[]
  readonly row: (row: Row) => ComponentChildren
}

function ListPage<Answer, Row>({ title, loaded, rows, textOf, columns, row }: ListPageProps<Answer, Row>) {
  const { answer, refusal, again } = loaded
  const [wanted, setWanted] = useState('')
  const all = answer === undefined ? [] : rows(answer)
  const found = all.filter((one) => matches(textOf(one), wanted))
  return (
    <>
      <h1>{title}</h1>
      <ListSearch wanted={wanted} set={setWanted} />
      {refusal !== undefined && <Refused refusal={refusal} again={again} />}
      {answer === undefined && refusal === undefined && <Loading what={title.toLowerCase()} />}
      {answer !== undefined && (
        <section class={refusal === undefined ? 'panel span' : 'panel span stale'} aria-label={title}>
          <p class="muted" role="status">
            {found.length === all.length ? `${all.length} in all` : `${found.length} of ${all.length}`}
          </p>
          <Wide label={`Table of ${title.toLowerCase()}`}>
            <table>
              <thead>
                <tr>
                  {columns.map((column) => (
                    <th key={column} scope="col">
                      {column}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>{found.map(row)}</tbody>
            </table>
          </Wide>
        </section>
      )}
    </>
  )
}
