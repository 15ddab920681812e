// Context object of the engine. The parts of a running engine, handed to each step of a frame's road.

import type { Primitives } from '../../crypto/primitives/primitives.ts'
import type { Actors } from './actors.ts'
import type { Admission } from '../budgets/admission.ts'
import type { EngineConfig } from './config.ts'
import type { Counters } from './counters.ts'
import type { EngineTime } from '../ledger/engine-time.ts'
import type { FailureBudget } from '../budgets/failure-budget.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Links } from './links.ts'
import type { OutputGate } from './output-gate.ts'
import type { PairingWindows } from './pairing-window.ts'
import type { RandomBytes } from '../ports/clock.ts'
import type { Meters } from '../ports/meters.ts'
import type { EngineKeys, Partners, Tokens, Vendors } from '../ports/surroundings.ts'
import type { RecordBudget } from '../budgets/record-budget.ts'
import type { Registry } from './registry.ts'
import type { Releases } from './releases.ts'
import type { SlotDirectory } from './slot-directory.ts'
import type { ApprovalsUnderWay } from '../ledger/under-way.ts'
import type { Watch } from './watch.ts'
import type { SessionDirectory } from './session-directory.ts'

export type Core = {
  readonly config: EngineConfig
  readonly primitives: Primitives
  readonly time: EngineTime
  readonly random: RandomBytes
  readonly keys: EngineKeys
  readonly tokens: Tokens
  readonly partners: Partners
  readonly vendors: Vendors
  readonly ledger: Ledger
  readonly actors: Actors
  readonly registry: Registry
  readonly links: Links
  /** Attached bands by the name they have on the air. */
  readonly slots: SlotDirectory
  readonly sessions: SessionDirectory
  readonly windows: PairingWindows
  readonly admission: Admission
  /** RESUMEs ahead of the engine that proved nothing: each cost a long derivation (engine/bands/resume-ahead.ts). */
  readonly forward: { readonly bandFailures: FailureBudget; readonly peerFailures: FailureBudget }
  /** What accounts may journal beside their approvals. */
  readonly records: RecordBudget
  readonly gate: OutputGate
  /** Approvals whose records go to the disk. */
  readonly underWay: ApprovalsUnderWay
  readonly meters: Meters
  readonly releases: Releases
  readonly counters: Counters
  readonly watch: Watch
  /** Grows with each start; part of session numbers and decision ids. */
  readonly epoch: number
  /** Takes the failure of work that no caller waits for. */
  readonly failed: (error: unknown) => void
  /** Hellos being verified. */
  hellosUnderWay: number
}
