// Authentication of operators, signing in and out: by token, by passkey, through a provider. Each way ends in the same session; every
// one and every refusal is logged, and never a token.

import { Fault } from '../../engine/ports/fault.ts'
import { type OperatorRole, type SessionAnswer, operatorPaths } from '../../protocol/operator-api.ts'
import { type Answered, type Asked, type SignedInAsked, json, refused } from '../http/answers.ts'
import { AddressAttempts } from '../guards/attempts.ts'
import { boundedLines } from '../guards/bounded-lines.ts'
import { type CookieNames, setCookie } from '../http/cookies.ts'
import { operatorLimits } from '../ports/limits.ts'
import { loggedName } from '../ports/names.ts'
import { type Oidc, type OidcWay, said } from './oidc.ts'
import { type Origins, passkeyDomainOf } from '../http/origins.ts'
import { challengeOf, readAsserted, readCreated } from './passkey-requests.ts'
import type { ListedOperator, OperatorLog, OperatorPorts, Passkey } from '../ports/ports.ts'
import { readBody } from '../http/request-reader.ts'
import { readTokenSignIn } from '../http/requests.ts'
import type { OperatorSession, OperatorSessions, SignInMethod } from '../guards/sessions.ts'
import { Tickets } from '../guards/tickets.ts'
import { TokenSignIn } from './token-sign-in.ts'
import type { PasskeyPlace } from './webauthn-task.ts'
import { creationOptions, passkeyJudge, requestOptions } from './webauthn.ts'

export type SignIn = {
  readonly session: (asked: Asked) => Answered
  readonly byToken: (asked: Asked) => Answered
  readonly beginPasskey: (asked: Asked) => Answered
  readonly byPasskey: (asked: Asked) => Promise<Answered>
  readonly beginNewPasskey: (asked: SignedInAsked) => Answered
  readonly addPasskey: (asked: SignedInAsked) => Promise<Answered>
  readonly toProvider: (asked: Asked) => Promise<Answered>
  readonly fromProvider: (asked: Asked) => Promise<Answered>
  readonly out: (asked: Asked) => Answered
  readonly stop: () => Promise<void>
}

export type SignInParts = {
  readonly ports: Pick<OperatorPorts, 'clock' | 'random' | 'log' | 'operators'>
  readonly sessions: OperatorSessions
  readonly origins: () => Origins
  readonly cookies: () => CookieNames
  readonly oidc: Oidc | undefined
}

