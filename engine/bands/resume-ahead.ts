// A band ahead of the engine: it comes with R_n, n > k, because an older state of the engine was put back. R_n is reached from
// R_k by the ratchet (`Expand(R, "bnd1 ratchet")`, PROTOCOL §4), a step for each link that the engine has forgotten. A rekey
// in between cannot be followed: its secret is gone.

import { nextRoot, resumeMacKey } from '../../crypto/links/resume.ts'
import { wipe } from '../../crypto/primitives/secret.ts'
import { addressKey } from '../ports/address.ts'
import { resumeForwardMax } from '../../protocol/limits.ts'
import type { Core } from '../core/core.ts'
import { Fault } from '../ports/fault.ts'
import type { RatchetRow } from '../ports/rows.ts'
import type { Ahead, Slot } from '../core/slots.ts'

// `resumeForwardMax` steps are 1.9 ms of HMAC, and they come before the mac of a RESUME can be checked: so failures have a budget.

/** RESUMEs ahead that proved nothing, of one band: four, and one more a minute. */
export const forwardFailuresOfBand = { perSecond: 1 / 60, burst: 4 } as const
/** ... and of one account's phones, or of one hub. */
export const forwardFailuresOfPeer = { perSecond: 1, burst: 16 } as const

/** With those of R_n and of R_k they are the six that a band's row keeps. */
const macKeysOnTheWay = 4

/** R_n for an n beyond k, from R_k, which is wiped; undefined when that is too far, or who asks has failed too often. */
export function rootAhead(
  core: Core,
  slot: Slot,
  from: { readonly k: number; readonly root: Uint8Array },
  n: number,
): { readonly root: Uint8Array; readonly ahead: Ahead } | undefined {
  const { bandFailures, peerFailures } = core.forward
  const mayTry = bandFailures.isLeft(slot.bandId) && peerFailures.isLeft(peerOf(slot))
  if (n <= from.k || n - from.k > resumeForwardMax || !mayTry) {
    wipe(from.root)
    return undefined
  }
  const macKeys: Uint8Array[] = []
  let { root } = from
  for (let at = from.k; at < n; at++) {
    if (at === from.k || at >= n - macKeysOnTheWay) macKeys.unshift(resumeMacKey(core.primitives, root))
    const next = nextRoot(core.primitives, root)
    wipe(root)
    root = next
  }
  return { root, ahead: { k: from.k, root: root.slice(), macKeys } }
}

export function wipeAhead(ahead: Ahead | undefined): void {
  if (ahead !== undefined) wipe(ahead.root, ...ahead.macKeys)
}

/** The mac was not of R_n: the work was for nothing. */
export function forwardFailed(core: Core, slot: Slot): void {
  core.forward.bandFailures.failed(slot.bandId)
  core.forward.peerFailures.failed(peerOf(slot))
}

/** Was the row put back by the latest restore, and not written since? */
export function isFromBeforeRestore(core: Core, { restoredAtMs }: Pick<RatchetRow, 'restoredAtMs'>): boolean {
  const { restored } = core.ledger
  return restored !== undefined && (restoredAtMs ?? 0) < restored.atMs
}

/**
 * May a band that has proven to be ahead be let in? Only once after a restore that the operator knows of. Else the engine's own data is
 * older than what the band has seen, and what was decided since is unknown to everybody: that is told, once.
 */
export function isAheadExpected(core: Core, ratchet: Pick<RatchetRow, 'restoredAtMs'>): boolean {
  if (isFromBeforeRestore(core, ratchet)) {
    core.counters.bandsAhead++
    return true
  }
  if (core.counters.bandsAheadRefused++ === 0) core.failed(olderThanBands())
  return false
}

function olderThanBands(): Fault {
  return new Fault(
    'journal-damaged',
    'a band has proven a link that this journal does not know: an older copy of the data was put in place. Such bands are not let ' +
      'in, and what was decided, frozen or revoked since is unknown here. Stop, and restore the newest state; if this older one is ' +
      'meant, use bandpass restore, or start once with the rollback accepted (journal.acceptRollback).',
  )
}

/** Whose budget it is: an account's, or that of the address of a hub, which carries the bands of many. */
function peerOf({ session, account }: Pick<Slot, 'session' | 'account'>): string {
  return session.speaker?.type === 'hub' ? `hub:${addressKey(session.connection.remoteAddress)}` : `account:${account}`
}
