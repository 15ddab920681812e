// Passkeys (WebAuthn Level 3): registration and authentication options, and verification of the answers. The authenticator must have
// verified its user; an answer is judged in a thread of its own.

import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { base64url } from '../../base/base64url.ts'
import type { Clock } from '../../engine/ports/clock.ts'
import { operatorLimits } from '../ports/limits.ts'
import type { ListedOperator } from '../ports/ports.ts'
import { type JudgedPasskey, type PasskeyPlace, type PasskeyTask, passkeyAlgorithms } from './webauthn-task.ts'

const timeoutMs = 60_000

/** Registration options, given to navigator.credentials.create, as JSON (WebAuthn L3 §5.4). */
export function creationOptions(operator: ListedOperator, place: PasskeyPlace, challenge: string): object {
  const { name, passkeys } = operator
  // Relying party ids know no ports: what people are shown tells the engines of one host apart.
  const { host } = new URL(place.origin)
  return {
    rp: { name: `Bandpass at ${host}`, id: place.domain },
    user: { id: base64url(userHandle(operator)), name, displayName: `${name} at ${host}` },
    challenge,
    pubKeyCredParams: passkeyAlgorithms.map((alg) => ({ type: 'public-key', alg })),
    timeout: timeoutMs,
    attestation: 'none',
    excludeCredentials: passkeys.map(({ id }) => ({ type: 'public-key', id })),
    authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
  }
}

/**
 * An authenticator keeps one passkey for a relying party and a user handle (WebAuthn L3 §5.4.3), so this one is the same for each passkey of
 * an operator, and of no other operator of any engine: it is made of the random salt that their token has in the list, and is
 * another with a new token.
 */
function userHandle({ name, token }: ListedOperator): Uint8Array {
  return createHash('sha256').update('bandpass operator').update(token.salt).update(name).digest()
}

/** Authentication options, given to navigator.credentials.get (WebAuthn L3 §5.5): any passkey of this place, so no list tells who has one. */
export function requestOptions(place: PasskeyPlace, challenge: string): object {
  return { rpId: place.domain, challenge, timeout: timeoutMs, allowCredentials: [], userVerification: 'required' }
}

export type PasskeyJudge = {
  /** The passkey that gave the answer; undefined when none did, or the answer is not to this challenge at this place. */
  readonly judge: (task: PasskeyTask) => Promise<JudgedPasskey | 'busy' | undefined>
  readonly stop: () => Promise<void>
}

/** Judges in a thread that is started when it is needed, and ends when it was not for a while. */
export function passkeyJudge(clock: Pick<Clock, 'after'>): PasskeyJudge {
  const { passkeysJudgedMax, passkeyJudgedMs, passkeyThreadIdleMs, passkeyThreadMb } = operatorLimits
  const waiting = new Map<number, (judged: JudgedPasskey | undefined) => void>()
  let thread: Worker | undefined
  let cancelIdle = (): void => {}
  let number = 0

  function started(): Worker {
    const worker = new Worker(new URL('./webauthn-main.ts', import.meta.url), {
      env: {},
      execArgv: ['--disable-warning=ExperimentalWarning'],
      resourceLimits: { maxOldGenerationSizeMb: passkeyThreadMb },
    })
    // A server that stops does not wait for it.
    worker.unref()
    worker.on('message', (told: unknown) => {
      if (!isTold(told)) return
      waiting.get(told.number)?.(isJudged(told.judged) ? told.judged : undefined)
    })
    // Out of memory, or a bug of the library: requests that wait are refused, and the next answer gets a new thread.
    worker.on('error', () => void dropped(worker))
    worker.on('exit', () => void dropped(worker))
    return worker
  }

  async function dropped(worker: Worker): Promise<void> {
    if (thread !== worker) return
    thread = undefined
    for (const tell of waiting.values()) tell(undefined)
    await worker.terminate()
  }

  async function stop(): Promise<void> {
    cancelIdle()
    if (thread !== undefined) await dropped(thread)
  }

  return {
    stop,
    async judge(task) {
      if (waiting.size >= passkeysJudgedMax) return 'busy'
      cancelIdle()
      thread ??= started()
      const worker = thread
      const mine = ++number
      return new Promise((resolve) => {
        const cancel = clock.after(passkeyJudgedMs, () => void dropped(worker))
        waiting.set(mine, (judged) => {
          cancel()
          waiting.delete(mine)
          if (waiting.size === 0) cancelIdle = clock.after(passkeyThreadIdleMs, () => void stop())
          resolve(judged)
        })
        worker.postMessage({ number: mine, task })
      })
    },
  }
}

function isTold(told: unknown): told is { readonly number: number; readonly judged: unknown } {
  return (
    typeof told === 'object' && told !== null && 'judged' in told && 'number' in told && typeof told.number === 'number'
  )
}

function isJudged(told: unknown): told is JudgedPasskey {
  return (
    typeof told === 'object' &&
    told !== null &&
    'id' in told &&
    typeof told.id === 'string' &&
    'publicKey' in told &&
    told.publicKey instanceof Uint8Array &&
    'counter' in told &&
    Number.isSafeInteger(told.counter)
  )
}
