// CHAL, RESUME and REKEY: how a band gets a live link (PROTOCOL §4). Verify before allocating anything.

import { type EngineRekey, rekeyMac, rekeyRoot, startRekeyAsEngine } from '../../crypto/links/rekey.ts'
import { nextRoot, resumeKeys, resumeMacKey, resumeMacWith } from '../../crypto/links/resume.ts'
import { signRelease } from '../../crypto/signed/release.ts'
import { equalSecret, wipe } from '../../crypto/primitives/secret.ts'
import { type Bytes, concatBytes, createCopier } from '../../base/bytes.ts'
import type { ErrorCode } from '../../protocol/errors.ts'
import { idBytes } from '../../protocol/ids.ts'
import { challengeIntervalMs, challengeLifeMs, resumesBeforeRekeyMax } from '../../protocol/limits.ts'
import { type BandRecord, encodeChal, encodeNolink } from '../../protocol/records.ts'
import { accountRow } from '../ledger/account-rows.ts'
import { deciseconds, endLink, endLinks, sendDown, wipePending } from './band-link.ts'
import { tellBand } from './tell-band.ts'
import type { Core } from '../core/core.ts'
import type { LinkIndex } from '../core/links.ts'
import type { RatchetRow } from '../ports/rows.ts'
import { forwardFailed, isAheadExpected, isFromBeforeRestore, rootAhead, wipeAhead } from './resume-ahead.ts'
import { sendRecord } from '../core/session.ts'
import type { Ahead, Candidate, PendingRatchet, Slot } from '../core/slots.ts'

type ResumeRecord = Extract<BandRecord, { readonly type: 'resume' }>
type Rekey1Record = Extract<BandRecord, { readonly type: 'rekey1' }>

/** Roots before the current ones that are still recognized, should a copy of the band have them. */
const oldMacKeysMax = 6
/** A day: a link is asked to rekey that often, with jitter. */
const rekeyAgeMs = 24 * 3_600_000

/** Sealed roots and mac keys stay in the cache of rows for long: among themselves, so that they keep no slabs of others. */
const keepBytes = createCopier()

/** Sends a fresh `Ne`, at most once a second per slot: asked sooner, it is sent when the second is over. */
export function challengeBand(core: Core, slot: Slot): void {
  const nowMs = core.time.monotonicMs()
  const waitMs = slot.chalAtMs + challengeIntervalMs - nowMs
  if (waitMs > 0) {
    if (slot.isChalOwed) return
    slot.isChalOwed = true
    core.time.clock.after(waitMs, () => {
      slot.isChalOwed = false
      if (slot.isAttached && slot.engineNonce === undefined) challengeBand(core, slot)
    })
    return
  }
  slot.chalAtMs = nowMs
  const nonce = core.random(16)
  slot.engineNonce = nonce
  sendRecord(slot.session, slot.number, encodeChal(nonce))
}

/**
 * Answers a RESUME: a link to be confirmed by its first record, a RELEASE, or a new CHAL. A genuine one for which there is no room is
 * `busy`; before it has proven to be one, nothing is said of how full the engine is.
 */
export function resumeBand(core: Core, slot: Slot, record: ResumeRecord): ErrorCode | undefined {
  if (record.bid !== slot.bid) return undefined
  if (releaseTombstoned(core, slot)) return undefined
  const nonce = freshNonce(core, slot)
  const ratchet = core.ledger.get('ratchet', slot.bandId)
  // Each resumption is a record: while the view cannot take more of them the band is asked again, at most once a second.
  if (core.ledger.isViewBehind) slot.engineNonce = undefined
  if (nonce === undefined || ratchet === undefined || slot.engineNonce === undefined) {
    challengeBand(core, slot)
    return undefined
  }
  const found = findRoot(core, slot, ratchet, record.n, (root) => {
    const macKey = resumeMacKey(core.primitives, root)
    const isGenuine = equalSecret(resumeMacWith(core.primitives, macKey, record.maced, nonce), record.mac)
    if (!isGenuine) wipe(macKey)
    return isGenuine ? macKey : undefined
  })
  if (found === 'unknown') {
    suspectClone(core, slot, ratchet, record, nonce)
    return undefined
  }
  // A forged RESUME does not burn `Ne`.
  if (found === 'forged') {
    sendRecord(slot.session, slot.number, encodeNolink())
    return undefined
  }
  const { root, ahead, proof: leftMacKey } = found
  // Who resumes has lost the link it had: where there is no other place, it gets that one's.
  if (!hasRoom(core, slot) && slot.link !== undefined) endLink(core, slot, slot.link)
  if (!hasRoom(core, slot)) {
    wipe(root, leftMacKey)
    wipeAhead(ahead)
    acknowledgePairing(core, slot, record.n)
    return 'busy'
  }
  slot.engineNonce = undefined
  const keys = resumeKeys(core.primitives, root, record.maced, nonce)
  const next = nextRoot(core.primitives, root)
  wipe(root)
  openCandidate(core, slot, keys, { n: record.n, next, leftMacKey, isRekeyed: false, ahead })
  acknowledgePairing(core, slot, record.n)
  return undefined
}

