// Four-eyes authorization of what operators do: preview, act, propose, agree, withdraw. Whose role suffices and what needs a second
// operator is one table of the protocol, `operatorActs`; who agreed is never who proposed. Nothing is done that the journal does not have.

import {
  type ActAnswer,
  type OperatorAct,
  type OperatorRole,
  type PreviewAnswer,
  type Proposal,
  operatorActs,
} from '../../protocol/operator-api.ts'
import type { ActingOperator, Performed } from '../../engine/operators/port.ts'
import { toHex } from '../../base/bytes.ts'
import { Attempts } from '../guards/attempts.ts'
import { operatorLimits } from '../ports/limits.ts'
import type { OperatorPorts, VendorAct } from '../ports/ports.ts'
import { Proposals, type Waiting } from './proposals.ts'
import { may } from '../ports/roles.ts'
import type { OperatorSession } from '../guards/sessions.ts'

export type Refused = { readonly type: 'refused'; readonly error: string; readonly message: string }

export type Acts = {
  readonly preview: (act: OperatorAct, session: OperatorSession) => PreviewAnswer | Refused
  readonly act: (act: OperatorAct, reason: string, session: OperatorSession) => Promise<ActAnswer | Refused>
  readonly proposals: () => readonly Proposal[]
  /** How many wait, and how often that changed. */
  readonly waiting: () => { readonly waiting: number; readonly changes: number }
  readonly agree: (id: string, session: OperatorSession) => Promise<ActAnswer | Refused>
  readonly withdraw: (id: string, session: OperatorSession) => 'withdrawn' | Refused
}

export function createActs(ports: Pick<OperatorPorts, ActPorts>): Acts {
  const { clock, random, log } = ports
  const proposals = new Proposals({ clock, random })
  const acted = new Attempts(operatorLimits.actsPerOperator)
  return {
    preview: (act, session) => tooLittle(act, session.role) ?? previewOf(ports, act),

    async act(act, reason, session) {
      const no = tooLittle(act, session.role)
      if (no !== undefined) return told(ports, session, act, no)
      if (!acted.take(session.name, clock.monotonicMs())) return tooManyActs
      if (!operatorActs[act.act].second) return done(ports, session, act, { by: journaled(session.name), reason })
      const { says, blocked } = previewOf(ports, act)
      if (blocked !== null) return told(ports, session, act, refusal('wrong-state', blocked))
      const about = { tokenHash: tokenHashOf(ports, session), aim: ports.engine.fingerprintOf(act) }
      const proposal = proposals.add({ act, says, by: session.name, reason }, about)
      if (proposal === 'too-many') {
        const { proposalsPerOperatorMax: own, proposalsMax: all } = operatorLimits
        return refusal(
          'too-many-proposals',
          `expected at most ${own} proposals of one operator at once, and ${all} of all`,
        )
      }
      if (proposal === 'proposed-already')
        return refusal('proposed-already', 'expected an act that does not wait already')
      log('info', 'operator.proposed', { operator: session.name, ...act, reason, proposal: proposal.id })
      return { type: 'proposed', proposal }
    },

    proposals: () => proposals.all(),

    waiting: () => ({ waiting: proposals.all().length, changes: proposals.changes }),

    async agree(id, session) {
      const waiting = proposals.find(id)
      if (waiting === undefined) return unknownProposal
      const { act, by, reason } = waiting.proposal
      const no =
        tooLittle(act, session.role) ?? (by === session.name ? sameOperator : undefined) ?? gone(ports, waiting)
      if (no !== undefined) return told(ports, session, act, no)
      const putBack = proposals.take(id)
      if (putBack === undefined) return unknownProposal
      // Both agreed to what it said then. An operator who wants what it would do now proposes that anew.
      if (waiting.aim !== ports.engine.fingerprintOf(act)) {
        proposals.end(id)
        return told(ports, session, act, changedSince)
      }
      try {
        const answer = await done(ports, session, act, { by: journaled(by), also: journaled(session.name), reason })
        if (answer.type === 'refused' && isPassing(answer.error)) putBack()
        else proposals.end(id)
        return answer
      } catch (error) {
        putBack()
        throw error
      }
    },

    withdraw(id, session) {
      const proposal = proposals.find(id)?.proposal
      if (proposal === undefined) return unknownProposal
      // An operator who may do the act may also say no to it.
      const no = tooLittle(proposal.act, session.role)
      if (no !== undefined) return no
      proposals.end(id)
      log('info', 'operator.withdrew', { operator: session.name, ...proposal.act, proposal: id })
      return 'withdrawn'
    },
  }
}

type ActPorts = 'clock' | 'random' | 'log' | 'engine' | 'acts' | 'operators'

function refusal(error: string, message: string): Refused {
  return { type: 'refused', error, message }
}

const unknownProposal = refusal('unknown-proposal', 'expected a proposal that still waits')
const sameOperator = refusal('same-operator', 'expected another operator to agree than the one who proposed it')

