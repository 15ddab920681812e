// Sign-in page: by name and token, by passkey, or at a provider. What went wrong is said where it happened.

import { type ApiRefusal, type SessionAnswer, operatorPaths } from '../../protocol/operator-api.ts'
import { type Answered, post, session, wasCutOff } from '../state/api.ts'
import { Field, sentence } from '../parts/parts.tsx'
import { hasPasskeys, signInByPasskey } from '../state/passkeys.ts'
import { useState } from '../state/preact.ts'
import { formatDuration } from '../parts/times.ts'

type SignedOut = Extract<SessionAnswer, { readonly signedIn: false }>

export function SignInPage({ methods, hasOperators }: SignedOut) {
  const [name, setName] = useState('')
  const [token, setToken] = useState('')
  const [isBusy, setBusy] = useState(false)
  const [wrong, setWrong] = useState<string | undefined>(cameBackWith())
  const sign = async (ask: () => Promise<Answered<SessionAnswer>>): Promise<void> => {
    setBusy(true)
    setWrong(undefined)
    const answered = await ask()
    setBusy(false)
    if (answered.ok) {
      wasCutOff.value = false
      session.value = answered.answer
      return
    }
    const { retryAfterMs } = answered.refusal
    const said = whyNot(answered.refusal)
    setWrong(retryAfterMs === undefined ? said : `${said} Try again in ${formatDuration(retryAfterMs)}.`)
  }
  const hasLocal = methods.token || methods.passkey
  return (
    <main class="sign-in" id="content">
      <h1>Bandpass</h1>
      <p class="muted">Operators sign in here.</p>
      {wasCutOff.value && (
        <p class="notice" role="status">
          Your session has ended. Sign in to go on where you were.
        </p>
      )}
      {!hasOperators && hasLocal && (
        <div class="notice warn">
          <p>There is no operator yet. Add the first one where the engine runs:</p>
          <pre>
            <code>bandpass operator add NAME --role admin</code>
          </pre>
          <p>It shows a token once; sign in with it here.</p>
        </div>
      )}
      {wrong !== undefined && (
        <p class="notice bad" role="alert">
          {wrong}
        </p>
      )}
      {methods.token && (
        <form
          onSubmit={(event) => {
            event.preventDefault()
            void sign(async () =>
              post<SessionAnswer>(operatorPaths.signInByToken, { name: name.trim(), token: token.trim() }, [
                'signedIn',
              ]),
            )
          }}
        >
          <Field label="Name">
            {(ids) => (
              <input
                {...ids}
                name="name"
                autocomplete="username"
                autocapitalize="none"
                spellcheck={false}
                maxLength={32}
                required
                value={name}
                onInput={(event) => setName(event.currentTarget.value)}
              />
            )}
          </Field>
          <Field label="Token">
            {(ids) => (
              <input
                {...ids}
                name="token"
                type="password"
                autocomplete="current-password"
                maxLength={128}
                required
                value={token}
                onInput={(event) => setToken(event.currentTarget.value)}
              />
            )}
          </Field>
          <div class="buttons">
            <button type="submit" class="primary" disabled={isBusy}>
              Sign in
            </button>
          </div>
        </form>
      )}
      {(methods.oidc !== null || (methods.passkey && hasPasskeys())) && (
        <div class="buttons others">
          {methods.passkey && hasPasskeys() && (
            <button type="button" disabled={isBusy} onClick={() => void sign(signInByPasskey)}>
              Sign in with a passkey
            </button>
          )}
          {methods.oidc !== null && (
            <a class="button" data-leaves href={operatorPaths.oidc}>
              Sign in with {methods.oidc}
            </a>
          )}
        </div>
      )}
    </main>
  )
}

/** Error text of a failed sign-in. It fails in few ways, and the visitor does not know the words of the interface. */
function whyNot({ error, message }: ApiRefusal): string {
  if (error === 'sign-in-refused')
    return 'That did not sign anybody in: the name, the token or the passkey is not right.'
  return error === 'too-many-attempts' ? 'That was tried too often.' : sentence(message)
}

/** The error that a provider's redirect brought back in the address. */
function cameBackWith(): string | undefined {
  const code = new URLSearchParams(location.search).get('error')
  return code === null ? undefined : `Signing in at the provider did not work (${code}).`
}
