import { describe, expect, it } from 'vitest'
import type { BandDecision, BandReport } from '../../sdk/admin/admin-reports.ts'
import { paint } from '../terminal/drawing.ts'
import { accountLines, bandLines, severalLines } from './inspect-view.ts'

const nowMs = 1_800_000_000_000
const decision: BandDecision = {
  lsn: 9,
  atMs: nowMs - 60_000,
  partner: '11'.repeat(16),
  partnerName: 'Demo till',
  resource: '0b'.repeat(16),
  reference: '22'.repeat(8),
  action: 'pay',
  amountMinor: 450,
  currency: 978,
  label: 'Coffee',
  reason: 'approved',
  obligation: null,
  reversedByLsn: null,
}
const report: BandReport = {
  type: 'band',
  nowMs,
  bandId: 'ab'.repeat(16),
  bid: 'cd'.repeat(8),
  name: 'Left wrist',
  state: 'armed',
  holds: [],
  holdsChangedAtMs: null,
  awake: true,
  endedGeneration: null,
  account: 'alic…',
  generation: 3,
  generationEnded: 2,
  pairingUntilMs: null,
  hardware: { vendor: 7, model: 1, batch: 41, standing: 'active' },
  arm: { untilMs: nowMs + 8_040_000, epoch: 4, ownerEpoch: 0, verifiedAtMs: nowMs - 2_880_000 },
  ownerEpoch: 0,
  wearEpoch: 5,
  session: {
    kind: 'phone',
    link: {
      wear: 'on',
      wearEpoch: 5,
      present: true,
      leaseLeftMs: 83_000,
      tick: 12,
      tickAgeMs: 7_000,
      up: { phase: 0, ctr: 34 },
      down: { phase: 1, ctr: 40 },
      badTags: 0,
    },
  },
  proximity: { level: 2, atMs: nowMs - 60_000 },
  resume: { k: 4, resumes: 3, rekeyedAtMs: nowMs - 7_200_000, keepsPrevious: false },
  limits: [
    {
      currency: 978,
      table: { perUseMinor: 50_000, perDayMinor: 100_000, receivePerDayMinor: 500_000 },
      own: { perUseMinor: 20_000, perDayMinor: 30_000 },
      usedToday: { payMinor: 450, receiveMinor: 0 },
      leftToday: { useMinor: 20_000, payMinor: 29_550, receiveMinor: 500_000 },
    },
  ],
  phones: [
    {
      phoneId: 'ef'.repeat(16),
      enrolledAtMs: nowMs - 7_200_000,
      seenAtMs: nowMs - 60_000,
      live: true,
      pendingUntilMs: null,
      suspendedAtMs: null,
      removeAtMs: null,
    },
  ],
  pending: [],
  decisions: [decision],
  decisionsCut: false,
}

function textOf(change: Partial<BandReport> = {}): string {
  return bandLines({ ...report, ...change })
    .map((line) => paint(line, Infinity, false).trimEnd())
    .join('\n')
}

describe('the beginning of several ids', () => {
  it('lists the bands that it may mean', () => {
    const one = { bandId: 'd0189313'.padEnd(32, '0'), bid: null, name: 'left', state: 'armed', holds: [] }
    const bands = [one, { ...one, bandId: 'd0189313'.padEnd(32, '1'), name: 'right' }]
    const lines = severalLines({ type: 'several', bands, isCut: true }).map((line) => paint(line, Infinity, false))
    expect(lines[0]).toBe('not one band: that begins the ids of more than 2; inspect one by more of its id')
    for (const { bandId } of bands) expect(lines.join('\n')).toContain(bandId)
  })
})

