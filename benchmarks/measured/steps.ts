// Microbenchmarks of each hot step of a frame's road, on inputs as they come: an AUTH_PROOF for an offer from a live link.

import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Bench } from 'tinybench'
import { createKeyring } from '../../crypto/at-rest.ts'
import { openData, sealData } from '../../crypto/links/link-seal.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { makeOffer, verifyOffer } from '../../crypto/signed/offers.ts'
import { proofTag, requestDigest } from '../../crypto/signed/proof.ts'
import { nextRoot, resumeKeys, resumeMac } from '../../crypto/links/resume.ts'
import { Ledger } from '../../engine/ledger/ledger.ts'
import { Registry, rowOf } from '../../engine/core/registry.ts'
import type { DecisionRecord } from '../../engine/ports/records.ts'
import { Actors } from '../../engine/core/actors.ts'
import { initialBandMemory } from '../../machines/band-context.ts'
import { decide } from '../../policy/decide.ts'
import { gradeProximity } from '../../policy/proximity.ts'
import { conformanceBits } from '../../protocol/band-cert.ts'
import { decodeEvidence } from '../../protocol/evidence.ts'
import { decodePhoneFrame, encodeEngineFrame, encodePhoneFrame } from '../../protocol/messages/frame-codec.ts'
import { parseAccountId, parseBandId, parseBid, parsePartnerId, parseResourceId, parseRid } from '../../protocol/ids.ts'
import { decodeOffer } from '../../protocol/offer.ts'
import { decodeUpOp, encodeAuthProofProved, encodeDownOp } from '../../protocol/ops.ts'
import { decodeData } from '../../protocol/records.ts'
import { realClock } from '../../server/machine/real-clock.ts'
import { openJournal } from '../../store/journal/journal.ts'
import { openView } from '../../store/view/view.ts'

export type StepFigure = {
  readonly name: string
  readonly p50Us: number
  readonly p99Us: number
  readonly spreadPercent: number
}

const random = (length: number) => nodePrimitives.randomBytes(length)
const wide = 1_000_000_000
const nowMs = 1_800_000_000_000

const failed = (error: unknown) => {
  throw error
}

