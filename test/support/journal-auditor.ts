// Invariant checker of a journal: walks it from its first record and holds every invariant of docs/security.md that a journal
// alone can show. What it finds is a sentence; an honest engine gives none, whatever crashed when.

import type { JournalRecord, JournalRecordOf } from '../../engine/ports/records.ts'
import { type LimitTable, type Usage, noUsage, usageAfter, usageReversed, utcDayOf } from '../../policy/limits.ts'
import { actions } from '../../protocol/actions.ts'
import { decodeOfferTerms } from '../../protocol/offer.ts'
import { reasons } from '../../protocol/reasons.ts'
import { holdBits, holdsOf } from '../../protocol/states.ts'

export type AuditedRecord = { readonly lsn: number; readonly record: JournalRecord }

type BandSeen = JournalRecordOf<'band' | 'imported'>
/** An operator vouches for a binding from elsewhere, and for the arming that it came with. */
const importing = 'binding.imported'

/** A payment of an arming, by the position of its approval. */
type Paid = { readonly lsn: number; readonly currency: number; readonly amountMinor: number; readonly level: number }

export class JournalAuditor {
  readonly violations: string[] = []
  readonly approvals = new Map<number, JournalRecordOf<'decision'>>()
  readonly reversed = new Set<number>()
  readonly bands = new Map<string, BandSeen>()
  readonly #limits: ReadonlyMap<number, LimitTable>
  /** Final denials by reference and account, and by reference alone the approvals that stand. */
  readonly #finals = new Set<string>()
  readonly #standing = new Map<string, number>()
  readonly #usages = new Map<string, Usage>()
  /** What each arming paid without a verification of its own: by band and arm epoch, each payment. */
  readonly #paid = new Map<string, Paid[]>()
  readonly #accounts = new Map<string, JournalRecordOf<'account'>>()
  readonly #phones = new Map<string, JournalRecordOf<'phone'>>()
  readonly #hadPhone = new Set<string>()
  #lastAct: JournalRecordOf<'operator'> | undefined
  #lastLsn = 0
  #restoredAtMs = 0
  #rewoundMs = 0
  #lastAtMs = 0
  #lastEpoch = 0

  constructor(limits: ReadonlyMap<number, LimitTable>) {
    this.#limits = limits
  }

  take({ lsn, record }: AuditedRecord): void {
    this.#expect(lsn === this.#lastLsn + 1, `lsn ${lsn} follows ${this.#lastLsn}`)
    this.#lastLsn = lsn
    const isRewound = record.type === 'engine.rewound' && !record.done
    this.#expect(isRewound || record.atMs >= this.#lastAtMs, `time runs back at ${lsn} (I26)`)
    this.#lastAtMs = isRewound ? record.atMs : Math.max(this.#lastAtMs, record.atMs)
    switch (record.type) {
      case 'engine.started':
        this.#expect(record.epoch > this.#lastEpoch, `epoch ${record.epoch} after ${this.#lastEpoch} at ${lsn}`)
        this.#lastEpoch = record.epoch
        return
      case 'band':
      case 'imported':
        return this.#takeBand(lsn, record)
      case 'account':
        return this.#takeAccount(lsn, record)
      case 'decision':
        return this.#takeDecision(lsn, record)
      case 'reversal':
        return this.#takeReversal(lsn, record)
      case 'operator':
        this.#expect(record.by.startsWith('operator:'), `an operator's act by ${record.by} at ${lsn}`)
        this.#expect(record.reason.trim() !== '', `an operator's act without a reason at ${lsn}`)
        this.#expect(record.also !== record.by, `an operator agrees with their own act at ${lsn}`)
        this.#lastAct = record
        return
      case 'engine.restored':
        this.#expect(record.decidedUntilMs <= record.atMs, `decided until after the restore at ${lsn}`)
        // ◆ Each restore raises the owner epoch of every account to its instant: no arming from before approves.
        this.#restoredAtMs = record.atMs + this.#rewoundMs
        return
      case 'engine.rewound':
        return this.#takeRewound(lsn, record)
      case 'phone':
        return this.#takePhone(lsn, record)
      case 'ratchet':
      case 'document':
        return
    }
  }

