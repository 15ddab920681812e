// What a pairing window's actor asks for: records to the band, the compare-and-set, the end. What lasts is one band row,
// moved before COMMIT leaves.

import { pairingBinding } from '../../crypto/links/link-seal.ts'
import { numberAfter } from '../../machines/band-changes.ts'
import { pairingRoot } from '../../crypto/links/pairing.ts'
import { SealedChannel } from '../../crypto/links/sealed-channel.ts'
import { wipe } from '../../crypto/primitives/secret.ts'
import type { PairingEffect, PairingEvent } from '../../machines/pairing-machine.ts'
import { idBytes, parseBid } from '../../protocol/ids.ts'
import { encodeDownOp } from '../../protocol/ops.ts'
import { accountHolds } from '../ledger/account-rows.ts'
import { tellBand } from '../bands/tell-band.ts'
import type { Core } from '../core/core.ts'
import type { PairingWindow } from '../core/pairing-window.ts'
import { bandEpochMin } from '../ledger/restored.ts'
import { sealRoot } from '../bands/resume.ts'
import { answer, refuse, sendRecord } from '../core/session.ts'

/** Sends the window's actor one event and does what it asks. */
export function tellWindow(core: Core, window: PairingWindow, event: PairingEvent): void {
  window.actor.send(event)
  perform(core, window)
}

function noteFailure(core: Core, window: PairingWindow): void {
  core.admission.pairingFailed(`account:${window.account}`)
  core.admission.pairingFailed(`address:${window.addressKey}`)
}

/** Does what the window's actor asked for last. */
export function perform(core: Core, window: PairingWindow): void {
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
        try {
          tellWindow(core, window, { type: 'window.expired', atMs: Math.max(effect.atMs, core.time.nowMs()) })
        } catch (error) {
          // The band's own alarm tries again to undo what was committed; the window must not stay open for it.
          core.failed(error)
          closeWindow(core, window)
          refuse(window.session, window.requestId, 'pair-refused')
        }
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
  const generationMin = bandEpochMin(core.ledger.restored)
  const generation = numberAfter(core.ledger.get('band', bandId)?.generation ?? 0, generationMin)
  const bid = parseBid(core.random(8))
  const root = pairingRoot(primitives, keys.ask, { bandId, acctTag: window.acctTag, generation })
  const sealedRoot = sealRoot(core, bandId, 0, root)
  const atMs = core.time.nowMs()
  const { untilMs } = window.actor.getSnapshot().context
  const { vendor, model, batch, conformance } = cert
  const told = tellBand(
    core,
    bandId,
    {
      type: 'pairing.commit',
      atMs,
      account,
      pairingId,
      bid,
      untilMs,
      vendor,
      model,
      batch,
      conformance,
      accountHolds: accountHolds(core, account),
      generationMin,
    },
    {
      by: window.by,
      use: 'normal',
      keys: {
        bandKey: cert.bandKey,
        acctTag: window.acctTag,
        sealedArmSecret: null,
        name: '',
        deactivationBegunBy: '',
        foundBegunBy: '',
      },
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
      sealedOldMacKeys: null,
      oldMacKeysK: 0,
      resumes: 0,
      rekeyedAtMs: atMs,
      restoredAtMs: core.ledger.restored?.atMs ?? null,
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
  const atMs = core.time.nowMs()
  const told = tellBand(core, bandId, { type: 'pairing.acked', generation, atMs }, { by: 'band', use: 'normal' })
  await core.ledger.durable(core.ledger.appendedLsn)
  const row = core.ledger.get('band', bandId)
  const isBound = row !== undefined && row.generation === generation && row.state !== 'pairing' && row.bid !== null
  if (told.type === 'done' && isBound) return tellWindow(core, window, { type: 'ack.durable', atMs: core.time.nowMs() })
  // The ack could not be written, or came at the window's last moment: nothing is left of the pairing.
  rollBack(core, window)
  closeWindow(core, window)
  refuse(window.session, window.requestId, 'pair-refused')
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
  // Giving up after failed proofs is no way around the limit on them.
  const hasFailed = effect.error === 'pair-refused' || window.actor.getSnapshot().context.failures > 0
  if (hasFailed) noteFailure(core, window)
  core.time.clock.after(Math.max(0, effect.atMs - core.time.nowMs()), () => {
    closeWindow(core, window)
    refuse(window.session, window.requestId, effect.error)
  })
}

/** Ends a window: nothing secret of it is left. */
export function closeWindow(core: Core, window: PairingWindow): void {
  window.cancelTimer()
  eraseSecrets(window)
  core.windows.remove(window)
  core.actors.stop(window.actor)
}

function eraseSecrets(window: PairingWindow): void {
  wipe(window.packageSecret)
  window.handshake?.wipe()
  window.channel?.end()
  window.handshake = undefined
  window.channel = undefined
}
