// An operator's import: bindings made elsewhere begin to live here as if they had been paired here, in one durable record
// each. It works in slices and lets everything else go on between them; the same import asked again changes nothing.

import { equalSecret, wipe } from '../crypto/secret.ts'
import { initialBandMemory } from '../machines/band-context.ts'
import { equalBytes } from '../protocol/bytes.ts'
import { idBytes } from '../protocol/ids.ts'
import type { ImportedBinding } from '../protocol/imported-binding.ts'
import { armedMaxMs } from '../protocol/limits.ts'
import type { Malformed } from '../protocol/malformed.ts'
import type { Core } from './core.ts'
import type { Lsn } from './ports/journal.ts'
import type { JournalRecordOf } from './ports/records.ts'
import type { BandRow } from './ports/rows.ts'
import { sealRoot } from './resume.ts'

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
export type ImportRefusal = (typeof importRefusals)[number]

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
/** Records that may wait for the view before the import waits for it, twice: what is in memory stays bounded. */
const viewBacklogRecords = 1_024

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

async function appendAll(
  core: Core,
  backlog: ViewBacklog,
  bindings: Iterable<ImportedBinding | Malformed>,
  pause: () => Promise<void>,
): Promise<Outcome> {
  // Whether an arming still lasts cannot be told now.
  if (!core.time.certain()) return stopped(core, 'unavailable')
  const refused: { index: number; reason: ImportRefusal }[] = []
  let imported = 0
  let index = 0
  let sliceEndMs = core.time.monotonicMs() + sliceMs
  for (const binding of bindings) {
    const taken = 'expected' in binding ? 'malformed' : take(core, binding)
    if (taken === 'full' || taken === 'failed') {
      return stopped(core, taken === 'full' ? 'storage-full' : 'unavailable')
    }
    if (taken === 'imported' || taken === 'known') imported++
    else refused.push({ index, reason: taken })
    index++
    if (taken === 'imported' && !(await backlog.grow())) return stopped(core, 'unavailable')
    if (core.time.monotonicMs() >= sliceEndMs) {
      await pause()
      sliceEndMs = core.time.monotonicMs() + sliceMs
    }
  }
  // What was known may have been appended by an earlier request that is not on disk yet.
  return { result: { type: 'done', imported, refused }, lsn: core.ledger.appendedLsn }
}

function stopped(core: Core, error: 'storage-full' | 'unavailable'): Outcome {
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

/** Appends one binding, unless it is here already or cannot be. */
function take(core: Core, binding: ImportedBinding): 'imported' | 'known' | 'full' | 'failed' | ImportRefusal {
  const { bandId, bid } = binding
  const before = core.ledger.get('band', bandId)
  const owner = core.ledger.get('bid', bid)
  if (owner !== undefined && owner.bandId !== bandId) return 'bid-known'
  if (before !== undefined && before.account !== null) return asKnown(core, binding, before)
  const reason = whyNot(core, binding, before)
  if (reason !== undefined) return reason
  // A name on the air belongs to one binding for good.
  if (owner !== undefined) return 'bid-known'
  const lsn = core.ledger.append(recordOf(core, binding, before), 'normal')
  if (typeof lsn !== 'number') return lsn
  // An actor that was awake for a band nobody had knows nothing of this.
  core.registry.forget(bandId)
  return 'imported'
}

/** A bound band is either this very binding, which may have lived on since, or somebody else's. */
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

function recordOf(core: Core, binding: ImportedBinding, before: BandRow | undefined): JournalRecordOf<'imported'> {
  const { bandId, bid, account, generation, vendor, model, batch, conformance } = binding
  const { bandKey, acctTag, name, k, root } = binding
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
    ...armingOf(core, binding, atMs, before?.armEpoch ?? 0),
    // What is borrowed from the request is copied: rows outlive it.
    bandKey: bandKey.slice(),
    acctTag: acctTag.slice(),
    name,
    changeBegunBy: '',
    k,
    sealedRoot: sealRoot(core, bandId, k, root),
    sealedPrevious: null,
    sealedOldMacKeys: null,
    oldMacKeysK: 0,
    resumes: 0,
    rekeyedAtMs: atMs,
  }
}

type Arming = Pick<
  BandRow,
  'state' | 'wearEpoch' | 'armEpoch' | 'armedUntilMs' | 'armedOwnerEpoch' | 'verifiedAtMs' | 'sealedArmSecret'
>

/** Armed while its time lasts, else worn as it was; without an arming as after a pairing: the band tells how it is worn. */
function armingOf(
  core: Core,
  { bandId, account, armed }: ImportedBinding,
  atMs: number,
  armEpochBefore: number,
): Arming {
  const never = { armedUntilMs: 0, armedOwnerEpoch: 0, sealedArmSecret: null }
  if (armed === null) return { ...never, state: 'offWrist', wearEpoch: 0, armEpoch: armEpochBefore, verifiedAtMs: 0 }
  const { secret, armEpoch, wearEpoch, verifiedAtMs } = armed
  const armedUntilMs = Math.min(armed.armedUntilMs, verifiedAtMs + core.config.armedMs)
  if (armedUntilMs <= atMs) return { ...never, state: 'disarmed', wearEpoch, armEpoch, verifiedAtMs }
  return {
    state: 'armed',
    wearEpoch,
    armEpoch,
    armedUntilMs,
    armedOwnerEpoch: core.ledger.get('account', account)?.ownerEpoch ?? 0,
    verifiedAtMs,
    sealedArmSecret: core.keys.keyring.seal('arm', idBytes(bandId), armEpoch, secret),
  }
}

/** Keeps the import from running ahead of the view, which writes on while the next records are made. */
class ViewBacklog {
  private readonly core: Core
  private count = 0
  private settling: Promise<boolean> = Promise.resolve(true)

  constructor(core: Core) {
    this.core = core
  }

  /** One record more; false when the view cannot be written. */
  async grow(): Promise<boolean> {
    this.count++
    if (this.count % viewBacklogRecords !== 0) return true
    const isSettled = await this.settling
    this.settling = this.core.ledger.settle().then(
      () => true,
      (error: unknown) => {
        this.core.failed(error)
        return false
      },
    )
    return isSettled
  }
}
