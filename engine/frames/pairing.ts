// Pairing a band (PROTOCOL §3): frames of the phone and records of the band, told to the window's actor. The secrets of a
// window are in RAM only and wiped at its end.

import { verifyBandCert } from '../../crypto/signed/band-certs.ts'
import { acctTagOf, pairingIdOf, startPairingAsEngine } from '../../crypto/links/pairing.ts'
import { type BandCert, decodeBandCert } from '../../protocol/band-cert.ts'
import { equalBytes } from '../../base/bytes.ts'
import type { PhoneFrameOf } from '../../protocol/messages/frames.ts'
import { idBytes, parseBandId } from '../../protocol/ids.ts'
import { phoneSlotMax } from '../../protocol/limits.ts'
import type { Malformed } from '../../protocol/malformed.ts'
import { decodeUpOp } from '../../protocol/ops.ts'
import { type BandRecord, type DataRecord, encodePair0 } from '../../protocol/records.ts'
import { addressKey } from '../ports/address.ts'
import { accountHolds } from '../ledger/account-rows.ts'
import type { Core } from '../core/core.ts'
import { closeWindow, perform, tellWindow } from './pairing-effects.ts'
import type { PairingWindow } from '../core/pairing-window.ts'
import { bandEpochMin } from '../ledger/restored.ts'
import { releaseOf } from '../bands/resume.ts'
import { type Session, answer, refuse, sendRecord } from '../core/session.ts'
import { verifyUser } from '../phones/user-verification.ts'

/** Frame 6: opens the window. Answered once, when the pairing has ended one way or the other. */
export function startPairing(core: Core, session: Session, frame: PhoneFrameOf<'pairStart'>): void {
  const { speaker } = session
  if (speaker?.type !== 'phone') return refuse(session, frame.id, 'not-for-hubs')
  const { account } = speaker
  if (frame.slot > phoneSlotMax) return refuse(session, frame.id, 'out-of-range')
  const isInUse = session.slots.band(frame.slot) !== undefined || core.windows.of(session, frame.slot) !== undefined
  if (isInUse) return refuse(session, frame.id, 'slot-in-use')
  if (accountHolds(core, account) !== 0) return refuse(session, frame.id, 'band-held')
  const waitMs = pairingWaitMs(core, session, account)
  if (waitMs > 0) return refuse(session, frame.id, 'rate-limited', Math.min(waitMs, 0xffff_ffff))
  if (core.windows.isFull || core.windows.ofAccount(account) !== undefined) return refuse(session, frame.id, 'busy')
  const verified = verifyUser(core, session, frame, frame.uv)
  if (verified === undefined) return refuse(session, frame.id, 'verification-invalid')
  const engineSecret = core.keys.engineSecrets.get(core.keys.ekid)
  if (engineSecret === undefined) return refuse(session, frame.id, 'unavailable')
  if (frame.hint !== null) releaseIfUnbound(core, session, frame.slot, frame.hint)

  const pairingId = pairingIdOf(core.primitives, verified)
  const acctTag = acctTagOf(core.primitives, core.keys.pepper, account, pairingId)
  const pair0 = encodePair0({ ekid: core.keys.ekid, pairingId: idBytes(pairingId), acctTag })
  const packageSecret = frame.ps.slice()
  const actor = core.actors.newPairing(pairingId, core.time.nowMs())
  const window: PairingWindow = {
    pairingId,
    account,
    session,
    slot: frame.slot,
    requestId: frame.id,
    addressKey: addressKey(session.connection.remoteAddress),
    by: speaker.surface,
    acctTag,
    pair0,
    packageSecret,
    engineSecret,
    actor,
    handshake: undefined,
    pair3: undefined,
    cert: undefined,
    hello: undefined,
    channel: undefined,
    bound: undefined,
    cancelTimer: () => undefined,
  }
  actor.subscribe({
    error: (error) => {
      core.failed(error)
      closeWindow(core, window)
      refuse(window.session, window.requestId, 'pair-refused')
    },
  })
  core.windows.add(window)
  actor.start()
  perform(core, window)
}

function pairingWaitMs(core: Core, session: Session, account: string): number {
  const { admission, config } = core
  return Math.max(
    admission.pairingWaitMs(`account:${account}`, config.pairingFailuresPerAccount),
    admission.pairingWaitMs(
      `address:${addressKey(session.connection.remoteAddress)}`,
      config.pairingFailuresPerAddress,
    ),
  )
}

