// Persistent session store of operators. Sessions of operators, on disk for the next start: `operator-sessions.json`, under the master key's
// MAC as the lists are, so that an attacker who can only write the disk does not sign in. It is no part of a backup: a copy of yesterday would
// sign in who was signed out.

import { join } from 'node:path'
import type { Keyring } from '../../crypto/at-rest.ts'
import type { Chores } from '../../engine/ports/chores.ts'
import type { KeptSession, SessionKeeper } from '../../operators/ports/ports.ts'
import { operatorRoles } from '../../protocol/operator-api.ts'
import type { KnownDocuments } from '../documents/known-documents.ts'
import type { Log } from '../log/log.ts'
import { removePrivateFile } from '../files/private-file.ts'
import { type DocumentPlace, readDocument, writeDocument } from '../documents/sealed-document.ts'
import { count, hex, list, object, oneOf, orNull, text } from '../../base/json.ts'

const methods = ['token', 'passkey', 'oidc'] as const

/** The sessions of a data folder. What cannot be read or written is told and forgotten: its operators sign in again. */
export function sessionKeeper(
  data: string,
  keyring: Keyring,
  { documents, log, chores }: { readonly documents: KnownDocuments; readonly log: Log; readonly chores: Chores },
): SessionKeeper {
  const path = join(data, 'operator-sessions.json')
  // After a restore there is none.
  const place = documents.watched({ path, name: 'operator-sessions', keyring }, { mayBeGone: true })
  let isKept = true
  /** An older file must not outlive what it does not know: a session that has ended. */
  const forget = (error: unknown): void => {
    const isRemoved = removed(path)
    // Told once until it works again: it is tried at every sign-in.
    if (isKept && isRemoved) {
      log('warning', 'operators.sessions-not-kept', { error, does: 'after a restart operators sign in again' })
    } else if (isKept) log('error', 'operators.sessions-not-removed', { error, path })
    isKept = false
    kept = undefined
    chores.failed('operator-sessions', error, { isTold: true })
  }
  /** What is on disk, as far as this keeper knows: the same again is not written, and costs the journal no record. */
  let kept: string | undefined
  return {
    read() {
      try {
        const sessions = readSessions(place)
        kept = JSON.stringify(sessions)
        return sessions
      } catch (error) {
        forget(error)
        return []
      }
    },
    write(sessions) {
      const text = JSON.stringify(sessions)
      if (text === kept) return
      try {
        writeDocument(place, { version: 1, sessions })
        kept = text
        isKept = true
        chores.worked('operator-sessions', { isTold: true })
      } catch (error) {
        forget(error)
      }
    },
  }
}

/** False when it is there and cannot be removed, as on a disk that is read-only. */
function removed(path: string): boolean {
  try {
    removePrivateFile(path)
    return true
  } catch {
    return false
  }
}

const sessionsSchema = object({
  sessions: list(
    object({
      key: hex,
      name: text,
      role: oneOf(operatorRoles),
      method: oneOf(methods),
      beganAtMs: count,
      idleAtMs: count,
      tokenHash: orNull(hex),
    }),
  ),
})

function readSessions(place: DocumentPlace): readonly KeptSession[] {
  return readDocument(place, sessionsSchema)?.sessions ?? []
}
