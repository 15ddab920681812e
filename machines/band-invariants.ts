// Invariants of the band machine. For tests: what must hold of every single step a band takes, whatever led to it, and the events worth trying
// in a state. Said a second time, from the documents rather than from the machine.

import { actions } from '../protocol/actions.ts'
import { parseAccountId, parseBandId, parseBid, parsePairingId } from '../protocol/ids.ts'
import { type BandState, holdBits } from '../protocol/states.ts'
import { sampleFacts } from '../policy/test-facts.ts'
import type { BandEffect, BandMemory } from './band-context.ts'
import type { BandEvent, BandEventOf, RequestFacts } from './band-events.ts'
import { type BandSnapshot, bandStateOf } from './band-machine.ts'

export const sampleBandId = parseBandId('b0'.repeat(16))
const pairings = {
  ours: { account: parseAccountId('alice'), pairingId: parsePairingId('01'.repeat(16)), bid: parseBid('a1'.repeat(8)) },
  theirs: {
    account: parseAccountId('mallory'),
    pairingId: parsePairingId('02'.repeat(16)),
    bid: parseBid('a2'.repeat(8)),
  },
}
const made = { vendor: 1, model: 2, batch: 3, conformance: 0x1f }
const sampleOwnerEpoch = 5

/** A request that an armed band with no holds would have approved. */
function approvableFacts(band: BandMemory, nowMs: number): RequestFacts {
  const {
    band: _band,
    armedOwnerEpoch: _epoch,
    ...facts
  } = sampleFacts({
    nowMs,
    userVerifiedNow: true,
    ownerEpoch: band.armedOwnerEpoch,
    proof: { armEpoch: band.armEpoch },
    terms: { action: actions.pay, expiresAtMs: nowMs + 1 },
  })
  return { ...facts, restricted: false, accountHolds: 0 }
}

/** Pairs the band for the first account. */
function pairingCommit(atMs: number, who: keyof typeof pairings = 'ours'): BandEventOf<'pairing.commit'> {
  const untilMs = atMs + 180_000
  return { type: 'pairing.commit', atMs, ...pairings[who], ...made, untilMs, accountHolds: 0, generationMin: 0 }
}

/** The next event of an ordinary day: paired, put on, armed, used. */
export function ordinaryEvent(state: BandState, band: BandMemory, atMs: number): BandEvent {
  switch (state) {
    case 'unbound':
      return pairingCommit(atMs)
    case 'pairing':
      return { type: 'pairing.acked', atMs, generation: band.generation }
    case 'offWrist':
      return { type: 'band.worn', atMs, wearEpoch: band.wearEpoch + 1 }
    case 'disarmed':
      return armEvent(band, atMs)
    case 'armed':
      return { type: 'band.authorize', atMs, facts: approvableFacts(band, atMs) }
    case 'deactivating':
      return { type: 'deactivation.due', atMs: band.deactivateAtMs, accountHolds: 0 }
  }
}

function armEvent(band: BandMemory, atMs: number): BandEventOf<'band.arm'> {
  const ownerEpoch = sampleOwnerEpoch
  const { wearEpoch } = band
  const untilMs = atMs + 4_000
  return { type: 'band.arm', atMs, wearEpoch, untilMs, ownerEpoch, accountHolds: 0, armEpochMin: 0 }
}

