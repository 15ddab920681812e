// Live event log of a band's actor, as XState's inspection tells it: each event with the state before and after. They are seen as the
// actor takes them, so before the timeline, which has only what is on disk; none is kept when the page is left.

import { bandSteps } from '../state/live.ts'
import { Empty, Panel, StateTag, Tag, Time, Wide } from '../parts/parts.tsx'

/** Lifecycle events that XState itself sends: an actor starts when its band is asked for, and is dropped when it was idle for long. */
const lifeEvents: Readonly<Record<string, string>> = { 'xstate.init': 'wakes', 'xstate.stop': 'goes to sleep' }

export function BandStepsPanel() {
  const { steps, missed } = bandSteps.value
  return (
    <Panel title="Events of its actor, live" class="span">
      {steps.length === 0 ? (
        <Empty>None since this page was opened. A payment, a wearing or a hold shows here at once.</Empty>
      ) : (
        <Wide label="Events of its actor">
          <table class="steps">
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">Event</th>
                <th scope="col">State</th>
              </tr>
            </thead>
            <tbody>
              {steps.map(({ atMs, event, from, to }, at) => (
                <tr key={steps.length - at}>
                  <td>
                    <Time atMs={atMs} />
                  </td>
                  <td>{lifeEvents[event] ?? <code>{event}</code>}</td>
                  <td>
                    {from !== to && from !== '' && (
                      <>
                        <Standing text={from} /> →{' '}
                      </>
                    )}
                    <Standing text={to} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Wide>
      )}
      {missed > 0 && <p class="muted">{missed} earlier ones are not shown.</p>}
    </Panel>
  )
}

/** `armed`, or `armed held`. */
function Standing({ text }: { readonly text: string }) {
  const [state = '', held] = text.split(' ')
  return (
    <>
      <StateTag state={state} />
      {held !== undefined && (
        <>
          {' '}
          <Tag tone="bad">{held}</Tag>
        </>
      )}
    </>
  )
}
