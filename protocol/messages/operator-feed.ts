// Codec of the operators' live feed: delta-encoded metrics, one binary message a second, MessagePack of the strict subset. A page that
// opens gets every value, then only those that changed, so an idle engine says next to nothing. Numbers in messages are forever.

import type { Bytes } from '../../base/bytes.ts'
import { type Malformed, malformed } from '../malformed.ts'
import { type Unpacked, isMalformed, unpackArray } from './msgpack-reader.ts'
import { packArray } from './msgpack-writer.ts'
import { namesOf } from '../../base/names.ts'
import { reasons } from '../reasons.ts'
import { accountHoldNames, bandStates, holdBits, sessionStates } from '../states.ts'

/** The subprotocol of the socket at /api/feed. */
export const feedSubprotocol = 'bandpass.operator.v1'

/** Lists with a change counter in the feed: a page that sees another count reads the list again. */
export const feedLists = ['proposals', 'partners', 'vendors', 'operators'] as const

/**
 * Schema of the feed: its metrics by position. All are unsigned integers, or nil for what was not measured: counts as they stand, `…Us`
 * microseconds of the second that just ended, `…Minute…` of the last 50 to 60 seconds, `…Kb` kilobytes. `decisions.…`, `denied`
 * (all of them but `approved`), `reversals` and `changes.…` count since the engine started.
 */
export const feedFields: readonly string[] = [
  ...namesOf(bandStates).map((state) => `bands.${state}`),
  'bands.held',
  ...namesOf(holdBits).map((hold) => `holds.${hold}`),
  ...accountHoldNames.map((hold) => `accountHolds.${hold}`),
  ...sessionStates.map((state) => `sessions.${state}`),
  ...namesOf(reasons).map((reason) => `decisions.${reason}`),
  'reversals',
  'unexpected',
  'actorErrors',
  'links',
  'bandsAwake',
  'pairingWindows',
  'gateDepth',
  'alarmsWaiting',
  'journalState',
  'clockCertain',
  'appendedLsn',
  'durableLsn',
  'appliedLsn',
  'answered',
  'answeredP50Us',
  'answeredP99Us',
  'answeredP999Us',
  'answeredMaxUs',
  'gateP50Us',
  'gateP99Us',
  'loopP99Us',
  'loopMaxUs',
  'gcCount',
  'gcMaxUs',
  'cpuUserMs',
  'cpuSystemMs',
  'rssKb',
  'ownRssKb',
  'mappedKb',
  'heapKb',
  'viewers',
  'draining',
  'denied',
  'answeredMinute',
  'answeredMinuteP99Us',
  'proposals',
  ...feedLists.map((list) => `changes.${list}`),
]

/** A value of the feed; null = was not measured. */
export type FeedValue = number | null

/** Values of `journalState`. */
export const feedJournalStates = ['open', 'full', 'failed', 'closed'] as const

export type FeedMessage =
  /** Snapshot: every value as it stands. */
  | { readonly type: 'whole'; readonly atMs: number; readonly values: readonly FeedValue[] }
  /** Delta: what changed since the message before. */
  | {
      readonly type: 'changed'
      readonly atMs: number
      readonly changes: readonly (readonly [field: number, value: FeedValue])[]
    }
  /** A band that this page watches moved, was asked for, or was acted on: read it again. At most one a second. */
  | { readonly type: 'band'; readonly bandId: Bytes }
  /** What the actor of the watched band took, oldest first; of more than fit into a second the oldest `left` are left out. */
  | { readonly type: 'steps'; readonly bandId: Bytes; readonly left: number; readonly steps: readonly BandStep[] }

/** State transition of a band's actor: the event it took, and its state before and after. It may not be on disk yet. */
export type BandStep = {
  /** Engine time. */
  readonly atMs: number
  /** As its machine names it; `xstate.init` when the actor woke, `xstate.stop` when it went to sleep. */
  readonly event: string
  /** A state of the binding, and ` held` while there is a hold; empty before it woke. */
  readonly from: string
  readonly to: string
}

