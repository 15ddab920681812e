// Every frame of a live session goes to its handler here. To add a frame: its entry in protocol/frames.ts, a line here.

import { decodeHubRecords } from '../protocol/frame-codec.ts'
import type { PhoneFrame } from '../protocol/frames.ts'
import { arm } from './arm.ts'
import { attach, detach, takeRecord } from './attach.ts'
import { authorize } from './authorize.ts'
import { setLimits, veto } from './changes.ts'
import type { Core } from './core.ts'
import { deactivate, found, freeze, lost, unfreeze } from './holds.ts'
import { cancelPairing, startPairing } from './pairing.ts'
import { readBands, readHistory } from './reads.ts'
import { type Session, answer, refuse } from './session.ts'
import { issueChallenge } from './user-verification.ts'

/** What a new phone may do before its Security Delay is over: stop and read (PROTOCOL §8 "Enrolment"). */
const allowedWhilePending: ReadonlySet<PhoneFrame['type']> = new Set([
  'freeze',
  'lost',
  'history',
  'bands',
  'grants',
  'challenge',
])

/** Serves one frame; gives a promise when the answer waits for the output gate. `bytes` are borrowed. */
export function serve(core: Core, session: Session, frame: PhoneFrame, bytes: Uint8Array): Promise<void> | undefined {
  const { speaker } = session
  if (speaker?.type === 'phone' && speaker.isGone) return now(refuse(session, frame.id, 'phone-unknown'))
  const isPending = speaker?.type === 'phone' && core.time.nowMs() < speaker.pendingUntilMs
  if (isPending && !allowedWhilePending.has(frame.type)) return now(refuse(session, frame.id, 'phone-pending'))
  switch (frame.type) {
    case 'record':
      return serveRecords(core, session, frame, bytes)
    case 'authorize':
      return authorize(core, session, frame)
    case 'attach':
      return now(attach(core, session, frame))
    case 'detach':
      return now(detach(core, session, frame))
    case 'pairStart':
      return now(startPairing(core, session, frame))
    case 'pairCancel':
      return now(cancelPairing(core, session, frame))
    case 'challenge':
      return now(issueChallenge(core, session, frame.id))
    case 'arm':
      return arm(core, session, frame)
    case 'freeze':
      return freeze(core, session, frame)
    case 'unfreeze':
      return unfreeze(core, session, frame)
    case 'lost':
      return lost(core, session, frame)
    case 'found':
      return found(core, session, frame)
    case 'deactivate':
      return deactivate(core, session, frame)
    case 'veto':
      return veto(core, session, frame)
    case 'limits':
      return setLimits(core, session, frame)
    case 'history':
      return now(readHistory(core, session, frame))
    case 'bands':
      return now(readBands(core, session, frame))
    case 'grants':
      // Doors, tickets and vouchers do not exist in this version.
      return now(refuse(session, frame.id, 'unsupported-frame'))
    case 'hello':
      return now(refuse(session, frame.id, 'wrong-state'))
  }
}

function serveRecords(
  core: Core,
  session: Session,
  frame: Extract<PhoneFrame, { readonly type: 'record' }>,
  bytes: Uint8Array,
): undefined {
  if (session.connection.kind === 'hub') {
    const records = decodeHubRecords(bytes)
    if ('type' in records) return now(session.connection.close('malformed'))
    for (const record of records) takeRecord(core, session, record.slot, record.bytes)
    return undefined
  }
  const isTaken = takeRecord(core, session, frame.slot, frame.bytes)
  if (!isTaken) refuse(session, frame.id, session.slots.has(frame.slot) ? 'malformed' : 'slot-empty')
  else if (frame.id !== 0) answer(session, { type: 'recordAnswer', id: frame.id })
}

/** The work is done: nothing waits for the gate. */
function now(_done: void): undefined {
  return undefined
}
