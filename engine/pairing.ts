// Pairing a band (PROTOCOL §3): the window's actor decides, this file does what it asks. The secrets of a window are in
// RAM only and wiped at its end; what lasts is one band row, moved by compare-and-set before COMMIT leaves.

import { createActor } from './actors.ts'
import { verifyBandCert } from '../crypto/band-certs.ts'
import { pairingBinding } from '../crypto/link-seal.ts'
import { acctTagOf, pairingIdOf, pairingRoot, startPairingAsEngine } from '../crypto/pairing.ts'
import { SealedChannel } from '../crypto/sealed-channel.ts'
import { wipe } from '../crypto/secret.ts'
import { type PairingEffect, type PairingEvent, pairingMachine } from '../machines/pairing-machine.ts'
import { type BandCert, decodeBandCert } from '../protocol/band-cert.ts'
import { equalBytes } from '../protocol/bytes.ts'
import { idBytes, parseBandId, parseBid } from '../protocol/ids.ts'
import type { PhoneFrameOf } from '../protocol/frames.ts'
import type { Malformed } from '../protocol/malformed.ts'
import { decodeUpOp, encodeDownOp } from '../protocol/ops.ts'
import { type BandRecord, type DataRecord, encodePair0 } from '../protocol/records.ts'
import { tellBand } from './bands.ts'
import type { Core } from './core.ts'
import type { PairingWindow } from './pairing-window.ts'
import { releaseOf, sealRoot } from './resume.ts'
import { type Session, answer, refuse, sendRecord } from './session.ts'
import { verifyUser } from './user-verification.ts'

