// One band as lines of text. Pure; `inspect.ts` prints them. What others wrote (names, labels) is made harmless first.

import type { AccountBands, BandDecision, BandLimits, BandReport, SeveralBands } from '../../sdk/admin/admin-reports.ts'
import { reasonText } from '../../sdk/admin/reason-words.ts'
import { type Line, type Piece, printable } from '../terminal/drawing.ts'
import { table } from '../terminal/table.ts'
import { amountText, instantText, majorText, spanText } from '../terminal/words.ts'

const nameWidth = 11

/** The bands of an account that has several. */
export function accountLines({ account, bands }: AccountBands): readonly Line[] {
  return [
    [{ text: `account ${account}`, tone: 'strong' }, ` has ${bands.length} bands; inspect one by its id`],
    ...listLines(bands),
  ]
}

/** Bands that the beginning of an id may mean. */
export function severalLines({ bands, isCut }: SeveralBands): readonly Line[] {
  const count = `${isCut ? 'more than ' : ''}${bands.length}`
  return [
    [{ text: 'not one band', tone: 'strong' }, `: that begins the ids of ${count}; inspect one by more of its id`],
    ...listLines(bands),
  ]
}

function listLines(bands: AccountBands['bands']): readonly Line[] {
  const rows = bands.map(({ bandId, bid, name, state, holds }) => [
    bandId,
    bid ?? '-',
    state,
    holds.map(({ hold }) => hold).join(', ') || '-',
    printable(name),
  ])
  return tableLines(['band', 'bid', 'state', 'holds', 'name'], rows)
}

/** One band. */
export function bandLines(report: BandReport): readonly Line[] {
  const { bandId, name, bid, hardware, wearEpoch, nowMs, endedGeneration, generation, generationEnded } = report
  const { vendor, model, batch, standing } = hardware
  const ended = generationEnded === 0 ? '' : `; up to ${generationEnded} they have ended`
  return [
    [{ text: `band ${bandId}`, tone: 'strong' }, '  ', stateOf(report), report.awake ? '  awake' : '  asleep'],
    ...(endedGeneration === null
      ? []
      : [row('', { text: `that bid named generation ${endedGeneration}, which has ended`, tone: 'bad' })]),
    ...(name === '' ? [] : [row('name', printable(name))]),
    row('account', ...accountOf(report)),
    row('binding', bid === null ? `none now${ended}` : `generation ${generation}, bid ${bid}${ended}`),
    row('maker', `vendor ${vendor}, model ${model}, batch ${batch}: `, standingOf(standing)),
    row('holds', ...holdsOf(report)),
    row('armed', armOf(report)),
    row('verified', agoOf(report.arm.verifiedAtMs, nowMs)),
    row('worn', `wear epoch ${wearEpoch}${wornNow(report)}`),
    row('presence', ...presenceOf(report)),
    row('nearness', nearnessOf(report)),
    row('resume', resumeOf(report)),
    ...phoneLines(report),
    ...pendingLines(report),
    [],
    ...limitLines(report.limits),
    [],
    ...decisionLines(report),
  ]
}

function row(name: string, ...pieces: readonly Piece[]): Line {
  return [name.padEnd(nameWidth), ...pieces]
}

function stateOf({ state, holds }: BandReport): Piece {
  if (holds.length > 0) return { text: `${state}, held`, tone: 'bad' }
  return state === 'armed' ? { text: state, tone: 'good' } : state
}

function accountOf({ account }: BandReport): readonly Piece[] {
  if (account === null) return ['none: the band is nobody’s']
  // No account id has this character: what ends with it is the beginning of one.
  if (!account.endsWith('…')) return [account]
  return [account, { text: '  (--open REASON tells all of it)', tone: 'faint' }]
}

function standingOf(standing: string): Piece {
  return standing === 'active' ? standing : { text: `${standing}, so the lowest limits hold`, tone: 'bad' }
}

function holdsOf({ holds, holdsChangedAtMs, nowMs }: BandReport): readonly Piece[] {
  const changed = holdsChangedAtMs === null ? '' : `, last changed ${agoOf(holdsChangedAtMs, nowMs)}`
  if (holds.length === 0) return [`none${changed}`]
  const named = holds.map(({ hold, of, surfaces }) => {
    return `${hold}${of === 'account' ? ' of the whole account' : ''} ${surfaces.length === 0 ? '(the journal says by whom)' : `by ${surfaces.map(printable).join(' and ')}`}`
  })
  return [{ text: named.join(', '), tone: 'bad' }, changed]
}

function armOf({ arm, ownerEpoch, nowMs, state }: BandReport): string {
  const { untilMs, epoch } = arm
  const owner = ownerEpoch === null ? '' : `, owner epoch ${ownerEpoch}`
  if (untilMs === null) return `no; arm epoch ${epoch}${owner}`
  const left = untilMs > nowMs ? `for ${spanText(untilMs - nowMs)}` : 'over'
  const raised = arm.ownerEpoch === ownerEpoch ? '' : `; armed under owner epoch ${arm.ownerEpoch}, which has ended`
  const isMeant = state === 'armed' ? 'until' : 'no, but it was until'
  return `${isMeant} ${instantText(untilMs)} (${left}); arm epoch ${epoch}${owner}${raised}`
}

function wornNow({ session }: BandReport): string {
  const link = session?.link
  return link === undefined || link === null ? '' : `; its link says ${link.wear}, epoch ${link.wearEpoch}`
}