/** Measures every step; about half a second each. */
export async function measureSteps(): Promise<readonly StepFigure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bandpass-steps-'))
  const keyring = createKeyring(nodePrimitives, [{ id: 1, key: random(32) }])
  const view = await openView({ folder: join(folder, 'view'), keyring })
  // Durability is measured by itself (group-commit.ts): here the sync would be all there is to see.
  const journal = await openJournal({ folder: join(folder, 'journal'), durability: 'process', after: realClock.after })
  const ledger = new Ledger({
    journal,
    view,
    clock: realClock,
    viewFlushMs: 100,
    viewFlushRecords: 4_096,
    changed: () => undefined,
    viewFailed: failed,
  })
  try {
    return await run(ledger)
  } finally {
    await ledger.close()
    await journal.close()
    await view.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function run(ledger: Ledger): Promise<readonly StepFigure[]> {
  const p = nodePrimitives
  const bandId = parseBandId(random(16))
  const bid = parseBid(random(8))
  const account = parseAccountId('bench')
  const [partnerKey, up, down, arm, root, bidBytes] = [
    random(32),
    random(32),
    random(32),
    random(32),
    random(32),
    random(8),
  ]
  const terms = {
    partner: parsePartnerId(random(16)),
    resource: parseResourceId(random(16)),
    action: 1,
    amountMinor: 1_250,
    currency: 978,
    partnerNonce: random(16),
    rid: parseRid(random(8)),
    expiresAtMs: nowMs + 60_000,
    label: 'Coffee',
    kid: 1,
  }
  const offerBytes = makeOffer(p, partnerKey, terms)
  const offer = decodeOffer(offerBytes)
  if (offer.type === 'malformed') throw new Error(offer.expected)
  const rd = requestDigest(p, offer.canon, offer.labelBytes)
  const evidence = random(16)
  const proved = encodeAuthProofProved({ rid: terms.rid, verdict: 'tap', wear: 'on', armEpoch: 1, tick: 3, evidence })
  const header = { down: false, phase: 0, ratcheted: true, proof: true, sid: 7, ctr: 9 }
  const tag = proofTag(p, arm, { rd, sid: 7, ctr: 9, proved })
  const binding = { bid: bidBytes, generation: 1 }
  const record = sealData(p, up, header, binding, rd, new Uint8Array([...proved, ...tag]))
  const frameBytes = encodePhoneFrame({
    type: 'authorize',
    id: 5,
    slot: 1,
    offer: offerBytes,
    record,
    uv: null,
    wantsReceipt: null,
  })
  const data = decodeData(record)
  if (data.type === 'malformed') throw new Error(data.expected)

  const conformance = conformanceBits.tap | conformanceBits.sealedLinks | conformanceBits.wearEdges
  const memory = {
    ...initialBandMemory(bandId),
    generation: 1,
    account,
    bid,
    conformance,
    wearEpoch: 1,
    armEpoch: 1,
    armedUntilMs: nowMs + 3_600_000,
    verifiedAtMs: nowMs,
  }
  const actors = new Actors()
  const actor = actors.startBand('armed', memory)
  const table = {
    perUseMinor: wide,
    perDayMinor: wide,
    perClassDayMinor: { pay: wide, receive: wide },
    perLevelUseMinor: [wide, wide, wide, wide, wide],
    perLevelDayMinor: [wide, wide, wide, wide, wide],
    verification: [],
    restrictedPerUseMinor: 1,
    tapAboveMinor: wide,
  } as const
  const facts = {
    nowMs,
    clockCertain: true,
    proof: { valid: true, verdict: 'tap', wear: 'on', armEpoch: 1 },
    present: true,
    terms,
    level: 2,
    limits: { tables: new Map([[978, table]]), own: [] },
    usage: { day: Math.floor(nowMs / 86_400_000), byCurrency: [] },
    arming: [],
    ownerEpoch: 0,
    phonePending: false,
    userVerifiedNow: false,
    restricted: false,
    accountHolds: 0,
  } as const
  const registry = new Registry({
    actors,
    ledger,
    awakeBandsMax: 10,
    awakeIdleMs: 1_000,
    monotonicMs: () => performance.now(),
    actorFailed: (_id, error) => failed(error),
  })
  const keys = {
    bandKey: random(32),
    acctTag: random(8),
    sealedArmSecret: random(60),
    name: '',
    deactivationBegunBy: '',
    foundBegunBy: '',
  }
  const row = {
    ...rowOf({ bandId, actor, keys, armKey: undefined, made: undefined, usedAtMs: 0 }),
  }
  ledger.append({ type: 'band', atMs: nowMs, cause: 'band.arm', by: 'engine', ...row }, 'normal')
  await ledger.settle()
  const decided: DecisionRecord = {
    type: 'decision',
    atMs: nowMs,
    account,
    bandId,
    generation: 1,
    canon: offer.canon,
    label: offer.labelBytes,
    rd,
    reason: 0,
    obligation: null,
    level: 2,
    useLeftMinor: wide,
    dayLeftMinor: wide,
    bandState: 'armed',
    holds: 0,
    armEpoch: 1,
    armedUntilMs: nowMs,
    verifiedAtMs: nowMs,
    conformance,
    restricted: false,
    verdict: 'tap',
    wear: 'on',
    proofValid: true,
    proofArmEpoch: 1,
    present: true,
    clockCertain: true,
    phonePending: false,
    userVerifiedNow: false,
    evidence,
    ownerEpoch: 0,
    armedOwnerEpoch: 0,
    usageDay: Math.floor(nowMs / 86_400_000),
    usage: [],
    arming: [],
    ownLimits: [],
  }
  const maced = random(30)
  const nonce = random(16)
  const result = encodeDownOp({ type: 'authResult', rid: terms.rid, outcome: 1, pattern: 1 })
  const bench = new Bench({ time: 500, warmupTime: 100 })
  bench
    .add('decode: frame 5', () => decodePhoneFrame(frameBytes, 4_096))
    .add('offer: decode, digest, MAC', () => {
      const made = decodeOffer(offerBytes)
      if (made.type === 'malformed' || !verifyOffer(p, partnerKey, made)) throw new Error('not authentic')
      requestDigest(p, made.canon, made.labelBytes)
    })
    .add('open: AUTH_PROOF record', () => {
      const opened = openData(p, up, data, binding, rd)
      if (opened === undefined || decodeUpOp(opened).type !== 'authProof') throw new Error('did not open')
    })
    .add('prove: p under the arm key', () => proofTag(p, arm, { rd, sid: 7, ctr: 9, proved }))
    .add('wake: row from the view, actor', () => {
      registry.wake(bandId)
      registry.forget(bandId)
    })
    .add('transition: band.authorize', () => actors.tellBand(actor, { type: 'band.authorize', atMs: nowMs, facts }))
    .add('decide: facts to decision', () => {
      gradeProximity({ verdict: 'tap', evidence: decodeEvidence(evidence), conformance, readerNonceMatched: false })
      decide({ ...facts, armedOwnerEpoch: 0, band: { ...memory, state: 'armed', restricted: false } })
    })
    .add('append: encode, journal, rows', () => ledger.append(decided, 'normal'))
    .add('seal: AUTH_RESULT record', () =>
      sealData(p, down, { ...header, down: true, proof: false }, binding, new Uint8Array(0), result),
    )
    .add('encode: frame 105', () =>
      encodeEngineFrame({
        type: 'decision',
        id: 5,
        approved: true,
        reason: 0,
        obligation: null,
        receipt: null,
        useLeftMinor: 5_000,
        dayLeftMinor: 50_000,
        lsn: 123_456,
      }),
    )
    .add('resume: verify, keys, next root', () => {
      resumeMac(p, root, maced, nonce)
      resumeKeys(p, root, maced, nonce)
      nextRoot(p, root)
    })
  await bench.run()
  actors.stop(actor)
  return bench.tasks.map((task) => {
    const { result: measured } = task
    if (!('latency' in measured)) throw new Error(`${task.name} was not measured`)
    const { p50, p99, rme } = measured.latency
    return { name: task.name, p50Us: p50 * 1_000, p99Us: p99 * 1_000, spreadPercent: rme }
  })
}

/** The steps as lines of a table. */
export function stepsTable(steps: readonly StepFigure[]): string {
  return [
    `Node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores`,
    '',
    '| step | p50 µs | p99 µs | ± % |',
    '|---|---|---|---|',
    ...steps.map(
      (step) =>
        `| ${step.name} | ${step.p50Us.toFixed(2)} | ${step.p99Us.toFixed(2)} | ${step.spreadPercent.toFixed(1)} |`,
    ),
  ].join('\n')
}
