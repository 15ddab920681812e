// Dispatch table of phone frames. Every frame of a live session goes to its handler here. To add a frame: its entry in
// protocol/messages/frames.ts, a line here.

import { decodeHubRecords } from '../../protocol/messages/frame-codec.ts'
import type { PhoneFrame, SlotRecord } from '../../protocol/messages/frames.ts'
import { arm } from './arm.ts'
import { attach, detach, takeRecord } from './attach.ts'
import { authorize } from '../decisions/authorize.ts'
import type { Core } from '../core/core.ts'
import { deactivate, found, freeze, lost, unfreeze } from './holds.ts'
import { setLimits } from './own-limits.ts'
import { cancelPairing, startPairing } from './pairing.ts'
import { listPhones, removePhone, whyNotServed } from '../phones/phones.ts'
import { readBands, readHistory } from './reads.ts'
import { type Session, answer, refuse } from '../core/session.ts'
import { issueChallenge } from '../phones/user-verification.ts'
import { readChanges, veto } from './vetoes.ts'

/** Serves one frame; gives a promise when the answer waits for the output gate. `bytes` are borrowed. */
export function serve(core: Core, session: Session, frame: PhoneFrame, bytes: Uint8Array): Promise<void> | void {
  const { speaker } = session
  const refusal = speaker?.type === 'phone' ? whyNotServed(core, speaker, frame) : undefined
  if (refusal !== undefined) return refuse(session, frame.id, refusal)
  switch (frame.type) {
    case 'record':
      return serveRecords(core, session, frame, bytes)
    case 'authorize':
      return authorize(core, session, frame)
    case 'attach':
      return attach(core, session, frame)
    case 'detach':
      return detach(core, session, frame)
    case 'pairStart':
      return startPairing(core, session, frame)
    case 'pairCancel':
      return cancelPairing(core, session, frame)
    case 'challenge':
      return issueChallenge(core, session, frame.id)
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
      return readHistory(core, session, frame)
    case 'bands':
      return readBands(core, session, frame)
    case 'changes':
      return readChanges(core, session, frame)
    case 'phones':
      return listPhones(core, session, frame)
    case 'removePhone':
      return removePhone(core, session, frame)
    case 'grants':
      // Doors, tickets and vouchers do not exist in this version.
      return refuse(session, frame.id, 'unsupported-frame')
    case 'hello':
      return refuse(session, frame.id, 'wrong-state')
  }
}

function serveRecords(
  core: Core,
  session: Session,
  frame: Extract<PhoneFrame, { readonly type: 'record' }>,
  bytes: Uint8Array,
): void {
  if (session.connection.kind !== 'hub') return takeRecords(core, session, frame.id, [frame])
  const records = decodeHubRecords(bytes)
  if ('type' in records) return session.connection.close('malformed')
  takeRecords(core, session, frame.id, records)
}

/** Each record is taken or refused by itself. */
function takeRecords(core: Core, session: Session, id: number, records: readonly SlotRecord[]): void {
  let isTaken = true
  for (const { slot, bytes } of records) {
    const refusal = takeRecord(core, session, slot, bytes)
    if (refusal === undefined) continue
    isTaken = false
    refuse(session, id, refusal)
  }
  if (isTaken && id !== 0) answer(session, { type: 'recordAnswer', id })
}
