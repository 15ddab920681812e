// Replay page: a past decision is made again from the journal by the code that is running, and compared.

import { type ReplayAnswer, type ReplayedDecision, operatorPaths } from '../../protocol/operator-api.ts'
import { post } from '../state/api.ts'
import { Explanation } from './explanation.tsx'
import { useLoaded } from '../state/load.ts'
import { Empty, Field, Loading, Panel, Refused, Tag, Wide, count } from '../parts/parts.tsx'
import { useState } from '../state/preact.ts'
import { proximityName } from '../parts/proximity.ts'
import { isPosition } from '../shell/parse-route.ts'
import { goTo } from '../shell/route.ts'

export function ReplayPage({ lsn }: { readonly lsn: number | undefined }) {
  const [text, setText] = useState(lsn === undefined ? '' : String(lsn))
  return (
    <>
      <h1>Replay</h1>
      <form
        class="search"
        onSubmit={(event) => {
          event.preventDefault()
          const written = text.replaceAll(/[\s,.]/g, '')
          if (isPosition(written)) goTo(`/replay?lsn=${written}`)
        }}
      >
        <Field label="Journal position of a decision">
          {(ids) => (
            <input
              {...ids}
              inputMode="numeric"
              pattern="\s*[1-9][0-9,. ]{0,20}\s*"
              title="a whole number"
              autocomplete="off"
              required
              value={text}
              onInput={(event) => setText(event.currentTarget.value)}
            />
          )}
        </Field>
        <button type="submit" class="primary">
          Run it again
        </button>
      </form>
      {lsn === undefined ? (
        <Empty>Enter a position, or come here from a decision.</Empty>
      ) : (
        <Replayed key={lsn} lsn={lsn} />
      )}
    </>
  )
}

function Replayed({ lsn }: { readonly lsn: number }) {
  const { answer, refusal, again } = useLoaded<ReplayAnswer>(String(lsn), async () =>
    post<ReplayAnswer>(operatorPaths.replay, { lsn }, ['same', 'then', 'now', 'differences']),
  )
  if (refusal !== undefined) return <Refused refusal={refusal} again={again} />
  if (answer === undefined) return <Loading what="the replay" />
  return (
    <>
      <Panel
        title={`Position ${lsn}`}
        class="span"
        aside={
          <span role="status">
            {answer.same ? <Tag tone="good">✓ the same</Tag> : <Tag tone="bad">✗ it differs</Tag>}
          </span>
        }
      >
        <Wide label="Then and now">
          <table>
            <thead>
              <tr>
                <th scope="col">What</th>
                <th scope="col">Then</th>
                <th scope="col">Now</th>
              </tr>
            </thead>
            <tbody>
              {rowsOf(answer).map((row) => (
                <tr key={row.name} class={row.differs ? 'differs' : ''}>
                  <th scope="row">
                    {row.differs && <span aria-hidden="true">≠ </span>}
                    {row.name}
                    {row.differs && <span class="unseen"> (differs)</span>}
                  </th>
                  <td>{row.then}</td>
                  <td>{row.now}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Wide>
        {answer.takenFromNow.length > 0 && (
          <p class="muted">
            The journal does not keep these, so they are taken as they are configured now:{' '}
            {answer.takenFromNow.join(', ')}.
          </p>
        )}
      </Panel>
      <Panel title="What it was made from" class="span">
        <Explanation lsn={lsn} level={3} isReplayed />
      </Panel>
    </>
  )
}

type Row = { readonly name: string; readonly then: string; readonly now: string; readonly differs: boolean }

function rowsOf({ then, now, differences }: ReplayAnswer): readonly Row[] {
  const before = textsOf(then)
  const after = textsOf(now)
  const rows = before.map(([name, text], at): Row => {
    const other = after[at]?.[1] ?? ''
    return { name, then: text, now: other, differs: text !== other }
  })
  // What differs beside these is a row of its own.
  const more = differences
    .filter(({ field }) => !(field in then))
    .map(({ field, ...both }) => ({ name: field, ...both, differs: true }))
  return [...rows, ...more]
}

function textsOf(decision: ReplayedDecision): readonly (readonly [name: string, text: string])[] {
  return [
    ['Reason', decision.reason],
    ['Would help', decision.obligation ?? 'nothing'],
    ['Proximity', proximityName(decision.level)],
    ['Left a use, minor units', count(decision.useLeftMinor)],
    ['Left that day, minor units', count(decision.dayLeftMinor)],
  ]
}