/** Every kind of event, where it matters both in time and late, right and wrong. */
export function eventsIn(band: BandMemory, atMs: number): readonly BandEvent[] {
  const { generation, wearEpoch, account } = band
  const wearings = [wearEpoch - 1, wearEpoch, wearEpoch + 1].filter((epoch) => epoch >= 0)
  return [
    pairingCommit(atMs, 'ours'),
    pairingCommit(atMs, 'theirs'),
    { ...pairingCommit(atMs), accountHolds: holdBits['owner-freeze'] },
    { ...pairingCommit(atMs), generationMin: generation + 3 },
    { type: 'pairing.acked', atMs, generation },
    { type: 'pairing.acked', atMs, generation: generation - 1 },
    { type: 'pairing.acked', atMs: atMs + 200_000, generation },
    { type: 'pairing.expired', atMs, generation },
    { type: 'pairing.expired', atMs, generation: generation - 1 },
    ...wearings.map((epoch): BandEvent => ({ type: 'band.worn', atMs, wearEpoch: epoch })),
    ...wearings.map((epoch): BandEvent => ({ type: 'band.removed', atMs, wearEpoch: epoch })),
    armEvent(band, atMs),
    armEvent({ ...band, wearEpoch: wearEpoch + 1 }, atMs),
    { ...armEvent(band, atMs), untilMs: atMs },
    { ...armEvent(band, atMs), armEpochMin: band.armEpoch + 3 },
    { ...armEvent(band, atMs), accountHolds: holdBits['operator-freeze'] },
    { type: 'band.authorize', atMs, facts: approvableFacts(band, atMs) },
    { type: 'band.authorize', atMs, facts: { ...approvableFacts(band, atMs), accountHolds: holdBits['owner-freeze'] } },
    { type: 'arm.expired', atMs },
    { type: 'arm.expired', atMs: Math.max(atMs, band.armedUntilMs) },
    { type: 'epoch.raised', atMs, ownerEpoch: sampleOwnerEpoch },
    { type: 'epoch.raised', atMs, ownerEpoch: sampleOwnerEpoch + 1 },
    { type: 'hold.set', atMs, hold: 'owner-freeze', by: 'phone:a' },
    { type: 'hold.set', atMs, hold: 'owner-freeze', by: 'web' },
    { type: 'hold.set', atMs, hold: 'owner-freeze', by: 'operator:ann' },
    { type: 'hold.set', atMs, hold: 'operator-freeze', by: 'operator:ann' },
    { type: 'hold.set', atMs, hold: 'risk-freeze', by: 'rule:velocity' },
    { type: 'hold.set', atMs, hold: 'lost', by: 'phone:a' },
    { type: 'hold.set', atMs, hold: 'lost', by: 'band' },
    { type: 'hold.lift', atMs, hold: 'owner-freeze', by: 'phone:a' },
    { type: 'hold.lift', atMs, hold: 'owner-freeze', by: 'web' },
    { type: 'hold.lift', atMs, hold: 'operator-freeze', by: 'operator:ann', also: 'operator:bob' },
    { type: 'hold.lift', atMs, hold: 'operator-freeze', by: 'operator:ann' },
    { type: 'hold.lift', atMs, hold: 'risk-freeze', by: 'rule:velocity' },
    { type: 'hold.lift', atMs, hold: 'risk-freeze', by: 'web' },
    { type: 'hold.lift', atMs, hold: 'lost', by: 'web' },
    { type: 'clone.suspected', atMs },
    { type: 'rekey.cleared', atMs },
    { type: 'found.begin', atMs, dueAtMs: atMs + 7_000 },
    { type: 'found.veto', atMs },
    { type: 'found.due', atMs },
    { type: 'found.due', atMs: Math.max(atMs, band.foundAtMs) },
    { type: 'deactivation.begin', atMs, dueAtMs: atMs + 6_000 },
    { type: 'deactivation.veto', atMs },
    { type: 'deactivation.veto', atMs: Math.max(atMs, band.armedUntilMs) },
    { type: 'deactivation.due', atMs, accountHolds: 0 },
    ...[0, holdBits['owner-freeze'], holdBits['operator-freeze']].map((accountHolds): BandEvent => {
      return {
        type: 'deactivation.due',
        atMs: account === null ? atMs : Math.max(atMs, band.deactivateAtMs),
        accountHolds,
      }
    }),
  ]
}