/** Frame 7: the owner gives up. */
export function cancelPairing(core: Core, session: Session, frame: PhoneFrameOf<'pairCancel'>): void {
  const window = core.windows.of(session, frame.slot)
  if (window === undefined) return refuse(session, frame.id, 'slot-empty')
  answer(session, { type: 'pairCancelAnswer', id: frame.id })
  tellWindow(core, window, { type: 'pairing.cancel', atMs: core.time.nowMs() })
}

/** The phone is gone: a window that has not committed ends; one that has waits for the band's RESUME or its own end. */
export function leavePairing(core: Core, window: PairingWindow): void {
  if (window.bound === undefined) tellWindow(core, window, { type: 'pairing.cancel', atMs: core.time.nowMs() })
}

/**
 * One record from the band. Each is taken in the states that expect it only: the order is the peer's, and a window that has ended
 * stays a while, with its secrets wiped.
 */
export function pairingRecord(core: Core, window: PairingWindow, record: BandRecord | Malformed): void {
  const state = window.actor.getSnapshot().value
  switch (record.type) {
    case 'pair1':
      if (state === 'waiting' || state === 'proving') takePair1(core, window, record.message)
      return
    case 'pair3':
      if (state === 'waiting' || state === 'proving') takePair3(core, window, record.message)
      else if (state === 'committing' || state === 'committed') repeatPair3(core, window, record.message)
      return
    case 'data':
      if (state === 'committed') takeCommitAck(core, window, record)
      return
    default:
      return
  }
}

function takePair1(core: Core, window: PairingWindow, message: Uint8Array): void {
  const atMs = core.time.nowMs()
  const { pair0, packageSecret: ps, engineSecret } = window
  const handshake = startPairingAsEngine(core.primitives, { pair0, ps, engineSecret })
  const hello = handshake.readPair1(message)
  if (hello === undefined) {
    handshake.wipe()
    return tellWindow(core, window, { type: 'proof.failed', atMs })
  }
  window.handshake?.wipe()
  window.handshake = handshake
  window.hello = hello
  tellWindow(core, window, { type: 'pair1.opened', atMs })
}

/** The band repeats PAIR3 until COMMIT arrives. */
function repeatPair3(core: Core, window: PairingWindow, message: Uint8Array): void {
  const isSame = window.pair3 !== undefined && equalBytes(window.pair3, message)
  if (isSame) tellWindow(core, window, { type: 'pair3.opened', atMs: core.time.nowMs() })
}

function takePair3(core: Core, window: PairingWindow, message: Uint8Array): void {
  const atMs = core.time.nowMs()
  const opened = window.handshake?.readPair3(message)
  if (opened === undefined) return tellWindow(core, window, { type: 'proof.failed', atMs })
  window.pair3 = message.slice()
  const cert = decodeBandCert(opened.cert)
  const isVouched = cert.type === 'bandCert' && isCertGood(core, window, cert, opened.bandKey)
  if (!isVouched) return tellWindow(core, window, { type: 'pair3.refused', atMs })
  window.cert = cert
  tellWindow(core, window, { type: 'pair3.opened', atMs })
}

function isCertGood(core: Core, window: PairingWindow, cert: BandCert, bandKey: Uint8Array): boolean {
  const rootKey = core.vendors.rootKey(cert.vendor, cert.issuer)
  if (rootKey === undefined || !verifyBandCert(core.primitives, rootKey, cert)) return false
  if (!equalBytes(cert.bandKey, bandKey)) return false
  if (window.hello?.model !== cert.model || window.hello.conformance !== cert.conformance) return false
  return core.vendors.status(cert.vendor, cert.model, cert.batch) === 'active'
}

function takeCommitAck(core: Core, window: PairingWindow, record: DataRecord): void {
  if (window.channel === undefined || window.bound === undefined) return
  const opened = window.channel.open(record)
  if (!(opened instanceof Uint8Array)) return
  const op = decodeUpOp(opened)
  if (op.type !== 'commitAck' || op.generation !== window.bound.generation) return
  tellWindow(core, window, { type: 'ack.received', atMs: core.time.nowMs() })
}

/** The package names a band without an owner: a RELEASE lets it forget an older binding. */
function releaseIfUnbound(core: Core, session: Session, slot: number, hint: Uint8Array): void {
  const bandId = parseBandId(hint)
  const band = core.ledger.get('band', bandId)
  if (band !== undefined && band.state !== 'unbound') return
  // Bindings that a restore has forgotten are over as well; those made since have higher generations.
  const generationMax = Math.max(band?.tombstoned ?? 0, bandEpochMin(core.ledger.restored) - 1)
  if (generationMax > 0) sendRecord(session, slot, releaseOf(core, bandId, generationMax))
}
