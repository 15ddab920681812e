// Explanation of a decision: the facts in the order they were looked at, the rule that decided, and what the receipt says.

import { type DecisionEntry, type ExplanationAnswer, operatorPaths } from '../../protocol/operator-api.ts'
import { get, pathOf } from '../state/api.ts'
import { useLoaded } from '../state/load.ts'
import { formatAmount } from '../parts/money.ts'
import { Fact, Facts, Id, Loading, ReasonTag, Refused, Tag, Time, Wide } from '../parts/parts.tsx'
import { proximityName } from '../parts/proximity.ts'

type ExplanationProps = {
  readonly lsn: number
  /** That of its headings. */
  readonly level: 2 | 3
  /** It stands below its own replay. */
  readonly isReplayed?: true
}

export function Explanation({ lsn, level, isReplayed }: ExplanationProps) {
  const { answer, refusal, again } = useLoaded<ExplanationAnswer>(String(lsn), async () =>
    get<ExplanationAnswer>(pathOf(operatorPaths.decision, { lsn }), ['decision', 'facts', 'rule']),
  )
  if (refusal !== undefined) return <Refused refusal={refusal} again={again} />
  if (answer === undefined) return <Loading what="the explanation" />
  const Heading = level === 2 ? 'h2' : 'h3'
  const { decision } = answer
  return (
    <div class="explanation">
      <p class="rule">
        <ReasonTag reason={decision.reason} /> {answer.rule}
        {answer.obligation !== null && (
          <>
            {' '}
            <Tag tone="warn">would help: {answer.obligation}</Tag>
          </>
        )}
      </p>
      <DecisionFacts decision={decision} />
      <Facts>
        <Fact name="Left a use, after it">{formatAmount(answer.useLeftMinor, decision.currency)}</Fact>
        <Fact name="Left that day, after it">{formatAmount(answer.dayLeftMinor, decision.currency)}</Fact>
      </Facts>
      <Heading>Facts it was made from</Heading>
      <Wide label={`Facts of decision ${lsn}`}>
        <table class="dense">
          <thead>
            <tr>
              <th scope="col">Fact</th>
              <th scope="col">Value</th>
              <th scope="col">For approval</th>
            </tr>
          </thead>
          <tbody>
            {answer.facts.map((fact, at) => (
              <tr key={at}>
                <th scope="row">{fact.fact}</th>
                <td>{fact.value}</td>
                <td>
                  <Holds holds={fact.holds} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Wide>
      <Heading>Receipt</Heading>
      {answer.receipt === null ? (
        <p class="muted">None: only an approval has one.</p>
      ) : (
        <Facts>
          {Object.entries(answer.receipt).map(([claim, value]) => (
            <Fact key={claim} name={claim}>
              <Id>{value}</Id>
            </Fact>
          ))}
        </Facts>
      )}
      <div class="buttons">
        {isReplayed !== true && (
          <a class="button" href={`/replay?lsn=${lsn}`}>
            Replay
          </a>
        )}
        {level === 3 && <a href={`/decisions/${lsn}`}>Page of this decision</a>}
      </div>
    </div>
  )
}

/** A decision as it stands in the journal. */
function DecisionFacts({ decision }: { readonly decision: DecisionEntry }) {
  return (
    <Facts>
      <Fact name="Decided">
        <Time atMs={decision.atMs} />
      </Fact>
      <Fact name="Asked">
        {decision.action} {formatAmount(decision.amountMinor, decision.currency)} <bdi>{decision.label}</bdi>
      </Fact>
      <Fact name="Partner">
        <bdi>{decision.partnerName ?? 'not on the list'}</bdi> <Id>{decision.partner}</Id>
      </Fact>
      <Fact name="Resource">
        <Id>{decision.resource}</Id>
      </Fact>
      <Fact name="Reference">
        <Id>{decision.reference}</Id>
      </Fact>
      <Fact name="Band">
        <a href={`/band/${decision.bandId}`}>
          <Id>{decision.bandId}</Id>
        </a>
      </Fact>
      <Fact name="Account">
        <Id>{decision.account}</Id>
      </Fact>
      <Fact name="Proximity">{proximityName(decision.level)}</Fact>
      {decision.reversedByLsn !== null && (
        <Fact name="Taken back by">
          <Id>{decision.reversedByLsn}</Id>
        </Fact>
      )}
    </Facts>
  )
}

/** Whether a fact holds, by sign and word, not by colour alone (WCAG 1.4.1). */
function Holds({ holds }: { readonly holds: boolean | null }) {
  if (holds === null) return <span class="muted">– not judged</span>
  return holds ? <span class="holds good">✓ holds</span> : <span class="holds bad">✗ does not hold</span>
}
