// An operator's import: bindings made elsewhere begin to live here as if they had been paired here, in one durable record
// each. It works in slices and lets everything else go on between them; the same import asked again changes nothing.

import { equalSecret, wipe } from '../../crypto/primitives/secret.ts'
import { initialBandMemory } from '../../machines/band-context.ts'
import { equalBytes } from '../../base/bytes.ts'
import { idBytes } from '../../protocol/ids.ts'
import type { ImportedBinding } from '../../protocol/messages/imported-binding.ts'
import { armedMaxMs } from '../../protocol/limits.ts'
import type { Malformed } from '../../protocol/malformed.ts'
import { ownerEpochOf } from '../ledger/account-rows.ts'
import type { Core } from '../core/core.ts'
import type { Lsn } from '../ports/journal.ts'
import type { JournalRecordOf } from '../ports/records.ts'
import type { BandRow } from '../ports/rows.ts'
import { sealRoot } from '../bands/resume.ts'

/** Why one binding was not taken; docs/operating.md says what to do about each. */
export const importRefusals = [
  'malformed',
  'bid-known',
  'band-known',
  'band-elsewhere',
  'band-held',
  'generation-ended',
  'arm-ended',
  'arm-out-of-range',
  'vendor-revoked',
] as const
type ImportRefusal = (typeof importRefusals)[number]

export type ImportResult =
  /** Durable. `imported` counts what is here now as the import says, also when it was before. */
  | {
      readonly type: 'done'
      readonly imported: number
      readonly refused: readonly { readonly index: number; readonly reason: ImportRefusal }[]
    }
  /** Not all of it was taken; what was, is taken again without harm. Ask again later. */
  | { readonly type: 'stopped'; readonly error: 'storage-full' | 'busy' | 'unavailable' }

/**
 * Takes bindings; one that is malformed is refused, the others are not. Resolves when what was taken is durable. `pause`
 * lets everything else of this thread go on: it is called whenever a slice of work is done.
 */
export type ImportBindings = (
  bindings: Iterable<ImportedBinding | Malformed>,
  pause: () => Promise<void>,
) => Promise<ImportResult>

/** Imports at work or waiting; one more is `busy`. */
export const importsUnderWayMax = 32
/** Longest run of work before a pause, ms: what an approval may have to wait. */
const sliceMs = 0.5
/** Records that are appended together: a slice of their own, about as long. */
const burstRecords = 32
/**
 * Records that may wait for the view before the import waits for it, twice: what is in memory stays bounded. Of 2,048 at a time
 * the view's syncs took a quarter of the whole. Never more than a flush, or the view would count as behind.
 */
const viewBacklogRecordsMax = 16_384

/** The import of this engine: one request at a time, so that many at once take no larger part of the thread. */
export function bindingImporter(core: Core): ImportBindings {
  let underWay = 0
  let last: Promise<unknown> = Promise.resolve()
  const backlog = new ViewBacklog(core)
  return (bindings, pause) => {
    if (underWay >= importsUnderWayMax) return Promise.resolve({ type: 'stopped', error: 'busy' })
    underWay++
    const appended = last.then(() => appendAll(core, backlog, bindings, pause))
    last = appended.catch(() => undefined)
    return appended
      .then((outcome) => whenDurable(core, outcome))
      .finally(() => {
        underWay--
      })
  }
}

type Outcome = { readonly result: ImportResult; readonly lsn: Lsn }
type Stop = 'full' | 'failed'

/** One request at work. */
class OneImport {
  readonly #core: Core
  readonly #refused: { index: number; reason: ImportRefusal }[] = []
  #imported = 0
  #count = 0
  /** Sealed, not yet appended: a burst of records shares one group of the journal, and its write. */
  #burst: { readonly index: number; readonly binding: ImportedBinding; readonly sealed: Sealed }[] = []

  constructor(core: Core) {
    this.#core = core
  }

  /** Prepares one binding; what it costs is mostly spent here. */
  prepare(binding: ImportedBinding | Malformed): void {
    const index = this.#count++
    if ('expected' in binding) this.#refused.push({ index, reason: 'malformed' })
    else this.#burst.push({ index, binding, sealed: seal(this.#core, binding) })
  }

  get isBurstFull(): boolean {
    return this.#burst.length >= burstRecords
  }

