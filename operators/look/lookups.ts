// Audited, rate-limited lookups by account. A guess that is right tells whose band it is, which a viewer may not know; so they are for
// operators, are in the journal before they are answered, right or wrong, and each operator has only so many.

import type { OperatorSession } from '../guards/sessions.ts'
import { writtenName } from '../../protocol/written-name.ts'
import { type Answered, json, refused } from '../http/answers.ts'
import { Attempts } from '../guards/attempts.ts'
import { operatorLimits } from '../ports/limits.ts'
import { shortAccount } from '../ports/names.ts'
import type { OperatorPorts } from '../ports/ports.ts'
import { may } from '../ports/roles.ts'

export type Lookups = {
  /** The bands of a name: by id for every role, by account as far as this operator may. */
  readonly bands: (name: string, session: OperatorSession) => Promise<Answered>
  /** Undefined when this operator may ask for these of an account; it is in the journal then. */
  readonly refused: (
    account: string,
    what: 'bands' | 'decisions',
    session: OperatorSession,
  ) => Promise<Answered | undefined>
}

const lookupRole = 'operator'

export function accountLookups({ clock, engine, log }: Pick<OperatorPorts, 'clock' | 'engine' | 'log'>): Lookups {
  const asked = new Attempts(operatorLimits.lookupsPerOperator)

  const refusedLookup: Lookups['refused'] = async (account, what, { name, role }) => {
    if (!may(role, lookupRole)) return tooLittle(role)
    if (!asked.take(name, clock.monotonicMs())) return tooMany
    const short = shortAccount(account).replace('…', '...')
    const reason = `${what} of account ${short}`
    const lsn = await engine.journal('seek-account', 'accounts', { by: `operator:${name}`, reason })
    if (typeof lsn !== 'number')
      return refused(503, lsn, 'expected a journal that takes who asks for which account', 5_000)
    log('info', 'operator.sought-account', { operator: name, what, account: short, lsn })
    return undefined
  }

  return {
    refused: refusedLookup,
    async bands(name, session) {
      const byId = engine.findBands(name, 'id')
      const isFound = byId.bands.length > 0
      const { account, isSurelyId } = writtenName(name)
      if (account === undefined || (isFound && isSurelyId)) return json(byId)
      // An id that no band has may be an account that looks so, and a few digits may be both: for a viewer it is just an id.
      if ((isFound || isSurelyId) && !may(session.role, lookupRole)) return json(byId)
      return (await refusedLookup(name, 'bands', session)) ?? json(engine.findBands(name))
    },
  }
}

function tooLittle(role: string): Answered {
  return refused(
    403,
    'role',
    `expected the role ${lookupRole} to ask by an account, got ${role}: with a band id or bid, viewers find bands too`,
  )
}

const tooMany = refused(
  429,
  'too-many-lookups',
  `expected at most ${operatorLimits.lookupsPerOperator.perMinute} questions by account of one operator a minute`,
  Math.ceil(60_000 / operatorLimits.lookupsPerOperator.perMinute),
)
