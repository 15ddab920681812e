// Opening and sealing DATA records on a slot's link: freshness first, then authenticity (PROTOCOL §5).

import { type LinkBinding, nextPhaseKey, openData, sealData } from '../../crypto/links/link-seal.ts'
import { wipe } from '../../crypto/primitives/secret.ts'
import type { Bytes } from '../../base/bytes.ts'
import {
  badTagsMax,
  badTagsWindowMs,
  counterJumpMax,
  leaseHeartbeats,
  phaseAgeMaxMs,
  phaseMax,
  phaseRecordsMax,
} from '../../protocol/limits.ts'
import { type DownOp, encodeDownOp } from '../../protocol/ops.ts'
import type { DataRecord } from '../../protocol/records.ts'
import type { Core } from '../core/core.ts'
import type { LinkIndex } from '../core/links.ts'
import { sendRecord } from '../core/session.ts'
import { wipeAhead } from './resume-ahead.ts'
import type { Candidate, PendingRatchet, Slot } from '../core/slots.ts'

const noContext = new Uint8Array(0)

/** A record that opened; `first` names the candidate whose link it established. */
export type Opened = { readonly plaintext: Uint8Array; readonly link: LinkIndex; readonly first: Candidate | undefined }

/** Time as the slab keeps it. */
export function deciseconds(core: Core): number {
  return Math.floor(core.time.monotonicMs() / 100)
}

/** The presence lease in deciseconds. */
export function leaseDeciseconds(core: Core): number {
  return core.config.heartbeatS * leaseHeartbeats * 10
}

/** A link that came to nothing, or has been taken over: its secrets go. */
export function wipePending({ next, leftMacKey, ahead }: PendingRatchet): void {
  wipe(next, leftMacKey)
  wipeAhead(ahead)
}

/** Opens a record from the band; undefined when it is not fresh or not authentic. `context` is `rd` for AUTH_PROOF. */
export function openRecord(core: Core, slot: Slot, record: DataRecord, context: Bytes = noContext): Opened | undefined {
  if (record.down) return undefined
  const { candidate } = slot
  if (candidate !== undefined && core.links.get(candidate.link, 'sid') === record.sid) {
    const plaintext = openOn(core, slot, candidate.link, record, context)
    if (plaintext !== undefined) {
      if (slot.link !== undefined) core.links.close(slot.link)
      slot.link = candidate.link
      slot.linkSerial++
      slot.candidate = undefined
      return { plaintext, link: candidate.link, first: candidate }
    }
  }
  const { link } = slot
  if (link === undefined || core.links.get(link, 'sid') !== record.sid) return undefined
  const plaintext = openOn(core, slot, link, record, context)
  return plaintext === undefined ? undefined : { plaintext, link, first: undefined }
}

function openOn(core: Core, slot: Slot, link: LinkIndex, record: DataRecord, context: Bytes): Uint8Array | undefined {
  const { links, primitives } = core
  const last = links.get(link, 'upCtr')
  // ◆ The counter strictly rises, and is compared before anything is decrypted.
  if (record.ctr <= last || record.ctr > last + counterJumpMax) return undefined
  const phase = links.get(link, 'upPhase')
  if (record.phase !== phase && record.phase !== phase + 1) return undefined
  const key = links.key(link, 'up')
  const phaseKey = record.phase === phase ? key : nextPhaseKey(primitives, key)
  const plaintext = openData(primitives, phaseKey, record, bindingOf(core, link), context)
  if (plaintext === undefined) {
    countBadTag(core, slot, link)
    return undefined
  }
  links.set(link, 'upCtr', record.ctr)
  if (record.phase !== phase) {
    links.setKey(link, 'up', phaseKey)
    links.set(link, 'upPhase', record.phase)
    wipe(phaseKey)
  }
  return plaintext
}

/** Seals what the engine says to the band and sends it to the phone that carries it. Ends a link past its last phase. */
export function sendDown(core: Core, slot: Slot, op: DownOp, link: LinkIndex | undefined = slot.link): void {
  if (link === undefined) return
  const { links, primitives } = core
  const ctr = links.get(link, 'downCtr') + 1
  if (!stepDownPhase(core, link, ctr)) {
    endLink(core, slot, link)
    return
  }
  links.set(link, 'downCtr', ctr)
  const header = {
    down: true,
    phase: links.get(link, 'downPhase'),
    ratcheted: false,
    proof: false,
    sid: links.get(link, 'sid'),
    ctr,
  }
  const record = sealData(
    primitives,
    links.key(link, 'down'),
    header,
    bindingOf(core, link),
    noContext,
    encodeDownOp(op),
  )
  sendRecord(slot.session, slot.number, record)
}

function stepDownPhase(core: Core, link: LinkIndex, ctr: number): boolean {
  const { links, primitives } = core
  const now = deciseconds(core)
  if (links.get(link, 'downPhaseAt') === 0) links.set(link, 'downPhaseAt', now)
  const records = ctr - links.get(link, 'downPhaseCtr')
  const ageMs = (now - links.get(link, 'downPhaseAt')) * 100
  if (records <= phaseRecordsMax && ageMs < phaseAgeMaxMs) return true
  const phase = links.get(link, 'downPhase') + 1
  if (phase > phaseMax) return false
  links.setKey(link, 'down', nextPhaseKey(primitives, links.key(link, 'down')))
  links.set(link, 'downPhase', phase)
  links.set(link, 'downPhaseCtr', ctr - 1)
  links.set(link, 'downPhaseAt', now)
  return true
}

function countBadTag(core: Core, slot: Slot, link: LinkIndex): void {
  const { links } = core
  const now = deciseconds(core)
  const isNewWindow = (now - links.get(link, 'badTagsAt')) * 100 >= badTagsWindowMs
  if (isNewWindow) links.set(link, 'badTagsAt', now)
  const count = isNewWindow ? 1 : links.get(link, 'badTags') + 1
  links.set(link, 'badTags', count)
  if (count >= badTagsMax) endLink(core, slot, link)
}

/** Ends one link of a slot: its keys are wiped; the band must RESUME. */
export function endLink(core: Core, slot: Slot, link: LinkIndex): void {
  if (slot.candidate?.link === link) {
    wipePending(slot.candidate.pending)
    slot.candidate = undefined
  } else if (slot.link === link) slot.link = undefined
  else return
  core.links.close(link)
}

/** Ends all links of a slot. */
export function endLinks(core: Core, slot: Slot): void {
  if (slot.candidate !== undefined) endLink(core, slot, slot.candidate.link)
  if (slot.link !== undefined) endLink(core, slot, slot.link)
}

function bindingOf(core: Core, link: LinkIndex): LinkBinding {
  return { bid: core.links.bid(link), generation: core.links.get(link, 'generation') }
}

/** Forgets a slot: wipes its links and stops routing to it. */
export function closeSlot(core: Core, slot: Slot): void {
  endLinks(core, slot)
  slot.arming?.done('band-silent')
  core.slots.close(slot)
}