/** What is wrong with a snapshot by itself: the state and the facts must tell the same story. */
export function faultsOfSnapshot(snapshot: BandSnapshot): readonly string[] {
  const state = bandStateOf(snapshot)
  const { band } = snapshot.context
  const isFree = state === 'unbound'
  const checks: Readonly<Record<string, boolean>> = {
    'the holds region tells whether there are holds': (snapshot.value.holds === 'held') === (band.holds !== 0),
    'a band has an owner exactly when it is not unbound': isFree === (band.account === null),
    'a band has a bid exactly when it has an owner': (band.bid === null) === (band.account === null),
    'a band has a pairing id exactly when it has an owner': (band.pairingId === null) === (band.account === null),
    'the pairing window is open exactly in pairing': (state === 'pairing') === band.pairingUntilMs > 0,
    'a deactivation is due exactly in deactivating': (state === 'deactivating') === band.deactivateAtMs > 0,
    'a veto has something to return to exactly in deactivating': (state === 'deactivating') === (band.before !== null),
    'an arm secret is outstanding exactly when armed, or armed before':
      (state === 'armed' || band.before === 'armed') === band.armedUntilMs > 0,
    'a held band is not armed, nor would a veto arm it': band.holds === 0 || band.armedUntilMs === 0,
    'a tombstoned generation is not bound': isFree || band.tombstoned < band.generation,
    'a band is unbound because its last generation is tombstoned': !isFree || band.tombstoned === band.generation,
    'found is pending only for a lost band': band.foundAtMs === 0 || (band.holds & holdBits.lost) !== 0,
    'only a freeze by owner or rule names its surfaces': band.holdSurfaces.length === 0 || (band.holds & 5) !== 0,
  }
  return failing(checks)
}

