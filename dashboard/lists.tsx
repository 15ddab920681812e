// What stands in lists of the engine: partners, vendors and their models, settings, and who may sign in.

import {
  type OperatorsAnswer,
  type PartnersAnswer,
  type SettingsAnswer,
  type VendorsAnswer,
  operatorPaths,
} from '../protocol/operator-api.ts'
import { ActButton } from './act-button.tsx'
import { get } from './api.ts'
import { type Loaded, useLoaded } from './load.ts'
import { Empty, Field, Id, Loading, Panel, Refused, Tag, Wide } from './parts.tsx'
import { type ComponentChildren, useState } from './preact.ts'

export function PartnersPage() {
  const partners = useLoaded<PartnersAnswer>('', async () => get<PartnersAnswer>(operatorPaths.partners, ['partners']))
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
          <td class="help">{setting.help}</td>
        </tr>
      )}
    />
  )
}

export function OperatorsPage() {
  const operators = useLoaded<OperatorsAnswer>('', async () =>
    get<OperatorsAnswer>(operatorPaths.operators, ['operators']),
  )
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

export function VendorsPage() {
  const { answer, refusal, again } = useLoaded<VendorsAnswer>('', async () =>
    get<VendorsAnswer>(operatorPaths.vendors, ['vendors']),
  )
  const [wanted, setWanted] = useState('')
  const found = (answer?.vendors ?? []).filter((vendor) => matches(`${vendor.name} ${vendor.vendor}`, wanted))
  return (
    <>
      <h1>Vendors</h1>
      <Search wanted={wanted} set={setWanted} />
      {refusal !== undefined && <Refused refusal={refusal} again={again} />}
      {answer === undefined && refusal === undefined && <Loading what="vendors" />}
      {answer !== undefined && found.length === 0 && <Empty>No vendor fits.</Empty>}
      {found.map((vendor) => (
        <Panel
          key={vendor.vendor}
          title={`${vendor.name} (${vendor.vendor})`}
          class="span"
          aside={
            <span class="tags">
              <Standing standing={vendor.standing} />
              <VendorAct standing={vendor.standing} vendor={vendor.vendor} done={again} />
            </span>
          }
        >
          {vendor.models.length + vendor.batches.length === 0 && <Empty>No model stands for itself.</Empty>}
          {vendor.models.length + vendor.batches.length > 0 && (
            <Wide label={`Models of ${vendor.name}`}>
              <table>
                <thead>
                  <tr>
                    <th scope="col">Model</th>
                    <th scope="col">Batch</th>
                    <th scope="col">Standing</th>
                    <th scope="col">Acts</th>
                  </tr>
                </thead>
                <tbody>
                  {vendor.models.map(({ model, standing }) => (
                    <tr key={model}>
                      <th scope="row">{model}</th>
                      <td class="muted">all</td>
                      <td>
                        <Standing standing={standing} />
                      </td>
                      <td>
                        <VendorAct standing={standing} vendor={vendor.vendor} model={model} done={again} />
                      </td>
                    </tr>
                  ))}
                  {vendor.batches.map(({ model, batch, standing }) => (
                    <tr key={`${model} ${batch}`}>
                      <th scope="row">{model}</th>
                      <td>{batch}</td>
                      <td>
                        <Standing standing={standing} />
                      </td>
                      <td />
                    </tr>
                  ))}
                </tbody>
              </table>
            </Wide>
          )}
        </Panel>
      ))}
    </>
  )
}

function VendorAct(props: {
  readonly standing: string
  readonly vendor: number
  readonly model?: number
  readonly done: () => void
}) {
  const { standing, vendor, model, done } = props
  const isRevoked = standing === 'revoked'
  const what = model === undefined ? 'vendor' : 'model'
  return (
    <ActButton
      act={{ act: isRevoked ? 'restore-vendor' : 'revoke-vendor', vendor, ...(model === undefined ? {} : { model }) }}
      label={`${isRevoked ? 'Restore' : 'Revoke'} ${what}`}
      tone={isRevoked ? 'plain' : 'bad'}
      done={done}
    />
  )
}

function Standing({ standing }: { readonly standing: string }) {
  return <Tag tone={standing === 'revoked' ? 'bad' : 'plain'}>{standing}</Tag>
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
      <Search wanted={wanted} set={setWanted} />
      {refusal !== undefined && <Refused refusal={refusal} again={again} />}
      {answer === undefined && refusal === undefined && <Loading what={title.toLowerCase()} />}
      {answer !== undefined && (
        <section class="panel span" aria-label={title}>
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

function Search({ wanted, set }: { readonly wanted: string; readonly set: (text: string) => void }) {
  return (
    <div class="search" role="search">
      <Field label="Find in this list">
        {(ids) => (
          <input
            {...ids}
            type="search"
            autocomplete="off"
            maxLength={100}
            value={wanted}
            onInput={(event) => set(event.currentTarget.value)}
          />
        )}
      </Field>
    </div>
  )
}

function matches(text: string, wanted: string): boolean {
  return text.toLowerCase().includes(wanted.trim().toLowerCase())
}
