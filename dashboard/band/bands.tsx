// Search page for bands: by id, name on the air, account or phone. One that is found alone is opened at once.

import { type BandsAnswer, type FoundBand, operatorPaths } from '../../protocol/operator-api.ts'
import { get } from '../state/api.ts'
import { holdFields } from '../state/feed-points.ts'
import { useFresh, useLoaded } from '../state/load.ts'
import { Empty, Field, HoldTags, Id, Loading, Panel, Refused, StateTag, Wide } from '../parts/parts.tsx'
import { useEffect, useState } from '../state/preact.ts'
import { goTo, stayAt } from '../shell/route.ts'

export function BandsPage({ name }: { readonly name: string }) {
  return (
    <>
      <h1>Bands</h1>
      <BandSearch key={name} name={name} />
      {name === '' ? (
        <Empty>
          Search for a band by its id, its name on the air (bid), or its phone; the first digits are enough, as tables
          show them. Operators search by its account too, which is journaled.
        </Empty>
      ) : (
        <Found name={name} />
      )}
    </>
  )
}

/** The search box, on top of every page about bands. */
export function BandSearch({ name }: { readonly name: string }) {
  const [text, setText] = useState(name)
  return (
    <form
      class="search"
      role="search"
      aria-label="Bands"
      onSubmit={(event) => {
        event.preventDefault()
        const wanted = text.trim()
        if (wanted !== '') goTo(`/bands?name=${encodeURIComponent(wanted)}`)
      }}
    >
      <Field label="Band id, bid, account or phone">
        {(ids) => (
          <input
            {...ids}
            type="search"
            name="name"
            autocomplete="off"
            spellcheck={false}
            maxLength={100}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        )}
      </Field>
      <button type="submit" class="primary">
        Find
      </button>
    </form>
  )
}

function Found({ name }: { readonly name: string }) {
  const loaded = useLoaded<BandsAnswer>(name, async () =>
    get<BandsAnswer>(`${operatorPaths.bands}?name=${encodeURIComponent(name)}`, ['bands', 'isCut']),
  )
  useFresh(loaded, holdFields)
  const { answer, refusal, again } = loaded
  const [only, second] = answer?.bands ?? []
  const alone = second === undefined ? only?.bandId : undefined
  useEffect(() => {
    if (alone !== undefined) stayAt(`/band/${alone}`)
  }, [alone])
  if (refusal !== undefined) return <Refused refusal={refusal} again={again} />
  if (answer === undefined) return <Loading what="bands" />
  if (answer.bands.length === 0) return <Empty>No band has this id, bid, account or phone.</Empty>
  return (
    <Panel
      title={`${answer.bands.length} bands`}
      class="span"
      aside={answer.isCut && <span class="muted">there are more; search more narrowly</span>}
    >
      <Wide label="Bands that were found">
        <table>
          <thead>
            <tr>
              <th scope="col">Band</th>
              <th scope="col">Name</th>
              <th scope="col">State</th>
              <th scope="col">Holds</th>
              <th scope="col">Account</th>
              <th scope="col">Bid</th>
            </tr>
          </thead>
          <tbody>
            {answer.bands.map((band) => (
              <FoundRow key={band.bandId} band={band} />
            ))}
          </tbody>
        </table>
      </Wide>
    </Panel>
  )
}

function FoundRow({ band }: { readonly band: FoundBand }) {
  return (
    <tr>
      <th scope="row">
        <a href={`/band/${band.bandId}`}>
          <Id>{band.bandId}</Id>
        </a>
      </th>
      <td>{band.name}</td>
      <td>
        <StateTag state={band.state} />
      </td>
      <td>
        <HoldTags holds={band.holds} />
      </td>
      <td>
        <Id>{band.account ?? '–'}</Id>
      </td>
      <td>
        <Id>{band.bid ?? '–'}</Id>
      </td>
    </tr>
  )
}