export function createSignIn(parts: SignInParts): SignIn {
  const { ports, sessions, oidc } = parts
  const { clock, random, log, operators } = ports
  const bearers = new TokenSignIn()
  const begun = new AddressAttempts(operatorLimits.begunPerAddress)
  const wrong = new AddressAttempts(operatorLimits.wrongPerAddress)
  const refusedLines = boundedLines(operatorLimits.refusedLogged, clock)
  /** Challenges of sign-ins, those of new passkeys for the session that asked, and states of ways to the provider. */
  const tickets = new Tickets(random)
  const { judge, stop } = passkeyJudge(clock)
  const nowMs = (): number => clock.monotonicMs()

  function begin(
    who: { readonly name: string; readonly role: OperatorRole; readonly method: SignInMethod },
    listed: ListedOperator | undefined,
    address: string,
  ): { readonly session: OperatorSession; readonly cookies: readonly string[] } {
    const { cookie, session } = sessions.begin(who, listed)
    log('info', 'operator.signed-in', { operator: who.name, role: who.role, method: who.method, address })
    return { session, cookies: [cookieOf(parts, 'session', cookie, 'Strict')] }
  }

  function refusedSignIn(method: SignInMethod, name: string, address: string): Answered {
    refusedLines((notLogged) => {
      log('warning', 'operator.sign-in-refused', { operator: loggedName(name), method, address, notLogged })
    })
    return refused(401, 'sign-in-refused', refusals[method])
  }

  function placeOf({ headers }: Asked): PasskeyPlace | undefined {
    const { all, main } = parts.origins()
    const origin = all.find((one) => one === headers.get('origin')) ?? main
    const domain = passkeyDomainOf(origin)
    return domain === undefined ? undefined : { origin, domain }
  }

  function noPasskeysHere(): Answered {
    const { main } = parts.origins()
    return refused(409, 'no-passkeys', `expected an origin with a name, such as ${main}: passkeys are bound to names`)
  }

  function sessionAnswer(session: OperatorSession | undefined): SessionAnswer {
    if (session !== undefined) {
      const { name, role, expiresAtMs, method } = session
      const passkeys = method === 'oidc' ? 0 : (operators.all().find((one) => one.name === name)?.passkeys.length ?? 0)
      return { signedIn: true, name, role, expiresAtMs, passkeys }
    }
    const listed = operators.all()
    const passkey = listed.some((one) => one.passkeys.length > 0)
    return {
      signedIn: false,
      methods: { token: true, passkey, oidc: oidc?.name ?? null },
      hasOperators: listed.length > 0,
    }
  }

  return {
    stop,
    session: ({ session }) => json(sessionAnswer(session)),

    byToken({ body, address }) {
      const { name, token } = readTokenSignIn(body)
      const judged = bearers.judge({ name, token, address }, operators.all(), nowMs())
      switch (judged.type) {
        case 'admitted': {
          const { operator } = judged
          const { session, cookies } = begin({ ...nameAndRole(operator), method: 'token' }, operator, address)
          return json(sessionAnswer(session), cookies)
        }
        case 'refused':
          return refusedSignIn('token', name, address)
        case 'too-many':
          return tooMany(judged.retryAfterMs)
      }
    },

    beginPasskey(asked) {
      readBody(asked.body, [])
      const place = placeOf(asked)
      if (place === undefined) return noPasskeysHere()
      if (!begun.take(asked.address, nowMs())) return tooMany(begunRetryMs)
      return json(requestOptions(place, tickets.issue(signInContext, nowMs())))
    },

    async byPasskey(asked) {
      const { address, body } = asked
      const asserted = readAsserted(body)
      const place = placeOf(asked)
      if (place === undefined) return noPasskeysHere()
      const challenge = challengeOf(asserted)
      const known = passkeyOf(operators.all(), asserted.id)
      // Taken only for a passkey that there is: strangers' attempts leave nothing behind.
      const isOurs = known !== undefined && challenge !== undefined && tickets.take(challenge, signInContext, nowMs())
      const used = isOurs
        ? await judge({ type: 'asserted', response: asserted, place, challenge, passkey: known.passkey })
        : undefined
      if (used === 'busy') return passkeysBusy
      // Judging takes a while: an operator who was removed meanwhile, may do less, or has used the passkey again, is found out here.
      const now = passkeyOf(operators.all(), asserted.id)
      if (used === undefined || now === undefined || now.passkey.counter !== known?.passkey.counter) {
        if (!wrong.take(address, nowMs())) return tooMany(begunRetryMs)
        return refusedSignIn('passkey', known?.operator.name ?? '', address)
      }
      const { operator, passkey } = now
      // Most passkeys do not count: those need no room on the disk, which may be full.
      const isCounted = used.counter !== passkey.counter
      const kept = isCounted
        ? keptOrBusy(() => operators.keepPasskey(operator.name, { ...passkey, counter: used.counter }), log)
        : undefined
      if (kept !== undefined) return kept
      const { session, cookies } = begin({ ...nameAndRole(operator), method: 'passkey' }, operator, address)
      return json(sessionAnswer(session), cookies)
    },

    beginNewPasskey(asked) {
      readBody(asked.body, [])
      const operator = ownEntry(operators.all(), asked.session)
      if (operator === undefined) return notListed
      if (nowMs() - asked.session.beganAtMs >= operatorLimits.newPasskeyWithinMs) return signedInLongAgo
      if (operator.passkeys.length >= operatorLimits.passkeysPerOperatorMax) return passkeysFull
      const place = placeOf(asked)
      if (place === undefined) return noPasskeysHere()
      if (!begun.take(asked.address, nowMs())) return tooMany(begunRetryMs)
      return json(creationOptions(operator, place, tickets.issue(newPasskeyContext(asked), nowMs())))
    },

    async addPasskey(asked) {
      const created = readCreated(asked.body)
      const operator = ownEntry(operators.all(), asked.session)
      if (operator === undefined) return notListed
      if (operator.passkeys.length >= operatorLimits.passkeysPerOperatorMax) return passkeysFull
      const place = placeOf(asked)
      if (place === undefined) return noPasskeysHere()
      const challenge = challengeOf(created)
      const isOurs = challenge !== undefined && tickets.take(challenge, newPasskeyContext(asked), nowMs())
      const passkey = isOurs ? await judge({ type: 'created', response: created, place, challenge }) : undefined
      if (passkey === 'busy') return passkeysBusy
      // An operator whose session was stolen ends it: a passkey that was on its way then is not kept.
      const isSignedIn = sessions.find(asked.cookie, false) === asked.session
      const isTaken = passkeyOf(operators.all(), passkey?.id) !== undefined
      if (
        passkey === undefined ||
        !isSignedIn ||
        isTaken ||
        passkey.publicKey.length > operatorLimits.passkeyBytesMax
      ) {
        log('warning', 'operator.passkey-refused', { operator: operator.name, address: asked.address })
        return refused(400, 'passkey-refused', 'expected a new passkey, with its user verified, for this challenge')
      }
      // Judging takes a while: others of this operator may have come into the list meanwhile.
      const before = ownEntry(operators.all(), asked.session)?.passkeys.length ?? 0
      if (before >= operatorLimits.passkeysPerOperatorMax) return passkeysFull
      const kept = keptOrBusy(() => operators.keepPasskey(operator.name, { ...passkey, addedAtMs: clock.nowMs() }), log)
      if (kept !== undefined) return kept
      log('info', 'operator.passkey-added', { operator: operator.name, address: asked.address })
      return json(sessionAnswer(asked.session))
    },

    async toProvider({ address }) {
      if (oidc === undefined) return refused(404, 'no-provider', 'expected operators.oidc to be set')
      if (!begun.take(address, nowMs())) return tooMany(begunRetryMs)
      try {
        const state = tickets.issue(providerContext, nowMs())
        const location = await oidc.begin(wayOf(tickets, state))
        return { type: 'redirect', location, cookies: [cookieOf(parts, 'oidc', state, 'Lax')] }
      } catch {
        // The log has it once, however often it is asked for.
        return backWith('provider-failed')
      }
    },

    async fromProvider({ url, oidcCookie, address }) {
      if (oidc === undefined) return refused(404, 'no-provider', 'expected operators.oidc to be set')
      const state = url.searchParams.get('state') ?? ''
      // Against login CSRF: the cookie says that it is this browser which was sent, so that no link signs a user in as another one.
      const isOurs = oidcCookie === state && tickets.take(state, providerContext, nowMs())
      const judged = isOurs ? await oidc.finish(url, wayOf(tickets, state)) : undefined
      if (judged?.type === 'admitted') {
        const { name, role } = judged
        const { cookies } = begin({ name, role, method: 'oidc' }, undefined, address)
        return { type: 'redirect', location: '/', cookies: [...cookies, overOidc(parts)] }
      }
      const error = judged?.type === 'no-role' ? 'no-role' : 'sign-in-refused'
      const why = judged?.type === 'refused' ? said(judged.error) : {}
      const name = judged?.type === 'no-role' ? judged.name : ''
      // Any stranger can ask for this address without end.
      if (wrong.take(address, nowMs())) {
        const fields = { operator: loggedName(name), method: 'oidc', address, says: error, ...why }
        refusedLines((notLogged) => log('warning', 'operator.sign-in-refused', { ...fields, notLogged }))
      }
      return backWith(error, [overOidc(parts)])
    },

    out({ cookie, session, body }) {
      readBody(body, [])
      if (cookie !== undefined) sessions.end(cookie)
      if (session !== undefined) log('info', 'operator.signed-out', { operator: session.name })
      const { isSecure } = parts.origins()
      const over = setCookie(parts.cookies().session, '', { maxAgeS: 0, isSecure, sameSite: 'Strict' })
      return json(sessionAnswer(undefined), [over])
    },
  }
}