  /** ◆ What was used on a day to come was used today. */
  #takeRewound(lsn: number, { done, fromMs, atMs, by }: JournalRecordOf<'engine.rewound'>): void {
    if (done) return
    this.#expect(fromMs > atMs && by.startsWith('operator:'), `time runs back without an operator at ${lsn} (I26)`)
    this.#rewoundMs += fromMs - atMs
    const today = utcDayOf(atMs)
    for (const [account, usage] of this.#usages)
      if (usage.day > today) this.#usages.set(account, { ...usage, day: today })
  }

  #takePhone(lsn: number, row: JournalRecordOf<'phone'>): void {
    const { account, phoneId, cause, by, atMs } = row
    const key = `${account}|${phoneId}`
    const before = this.#phones.get(key)
    const isOwn = by === `phone:${phoneId}`
    if (cause === 'phone.enrolled') {
      const isFirst = !this.#hadPhone.has(account)
      this.#expect(isFirst || row.pendingUntilMs > atMs, `a later phone has rights at once at ${lsn}`)
      this.#hadPhone.add(account)
    }
    if (cause === 'phone.admitted')
      this.#expect((before?.pendingUntilMs ?? Infinity) <= atMs, `a phone is admitted before its delay at ${lsn}`)
    if (cause === 'phone.suspended') this.#expectRights(lsn, account, by, atMs)
    if (cause === 'phone.kept') this.#expect(!isOwn, `a phone vetoes its own removal at ${lsn}`)
    if (cause === 'phone.removed') {
      const isDue = by === 'engine' && before !== undefined && before.removeAtMs > 0 && before.removeAtMs <= atMs
      const isPending = (before?.pendingUntilMs ?? 0) > atMs
      this.#expect(isDue || isOwn || by === 'web' || isPending, `${by} removes another phone at once at ${lsn}`)
    }
    if (row.removed) this.#phones.delete(key)
    else this.#phones.set(key, row)
  }

  /** What gives a right is done by no phone that is pending, suspended or gone. */
  #expectRights(lsn: number, account: string | null, by: string, atMs: number): void {
    if (!by.startsWith('phone:') || account === null) return
    const phone = this.#phones.get(`${account}|${by.slice('phone:'.length)}`)
    const hasRights = phone !== undefined && phone.pendingUntilMs <= atMs && phone.suspendedAtMs === 0
    this.#expect(hasRights, `${by} gives a right it has not at ${lsn}`)
  }

  #takeAccount(lsn: number, row: JournalRecordOf<'account'>): void {
    const before = this.#accounts.get(row.account)
    this.#accounts.set(row.account, row)
    this.#expect(row.ownerEpoch >= (before?.ownerEpoch ?? 0), `owner epoch falls at ${lsn}`)
    const [were, are] = [before?.holds ?? 0, row.holds]
    this.#expect(
      (are & ~were) === 0 || row.ownerEpoch > (before?.ownerEpoch ?? 0),
      `an account is held at ${lsn} and its armings go on`,
    )
    const lifted = were & ~are
    const isGiving = row.cause === 'limits.raise' || lifted !== 0 || row.freed.length > (before?.freed.length ?? 0)
    if (isGiving) this.#expectRights(lsn, row.account, row.by, row.atMs)
    const agreed = this.#lastAct?.by === row.by && this.#lastAct.also !== null
    this.#expect((lifted & holdBits['operator-freeze']) === 0 || agreed, `an account is unfrozen by one at ${lsn} (E4)`)
    const isFreed = row.freed.length > (before?.freed.length ?? 0)
    const isTheirs = row.by === 'web' || before?.holdSurfaces.every((surface) => surface === row.by) === true
    this.#expect(
      ((lifted & holdBits['owner-freeze']) === 0 && !isFreed) || isTheirs,
      `${row.by} lifts a freeze that another surface set at ${lsn}`,
    )
  }

  /** The holds that stop a band: its own, and its account's unless it was unfrozen by itself. */
  #holdsOn({ holds, account, bandId }: BandSeen): number {
    const owner = account === null ? undefined : this.#accounts.get(account)
    if (owner === undefined) return holds
    return holds | (owner.freed.includes(bandId) ? owner.holds & ~holdBits['owner-freeze'] : owner.holds)
  }

  #takeBand(lsn: number, row: BandSeen): void {
    const before = this.bands.get(row.bandId)
    const isLifted = ((before?.holds ?? 0) & ~row.holds & holdBits['operator-freeze']) !== 0
    const agreed = this.#lastAct?.by === row.by && this.#lastAct.also !== null
    this.#expect(!isLifted || agreed, `an operator's freeze is lifted by one at ${lsn} (E4)`)
    this.bands.set(row.bandId, row)
    const isGiving = ['band.arm', 'pairing.commit', 'hold.lift', 'deactivation.begin'].includes(row.cause)
    if (isGiving) this.#expectRights(lsn, row.account, row.by, row.atMs)
    const isBound = row.account !== null
    this.#expect(!isBound || row.generation > row.tombstoned, `a tombstoned generation is bound at ${lsn} (I3)`)
    const isArmedNow = row.cause === 'band.arm' && row.armEpoch !== before?.armEpoch
    this.#expect(!isArmedNow || this.#holdsOn(row) === 0, `armed under a hold of the account at ${lsn}`)
    this.#expect(row.holds === 0 || row.state !== 'armed', `armed under ${holdsOf(row.holds).join()} at ${lsn}`)
    const isPaired = row.cause === 'pairing.commit'
    const isOfHeld = (this.#accounts.get(row.account ?? '')?.holds ?? 0) !== 0
    this.#expect(!isPaired || !isOfHeld, `paired with a held account at ${lsn}`)
    if (before === undefined) return
    this.#expect(row.generation >= before.generation, `a generation falls at ${lsn} (I3)`)
    this.#expect(row.armEpoch >= before.armEpoch, `an arm epoch falls at ${lsn} (I18)`)
    const isOther = before.account !== null && row.account !== null && row.account !== before.account
    this.#expect(!isOther, `a band changes from account to account at ${lsn} (I2)`)
    if (row.generation > before.generation) {
      this.#expect(before.account === null, `a bound band is bound again at ${lsn} (I1)`)
      this.#expect(
        row.cause === 'pairing.commit' || row.cause === importing,
        `a generation begins by ${row.cause} at ${lsn}`,
      )
    }
    if (row.state === 'armed' && before.state !== 'armed' && before.state !== 'deactivating') {
      this.#expect(
        row.cause === 'band.arm' || row.cause === importing,
        `armed by ${row.cause} at ${lsn}: only user verification arms`,
      )
      this.#expect(row.armEpoch > before.armEpoch, `armed under an old arm epoch at ${lsn} (I18)`)
    }
    if (row.cause === 'band.removed') this.#expect(row.state !== 'armed', `armed after a removal at ${lsn}`)
  }

  #takeDecision(lsn: number, record: JournalRecordOf<'decision'>): void {
    const terms = decodeOfferTerms(record.canon)
    const reference = `${terms.partner}${terms.rid}`
    const own = `${reference}|${record.account}`
    this.#expect(!this.#standing.has(reference), `a reference that is approved is decided again at ${lsn} (I12)`)
    this.#expect(
      !this.#finals.has(own),
      `a reference is decided again for the account that it was denied to at ${lsn} (I12)`,
    )
    if (record.reason !== reasons.approved) {
      if (record.obligation === null) this.#finals.add(own)
      return
    }
    this.#standing.set(reference, lsn)
    this.approvals.set(lsn, record)
    const band = this.bands.get(record.bandId)
    this.#expect(band?.state === 'armed', `approved while ${band?.state ?? 'unknown'} at ${lsn} (I8)`)
    this.#expect(band !== undefined && this.#holdsOn(band) === 0, `approved under a hold at ${lsn} (I16)`)
    this.#expect(band?.account === record.account, `approved for another account at ${lsn}`)
    this.#expect(record.proofValid && record.present, `approved without proof or presence at ${lsn} (I8)`)
    this.#expect(record.atMs < (band?.armedUntilMs ?? 0), `approved after the arming ended at ${lsn}`)
    this.#expect(
      Math.max(this.#accounts.get(record.account)?.ownerEpoch ?? 0, this.#restoredAtMs) === record.ownerEpoch,
      `approved under an old epoch at ${lsn}`,
    )
    this.#spend(lsn, record)
  }

  #spend(lsn: number, record: JournalRecordOf<'decision'>): void {
    const { currency, action, amountMinor } = decodeOfferTerms(record.canon)
    const level =
      record.level === 4 || record.level === 3 || record.level === 2 || record.level === 1 ? record.level : 0
    const use = { day: utcDayOf(record.atMs), currency, action, amountMinor, level } as const
    const usage = usageAfter(this.#usages.get(record.account) ?? noUsage, use)
    this.#usages.set(record.account, usage)
    const table = this.#limits.get(currency)
    const sums = usage.byCurrency.find((one) => one.currency === currency)
    this.#expect(
      table !== undefined && (sums?.payMinor ?? 0) <= table.perDayMinor,
      `a day's limit is exceeded at ${lsn} (I20)`,
    )
    this.#expect(table !== undefined && amountMinor <= table.perUseMinor, `a use's limit is exceeded at ${lsn} (I20)`)
    if (action !== actions.pay || record.userVerifiedNow) return
    const arming = `${record.bandId}|${record.armEpoch}`
    const paid = [...(this.#paid.get(arming) ?? []), { lsn, currency, amountMinor, level }]
    this.#paid.set(arming, paid)
    this.#expect(this.#isWithinArming(paid), `an arming's limit is exceeded at ${lsn} (I20)`)
  }

  /** The slow twin of `armingLeft`: shares of the day's limits as exact fractions, over one denominator. */
  #isWithinArming(paid: readonly Paid[]): boolean {
    const bounds = [
      ({ perDayMinor }: LimitTable) => perDayMinor,
      ({ perClassDayMinor }: LimitTable) => perClassDayMinor.pay,
      ...([0, 1, 2, 3, 4] as const).map((level) => (table: LimitTable) => table.perLevelDayMinor[level]),
    ]
    return bounds.every((bound, at) => {
      const counted = paid.filter(({ level }) => at < 2 || level <= at - 2)
      const limits = [...this.#limits].map(([currency, table]) => ({ currency, limit: BigInt(bound(table)) }))
      const nonzero = limits.filter(({ limit }) => limit > 0n)
      const denominator = nonzero.reduce((product, { limit }) => product * limit, 1n)
      const shares = counted.map(({ currency, amountMinor }) => {
        const limit = nonzero.find((one) => one.currency === currency)?.limit
        return limit === undefined ? denominator + 1n : (BigInt(amountMinor) * denominator) / limit
      })
      return shares.reduce((sum, share) => sum + share, 0n) <= denominator
    })
  }

  #takeReversal(lsn: number, record: JournalRecordOf<'reversal'>): void {
    const approval = this.approvals.get(record.reversedLsn)
    this.#expect(approval !== undefined && !this.reversed.has(record.reversedLsn), `nothing to reverse at ${lsn}`)
    this.reversed.add(record.reversedLsn)
    if (approval === undefined) return
    const { partner, rid, currency, action, amountMinor } = decodeOfferTerms(approval.canon)
    this.#standing.delete(`${partner}${rid}`)
    this.#finals.add(`${partner}${rid}|${record.account}`)
    const level =
      approval.level === 4 || approval.level === 3 || approval.level === 2 || approval.level === 1 ? approval.level : 0
    const use = { day: utcDayOf(approval.atMs), currency, action, amountMinor, level } as const
    this.#usages.set(record.account, usageReversed(this.#usages.get(record.account) ?? noUsage, use))
    const arming = `${approval.bandId}|${approval.armEpoch}`
    this.#paid.set(
      arming,
      (this.#paid.get(arming) ?? []).filter((one) => one.lsn !== record.reversedLsn),
    )
  }

  #expect(holds: boolean, violation: string): void {
    if (!holds) this.violations.push(violation)
  }
}
