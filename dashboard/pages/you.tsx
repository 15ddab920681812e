// Account page of the signed-in operator: until when, with which role, and their passkeys.

import { type SessionAnswer, operatorPaths } from '../../protocol/operator-api.ts'
import { type Answered, post, session } from '../state/api.ts'
import { Fact, Facts, Panel, Refused, Time } from '../parts/parts.tsx'
import { addPasskey, hasPasskeys } from '../state/passkeys.ts'
import { useState } from '../state/preact.ts'

export function YouPage() {
  const { value } = session
  const [added, setAdded] = useState<Answered<SessionAnswer> | undefined>(undefined)
  if (value?.signedIn !== true) return null
  const add = async (): Promise<void> => {
    const answered = await addPasskey()
    if (answered.ok) session.value = answered.answer
    setAdded(answered)
  }
  return (
    <>
      <h1>{value.name}</h1>
      <Panel title="This session" class="span">
        <Facts>
          <Fact name="Role">{value.role}</Fact>
          <Fact name="Ends at the latest">
            <Time atMs={value.expiresAtMs} />
          </Fact>
          <Fact name="Passkeys">{value.passkeys}</Fact>
        </Facts>
        <div role="status">
          {added?.ok === true && <p class="notice good">A passkey was added; you can sign in with it.</p>}
        </div>
        {added?.ok === false && <Refused refusal={added.refusal} />}
        <div class="buttons">
          {hasPasskeys() && (
            <button type="button" onClick={() => void add()}>
              Add a passkey
            </button>
          )}
          <button type="button" onClick={() => void signOut()}>
            Sign out
          </button>
        </div>
      </Panel>
    </>
  )
}

/** Ends the session, here and in the engine. */
export async function signOut(): Promise<void> {
  const answered = await post<SessionAnswer>(operatorPaths.signOut, {}, ['signedIn'])
  if (answered.ok) session.value = answered.answer
}