/** Answers a REKEY1 with REKEY2 and a link under new keys that no older state can derive; `busy` as a RESUME. */
export function rekeyBand(core: Core, slot: Slot, record: Rekey1Record): ErrorCode | undefined {
  const nonce = freshNonce(core, slot)
  const ratchet = core.ledger.get('ratchet', slot.bandId)
  const band = core.ledger.get('band', slot.bandId)
  if (record.bid !== slot.bid || nonce === undefined || ratchet === undefined || band === undefined) {
    challengeBand(core, slot)
    return undefined
  }
  const found = findRoot(core, slot, ratchet, record.n, (root) =>
    equalSecret(rekeyMac(core.primitives, root, record.maced, nonce), record.mac) ? true : undefined,
  )
  // A clone alarm needs a RESUME: the band falls back to it when REKEY1 stays unanswered.
  if (found === 'unknown') {
    sendRecord(slot.session, slot.number, encodeNolink())
    return undefined
  }
  if (found === 'forged') return undefined
  const { root, ahead } = found
  // Before REKEY2: a band that got it would speak on a link that is not there.
  if (!hasRoom(core, slot)) {
    wipe(root)
    wipeAhead(ahead)
    return 'busy'
  }
  const rekey = openRekey(core, slot, record, { root, engineNonce: nonce, bandKey: band.bandKey })
  if (rekey === undefined) {
    wipeAhead(ahead)
    wipe(root)
    return undefined
  }
  const leftMacKey = resumeMacKey(core.primitives, root)
  wipe(root)
  slot.engineNonce = undefined
  const answer = rekey.rekey2({ timeMs: core.time.nowMs(), flags: 0 })
  const { ask, ...keys } = rekey.finish()
  const { bid, generation } = slot
  const next = rekeyRoot(core.primitives, ask, { bid, generation, n: record.n })
  rekey.wipe()
  sendRecord(slot.session, slot.number, answer)
  openCandidate(core, slot, keys, { n: record.n, next, leftMacKey, isRekeyed: true, ahead })
  return undefined
}

/** A band speaks to the engine key it has pinned, which may be the next or the one before. */
function openRekey(
  core: Core,
  slot: Slot,
  record: Rekey1Record,
  known: { readonly root: Bytes; readonly engineNonce: Bytes; readonly bandKey: Bytes },
): EngineRekey | undefined {
  const { generation } = slot
  for (const engineSecret of core.keys.engineSecrets.values()) {
    const rekey = startRekeyAsEngine(core.primitives, { ...known, maced: record.maced, generation, engineSecret })
    if (rekey.readRekey1(record.message)) return rekey
    rekey.wipe()
  }
  return undefined
}

/** The first valid record on a new link: k becomes n + 1, on disk within a second, and then RATCHET_ACK is sent. */
export function establishLink(core: Core, slot: Slot, candidate: Candidate): void {
  const { n } = candidate.pending
  const serial = slot.linkSerial
  const { connection } = slot.session
  const ratchet = core.ledger.get('ratchet', slot.bandId)
  const moved = ratchet === undefined ? undefined : ratcheted(core, slot, ratchet, candidate.pending)
  wipePending(candidate.pending)
  if (moved === undefined) return
  endOlderArming(core, slot)
  const lsn = core.ledger.append({ type: 'ratchet', atMs: core.time.nowMs(), bandId: slot.bandId, ...moved }, 'normal')
  if (typeof lsn !== 'number') return
  core.ledger.whenDurable(lsn, (failure) => {
    if (failure !== undefined) return core.failed(failure)
    // With what else becomes free for this socket: a write for each was a twentieth of a storm.
    core.releases.add(connection, () => acknowledgeLink(core, slot, { link: candidate.link, serial, n, moved }))
  })
}

