// Confirmation dialog of an operator's act, in three steps: what it will touch, why it is done, and what came of it. Nothing is sent
// before the preview was shown.

import {
  type ActAnswer,
  type ActOutcome,
  type OperatorAct,
  type PreviewAnswer,
  type TouchCounts,
  operatorPaths,
  touchedKinds,
} from '../../protocol/operator-api.ts'
import { type Answered, post } from '../state/api.ts'
import { holdFields } from '../state/feed-points.ts'
import { useFresh, useLoaded } from '../state/load.ts'
import { Fact, Facts, Field, Id, Loading, Refused, Tag, Time, count } from './parts.tsx'
import { type ComponentChildren, useEffect, useId, useLayoutEffect, useRef, useState } from '../state/preact.ts'
import { isReason, reasonBytesMax } from './reason-text.ts'
import { formatDuration } from './times.ts'

type ActDialogProps = {
  readonly act: OperatorAct
  readonly title: string
  readonly close: (wasDone: boolean) => void
}

export function ActDialog({ act, title, close }: ActDialogProps) {
  const [reason, setReason] = useState('')
  const [isBusy, setBusy] = useState(false)
  const [answered, setAnswered] = useState<Answered<ActAnswer> | undefined>(undefined)
  const preview = usePreview(act)
  const isOver = answered?.ok === true
  const send = async (): Promise<void> => {
    setBusy(true)
    setAnswered(await post<ActAnswer>(operatorPaths.acts, { ...act, reason: reason.trim() }, ['type']))
    setBusy(false)
  }
  return (
    <Dialog title={title} close={() => close(isOver)}>
      <div aria-live="polite">
        {!isOver && <Preview preview={preview} />}
        {answered !== undefined && <Outcome answered={answered} />}
      </div>
      {isOver ? (
        <div class="buttons">
          <CloseButton close={() => close(true)} />
        </div>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault()
            void send()
          }}
        >
          <Field
            label="Why"
            hint={`One line, at most ${reasonBytesMax} bytes. It stays in the journal with your name.`}
          >
            {(ids) => (
              <input
                {...ids}
                name="reason"
                autocomplete="off"
                required
                value={reason}
                onInput={(event) => setReason(event.currentTarget.value)}
              />
            )}
          </Field>
          <div class="buttons">
            <button type="button" onClick={() => close(false)}>
              Cancel
            </button>
            <button
              type="submit"
              class="primary danger"
              disabled={isBusy || !isReason(reason) || preview.answer === undefined || preview.answer.blocked !== null}
            >
              {preview.answer?.needsSecond === true ? 'Ask for a second operator' : title}
            </button>
          </div>
        </form>
      )}
    </Dialog>
  )
}

/** Close button that takes the focus: what had it went with the form, and so a keyboard goes on where the reader is. */
export function CloseButton({ close }: { readonly close: () => void }) {
  const element = useRef<HTMLButtonElement>(null)
  // Before the reader can see it: a key that is pressed at once must find it.
  useLayoutEffect(() => element.current?.focus(), [])
  return (
    <button ref={element} type="button" class="primary" onClick={close}>
      Close
    </button>
  )
}

/** Hook that fetches the dry run of an act: what it would touch. */
export function usePreview(act: OperatorAct) {
  const preview = useLoaded<PreviewAnswer>(JSON.stringify(act), async () =>
    post<PreviewAnswer>(operatorPaths.preview, act, ['says', 'touches', 'blocked', 'needsSecond']),
  )
  // Another operator may do the same while this one reads.
  useFresh(preview, [...holdFields, 'changes.vendors', 'draining'])
  return preview
}