const tooManyActs = refusal(
  'too-many-acts',
  `expected at most ${operatorLimits.actsPerOperator.perMinute} acts of one operator a minute`,
)
const changedSince = refusal(
  'changed-since',
  'expected it to reach what it did when it was proposed (the account, its bands and freezes, the phone): propose it again',
)

function tooLittle(act: OperatorAct, role: OperatorRole): Refused | undefined {
  const needed = operatorActs[act.act].role
  return may(role, needed) ? undefined : refusal('role', `expected the role ${needed} for ${act.act}, got ${role}`)
}

/** The hash of this operator's token in the list; undefined for one who comes from a provider. */
function tokenHashOf({ operators }: Pick<OperatorPorts, 'operators'>, session: OperatorSession): string | undefined {
  const listed = session.method === 'oidc' ? undefined : operators.all().find((one) => one.name === session.name)
  return listed === undefined ? undefined : toHex(listed.token.hash)
}

/**
 * Recheck of the proposer's rights: an operator who was removed since agrees to nothing, and nor does the holder of a token
 * that was replaced since, because it was lost or stolen.
 */
function gone({ operators }: Pick<OperatorPorts, 'operators'>, { proposal, tokenHash }: Waiting): Refused | undefined {
  if (tokenHash === undefined) return undefined
  const { act, by } = proposal
  const now = operators.all().find((one) => one.name === by)
  return now !== undefined && toHex(now.token.hash) === tokenHash && may(now.role, operatorActs[act.act].role)
    ? undefined
    : refusal('proposer-gone', `expected ${by} to be an operator who may still do it`)
}

function journaled(name: string): `operator:${string}` {
  return `operator:${name}`
}

/** Is this error transient? Then trying again may help. */
function isPassing(error: string): boolean {
  return error === 'storage-full' || error === 'unavailable'
}

function previewOf({ engine, acts }: Pick<OperatorPorts, 'engine' | 'acts'>, act: OperatorAct): PreviewAnswer {
  const preview = engine.preview(act)
  if (isVendorAct(act)) return { ...preview, blocked: acts.vendorBlocked(act) ?? null, needsSecond: true }
  if (act.act === 'drain') return { ...preview, blocked: acts.isDraining() ? 'the engine drains already' : null }
  return preview
}

async function done(
  ports: Pick<OperatorPorts, ActPorts>,
  session: OperatorSession,
  act: OperatorAct,
  who: ActingOperator,
): Promise<ActAnswer | Refused> {
  const performed = await performedBy(ports, act, who)
  if (performed.type === 'refused') return told(ports, session, act, refusal(performed.error, performed.message))
  const { lsn, outcome } = performed
  ports.log('info', 'operator.acted', { ...act, ...who, lsn })
  return { type: 'done', lsn, outcome }
}

type PerformedHere = Performed | Refused

async function performedBy(
  { engine, acts, log }: Pick<OperatorPorts, ActPorts>,
  act: OperatorAct,
  who: ActingOperator,
): Promise<PerformedHere> {
  if (isVendorAct(act)) {
    const blocked = acts.vendorBlocked(act)
    if (blocked !== undefined) return refusal('wrong-state', blocked)
    const lsn = await engine.journal(act.act, subjectOf(act), who)
    if (typeof lsn !== 'number') return notJournaled(lsn)
    const changed = acts.changeVendor(act)
    if (changed.type === 'done') return { type: 'done', lsn, outcome: { says: saysOf(act), fanOut: null } }
    log('error', 'operator.act-not-carried-out', { ...act, lsn, message: changed.message })
    return refusal('unavailable', `written down as ${lsn}, but not carried out: ${changed.message}`)
  }
  if (act.act === 'drain') {
    if (acts.isDraining()) return refusal('wrong-state', 'the engine drains already')
    const lsn = await engine.journal(act.act, 'engine', who)
    if (typeof lsn !== 'number') return notJournaled(lsn)
    acts.drain()
    return {
      type: 'done',
      lsn,
      outcome: { says: 'The engine drains: phones are told to come back later.', fanOut: null },
    }
  }
  return engine.perform(act, who)
}

function notJournaled(error: 'storage-full' | 'unavailable'): Refused {
  return error === 'storage-full'
    ? refusal(error, 'expected room on the disk, for the journal to say who did it')
    : refusal(error, 'expected a journal that works, to say who did it; see /readyz')
}

function isVendorAct(act: OperatorAct): act is VendorAct {
  return act.act === 'revoke-vendor' || act.act === 'restore-vendor'
}

function subjectOf({ vendor, model }: VendorAct): string {
  return model === undefined ? `vendor ${vendor}` : `vendor ${vendor} model ${model}`
}

function saysOf(act: VendorAct): string {
  const subject = subjectOf(act)
  return act.act === 'revoke-vendor'
    ? `Revoked ${subject}: its bands pair no more, and those that are bound have the lowest limits.`
    : `Restored ${subject}: its bands pair again and have their limits back.`
}

function told({ log }: Pick<OperatorPorts, 'log'>, session: OperatorSession, act: OperatorAct, no: Refused): Refused {
  log('warning', 'operator.act-refused', { operator: session.name, ...act, error: no.error })
  return no
}
