// Invariants of pairing, and the rules that carry them (PROTOCOL §3). Rules marked ◆ there are `starred`; the others are its
// plain sentences that turned out to carry weight.
import type { Rule } from './rules.ts'

export const pairingInvariants = {
  oneBinding: 'I1: a band has at most one live binding',
  ownerOnly: 'I2: a live binding ends, and a deactivation is undone, only by its owner or by expiry',
  tombstoneStays: 'I3: a tombstoned generation never lives again, now or in a fair schedule from here',
  noRelease: 'I4: no RELEASE exists that reaches a live generation',
  wearerConfirmed: 'I5: a bound band was confirmed by a tap of its wearer',
  agreement: 'a bound engine and its band agree, unless the wearer reset the band',
  lostAckRecovered: 'a lost COMMIT_ACK is recovered by a RESUME under R_0',
  freedByOldPhone: 'the phone of its old account can free a band that the engine has let go',
  freedByNewPhone: 'the phone of a new account can free and pair a band that the engine has let go',
} as const

export type PairingInvariant = (typeof pairingInvariants)[keyof typeof pairingInvariants]

const { oneBinding, ownerOnly, tombstoneStays, noRelease, wearerConfirmed, agreement } = pairingInvariants
const { lostAckRecovered, freedByOldPhone, freedByNewPhone } = pairingInvariants

export const pairingRules = {
  resetKeepsLock: {
    section: '§3',
    starred: true,
    says: 'a factory reset of the band does not release the lock of the engine',
    breaks: ownerOnly,
  },
  tombstoneBeforeRelease: {
    section: '§3',
    starred: true,
    says: 'expiry and deactivation durably tombstone the generation before a RELEASE for it can exist',
    breaks: noRelease,
  },
  tombstonedNeverBound: {
    section: '§3',
    starred: true,
    says: 'a tombstoned generation never becomes bound (off: a RESUME under its R_0 still counts as the ack)',
    breaks: tombstoneStays,
  },
  lateAckChangesNothing: {
    section: '§3',
    starred: true,
    says: 'a late COMMIT_ACK changes nothing',
    breaks: ownerOnly,
  },
  bandChecksGeneration: {
    section: '§3',
    starred: true,
    says: 'the band obeys RELEASE only if its generation ≤ generationMax',
    breaks: agreement,
  },

  boundOnlyFromUnbound: {
    section: '§3',
    starred: false,
    says: 'the engine compare-and-sets unbound → pairing after PAIR3 (off: it looks only at pair.start)',
    breaks: oneBinding,
  },
  generationRises: {
    section: '§3',
    starred: false,
    says: 'a new binding takes generation + 1, also after one that expired (off: an expired one leaves its number free)',
    breaks: tombstoneStays,
  },
  durableBeforeCommit: {
    section: '§3',
    starred: false,
    says: 'pairing is durable before COMMIT leaves',
    breaks: freedByOldPhone,
  },
  confirmedBeforeAck: {
    section: '§3',
    starred: false,
    says: 'CONFIRMED is in flash before COMMIT_ACK leaves',
    breaks: agreement,
  },
  resumesOnlyIfConfirmed: {
    section: '§3',
    starred: false,
    says: 'the band resumes under R_0 only if CONFIRMED',
    breaks: wearerConfirmed,
  },
  resumeCountsAsAck: {
    section: '§3',
    starred: false,
    says: 'a RESUME under R_0 counts as the ack',
    breaks: lostAckRecovered,
  },
  releaseNamesItsOwn: {
    section: '§3',
    starred: false,
    says: 'the RELEASE that answers a RESUME reaches no further than that generation (off: it names the newest)',
    breaks: noRelease,
  },
  releaseAnswersResume: {
    section: '§3',
    starred: false,
    says: 'a RESUME of a tombstoned bid is answered with RELEASE',
    breaks: freedByOldPhone,
  },
  releaseAtPairStart: {
    section: '§3',
    starred: false,
    says: 'pair.start sends RELEASE when the band is unbound',
    breaks: freedByNewPhone,
  },
} as const satisfies Record<string, Rule<PairingInvariant>>

export type PairingRule = keyof typeof pairingRules