/** Contexts of tickets: one that was issued for one is not valid for another. */
const signInContext = 'sign-in'
const providerContext = 'provider'
function newPasskeyContext({ session, cookie = '' }: SignedInAsked): string {
  return `new-passkey ${session.name} ${cookie}`
}

/** Nonce and verifier belong to the state: nothing of a way is kept until it comes back. */
function wayOf(tickets: Tickets, state: string): OidcWay {
  return { state, nonce: tickets.secretOf(state, 'nonce'), verifier: tickets.secretOf(state, 'verifier') }
}

const refusals: Readonly<Record<SignInMethod, string>> = {
  token: 'expected the name and the token of an operator, as `bandpass operator add` printed it',
  passkey: 'expected a passkey of an operator, used just now, with its user verified',
  oidc: 'expected to come back from the provider as this browser was sent there',
}

const notListed = refused(
  409,
  'not-listed',
  'expected an operator of this engine; who comes from a provider signs in there',
)
const signedInLongAgo = refused(
  403,
  'sign-in-again',
  `expected a sign-in within the last ${operatorLimits.newPasskeyWithinMs / 60_000} minutes: sign out and in again to add a passkey`,
)
const passkeysFull = refused(
  409,
  'too-many-passkeys',
  `expected at most ${operatorLimits.passkeysPerOperatorMax} passkeys of one operator; a new token (bandpass operator token NAME) ends all of them`,
)
const passkeysBusy = refused(
  429,
  'busy',
  `expected at most ${operatorLimits.passkeysJudgedMax} passkeys at once`,
  1_000,
)
const begunRetryMs = Math.ceil(60_000 / operatorLimits.begunPerAddress.perMinute)