/** An arming under an owner epoch that was raised without a word to the band, as a restore raises all of them. */
function endOlderArming(core: Core, slot: Slot): void {
  const band = core.ledger.get('band', slot.bandId)
  if (band === undefined || band.armedUntilMs === 0 || band.bid !== slot.bid) return
  const { ownerEpoch } = accountRow(core, slot.account)
  if (ownerEpoch <= band.armedOwnerEpoch) return
  const event = { type: 'epoch.raised', ownerEpoch, atMs: core.time.nowMs() } as const
  tellBand(core, slot.bandId, event, { by: 'engine', use: 'reserve' })
}

type Established = {
  readonly link: LinkIndex
  readonly serial: number
  readonly n: number
  readonly moved: RatchetRow
}

function acknowledgeLink(core: Core, slot: Slot, { link, serial, n, moved }: Established): void {
  // ◆ RATCHET_ACK only after k is on disk, and only while it is this link's root that is there.
  const isThisLink = slot.link === link && slot.linkSerial === serial
  if (!isThisLink || core.ledger.get('ratchet', slot.bandId)?.k !== n + 1) return
  sendDown(core, slot, { type: 'ratchetAck', n: n + 1 })
  const isOld = core.time.nowMs() - core.time.passedMs(moved.rekeyedAtMs) > rekeyAgeMs + jitterMs(slot)
  if (moved.resumes >= resumesBeforeRekeyMax || isOld) {
    if (core.keys.keyset !== undefined) sendDown(core, slot, core.keys.keyset)
    sendDown(core, slot, { type: 'rekeyPlease' })
    challengeBand(core, slot)
  }
}

/**
 * ◆ The previous root is dropped only when the band shows RATCHETED on the link that made k. From then on nothing that
 * the band began under the old root may end as a clone alarm: its `Ne` and its pending link go too. True when the link's
 * root is all that is left.
 */
export function dropPreviousRoot(core: Core, slot: Slot, root: number): boolean {
  const ratchet = core.ledger.get('ratchet', slot.bandId)
  if (ratchet === undefined || ratchet.k !== root + 1) return false
  if (ratchet.sealedPrevious === null) return true
  slot.engineNonce = undefined
  if (slot.candidate !== undefined && slot.candidate.pending.n <= root) endLink(core, slot, slot.candidate.link)
  const record = {
    type: 'ratchet',
    atMs: core.time.nowMs(),
    bandId: slot.bandId,
    ...ratchet,
    sealedPrevious: null,
  } as const
  return typeof core.ledger.append(record, 'normal') === 'number'
}

/** Mac keys of k - 1, k - 2, … as they were when the blob was sealed; empty before the first. */
function openOldMacKeys(core: Core, slot: Slot, ratchet: RatchetRow): Uint8Array {
  const { sealedOldMacKeys, oldMacKeysK } = ratchet
  if (sealedOldMacKeys === null) return new Uint8Array(0)
  return core.keys.keyring.open('mac-keys', idBytes(slot.bandId), oldMacKeysK, sealedOldMacKeys) ?? new Uint8Array(0)
}

/** Seals a root of a band's resume chain; its version is its number. */
export function sealRoot(core: Core, bandId: Slot['bandId'], n: number, root: Bytes): Uint8Array {
  return keepBytes(core.keys.keyring.seal('ratchet', idBytes(bandId), n, root))
}

function openRoot(core: Core, slot: Slot, sealed: Bytes, n: number): Uint8Array | undefined {
  return core.keys.keyring.open('ratchet', idBytes(slot.bandId), n, sealed)
}

// A band that resumes with k - 1 has never seen R_k: whatever R_k was (a rekey's that got lost among them), it now is what
// this link makes it, or the acknowledgement would leave the band with a root the engine does not hold.
function ratcheted(core: Core, slot: Slot, ratchet: RatchetRow, pending: PendingRatchet): RatchetRow | undefined {
  const { n, next, isRekeyed } = pending
  const sealedPrevious = previousOf(core, slot, ratchet, pending)
  if (sealedPrevious === null) return undefined
  return {
    k: n + 1,
    sealedRoot: sealRoot(core, slot.bandId, n + 1, next),
    sealedPrevious,
    ...macKeysWith(core, slot, ratchet, pending),
    resumes: isRekeyed ? 0 : ratchet.resumes + 1,
    rekeyedAtMs: isRekeyed ? core.time.nowMs() : ratchet.rekeyedAtMs,
    restoredAtMs: core.ledger.restored?.atMs ?? null,
  }
}

