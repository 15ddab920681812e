// Sessions of operators, on disk for the next start: `operator-sessions.json`, under the master key's MAC as the lists are, so that
// nobody who can only write the disk signs in. It is no part of a backup: a copy of yesterday would sign in who was signed out.

import { join } from 'node:path'
import type { Keyring } from '../crypto/at-rest.ts'
import type { KeptSession, SessionKeeper } from '../operators/ports.ts'
import { operatorRoles } from '../protocol/operator-api.ts'
import type { Log } from './log.ts'
import { removePrivateFile } from './private-file.ts'
import { type DocumentPlace, readDocument, writeDocument } from './sealed-document.ts'
import { Field } from './shape.ts'

const methods = ['token', 'passkey', 'oidc'] as const

/** The sessions of a data folder. What cannot be read or written is told and forgotten: its operators sign in again. */
export function sessionKeeper(data: string, keyring: Keyring, log: Log): SessionKeeper {
  const place: DocumentPlace = { path: join(data, 'operator-sessions.json'), name: 'operator-sessions', keyring }
  /** An older file must not outlive what it does not know: a session that has ended. */
  const forget = (error: unknown): void => {
    log('warning', 'operators.sessions-not-kept', { error, does: 'after a restart operators sign in again' })
    removePrivateFile(place.path)
  }
  return {
    read() {
      try {
        return readSessions(place)
      } catch (error) {
        forget(error)
        return []
      }
    },
    write(sessions) {
      try {
        writeDocument(place, { version: 1, sessions })
      } catch (error) {
        forget(error)
      }
    },
  }
}

function readSessions(place: DocumentPlace): readonly KeptSession[] {
  const content = readDocument(place)
  if (content === undefined) return []
  return new Field(content, place.path).get('sessions').list.map((one) => {
    const tokenHash = one.get('tokenHash')
    return {
      key: one.get('key').hex,
      name: one.get('name').text,
      role: one.get('role').oneOf(operatorRoles),
      method: one.get('method').oneOf(methods),
      beganAtMs: one.get('beganAtMs').count,
      idleAtMs: one.get('idleAtMs').count,
      tokenHash: tokenHash.isAbsent ? null : tokenHash.hex,
    }
  })
}