  /** Appends what is prepared. Whether a binding can be taken is judged now, and nothing comes in between. */
  append(): Stop | undefined {
    // Looked at each time: between two bursts others are served, and the clock may have become doubtful.
    if (!this.#core.time.certain()) return 'failed'
    for (const { index, binding, sealed } of this.#burst.splice(0)) {
      const taken = take(this.#core, binding, sealed)
      if (taken === 'full' || taken === 'failed') return taken
      if (taken === 'imported' || taken === 'known') this.#imported++
      else this.#refused.push({ index, reason: taken })
    }
    return undefined
  }

  get result(): ImportResult {
    const refused = this.#refused.toSorted((left, right) => left.index - right.index)
    return { type: 'done', imported: this.#imported, refused }
  }
}

async function appendAll(
  core: Core,
  backlog: ViewBacklog,
  bindings: Iterable<ImportedBinding | Malformed>,
  pause: () => Promise<void>,
): Promise<Outcome> {
  const one = new OneImport(core)
  let sliceEndMs = core.time.monotonicMs() + sliceMs
  for (const binding of bindings) {
    one.prepare(binding)
    const { isBurstFull } = one
    if (isBurstFull) {
      const stop = one.append() ?? (await backlog.grow(burstRecords))
      if (stop !== undefined) return stopped(core, stop)
    }
    if (isBurstFull || core.time.monotonicMs() >= sliceEndMs) {
      await pause()
      sliceEndMs = core.time.monotonicMs() + sliceMs
    }
  }
  const stop = one.append()
  if (stop !== undefined) return stopped(core, stop)
  // What was known may have been appended by an earlier request that is not on disk yet.
  return { result: one.result, lsn: core.ledger.appendedLsn }
}

function stopped(core: Core, stop: Stop): Outcome {
  const error = stop === 'full' ? 'storage-full' : 'unavailable'
  return { result: { type: 'stopped', error }, lsn: core.ledger.appendedLsn }
}

async function whenDurable(core: Core, { result, lsn }: Outcome): Promise<ImportResult> {
  if (result.type === 'stopped') return result
  try {
    await core.ledger.durable(lsn)
    return result
  } catch (error) {
    core.failed(error)
    return { type: 'stopped', error: 'unavailable' }
  }
}

/** The secrets of a binding as they lie at rest: bound to their band and their version, as everywhere. */
type Sealed = { readonly root: Uint8Array; readonly armSecret: Uint8Array | null }

function seal(core: Core, { bandId, k, root, armed }: ImportedBinding): Sealed {
  return {
    root: sealRoot(core, bandId, k, root),
    armSecret: armed === null ? null : core.keys.keyring.seal('arm', idBytes(bandId), armed.armEpoch, armed.secret),
  }
}

/** Appends one binding, unless it is here already or cannot be. */
function take(core: Core, binding: ImportedBinding, sealed: Sealed): 'imported' | 'known' | Stop | ImportRefusal {
  const { bandId, bid } = binding
  const before = core.ledger.get('band', bandId)
  const owner = core.ledger.get('bid', bid)
  if (owner !== undefined && owner.bandId !== bandId) return 'bid-known'
  if (before !== undefined && before.account !== null) return asKnown(core, binding, before)
  const reason = whyNot(core, binding, before)
  if (reason !== undefined) return reason
  // A name on the air belongs to one binding for good.
  if (owner !== undefined) return 'bid-known'
  const lsn = core.ledger.append(recordOf(core, binding, sealed, before), 'normal')
  if (typeof lsn !== 'number') return lsn
  // An actor that was awake for a band without an owner knows nothing of this.
  core.registry.forget(bandId)
  return 'imported'
}

/** A bound band is either this very binding, which may have lived on since, or another account's. */
function asKnown(core: Core, binding: ImportedBinding, row: BandRow): 'known' | ImportRefusal {
  if (row.account !== binding.account) return 'band-elsewhere'
  const isSame =
    row.bid === binding.bid &&
    row.generation === binding.generation &&
    row.vendor === binding.vendor &&
    row.model === binding.model &&
    row.batch === binding.batch &&
    row.conformance === binding.conformance &&
    row.name === binding.name &&
    equalBytes(row.bandKey, binding.bandKey) &&
    equalBytes(row.acctTag, binding.acctTag) &&
    (binding.armed?.armEpoch ?? 0) <= row.armEpoch
  return isSame && isRootKnown(core, binding) ? 'known' : 'band-known'
}

/** The same root, or an older one that this binding has left behind here. */
function isRootKnown(core: Core, { bandId, k, root }: ImportedBinding): boolean {
  const ratchet = core.ledger.get('ratchet', bandId)
  if (ratchet === undefined || ratchet.k < k) return false
  if (ratchet.k > k) return true
  const known = core.keys.keyring.open('ratchet', idBytes(bandId), k, ratchet.sealedRoot)
  const isEqual = known !== undefined && equalSecret(known, root)
  wipe(known)
  return isEqual
}

function whyNot(core: Core, binding: ImportedBinding, before: BandRow | undefined): ImportRefusal | undefined {
  const { generation, armed, vendor, model, batch } = binding
  if (before !== undefined) {
    if (before.holds !== 0) return 'band-held'
    if (generation <= Math.max(before.generation, before.tombstoned)) return 'generation-ended'
    // ◆ Arm epochs rise, also across bindings.
    if (armed !== null && armed.armEpoch <= before.armEpoch) return 'arm-ended'
  }
  if (core.vendors.status(vendor, model, batch) === 'revoked') return 'vendor-revoked'
  if (armed === null || armed.armedUntilMs === 0) return undefined
  const isInRange =
    armed.verifiedAtMs <= core.time.nowMs() &&
    armed.armedUntilMs > armed.verifiedAtMs &&
    armed.armedUntilMs - armed.verifiedAtMs <= armedMaxMs
  return isInRange ? undefined : 'arm-out-of-range'
}

function recordOf(
  core: Core,
  binding: ImportedBinding,
  sealed: Sealed,
  before: BandRow | undefined,
): JournalRecordOf<'imported'> {
  const { bandId, bid, account, generation, vendor, model, batch, conformance } = binding
  const { bandKey, acctTag, name, k } = binding
  const atMs = core.time.nowMs()
  return {
    type: 'imported',
    atMs,
    cause: 'binding.imported',
    by: 'operator',
    ...(before ?? initialBandMemory(bandId)),
    generation,
    account,
    bid,
    pairingId: null,
    pairingUntilMs: 0,
    vendor,
    model,
    batch,
    conformance,
    holds: 0,
    holdSurfaces: [],
    deactivateAtMs: 0,
    foundAtMs: 0,
    before: null,
    ...armingOf(core, binding, { atMs, armEpochBefore: before?.armEpoch ?? 0, armSecret: sealed.armSecret }),
    // What is borrowed from the request is copied: rows outlive it.
    bandKey: bandKey.slice(),
    acctTag: acctTag.slice(),
    name,
    deactivationBegunBy: '',
    foundBegunBy: '',
    k,
    sealedRoot: sealed.root,
    sealedPrevious: null,
    sealedOldMacKeys: null,
    oldMacKeysK: 0,
    resumes: 0,
    rekeyedAtMs: atMs,
    restoredAtMs: null,
  }
}

type Arming = Pick<
  BandRow,
  'state' | 'wearEpoch' | 'armEpoch' | 'armedUntilMs' | 'armedOwnerEpoch' | 'verifiedAtMs' | 'sealedArmSecret'
>

/** Armed while its time lasts, else worn as it was; without an arming as after a pairing: the band tells how it is worn. */
function armingOf(
  core: Core,
  { account, armed }: ImportedBinding,
  { atMs, armEpochBefore, armSecret }: { atMs: number; armEpochBefore: number; armSecret: Uint8Array | null },
): Arming {
  const never = { armedUntilMs: 0, armedOwnerEpoch: 0, sealedArmSecret: null }
  if (armed === null) return { ...never, state: 'offWrist', wearEpoch: 0, armEpoch: armEpochBefore, verifiedAtMs: 0 }
  const { armEpoch, wearEpoch, verifiedAtMs } = armed
  const armedUntilMs = Math.min(armed.armedUntilMs, verifiedAtMs + core.config.armedMs)
  if (armedUntilMs <= atMs) return { ...never, state: 'disarmed', wearEpoch, armEpoch, verifiedAtMs }
  const armedOwnerEpoch = ownerEpochOf(core, core.ledger.get('account', account))
  const sealedArmSecret = armSecret
  return { state: 'armed', wearEpoch, armEpoch, armedUntilMs, armedOwnerEpoch, verifiedAtMs, sealedArmSecret }
}

/** Keeps the import from running ahead of the view, which writes on while the next records are made. */
class ViewBacklog {
  readonly #core: Core
  #count = 0
  #settling: Promise<Stop | undefined> = Promise.resolve(undefined)

  constructor(core: Core) {
    this.#core = core
  }

  /** More records; waits while too many wait for the view, and says so when it cannot be written. */
  async grow(count: number): Promise<Stop | undefined> {
    this.#count += count
    if (this.#count < Math.min(viewBacklogRecordsMax, this.#core.config.viewFlushRecords)) return undefined
    this.#count = 0
    const stop = await this.#settling
    this.#settling = this.#core.ledger.settle().then(
      () => undefined,
      (error: unknown) => {
        this.#core.failed(error)
        return 'failed'
      },
    )
    return stop
  }
}