const notWritten =
  'expected a disk that takes the list of operators: see the log of the engine, make room, then try again; the token signs in meanwhile'

function tooMany(retryAfterMs: number): Answered {
  return refused(429, 'too-many-attempts', 'expected fewer attempts', retryAfterMs)
}

function nameAndRole({ name, role }: ListedOperator): { readonly name: string; readonly role: OperatorRole } {
  return { name, role }
}

/** The passkey of this id, and whose it is. */
function passkeyOf(
  listed: readonly ListedOperator[],
  id: string | undefined,
): { readonly operator: ListedOperator; readonly passkey: Passkey } | undefined {
  for (const operator of listed) {
    const passkey = operator.passkeys.find((one) => one.id === id)
    if (passkey !== undefined) return { operator, passkey }
  }
  return undefined
}

/** The entry of an operator who signed in as one of the list: a name from a provider has none there. */
function ownEntry(listed: readonly ListedOperator[], { name, method }: OperatorSession): ListedOperator | undefined {
  return method === 'oidc' ? undefined : listed.find((one) => one.name === name)
}

/** Back to the page, which says what it was. */
function backWith(error: string, cookies: readonly string[] = []): Answered {
  return { type: 'redirect', location: `/?error=${error}`, cookies }
}

/** A session cookie lasts as long as the browser lets it: what counts is the session. */
const sessionCookieS = 7 * 86_400
const oidcCookieS = operatorLimits.waitingMs / 1_000

function cookieOf(
  { origins, cookies }: SignInParts,
  which: keyof CookieNames,
  value: string,
  sameSite: 'Strict' | 'Lax',
): string {
  const maxAgeS = which === 'oidc' ? oidcCookieS : sessionCookieS
  return setCookie(cookies()[which], value, { maxAgeS, isSecure: origins().isSecure, sameSite })
}

function overOidc({ origins, cookies }: SignInParts): string {
  return setCookie(cookies().oidc, '', { maxAgeS: 0, isSecure: origins().isSecure, sameSite: 'Lax' })
}

/** A command may be changing the list at this moment, and the disk may take nothing. */
function keptOrBusy(keep: () => void, log: OperatorLog): Answered | undefined {
  try {
    keep()
    return undefined
  } catch (error) {
    if (error instanceof Fault && error.code === 'data-in-use') return refused(503, 'busy', error.message, 1_000)
    if (error instanceof Fault && error.code === 'not-written') {
      log('error', 'operators.list-not-written', { error })
      return refused(503, 'not-written', notWritten, 5_000)
    }
    throw error
  }
}

/** Redirect URI: where a provider sends the browser back to. */
export function backFromProvider({ main }: Origins): string {
  return `${main}${operatorPaths.oidcBack}`
}