/** R_n, sealed, of the link that is made now: the band may come with it again. Null when it is no root that counts any more. */
function previousOf(
  core: Core,
  slot: Slot,
  ratchet: RatchetRow,
  { n, ahead }: Pick<PendingRatchet, 'n' | 'ahead'>,
): Uint8Array | null {
  if (ahead !== undefined) return isReached(ratchet, ahead) ? sealRoot(core, slot.bandId, n, ahead.root) : null
  if (n === ratchet.k) return ratchet.sealedRoot
  return n === ratchet.k - 1 ? ratchet.sealedPrevious : null
}

/** Is the root that it was reached from still one of the two that count? */
function isReached({ k, sealedPrevious }: RatchetRow, ahead: Ahead): boolean {
  return ahead.k === k || (ahead.k === k - 1 && sealedPrevious !== null)
}

/**
 * The mac key of R_n joins those of the roots before it as soon as R_n has a successor. While R_n itself is kept its mac key is
 * not asked for; when it goes nothing is left to compute.
 */
function macKeysWith(
  core: Core,
  slot: Slot,
  ratchet: RatchetRow,
  { n, leftMacKey, ahead }: Pick<PendingRatchet, 'n' | 'leftMacKey' | 'ahead'>,
): Pick<RatchetRow, 'sealedOldMacKeys' | 'oldMacKeysK'> {
  const { sealedOldMacKeys, oldMacKeysK } = ratchet
  const k = n + 1
  if (oldMacKeysK === k) return { sealedOldMacKeys, oldMacKeysK }
  const older = openOldMacKeys(core, slot, ratchet)
  const newer = concatBytes(leftMacKey, ...(ahead?.macKeys ?? []))
  const kept = concatBytes(newer, older.subarray(0, oldMacKeysMax * 32 - newer.length))
  const sealed = keepBytes(core.keys.keyring.seal('mac-keys', idBytes(slot.bandId), k, kept))
  wipe(older, newer, kept)
  return { sealedOldMacKeys: sealed, oldMacKeysK: k }
}

type KnownRoot = { readonly root: Uint8Array; readonly ahead: Ahead | undefined }

/**
 * The root that a record with this n is under: the one for which `prove` gives a proof. `forged`: under none of those that it may be
 * under. `unknown`: there is none such, because n is not k, nor k - 1 while the previous root is kept, nor ahead after a restore.
 */
function findRoot<Proof>(
  core: Core,
  slot: Slot,
  ratchet: RatchetRow,
  n: number,
  prove: (root: Uint8Array) => Proof | undefined,
): (KnownRoot & { readonly proof: Proof }) | 'forged' | 'unknown' {
  let isKnown = false
  let isFollowed = false
  for (const known of rootsFor(core, slot, ratchet, n)) {
    const { root, ahead } = known
    isKnown = true
    isFollowed ||= ahead !== undefined
    const proof = prove(root)
    if (proof !== undefined && (ahead === undefined || isAheadExpected(core, ratchet))) return { ...known, proof }
    wipe(root)
    wipeAhead(ahead)
    if (proof === undefined) continue
    // A band's owner who has read its root out could ask for this work without end.
    forwardFailed(core, slot)
    return 'forged'
  }
  if (isFollowed) forwardFailed(core, slot)
  return isKnown ? 'forged' : 'unknown'
}

/** What R_n may be, the likeliest first. */
function* rootsFor(core: Core, slot: Slot, ratchet: RatchetRow, n: number): Generator<KnownRoot> {
  const { k, sealedRoot, sealedPrevious } = ratchet
  const current = n >= k ? openRoot(core, slot, sealedRoot, k) : undefined
  if (current !== undefined) {
    const known = n === k ? { root: current, ahead: undefined } : rootAhead(core, slot, { k, root: current }, n)
    if (known !== undefined) yield known
  }
  // Seldom after a restore: R_k is of a rekey that the band never finished, and it went on from the root before.
  const mayHaveLeft = n === k - 1 || (n >= k && isFromBeforeRestore(core, ratchet))
  const previous = sealedPrevious !== null && mayHaveLeft ? openRoot(core, slot, sealedPrevious, k - 1) : undefined
  if (previous === undefined) return
  const known =
    n === k - 1 ? { root: previous, ahead: undefined } : rootAhead(core, slot, { k: k - 1, root: previous }, n)
  if (known !== undefined) yield known
}

