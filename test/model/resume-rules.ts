// Invariants of the resume protocol, and the rules that carry them (PROTOCOL §4). Rules marked ◆ there are `starred`; the others
// are its plain sentences, or details it leaves open that turned out to carry weight.
import type { Rule } from './rules.ts'

export const resumeInvariants = {
  recordOnce: 'I10: a record is accepted at most once, ever',
  sealedOnce: 'I11: nobody seals twice with one key and counter',
  resumeOnce: 'I14: a RESUME is accepted at most once, ever',
  challengeDies: 'I14: a challenge dies with the engine run that drew it',
  resumeFresh: 'I14: a RESUME is accepted only within the ten seconds of its challenge',
  notAhead: 'I15: the band is never ahead of the disk of the engine',
  noBrick: 'I15: from every state a fair schedule opens a link and completes its ratchet',
  forwardSecret: 'I24: once a link has shown RATCHETED, the flash of the band no longer gives its keys',
  noFalseAlarm: 'no clone alarm without a clone, now or in a fair schedule from here',
  staleRootRefused: 'S4: a root opens nothing once the band has shown that it erased it',
  cloneNoticed: 'S4: a copy one step behind raises the clone alarm',
  alarmCuts: 'S4: no link outlives the clone alarm',
  linkSurvives: 'the old link lives until the first valid record of the new one',
  linkAgreed: 'the band never leaves its link for one that the engine has not accepted',
  forgeryIsCheap: 'D1: a forged RESUME costs the engine no more steps of the ratchet than the bound',
} as const

export type ResumeInvariant = (typeof resumeInvariants)[keyof typeof resumeInvariants]

const { recordOnce, sealedOnce, resumeOnce, challengeDies, resumeFresh, notAhead, noBrick } = resumeInvariants
const { forwardSecret, noFalseAlarm, staleRootRefused, cloneNoticed, alarmCuts, linkSurvives, linkAgreed } =
  resumeInvariants
const { forgeryIsCheap } = resumeInvariants

export const resumeRules = {
  neIsRandom: {
    section: '§4',
    starred: true,
    says: 'Ne is random (off: a counter that starts again at each boot)',
    breaks: resumeOnce,
  },
  neLivesInRam: {
    section: '§4',
    starred: true,
    says: 'Ne is in RAM only (off: an issued Ne is still good after a restart)',
    breaks: challengeDies,
  },
  neIsUsedOnce: { section: '§4', starred: true, says: 'Ne is good for one RESUME', breaks: resumeOnce },
  neExpires: { section: '§4', starred: true, says: 'Ne is good for ten seconds', breaks: resumeFresh },
  neBelongsToSlot: {
    section: '§4',
    starred: true,
    says: 'Ne is bound to its socket and slot (off: slots share one Ne and each burns its own copy)',
    breaks: resumeOnce,
  },
  nbIsFresh: {
    section: '§4',
    starred: true,
    says: 'Nb is fresh (off: the same for every RESUME)',
    breaks: recordOnce,
  },
  ackAfterDisk: {
    section: '§4',
    starred: true,
    says: 'RATCHET_ACK(n + 1) is sent only after k is on disk',
    breaks: notAhead,
  },
  writeBeforeErase: {
    section: '§4',
    starred: true,
    says: 'the band writes n + 1 before it erases R_n',
    breaks: noBrick,
  },
  bandErasesOldRoot: { section: '§4', starred: true, says: 'the band erases R_n', breaks: forwardSecret },
  writeBeforeFlag: {
    section: '§4',
    starred: true,
    says: 'the band sets RATCHETED only after n + 1 is written',
    breaks: forwardSecret,
  },
  dropOnRatcheted: {
    section: '§4',
    starred: true,
    says: 'the engine drops the previous root only on seeing RATCHETED (off: when it sends the ack)',
    breaks: noFalseAlarm,
  },
  droppedRootIsRefused: {
    section: '§4',
    starred: true,
    says: 'afterwards n = k − 1 is refused',
    breaks: staleRootRefused,
  },
  staleRootRaisesAlarm: {
    section: '§4',
    starred: true,
    says: 'afterwards n = k − 1 is a clone alarm',
    breaks: cloneNoticed,
  },
  alarmEndsLinks: { section: '§4', starred: true, says: 'at a clone alarm both links end', breaks: alarmCuts },

  forgeryBurnsNothing: { section: '§4', starred: false, says: 'a forged RESUME does not burn Ne', breaks: noBrick },
  previousIsAccepted: {
    section: '§4',
    starred: false,
    says: 'the engine accepts n = k − 1 while the previous root is kept',
    breaks: noBrick,
  },
  engineKeepsOldLink: {
    section: '§4',
    starred: false,
    says: 'in the engine the old link lives until the first valid record of the new one',
    breaks: linkSurvives,
  },
  bandKeepsOldLink: {
    section: '§4',
    starred: false,
    says: 'in the band too: a CHAL, which anyone can send, costs it nothing',
    breaks: linkAgreed,
  },
  keyPerDirection: { section: '§5', starred: false, says: 'each direction has its own key', breaks: sealedOnce },
  ackMeansThisRoot: {
    section: '§4',
    starred: false,
    says: 'the ack waits for the very root of its link, not for the number k: a rekey may have replaced R_k',
    breaks: noBrick,
  },
  ratchetCancelsPending: {
    section: '§4',
    starred: false,
    says: 'when the band writes n + 1 it forgets a handshake still pending under R_n',
    breaks: noBrick,
  },
  dropBurnsChallenges: {
    section: '§4',
    starred: false,
    says: 'when the engine drops the previous root it burns every Ne that is out for the band',
    breaks: noFalseAlarm,
  },
  dropEndsPending: {
    section: '§4',
    starred: false,
    says: 'when the engine drops the previous root it forgets a link still pending under it',
    breaks: staleRootRefused,
  },
  alarmNeedsMac: {
    section: '§4',
    starred: false,
    says: 'a clone alarm needs a valid mac: the engine keeps the mac key of the root it dropped, not the root',
    breaks: noFalseAlarm,
  },
  restoreFollowsRatchet: {
    section: '§4',
    starred: false,
    says: 'after a restore the engine follows the ratchet from R_k to the root of a band that is ahead',
    breaks: noBrick,
  },
  restoreFollowsPrevious: {
    section: '§4',
    starred: false,
    says: 'it follows the ratchet from R_(k−1) too, while that is kept: R_k may be of a rekey that the band never finished',
    breaks: noBrick,
  },
  aheadIsNoClone: {
    section: '§4',
    starred: false,
    says: 'a band ahead of the engine is no clone',
    breaks: noFalseAlarm,
  },
  aheadNeedsMac: {
    section: '§4',
    starred: true,
    says: 'the engine moves to a root ahead only for a RESUME whose mac proves it (off: for the number alone)',
    breaks: noBrick,
  },
  aheadKeepsRoots: {
    section: '§4',
    starred: false,
    says: 'it keeps what it holds until the first record of the link (off: it moves on when it accepts)',
    breaks: noBrick,
  },
  aheadKeepsPrevious: {
    section: '§4',
    starred: false,
    says: 'the root that it reached is the previous one of the new link (off: the one that it came from)',
    breaks: noBrick,
  },
  aheadIsBounded: {
    section: '§4',
    starred: true,
    says: 'it takes a bounded number of steps, because it takes them before it can check the mac',
    breaks: forgeryIsCheap,
  },
} as const satisfies Record<string, Rule<ResumeInvariant>>

export type ResumeRule = keyof typeof resumeRules
