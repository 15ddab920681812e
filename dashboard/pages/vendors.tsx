// Page of trusted vendors, the makers of bands that are accepted here: what of theirs is revoked, and how an admin changes that.

import { type VendorsAnswer, operatorPaths } from '../../protocol/operator-api.ts'
import { ActButton } from '../parts/act-button.tsx'
import { get } from '../state/api.ts'
import { ListSearch, matches } from '../parts/list-search.tsx'
import { useFresh, useLoaded } from '../state/load.ts'
import { Empty, Field, Loading, Panel, Refused, Tag, Wide } from '../parts/parts.tsx'
import { useState } from '../state/preact.ts'
import { mayAct } from '../state/roles.ts'

/** Numbers of models have 16 bits. */
const modelMax = 0xffff

export function VendorsPage() {
  const loaded = useLoaded<VendorsAnswer>('', async () => get<VendorsAnswer>(operatorPaths.vendors, ['vendors']))
  useFresh(loaded, ['changes.vendors'])
  const { answer, refusal, again } = loaded
  const [wanted, setWanted] = useState('')
  const found = (answer?.vendors ?? []).filter((vendor) => matches(`${vendor.name} ${vendor.vendor}`, wanted))
  return (
    <>
      <h1>Vendors</h1>
      <ListSearch wanted={wanted} set={setWanted} />
      {refusal !== undefined && <Refused refusal={refusal} again={again} />}
      {answer === undefined && refusal === undefined && <Loading what="vendors" />}
      {answer !== undefined && found.length === 0 && <Empty>No vendor fits.</Empty>}
      {found.map((vendor) => (
        <Panel
          key={vendor.vendor}
          title={`${vendor.name} (${vendor.vendor})`}
          class={refusal === undefined ? 'span' : 'span stale'}
          aside={
            <span class="tags">
              <Standing standing={vendor.standing} />
              <VendorAct standing={vendor.standing} vendor={vendor.vendor} done={again} />
            </span>
          }
        >
          {vendor.models.length + vendor.batches.length === 0 && <Empty>No model and no batch of it is revoked.</Empty>}
          <RevokeModel vendor={vendor.vendor} name={vendor.name} done={again} />
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
                      <th scope="row">{model ?? 'any'}</th>
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

/** Only what is revoked is listed, so a model that is not yet is named by its number. */
function RevokeModel(props: { readonly vendor: number; readonly name: string; readonly done: () => void }) {
  const [text, setText] = useState('')
  if (!mayAct('revoke-vendor')) return null
  const model = /^\d{1,5}$/.test(text.trim()) ? Number(text) : undefined
  const isModel = model !== undefined && model <= modelMax
  return (
    <div class="search">
      <Field label={`Revoke one model of ${props.name}: its number`}>
        {(ids) => (
          <input
            {...ids}
            inputMode="numeric"
            autocomplete="off"
            maxLength={5}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        )}
      </Field>
      {isModel && (
        <ActButton
          act={{ act: 'revoke-vendor', vendor: props.vendor, model }}
          label={`Revoke model ${model}`}
          tone="bad"
          done={props.done}
        />
      )}
    </div>
  )
}

function Standing({ standing }: { readonly standing: string }) {
  return <Tag tone={standing === 'revoked' ? 'bad' : 'plain'}>{standing}</Tag>
}