function presenceOf({ session }: BandReport): readonly Piece[] {
  if (session === null) return ['no session carries it']
  const { link, kind } = session
  if (link === null) return [`a ${kind} session carries it, without a live link`]
  const { leaseLeftMs, tick, tickAgeMs, up, down, badTags } = link
  const rest =
    ` by a ${kind} session: lease ${spanText(leaseLeftMs)}, tick ${tick} of ${spanText(tickAgeMs)} ago, ` +
    `up ${up.ctr} in phase ${up.phase}, down ${down.ctr} in phase ${down.phase}` +
    (badTags === 0 ? '' : `, ${badTags} bad tags`)
  return [link.present ? { text: 'present', tone: 'good' } : { text: 'not present', tone: 'bad' }, rest]
}

/** PROTOCOL §5, "Proximity levels". */
const levelNames = ['none', 'signal strength', 'tap', 'ranging', 'touch'] as const

function nearnessOf({ proximity, nowMs }: BandReport): string {
  if (proximity === null) return 'unknown: no decision to go by'
  const { level, atMs } = proximity
  return `level ${level} (${levelNames[level] ?? 'unknown'}) at the newest decision, ${agoOf(atMs, nowMs)}`
}

function resumeOf({ resume, nowMs }: BandReport): string {
  if (resume === null) return 'no chain: the band has no binding'
  const { k, resumes, rekeyedAtMs, keepsPrevious } = resume
  const kept = keepsPrevious ? '; the root before is kept until the band has moved on' : ''
  return `k ${k}, ${resumes} ${resumes === 1 ? 'resume' : 'resumes'} since it was rekeyed ${agoOf(rekeyedAtMs, nowMs)}${kept}`
}

/** Of the account: each with what it may do now. */
function phoneLines({ phones, nowMs }: BandReport): readonly Line[] {
  const texts = phones.map(({ phoneId, live, enrolledAtMs, pendingUntilMs, removeAtMs }) => {
    const waits = pendingUntilMs === null ? '' : `, pending until ${instantText(pendingUntilMs)}`
    const leaves = removeAtMs === null ? '' : `, suspended, removed at ${instantText(removeAtMs)}`
    return `${phoneId}: ${live ? 'live' : 'away'}, enrolled ${agoOf(enrolledAtMs, nowMs)}${waits}${leaves}`
  })
  return texts.length === 0 ? [row('phones', 'none')] : texts.map((text, at) => row(at === 0 ? 'phones' : '', text))
}

function pendingLines({ pending, pairingUntilMs, nowMs }: BandReport): readonly Line[] {
  const due = (atMs: number): string =>
    `${instantText(atMs)}, ${atMs > nowMs ? `in ${spanText(atMs - nowMs)}` : 'which is now'}`
  const changes = pending.map(({ change, dueAtMs, begunBy, rising = [] }) => {
    const what = rising.map(({ currency, perUseMinor, perDayMinor }) => {
      return ` to ${amountText(perUseMinor, currency)} a use, ${amountText(perDayMinor, currency)} a day`
    })
    return `${change}${what.join(' and')} at ${due(dueAtMs)}, begun by ${printable(begunBy)}`
  })
  const all = pairingUntilMs === null ? changes : [`pairing until ${due(pairingUntilMs)}`, ...changes]
  return all.length === 0 ? [row('pending', 'nothing')] : all.map((text, at) => row(at === 0 ? 'pending' : '', text))
}

function limitLines(limits: readonly BandLimits[]): readonly Line[] {
  if (limits.length === 0) return [row('limits', 'none: they are the account’s')]
  const rows = limits.map(({ currency, table: set, own, usedToday, leftToday }) => {
    const major = (minor: number): string => majorText(minor, currency)
    const [letters = ''] = amountText(0, currency).split(' ').slice(-1)
    return [
      letters,
      set === null ? 'no table' : `${major(set.perUseMinor)} / ${major(set.perDayMinor)}`,
      own === null ? '-' : `${major(own.perUseMinor)} / ${major(own.perDayMinor)}`,
      major(usedToday.payMinor),
      `${major(leftToday.useMinor)} / ${major(leftToday.payMinor)}`,
      major(usedToday.receiveMinor),
      major(leftToday.receiveMinor),
    ]
  })
  const heads = ['limits', 'table, use / day', 'own, use / day', 'paid today', 'left, use / day', 'received', 'left']
  return tableLines(heads, rows)
}

function decisionLines({ decisions, decisionsCut }: BandReport): readonly Line[] {
  const older = decisionsCut ? [['older ones stand too far back among those of the account’s other bands']] : []
  if (decisions.length === 0) return [row('decisions', 'none'), ...older]
  return [...tableLines(['decided', 'partner', 'for', 'amount', 'outcome'], decisions.map(decisionRow)), ...older]
}

function decisionRow(decision: BandDecision): readonly string[] {
  const { atMs, partner, partnerName, action, label, amountMinor, currency, reason, obligation, reversedByLsn } =
    decision
  const helps = obligation === null ? '' : `; ${obligation} would help`
  const isReversed = reversedByLsn !== null
  return [
    instantText(atMs),
    partnerName === null ? partner : printable(partnerName),
    `${action} ${printable(label)}`.trim(),
    amountText(amountMinor, currency),
    isReversed ? `approved, then reversed: ${reasonText(reason)}` : `${reasonText(reason)}${helps}`,
  ]
}

/** The first line names the columns. */
function tableLines(heads: readonly string[], rows: readonly (readonly string[])[]): readonly Line[] {
  const [head = '', ...lines] = table(heads, rows).trimEnd().split('\n')
  return [[{ text: head, tone: 'faint' }], ...lines.map((line) => [line])]
}

function agoOf(atMs: number | null, nowMs: number): string {
  return atMs === null ? 'never' : `${spanText(nowMs - atMs)} ago`
}
