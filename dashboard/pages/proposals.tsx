// Pending approvals, which wait for a second operator: one who did not propose it looks at what it will touch, and agrees or withdraws it.

import { type ActAnswer, type Proposal, type ProposalsAnswer, operatorPaths } from '../../protocol/operator-api.ts'
import { CloseButton, Dialog, Outcome, Preview, usePreview } from '../parts/act-dialog.tsx'
import { type Answered, get, pathOf, post, session } from '../state/api.ts'
import { engineNowMs } from '../state/live.ts'
import { useFresh, useLoaded } from '../state/load.ts'
import { Empty, Loading, Panel, Refused, Time } from '../parts/parts.tsx'
import { useState } from '../state/preact.ts'
import { mayAct } from '../state/roles.ts'
import { formatDuration } from '../parts/times.ts'

type Chosen = { readonly proposal: Proposal; readonly step: 'agree' | 'withdraw' }

export function ProposalsPage() {
  const loaded = useLoaded<ProposalsAnswer>('proposals', async () =>
    get<ProposalsAnswer>(operatorPaths.proposals, ['proposals']),
  )
  useFresh(loaded, ['changes.proposals'])
  const { answer, refusal, again } = loaded
  const [chosen, setChosen] = useState<Chosen | undefined>(undefined)
  return (
    <>
      <h1>Proposals</h1>
      {refusal !== undefined && <Refused refusal={refusal} again={again} />}
      {answer === undefined && refusal === undefined && <Loading what="proposals" />}
      {answer !== undefined && (
        <Panel
          title="Waiting for a second operator"
          class={refusal === undefined ? 'span' : 'span stale'}
          aside={
            <button type="button" onClick={again}>
              Read again
            </button>
          }
        >
          {answer.proposals.length === 0 && (
            <Empty>Nothing waits. What does ends after an hour, or when the engine stops.</Empty>
          )}
          <ul class="plain-list">
            {answer.proposals.map((proposal) => (
              <li key={proposal.id} class="proposal">
                <p class="says">{proposal.says}</p>
                <p>
                  “<bdi>{proposal.reason}</bdi>” – {proposal.by}, <Time atMs={proposal.atMs} />
                </p>
                <p class="muted">ends in {formatDuration(proposal.endsAtMs - engineNowMs())}</p>
                {mayAct(proposal.act.act) && (
                  <div class="buttons">
                    {isOwn(proposal) ? (
                      <span class="muted">You proposed it; somebody else has to agree.</span>
                    ) : (
                      <button type="button" onClick={() => setChosen({ proposal, step: 'agree' })}>
                        Agree …
                      </button>
                    )}
                    <button type="button" onClick={() => setChosen({ proposal, step: 'withdraw' })}>
                      Withdraw …
                    </button>
                  </div>
                )}
              </li>
            ))}
          </ul>
        </Panel>
      )}
      {chosen !== undefined && (
        <ProposalDialog
          chosen={chosen}
          isWaiting={answer === undefined || answer.proposals.some(({ id }) => id === chosen.proposal.id)}
          close={() => {
            setChosen(undefined)
            again()
          }}
        />
      )}
    </>
  )
}

function ProposalDialog({
  chosen: { proposal, step },
  isWaiting,
  close,
}: {
  readonly chosen: Chosen
  /** It may end, or another operator may agree or withdraw, while this is open. */
  readonly isWaiting: boolean
  readonly close: () => void
}) {
  const preview = usePreview(proposal.act)
  const [isBusy, setBusy] = useState(false)
  const [agreed, setAgreed] = useState<Answered<ActAnswer> | undefined>(undefined)
  const [withdrawn, setWithdrawn] = useState<Answered<object> | undefined>(undefined)
  const isOver = agreed?.ok === true || withdrawn?.ok === true
  const send = async (): Promise<void> => {
    setBusy(true)
    const parameters = { id: proposal.id }
    if (step === 'agree') setAgreed(await post<ActAnswer>(pathOf(operatorPaths.agree, parameters), {}, ['type']))
    else setWithdrawn(await post<object>(pathOf(operatorPaths.withdraw, parameters), {}, []))
    setBusy(false)
  }
  return (
    <Dialog title={step === 'agree' ? 'Agree' : 'Withdraw'} close={close}>
      <div aria-live="polite">
        {!isOver && step === 'agree' && <Preview preview={preview} agrees />}
        {!isOver && step === 'withdraw' && <p class="says">{proposal.says}</p>}
        {!isOver && (
          <p class="quoted">
            “<bdi>{proposal.reason}</bdi>” – {proposal.by}
          </p>
        )}
        {!isOver && !isWaiting && !isBusy && (
          <p class="notice warn">It does not wait any more: it was done or withdrawn elsewhere, or its hour is over.</p>
        )}
        {agreed !== undefined && <Outcome answered={agreed} />}
        {withdrawn?.ok === true && <p class="notice good">Withdrawn; nothing was done.</p>}
        {withdrawn?.ok === false && <Refused refusal={withdrawn.refusal} />}
      </div>
      <div class="buttons">
        {isOver ? (
          <CloseButton close={close} />
        ) : (
          <button type="button" onClick={close}>
            Cancel
          </button>
        )}
        {!isOver && (
          <button
            type="button"
            class={step === 'agree' ? 'primary danger' : 'primary'}
            disabled={
              isBusy ||
              !isWaiting ||
              (step === 'agree' && (preview.answer === undefined || preview.answer.blocked !== null))
            }
            onClick={() => void send()}
          >
            {step === 'agree' ? 'Agree and do it' : 'Withdraw it'}
          </button>
        )}
      </div>
    </Dialog>
  )
}

function isOwn(proposal: Proposal): boolean {
  const { value } = session
  return value?.signedIn === true && proposal.by.replace(/^operator:/, '') === value.name
}