/** From page to engine: watch this band, or with an empty id none. */
export type FeedAsk = { readonly type: 'watch'; readonly bandId: Bytes }

const numbers = { whole: 1, changed: 2, band: 3, watch: 4, steps: 5 } as const

/** Encodes a message of the feed. Throws a RangeError on a number that is not an unsigned safe integer. */
export function encodeFeed(message: FeedMessage | FeedAsk): Uint8Array<ArrayBuffer> {
  switch (message.type) {
    case 'whole':
      return packArray([numbers.whole, message.atMs, ...message.values])
    case 'changed':
      return packArray([numbers.changed, message.atMs, ...message.changes.flat()])
    case 'band':
      return packArray([numbers.band, message.bandId])
    case 'steps': {
      const flat = message.steps.flatMap(({ atMs, event, from, to }) => [atMs, event, from, to])
      return packArray([numbers.steps, message.bandId, message.left, ...flat])
    }
    case 'watch':
      return packArray([numbers.watch, message.bandId])
  }
}

/** Decodes a message of the engine. */
export function decodeFeed(bytes: Bytes): FeedMessage | Malformed {
  const items = unpackArray(bytes, feedDepth)
  if (isMalformed(items)) return items
  const [type, first, ...rest] = items
  if (type === numbers.band && first instanceof Uint8Array) return { type: 'band', bandId: first }
  if (type === numbers.steps && first instanceof Uint8Array) {
    const [left, ...flat] = rest
    const steps = stepsOf(flat)
    return typeof left === 'number' && steps !== undefined
      ? { type: 'steps', bandId: first, left, steps }
      : malformed('steps of a band', 2)
  }
  if (typeof first !== 'number' || !rest.every(isValue)) return malformed('numbers', 1)
  if (type === numbers.whole) return { type: 'whole', atMs: first, values: rest }
  const changes = type === numbers.changed ? pairsOf(rest) : undefined
  return changes === undefined ? malformed('a message of the feed', 0) : { type: 'changed', atMs: first, changes }
}

/** Decodes a message of a page. */
export function decodeFeedAsk(bytes: Bytes): FeedAsk | Malformed {
  if (bytes.length > feedAskBytesMax) return malformed(`at most ${feedAskBytesMax} bytes`, feedAskBytesMax)
  const items = unpackArray(bytes, feedDepth)
  if (isMalformed(items)) return items
  const [type, bandId] = items
  const isId = bandId instanceof Uint8Array && (bandId.length === 0 || bandId.length === bandIdBytes)
  return type === numbers.watch && isId ? { type: 'watch', bandId } : malformed('a watch of a band', 0)
}

/** Longest message of a page, bytes. */
export const feedAskBytesMax = 64
const bandIdBytes = 16
const feedDepth = 1

function stepsOf(items: readonly Unpacked[]): readonly BandStep[] | undefined {
  const steps: BandStep[] = []
  for (let at = 0; at < items.length; at += 4) {
    const [atMs, event, from, to] = items.slice(at, at + 4)
    if (typeof atMs !== 'number' || typeof event !== 'string') return undefined
    if (typeof from !== 'string' || typeof to !== 'string') return undefined
    steps.push({ atMs, event, from, to })
  }
  return steps
}

function isValue(item: Unpacked): item is FeedValue {
  return item === null || typeof item === 'number'
}

/** Undefined when a field has no value, or what should name one is no number. */
function pairsOf(items: readonly FeedValue[]): readonly (readonly [number, FeedValue])[] | undefined {
  const pairs: (readonly [number, FeedValue])[] = []
  for (let at = 0; at < items.length; at += 2) {
    const field = items[at]
    const value = items[at + 1]
    if (typeof field !== 'number' || value === undefined) return undefined
    pairs.push([field, value])
  }
  return pairs
}