function freshNonce(core: Core, slot: Slot): Bytes | undefined {
  const { engineNonce } = slot
  if (engineNonce === undefined) return undefined
  return core.time.monotonicMs() - slot.chalAtMs <= challengeLifeMs ? engineNonce : undefined
}

/** Is there a place for one more link? One that this slot has not confirmed yet gives its own. */
function hasRoom(core: Core, slot: Slot): boolean {
  return slot.candidate !== undefined || !core.links.isFull
}

function openCandidate(
  core: Core,
  slot: Slot,
  keys: { readonly up: Bytes; readonly down: Bytes; readonly sid: number },
  pending: PendingRatchet,
): void {
  if (slot.candidate !== undefined) endLink(core, slot, slot.candidate.link)
  const { bid, generation } = slot
  const link = core.links.open({ ...keys, bid: idBytes(bid), generation, root: pending.n })
  wipe(keys.up)
  wipe(keys.down)
  if (link === undefined) return wipePending(pending)
  core.links.set(link, 'tickAt', deciseconds(core))
  slot.candidate = { link, pending }
  sendDown(core, slot, { type: 'hello' }, link)
}

// ◆ After RATCHETED an older root is a copy of the band's flash speaking, or the band itself outrun by a copy. Only a
// genuine one raises the alarm: the mac keys of the roots before are kept for this, so that no stranger can freeze a band by
// making numbers up.
function suspectClone(core: Core, slot: Slot, ratchet: RatchetRow, record: ResumeRecord, nonce: Bytes): void {
  const keys = record.n < ratchet.k ? openOldMacKeys(core, slot, ratchet) : new Uint8Array(0)
  const isGenuine = Array.from({ length: keys.length / 32 }, (_, index) =>
    keys.subarray(32 * index, 32 * index + 32),
  ).some((key) => equalSecret(resumeMacWith(core.primitives, key, record.maced, nonce), record.mac))
  wipe(keys)
  if (!isGenuine) return sendRecord(slot.session, slot.number, encodeNolink())
  slot.engineNonce = undefined
  endLinks(core, slot)
  const event = { type: 'clone.suspected', atMs: core.time.nowMs() } as const
  tellBand(core, slot.bandId, event, { by: 'rule:clone', use: 'reserve' })
}

function releaseTombstoned(core: Core, slot: Slot): boolean {
  if (core.ledger.get('bid', slot.bid)?.tombstoned !== true) return false
  const band = core.ledger.get('band', slot.bandId)
  if (band === undefined) return false
  sendRecord(slot.session, slot.number, releaseOf(core, slot.bandId, band.tombstoned))
  return true
}

/** A RELEASE for a band whose generations up to `generationMax` are tombstoned. */
export function releaseOf(core: Core, bandId: Slot['bandId'], generationMax: number): Uint8Array {
  const { rkid, releaseSeed } = core.keys
  return signRelease(core.primitives, releaseSeed, { rkid, bandId, generationMax })
}

// A RESUME under R_0 counts as COMMIT_ACK: the ack itself may have been lost.
function acknowledgePairing(core: Core, slot: Slot, n: number): void {
  if (n !== 0 || core.ledger.get('band', slot.bandId)?.state !== 'pairing') return
  const window = core.windows.ofAccount(slot.account)
  const isOfWindow = window?.bound?.bandId === slot.bandId && window.bound.generation === slot.generation
  if (isOfWindow) return core.windows.acknowledged(window)
  tellBand(
    core,
    slot.bandId,
    { type: 'pairing.acked', generation: slot.generation, atMs: core.time.nowMs() },
    { by: 'band', use: 'normal' },
  )
}

// Spread over an hour by the binding's own random name, so that a fleet does not rekey at once.
function jitterMs(slot: Slot): number {
  return Number.parseInt(slot.bid.slice(0, 4), 16) * 55
}