/** Preview of an act. `agrees`: its reader is the second operator. */
export function Preview({
  preview,
  agrees = false,
}: {
  readonly preview: ReturnType<typeof usePreview>
  readonly agrees?: boolean
}) {
  const { answer, refusal } = preview
  if (refusal !== undefined) return <Refused refusal={refusal} again={preview.again} />
  if (answer === undefined) return <Loading what="what it would touch" />
  return (
    <>
      <p class="says">{answer.says}</p>
      <Touches counts={answer.touches} />
      {answer.needsSecond && !agrees && (
        <p class="notice warn">A second operator has to agree before it is done. It waits for an hour.</p>
      )}
      {answer.blocked !== null && <p class="notice bad">It cannot be done now: {answer.blocked}</p>}
    </>
  )
}

const touchedNames = { bands: 'Bands', armed: 'Armed', links: 'Links', sessions: 'Sessions' } as const

/** What was counted; an act of which nothing was has its words only. */
function Touches({ counts }: { readonly counts: TouchCounts }) {
  const counted = touchedKinds.flatMap((kind) => {
    const value = counts[kind]
    return value === undefined ? [] : [{ kind, value }]
  })
  if (counted.length === 0) return null
  return (
    <Facts>
      {counted.map(({ kind, value }) => (
        <Fact key={kind} name={touchedNames[kind]}>
          {count(value)}
        </Fact>
      ))}
    </Facts>
  )
}

/** Result of an act. */
export function Outcome({ answered }: { readonly answered: Answered<ActAnswer> }) {
  if (!answered.ok) return <Refused refusal={answered.refusal} />
  const { answer } = answered
  switch (answer.type) {
    case 'proposed':
      return (
        <div class="notice warn">
          <p>
            <Tag tone="warn">waits</Tag> A second operator has to agree: {answer.proposal.says}
          </p>
          <p>
            It waits until <Time atMs={answer.proposal.endsAtMs} /> under <a href="/proposals">Proposals</a>.
          </p>
        </div>
      )
    case 'done':
      return <Done outcome={answer.outcome} lsn={answer.lsn} />
  }
}

function Done({ outcome, lsn }: { readonly outcome: ActOutcome; readonly lsn: number }) {
  const { fanOut } = outcome
  return (
    <div class="notice good">
      <p>
        <Tag tone="good">done</Tag> {outcome.says}
      </p>
      <Facts>
        <Fact name="Journal position">
          <Id>{lsn}</Id>
        </Fact>
        {outcome.account !== undefined && (
          <Fact name="Account">
            <Id>{outcome.account}</Id>{' '}
            <a href={`/decisions?account=${encodeURIComponent(outcome.account)}`}>its decisions</a>
          </Fact>
        )}
        {fanOut !== null && (
          <>
            <Fact name="Approvals it stopped">{count(fanOut.reversed)}</Fact>
            <Fact name="Last approval before it">
              {fanOut.lastApproval === null ? (
                'none among the last 1,024 decisions of the account'
              ) : (
                <>
                  <a href={`/decisions/${fanOut.lastApproval.lsn}`}>{fanOut.lastApproval.lsn}</a>,{' '}
                  <Time atMs={fanOut.lastApproval.atMs} />
                </>
              )}
            </Fact>
            <Fact name="On disk after">{milliseconds(fanOut.durableMs)}</Fact>
            <Fact name="Last session told after">{milliseconds(fanOut.toldMs)}</Fact>
            <Fact name="Sessions told">{count(fanOut.sessionsTold)}</Fact>
          </>
        )}
      </Facts>
    </div>
  )
}

/** Modal `<dialog>` that is open as long as it is drawn. Escape closes it, and the focus goes back to where it was. */
export function Dialog(props: {
  readonly title: string
  readonly close: () => void
  readonly children: ComponentChildren
}) {
  const element = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const opener = document.activeElement
    element.current?.showModal()
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus()
    }
  }, [])
  return (
    <dialog
      ref={element}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault()
        props.close()
      }}
    >
      <h2 id={id}>{props.title}</h2>
      {props.children}
    </dialog>
  )
}

function milliseconds(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(1)} ms` : formatDuration(ms)
}
