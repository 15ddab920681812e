// What an operator's page may ask of a running engine: find, look, explain, replay, and act. Who may ask, and who the second
// operator is, the caller decides before; that an act names them, the journal keeps.

import type {
  ActOutcome,
  BandsAnswer,
  ExplanationAnswer,
  OperatorAct,
  PreviewAnswer,
  ReplayAnswer,
  TimelineAnswer,
} from '../../protocol/operator-api.ts'
import type { BandId } from '../../protocol/ids.ts'
import type { BandStep } from '../../protocol/messages/operator-feed.ts'
import type { Inspected, InspectWish } from './inspect-band.ts'
import type { Lsn } from '../ports/journal.ts'

/** Who acts and why. A reason is 1 to `operatorReasonBytesMax` bytes of UTF-8 that are not all spaces. */
export type ActingOperator = {
  readonly by: `operator:${string}`
  /** The second operator, who agreed. */
  readonly also?: `operator:${string}`
  readonly reason: string
}

export type Performed =
  /** `lsn`: the act's own record. It, and everything the act changed, is on disk. */
  | { readonly type: 'done'; readonly lsn: Lsn; readonly outcome: ActOutcome }
  | {
      readonly type: 'refused'
      readonly error: 'unknown-band' | 'wrong-state' | 'storage-full' | 'unavailable' | 'needs-second'
      readonly message: string
    }

export type TimelineWish = {
  /** Entries older than this position; undefined = from the newest. */
  readonly beforeLsn?: Lsn
  /** 1 to `timelineEntriesMax`. */
  readonly limit: number
  /** Lets everything else of this thread go on. */
  readonly pause: () => Promise<void>
}
export const timelineEntriesMax = 200

export type OperatorPort = {
  /**
   * By band id, bid or phone id, and by account unless only ids count; a name that is none of them finds nothing. Accounts are
   * shortened; but who finds a band by an account knows whose it is.
   */
  readonly findBands: (name: string, by?: 'id' | 'anything') => BandsAnswer
  readonly band: (bandId: BandId, wish: InspectWish) => Promise<Inspected>
  /**
   * Newest first: how the band moved, what was decided about it for its account of now, what operators did. Fewer entries
   * than asked for, even none, do not mean the end: `nextBeforeLsn` does.
   */
  readonly timeline: (bandId: BandId, wish: TimelineWish) => Promise<TimelineAnswer>
  /** Undefined when no decision stands there, or its part of the journal was recycled. The account is shortened. */
  readonly explain: (lsn: Lsn) => Promise<ExplanationAnswer | undefined>
  readonly replay: (lsn: Lsn) => Promise<ReplayAnswer | undefined>
  readonly preview: (act: OperatorAct) => PreviewAnswer
  /**
   * Fingerprint of the act's targets now: another one means that the band is another account's, that other bands of
   * its account are frozen, or that they were frozen again. Empty for what the server carries out itself.
   */
  readonly fingerprintOf: (act: OperatorAct) => string
  /** Acts on bands, accounts and sessions. Those that the server carries out itself are refused here as `wrong-state`. */
  readonly perform: (act: OperatorAct, who: ActingOperator) => Promise<Performed>
  /** Writes down what the server does itself: lists of vendors, drain, export. On disk when it resolves to a position. */
  readonly journal: (act: string, subject: string, who: ActingOperator) => Promise<Lsn | 'storage-full' | 'unavailable'>
  /** Calls `told` when the band moved, was asked for or acted on, and that is on disk; until the returned function is called. */
  readonly watchBand: (bandId: BandId, told: () => void) => () => void
  /** Calls `took` with each event that the band's actor takes, at once: it may not be on disk yet. Until the returned function is called. */
  readonly watchSteps: (bandId: BandId, took: (step: BandStep) => void) => () => void
}