/** What is wrong with one step. */
export function faultsOfStep(before: BandSnapshot, event: BandEvent, after: BandSnapshot): readonly string[] {
  const [from, to] = [bandStateOf(before), bandStateOf(after)]
  const [was, is] = [before.context.band, after.context.band]
  const { effects } = after.context
  const has = (type: BandEffect['type']) => effects.some((effect) => effect.type === type)
  const isApproved = effects.some((effect) => effect.type === 'decided' && effect.decision.approved)
  const isChanged = was !== is
  const lifted = was.holds & ~is.holds
  const isEnded = is.tombstoned > was.tombstoned
  const accountHolds = accountHoldsOf(event)
  const isHarmless = !isApproved && !isChanged
  const isWearEdge = event.type === 'band.removed' && event.wearEpoch >= was.wearEpoch
  const checks: Readonly<Record<string, boolean>> = {
    'a change is journaled, and nothing else is': isChanged === has('persist'),
    'a state changes only with the facts': from === to || isChanged,
    'journaling comes before everything else': !isChanged || effects[0]?.type === 'persist',
    'journaling names its cause': effects.every((one) => one.type !== 'persist' || one.cause === event.type),
    'a binding that ends has its keys destroyed, and no other': isEnded === has('destroyKeys'),
    'what is refused, decided or unexpected changes nothing':
      !isChanged || !(has('refused') || has('decided') || has('unexpected')),
    'every request is decided': (event.type === 'band.authorize') === has('decided'),
    'only armed without holds approves': !isApproved || (from === 'armed' && was.holds === 0),
    'nothing is approved, armed or paired under a hold of the account':
      accountHolds === 0 || !(isApproved || event.type === 'band.arm' || event.type === 'pairing.commit') || isHarmless,
    'what operators froze with the account stays with the band that leaves it':
      !isEnded ||
      event.type !== 'deactivation.due' ||
      (is.holds & holdBits['operator-freeze']) === ((was.holds | accountHolds) & holdBits['operator-freeze']),
    'the generation rises by one with each pairing, further only after a restore, and never else':
      is.generation ===
      (from !== 'pairing' && to === 'pairing' && event.type === 'pairing.commit'
        ? Math.max(was.generation + 1, event.generationMin)
        : was.generation),
    'pairing begins only from unbound, free of holds':
      from === to || to !== 'pairing' || (from === 'unbound' && was.holds === 0),
    'only pairing.commit gives a band an owner':
      was.account !== null || is.account === null || event.type === 'pairing.commit',
    'an owner is never replaced, only tombstoned away': was.account === null || is.account === was.account || isEnded,
    'a tombstone is the end of the binding': isEnded === (from !== 'unbound' && to === 'unbound'),
    'a tombstone is of the generation that ends': !isEnded || is.tombstoned === was.generation,
    'keys are destroyed with the binding': isEnded === has('destroyKeys'),
    'a binding ends only when its window or its deactivation is due':
      !isEnded ||
      event.type === 'pairing.expired' ||
      (event.type === 'deactivation.due' && event.atMs >= was.deactivateAtMs),
    'only band.arm arms, or a veto that returns to armed':
      from === 'armed' ||
      to !== 'armed' ||
      event.type === 'band.arm' ||
      (was.before === 'armed' && event.type === 'deactivation.veto'),
    'each arming has an epoch one higher, further only after a restore, and nothing else changes it':
      is.armEpoch ===
      (event.type === 'band.arm' && isChanged ? Math.max(was.armEpoch + 1, event.armEpochMin) : was.armEpoch),
    'arming is for the wearing that is now':
      event.type !== 'band.arm' || !isChanged || (event.wearEpoch === was.wearEpoch && from !== 'offWrist'),
    'whoever stops being armed is told to forget the secret':
      was.armedUntilMs === 0 || is.armedUntilMs > 0 || isEnded || (has('eraseArmSecret') && has('sendLock')),
    'the secret is erased only when there is one': !has('eraseArmSecret') || was.armedUntilMs > 0,
    'a removal disarms': !isWearEdge || (to !== 'armed' && to !== 'disarmed' && is.armedUntilMs === 0),
    'a removal while deactivating is what a veto returns to':
      !isWearEdge || from !== 'deactivating' || is.before === 'offWrist',
    'a wearing never comes back': to === 'pairing' || is.wearEpoch >= was.wearEpoch,
    'a band is put on only by a later wearing':
      from !== 'offWrist' || to === 'offWrist' || event.type !== 'band.worn' || event.wearEpoch > was.wearEpoch,
    'a new hold disarms at once': (is.holds & ~was.holds) === 0 || (to !== 'armed' && is.before !== 'armed'),
    'a bound band hears LOCK at every new hold':
      (is.holds & ~was.holds) === 0 || was.account === null || was.pairingUntilMs > 0 || isEnded || has('sendLock'),
    'lost ends only with the binding or a found that is due':
      (lifted & holdBits.lost) === 0 || isEnded || (event.type === 'found.due' && event.atMs >= was.foundAtMs),
    'an operator freeze ends only by two operators':
      (lifted & holdBits['operator-freeze']) === 0 || (event.type === 'hold.lift' && event.also !== undefined),
    'an owner freeze set elsewhere is not lifted by the phone':
      (lifted & holdBits['owner-freeze']) === 0 ||
      isEnded ||
      (event.type === 'hold.lift' && (event.by === 'web' || !was.holdSurfaces.includes('web'))),
    'the clone alarm ends only by rekey.cleared or with the binding':
      !was.holdSurfaces.includes('rule:clone') ||
      is.holdSurfaces.includes('rule:clone') ||
      isEnded ||
      event.type === 'rekey.cleared',
    'whoever tries to pair the band of another is reported to its owner':
      event.type !== 'pairing.commit' || was.account === null || was.pairingId === event.pairingId || has('alert'),
  }
  return failing(checks)
}

function accountHoldsOf(event: BandEvent): number {
  if (event.type === 'band.authorize') return event.facts.accountHolds
  return 'accountHolds' in event ? event.accountHolds : 0
}

function failing(checks: Readonly<Record<string, boolean>>): readonly string[] {
  return Object.keys(checks).filter((name) => checks[name] !== true)
}
