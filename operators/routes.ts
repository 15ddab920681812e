// Route table of the operators' API, with the least role of each. What an act needs beyond that, `operatorActs` of the protocol says.

import { operatorPaths, exportRole } from '../protocol/operator-api.ts'
import type { OperatorsAnswer, ProposalsAnswer } from '../protocol/operator-api.ts'
import type { Acts, Refused } from './acts/acts.ts'
import { type Answered, type Asked, type Route, type SignedInAsked, json, refused } from './http/answers.ts'
import type { DecisionAnswers } from './look/decisions.ts'
import type { Lookups } from './look/lookups.ts'
import type { OperatorPorts } from './ports/ports.ts'
import { readQuery } from '../base/request.ts'
import { numberOf, readBody } from './http/request-reader.ts'
import { bandIdOf, readAct, readActWithReason, readBandName, readReplay, readTimelineQuery } from './http/requests.ts'
import type { OperatorSessions } from './guards/sessions.ts'
import type { SignIn } from './sign-in/sign-in.ts'

export type RouteParts = {
  readonly ports: Pick<OperatorPorts, 'engine' | 'figures' | 'lists' | 'operators' | 'pause'>
  readonly sessions: OperatorSessions
  readonly signIn: SignIn
  readonly acts: Acts
  readonly decisions: DecisionAnswers
  readonly lookups: Lookups
}

export function routesOf({ ports, sessions, signIn, acts, decisions, lookups }: RouteParts): readonly Route[] {
  const { engine, figures, lists, operators, pause } = ports
  const paths = operatorPaths
  const viewed = (path: string, answer: (asked: SignedInAsked) => Promise<Answered> | Answered): Route => ({
    method: 'GET',
    path,
    needs: 'viewer',
    answer: signedIn(answer),
  })
  const listed = (path: string, list: () => object): Route =>
    viewed(path, ({ query }) => {
      readQuery(query, [])
      return json(list())
    })
  return [
    { method: 'GET', path: paths.session, needs: 'anybody', isQuiet: true, answer: signIn.session },
    { method: 'POST', path: paths.signInByToken, needs: 'anybody', answer: signIn.byToken },
    { method: 'POST', path: paths.beginPasskey, needs: 'anybody', answer: signIn.beginPasskey },
    { method: 'POST', path: paths.signInByPasskey, needs: 'anybody', answer: signIn.byPasskey },
    { method: 'GET', path: paths.oidc, needs: 'anybody', answer: signIn.toProvider },
    { method: 'GET', path: paths.oidcBack, needs: 'anybody', fromElsewhere: true, answer: signIn.fromProvider },
    { method: 'POST', path: paths.signOut, needs: 'anybody', answer: signIn.out },
    { method: 'POST', path: paths.beginNewPasskey, needs: 'viewer', answer: signedIn(signIn.beginNewPasskey) },
    { method: 'POST', path: paths.addPasskey, needs: 'viewer', answer: signedIn(signIn.addPasskey) },

    listed(paths.fleet, () => figures.fleet()),
    viewed(paths.bands, ({ query, session }) => lookups.bands(readBandName(query), session)),
    viewed(paths.band, async ({ param, query }) => {
      readQuery(query, [])
      const wish = { decisionsMax: bandDecisions, open: undefined, pause }
      const inspected = await engine.band(bandIdOf(param('bandId')), wish)
      return inspected.type === 'unknown' ? unknownBand : json(inspected)
    }),
    viewed(paths.timeline, async ({ param, query }) =>
      json(await engine.timeline(bandIdOf(param('bandId')), { ...readTimelineQuery(query), pause })),
    ),
    viewed(paths.decisions, decisions.list),
    viewed(paths.decision, async ({ param, query }) => {
      readQuery(query, [])
      return found(await engine.explain(numberOf('lsn', param('lsn'))))
    }),
    { method: 'GET', path: paths.export, needs: exportRole, answer: signedIn(decisions.export) },
    {
      method: 'POST',
      path: paths.replay,
      needs: 'viewer',
      answer: async ({ body }) => found(await engine.replay(readReplay(body))),
    },

    {
      method: 'POST',
      path: paths.preview,
      needs: 'operator',
      answer: signedIn(({ body, session }) => acted(acts.preview(readAct(body), session))),
    },
    {
      method: 'POST',
      path: paths.acts,
      needs: 'operator',
      answer: signedIn(async ({ body, session }) => {
        const { act, reason } = readActWithReason(body)
        return acted(await acts.act(act, reason, session))
      }),
    },
    listed(paths.proposals, (): ProposalsAnswer => ({ proposals: acts.proposals() })),
    {
      method: 'POST',
      path: paths.agree,
      needs: 'operator',
      answer: signedIn(async ({ param, body, session }) => {
        readBody(body, [])
        return acted(await acts.agree(param('id'), session))
      }),
    },
    {
      method: 'POST',
      path: paths.withdraw,
      needs: 'operator',
      answer: signedIn(({ param, body, session }) => {
        readBody(body, [])
        const withdrawn = acts.withdraw(param('id'), session)
        return withdrawn === 'withdrawn' ? json({}) : acted(withdrawn)
      }),
    },

    listed(paths.partners, () => lists.partners()),
    listed(paths.vendors, () => lists.vendors()),
    listed(paths.settings, () => lists.settings()),
    {
      method: 'GET',
      path: paths.operators,
      needs: 'admin',
      answer: ({ query }) => {
        readQuery(query, [])
        return json(operatorsSeen(operators.all(), sessions))
      },
    },
  ]
}

/** So many decisions stand beside a band; its timeline has the others. */
const bandDecisions = 10

const unknownBand = refused(404, 'unknown-band', 'expected a band id that has a band here')

/** Adapts a handler that needs a session: a client that is not signed in never comes this far. */
function signedIn(answer: (asked: SignedInAsked) => Promise<Answered> | Answered): Route['answer'] {
  return (asked: Asked) => {
    const { session } = asked
    if (session === undefined) throw new Error('a route for who is signed in was reached without a session')
    return answer({ ...asked, session })
  }
}

function found(answer: object | undefined): Answered {
  return answer === undefined
    ? refused(404, 'unknown-decision', 'expected the position of a decision that the journal still has')
    : json(answer)
}

const statuses: Readonly<Record<string, number>> = {
  role: 403,
  'same-operator': 403,
  'unknown-band': 404,
  'unknown-proposal': 404,
  'too-many-acts': 429,
  'too-many-proposals': 429,
  'storage-full': 503,
  unavailable: 503,
}

function acted(answer: object | Refused): Answered {
  if (!isRefused(answer)) return json(answer)
  const { error, message } = answer
  const status = statuses[error] ?? 409
  return refused(status, error, message, status === 503 ? 2_000 : undefined)
}

function isRefused(answer: object | Refused): answer is Refused {
  return 'type' in answer && answer.type === 'refused'
}

function operatorsSeen(
  listed: ReturnType<OperatorPorts['operators']['all']>,
  sessions: OperatorSessions,
): OperatorsAnswer {
  const operators = listed.map(({ name, role, passkeys }) => ({
    name,
    role,
    passkeys: passkeys.length,
    sessions: sessions.countOf(name),
  }))
  return { operators }
}