describe('a band as text', () => {
  it('says all there is to know, one thing a line', () => {
    expect(textOf()).toBe(
      [
        `band ${'ab'.repeat(16)}  armed  awake`,
        'name       Left wrist',
        'account    alic…  (--open REASON tells all of it)',
        `binding    generation 3, bid ${'cd'.repeat(8)}; up to 2 they have ended`,
        'maker      vendor 7, model 1, batch 41: active',
        'holds      none',
        'armed      until 2027-01-15 10:14:00 UTC (for 2 h 14 min); arm epoch 4, owner epoch 0',
        'verified   48 min ago',
        'worn       wear epoch 5; its link says on, epoch 5',
        'presence   present by a phone session: lease 83 s, tick 12 of 7 s ago, up 34 in phase 0, down 40 in phase 1',
        'nearness   level 2 (tap) at the newest decision, 60 s ago',
        'resume     k 4, 3 resumes since it was rekeyed 2 h 0 min ago',
        `phones     ${'ef'.repeat(16)}: live, enrolled 2 h 0 min ago`,
        'pending    nothing',
        '',
        'limits  table, use / day   own, use / day   paid today  left, use / day  received  left',
        'EUR     500.00 / 1,000.00  200.00 / 300.00  4.50        200.00 / 295.50  0.00      5,000.00',
        '',
        'decided                  partner    for         amount    outcome',
        '2027-01-15 07:59:00 UTC  Demo till  pay Coffee  4.50 EUR  approved',
      ].join('\n'),
    )
  })

  it('says who holds it, and that the journal knows where the row does not', () => {
    const holds = [
      { hold: 'owner-freeze', of: 'band', surfaces: ['web', 'phone:ef'] },
      { hold: 'lost', of: 'band', surfaces: [] },
    ] as const
    const text = textOf({
      holds,
      holdsChangedAtMs: nowMs - 60_000,
      state: 'disarmed',
      arm: { ...report.arm, untilMs: null },
    })
    expect(text).toContain('disarmed, held')
    expect(text).toContain('owner-freeze by web and phone:ef, lost (the journal says by whom), last changed 60 s ago')
    expect(text).toContain('armed      no; arm epoch 4')
  })

  it('says what holds the whole account, and that it is that', () => {
    const holds = [{ hold: 'owner-freeze', of: 'account', surfaces: ['band'] }] as const
    expect(textOf({ holds, holdsChangedAtMs: null })).toContain('owner-freeze of the whole account by band')
  })

  it('says what is pending and when it falls due', () => {
    const rising = [{ currency: 978, perUseMinor: 40_000, perDayMinor: 50_000 }]
    const text = textOf({
      pending: [
        { change: 'found', dueAtMs: nowMs + 3_600_000, begunBy: 'web' },
        { change: 'limits', dueAtMs: nowMs - 1, begunBy: 'phone:ef', rising },
      ],
    })
    expect(text).toContain('pending    found at 2027-01-15 09:00:00 UTC, in 1 h 0 min, begun by web')
    expect(text).toContain('limits to 400.00 EUR a use, 500.00 EUR a day at 2027-01-15 07:59:59 UTC, which is now')
  })

  it('says in words why something was denied, what would help, and what was taken back', () => {
    const decisions = [
      { ...decision, reason: 'verification-stale', obligation: 'verify-user' },
      { ...decision, reason: 'owner-freeze', reversedByLsn: 12 },
      { ...decision, partnerName: null, currency: 51, label: '', reason: 'some-day-new' },
    ]
    const text = textOf({ decisions, decisionsCut: true })
    expect(text).toContain('needs a newer verification; verify-user would help')
    expect(text).toContain('approved, then reversed: frozen by its owner')
    expect(text).toMatch(new RegExp(`${'11'.repeat(16)} +pay +450 minor units of 051 +some-day-new`))
    expect(text).toContain('older ones stand too far back')
  })

  it('of a band that is nobody’s and was asked for by an old bid says so', () => {
    const nobodys = {
      bid: null,
      account: null,
      state: 'unbound',
      name: '',
      session: null,
      resume: null,
      proximity: null,
      limits: [],
      decisions: [],
      endedGeneration: 2,
      arm: { ...report.arm, untilMs: null, verifiedAtMs: null },
    }
    const text = textOf(nobodys)
    for (const part of [
      'that bid named generation 2, which has ended',
      'account    none: the band is nobody’s',
      'binding    none now; up to 2 they have ended',
      'verified   never',
      'presence   no session carries it',
      'nearness   unknown',
      'resume     no chain',
      'limits     none',
      'decisions  none',
    ])
      expect(text).toContain(part)
    expect(text).not.toContain('name ')
  })

  it('tells a link that lapsed, and one that is not there yet', () => {
    const link = report.session?.link ?? null
    const lapsed = link === null ? null : { ...link, present: false, leaseLeftMs: 0, badTags: 3 }
    expect(textOf({ session: { kind: 'hub', link: lapsed } })).toMatch(
      /not present by a hub session: lease 0 s.*, 3 bad tags/,
    )
    expect(textOf({ session: { kind: 'hub', link: null } })).toContain('a hub session carries it, without a live link')
  })

  it('lets nobody who names a band or an offer command the terminal', () => {
    const evil = 'x\u001b]0;owned\u0007\u001b[2J'
    const text = textOf({ name: evil, decisions: [{ ...decision, label: evil, partnerName: evil }] })
    expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
    expect(text).toContain('x?]0;owned??[2J')
  })

  it('shows an opened account without an invitation to open it', () => {
    expect(textOf({ account: 'alice' })).toMatch(/^account {4}alice$/m)
  })
})

describe('an account with several bands', () => {
  it('lists them', () => {
    const band = { bandId: 'ab'.repeat(16), bid: 'cd'.repeat(8), name: '', state: 'armed', holds: [] }
    const held = {
      ...band,
      bandId: 'ef'.repeat(16),
      state: 'offWrist',
      holds: [{ hold: 'lost', of: 'band', surfaces: [] } as const],
      name: 'old',
    }
    const lines = accountLines({ type: 'account', account: 'alic…', bands: [band, held] })
    expect(lines.map((line) => paint(line, Infinity, false).trimEnd())).toEqual([
      'account alic… has 2 bands; inspect one by its id',
      `band${' '.repeat(30)}bid${' '.repeat(15)}state     holds  name`,
      `${'ab'.repeat(16)}  ${'cd'.repeat(8)}  armed     -`,
      `${'ef'.repeat(16)}  ${'cd'.repeat(8)}  offWrist  lost   old`,
    ])
  })
})

describe('the phones of the account', () => {
  it('stand each on its line, with what waits', () => {
    const phone = report.phones[0]
    if (phone === undefined) throw new Error('the report has a phone')
    const at = (afterMs: number) => nowMs + afterMs
    const pending = { ...phone, phoneId: '01'.repeat(16), live: false, pendingUntilMs: at(60_000) }
    const leaving = { ...phone, phoneId: '02'.repeat(16), suspendedAtMs: nowMs, removeAtMs: at(120_000) }
    const text = textOf({ phones: [pending, leaving] })
    expect(text).toContain(
      `phones     ${'01'.repeat(16)}: away, enrolled 2 h 0 min ago, pending until 2027-01-15 08:01:00 UTC`,
    )
    expect(text).toContain(
      `           ${'02'.repeat(16)}: live, enrolled 2 h 0 min ago, suspended, removed at 2027-01-15 08:02:00 UTC`,
    )
    expect(textOf({ phones: [] })).toContain('phones     none')
  })
})