/** Frame 6: opens the window. Answered once, when the pairing has ended one way or the other. */
export function startPairing(core: Core, session: Session, frame: PhoneFrameOf<'pairStart'>): void {
  const { speaker } = session
  if (speaker?.type !== 'phone') return refuse(session, frame.id, 'not-for-hubs')
  const { account } = speaker
  if (session.slots.has(frame.slot)) return refuse(session, frame.id, 'slot-in-use')
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
  const actor = createActor(pairingMachine, { input: { pairingId, startedAtMs: core.time.nowMs() } })
  const window: PairingWindow = {
    pairingId,
    account,
    session,
    slot: frame.slot,
    requestId: frame.id,
    address: session.connection.remoteAddress,
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
  session.slots.set(frame.slot, { type: 'pairing', window })
  actor.start()
  perform(core, window)
}

function pairingWaitMs(core: Core, session: Session, account: string): number {
  const { admission, config } = core
  return Math.max(
    admission.pairingWaitMs(`account:${account}`, config.pairingFailuresPerAccount),
    admission.pairingWaitMs(`address:${session.connection.remoteAddress}`, config.pairingFailuresPerAddress),
  )
}

/** Frame 7: the owner gives up. */
export function cancelPairing(core: Core, session: Session, frame: PhoneFrameOf<'pairCancel'>): void {
  const used = session.slots.get(frame.slot)
  if (used?.type !== 'pairing') return refuse(session, frame.id, 'slot-empty')
  answer(session, { type: 'pairCancelAnswer', id: frame.id })
  tellWindow(core, used.window, { type: 'pairing.cancel', atMs: core.time.nowMs() })
}

/** The phone is gone: a window that has not committed ends; one that has waits for the band's RESUME or its own end. */
export function leavePairing(core: Core, window: PairingWindow): void {
  if (window.bound === undefined) tellWindow(core, window, { type: 'pairing.cancel', atMs: core.time.nowMs() })
}

/** One record from the band while its window is open. */
export function pairingRecord(core: Core, window: PairingWindow, record: BandRecord | Malformed): void {
  const atMs = core.time.nowMs()
  switch (record.type) {
    case 'pair1': {
      const { primitives } = core
      const { pair0, packageSecret: ps, engineSecret } = window
      const handshake = startPairingAsEngine(primitives, { pair0, ps, engineSecret })
      const hello = handshake.readPair1(record.message)
      if (hello === undefined) {
        handshake.wipe()
        return tellWindow(core, window, { type: 'proof.failed', atMs })
      }
      if (window.channel !== undefined) return handshake.wipe()
      window.handshake?.wipe()
      window.handshake = handshake
      window.hello = hello
      return tellWindow(core, window, { type: 'pair1.opened', atMs })
    }
    case 'pair3':
      return takePair3(core, window, record.message)
    case 'data':
      return takeCommitAck(core, window, record)
    default:
      return
  }
}

function takePair3(core: Core, window: PairingWindow, message: Uint8Array): void {
  const atMs = core.time.nowMs()
  // The band repeats PAIR3 until COMMIT arrives.
  if (window.pair3 !== undefined) {
    if (equalBytes(window.pair3, message)) tellWindow(core, window, { type: 'pair3.opened', atMs })
    return
  }
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

function tellWindow(core: Core, window: PairingWindow, event: PairingEvent): void {
  window.actor.send(event)
  perform(core, window)
}

function noteFailure(core: Core, window: PairingWindow): void {
  core.admission.pairingFailed(`account:${window.account}`)
  core.admission.pairingFailed(`address:${window.address}`)
}

function perform(core: Core, window: PairingWindow): void {
  for (const effect of window.actor.getSnapshot().context.effects) performOne(core, window, effect)
}

function performOne(core: Core, window: PairingWindow, effect: PairingEffect): void {
  switch (effect.type) {
    case 'sendPair0':
      return sendRecord(window.session, window.slot, window.pair0)
    case 'sendPair2': {
      const pair2 = window.handshake?.pair2({ timeMs: core.time.nowMs(), flags: 0 })
      if (pair2 !== undefined) sendRecord(window.session, window.slot, pair2)
      return
    }
    case 'commit':
      void commit(core, window).catch(core.failed)
      return
    case 'sendCommit':
      return sendCommit(window)
    case 'bind':
      void bind(core, window).catch(core.failed)
      return
    case 'rollback':
      return rollBack(core, window)
    case 'bound':
      return finish(core, window)
    case 'refuse':
      return refuseLater(core, window, effect)
    case 'eraseSecrets':
      return eraseSecrets(window)
    case 'alarm':
      window.cancelTimer = core.time.clock.after(Math.max(0, effect.atMs - core.time.nowMs()), () => {
        tellWindow(core, window, { type: 'window.expired', atMs: Math.max(effect.atMs, core.time.nowMs()) })
      })
      return
    case 'unexpected':
      core.counters.unexpected++
  }
}

// Durably takes the band for this account and generation; only then may COMMIT exist.
async function commit(core: Core, window: PairingWindow): Promise<void> {
  const { cert, handshake, account, pairingId } = window
  if (cert === undefined || handshake === undefined) return
  const { primitives } = core
  const keys = handshake.finish()
  const { bandId } = cert
  const generation = (core.ledger.get('band', bandId)?.generation ?? 0) + 1
  const bid = parseBid(core.random(8))
  const root = pairingRoot(primitives, keys.ask, { bandId, acctTag: window.acctTag, generation })
  const sealedRoot = sealRoot(core, bandId, 0, root)
  const atMs = core.time.nowMs()
  const { untilMs } = window.actor.getSnapshot().context
  const { vendor, model, batch, conformance } = cert
  const told = tellBand(
    core,
    bandId,
    { type: 'pairing.commit', atMs, account, pairingId, bid, untilMs, vendor, model, batch, conformance },
    {
      by: window.by,
      use: 'normal',
      keys: { bandKey: cert.bandKey, acctTag: window.acctTag, sealedArmSecret: null, name: '' },
    },
  )
  wipe(root)
  if (told.type === 'refused') {
    wipe(keys.ask)
    return tellWindow(core, window, { type: 'commit.refused', atMs })
  }
  const lsn = core.ledger.append(
    {
      type: 'ratchet',
      atMs: core.time.nowMs(),
      bandId,
      k: 0,
      sealedRoot,
      sealedPrevious: null,
      previousMacKey: null,
      resumes: 0,
      rekeyedAtMs: atMs,
    },
    'normal',
  )
  window.bound = { bandId, bid, generation }
  window.channel = new SealedChannel(primitives, {
    end: 'engine',
    keys,
    binding: pairingBinding,
    monotonicMs: () => core.time.monotonicMs(),
  })
  for (const key of [keys.up, keys.down, keys.ask]) wipe(key)
  if (typeof lsn !== 'number') {
    rollBack(core, window)
    return tellWindow(core, window, { type: 'commit.refused', atMs: core.time.nowMs() })
  }
  await core.ledger.durable(lsn)
  tellWindow(core, window, { type: 'commit.durable', atMs: core.time.nowMs() })
}

function sendCommit(window: PairingWindow): void {
  const { channel, bound, acctTag } = window
  if (channel === undefined || bound === undefined) return
  const { bid, generation } = bound
  const record = channel.seal(encodeDownOp({ type: 'commit', bid, generation, acctTag }))
  if (record !== undefined) sendRecord(window.session, window.slot, record)
}

async function bind(core: Core, window: PairingWindow): Promise<void> {
  if (window.bound === undefined) return
  const { bandId, generation } = window.bound
  const told = tellBand(
    core,
    bandId,
    { type: 'pairing.acked', generation, atMs: core.time.nowMs() },
    { by: 'band', use: 'normal' },
  )
  if (told.type === 'refused') return
  await core.ledger.durable(told.lsn)
  if (core.ledger.get('band', bandId)?.generation !== generation) return
  tellWindow(core, window, { type: 'ack.durable', atMs: core.time.nowMs() })
}

function rollBack(core: Core, window: PairingWindow): void {
  if (window.bound === undefined) return
  const { bandId, generation } = window.bound
  tellBand(
    core,
    bandId,
    { type: 'pairing.expired', generation, atMs: core.time.nowMs() },
    { by: 'engine', use: 'reserve' },
  )
}

function finish(core: Core, window: PairingWindow): void {
  const { bound, session } = window
  closeWindow(core, window)
  if (bound === undefined) return
  const { bandId, bid, generation } = bound
  answer(session, { type: 'paired', id: window.requestId, bandId: idBytes(bandId), bid: idBytes(bid), generation })
}

// The band hears nothing; the phone hears the same words after the same wait, whatever the reason.
function refuseLater(core: Core, window: PairingWindow, effect: Extract<PairingEffect, { type: 'refuse' }>): void {
  window.cancelTimer()
  if (effect.error === 'pair-refused') noteFailure(core, window)
  core.time.clock.after(Math.max(0, effect.atMs - core.time.nowMs()), () => {
    closeWindow(core, window)
    refuse(window.session, window.requestId, effect.error)
  })
}

function closeWindow(core: Core, window: PairingWindow): void {
  window.cancelTimer()
  eraseSecrets(window)
  core.windows.remove(window)
  const used = window.session.slots.get(window.slot)
  if (used?.type === 'pairing' && used.window === window) window.session.slots.delete(window.slot)
  window.actor.stop()
}

function eraseSecrets(window: PairingWindow): void {
  wipe(window.packageSecret)
  window.handshake?.wipe()
  window.channel?.end()
  window.handshake = undefined
  window.channel = undefined
}

/** The package names a band that nobody owns: a RELEASE lets it forget an older binding. */
function releaseIfUnbound(core: Core, session: Session, slot: number, hint: Uint8Array): void {
  const bandId = parseBandId(hint)
  const band = core.ledger.get('band', bandId)
  if (band?.state === 'unbound' && band.tombstoned > 0)
    sendRecord(session, slot, releaseOf(core, bandId, band.tombstoned))
}
