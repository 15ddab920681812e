// The setting `operators.alarms`: when the operators' page raises an alarm. The page itself compares, with what the feed tells it: an
// alarm without a page costs nothing, and who must be woken is what `ops/alerts.yml` is for. A rule about a percentile says of how
// many it must be: the p99 of five answers is the slowest of them, and always over some budget.

import type { AlarmRule } from '../../protocol/operator-api.ts'
import { feedFields } from '../../protocol/messages/operator-feed.ts'
import { answerBudget, answersToJudge } from './answer-budget.ts'
import { didYouMean } from '../../base/did-you-mean.ts'
import { type Read, type Setting, type Wrong, shown, value, wrong } from './setting.ts'

/** What a rule without an `above` is never past. */
const never = Number.MAX_SAFE_INTEGER
const rulesMax = 50
const textMax = 200

export const startingAlarms: readonly AlarmRule[] = [
  {
    name: 'answers',
    field: 'answeredP99Us',
    above: answerBudget.p99Ms * 1_000,
    forS: 30,
    of: 'answered',
    ofAtLeast: answersToJudge.inSecond,
    says: `Every second one answer in a hundred takes longer than the budget of ${answerBudget.p99Ms} ms.`,
  },
  {
    name: 'answers-minute',
    field: 'answeredMinuteP99Us',
    above: answerBudget.p99Ms * 1_000,
    forS: 60,
    of: 'answeredMinute',
    ofAtLeast: answersToJudge.inMinute,
    says: `Of a minute's answers one in a hundred takes longer than the budget of ${answerBudget.p99Ms} ms.`,
  },
  {
    name: 'journal',
    field: 'journalState',
    above: 0,
    forS: 2,
    says: 'The journal is not open: nothing new is approved. See /readyz.',
  },
  {
    name: 'clock',
    field: 'clockCertain',
    above: never,
    below: 1,
    forS: 2,
    says: 'The clock is uncertain: nothing is approved until wall and monotonic time agree.',
  },
  {
    name: 'actors',
    field: 'actorErrors',
    above: 0,
    forS: 0,
    says: "A band's actor failed since the start: see the log.",
  },
  { name: 'loop', field: 'loopP99Us', above: 20_000, forS: 30, says: 'The event loop is late by more than 20 ms.' },
  { name: 'gate', field: 'gateDepth', above: 5_000, forS: 5, says: 'More than 5,000 answers wait for the disk.' },
  {
    name: 'memory',
    field: 'ownRssKb',
    above: 4 * 1_048_576,
    forS: 60,
    says: 'The engine has more than 4 GB of its own.',
  },
]

const expectedRules = 'a list of { name, field, above and/or below, forS, of and ofAtLeast, says }'
const members = ['name', 'field', 'above', 'below', 'forS', 'of', 'ofAtLeast', 'says']
/** Fields that are percentiles of answers: a rule about one says of how many. */
const percentiles = /^(answered|gate).*P\d+Us$/

/** The setting: JSON in the file, JSON text elsewhere. */
export function alarmRules(help: string): Setting<readonly AlarmRule[]> {
  return {
    kind: 'setting',
    expected: expectedRules,
    sign: 'JSON',
    default: startingAlarms,
    defaultText: startingAlarms.map(({ name }) => name).join(', '),
    help,
    read: (raw, form) => readRules(form === 'text' && typeof raw === 'string' ? parsedJson(raw) : raw),
  }
}

function readRules(raw: unknown): Read<readonly AlarmRule[]> {
  if (!isList(raw) || raw.length > rulesMax) return wrong(`${expectedRules}, at most ${rulesMax}`, raw)
  const problems: Wrong[] = []
  const rules = raw.map((one, at) => readRule(one, `[${at}]`, problems))
  const names = rules.map(({ name }) => name)
  const twice = names.find((name, at) => name !== '' && names.indexOf(name) !== at)
  if (twice !== undefined) problems.push({ path: '', expected: 'each name once', got: `${twice} a second time` })
  return problems.length > 0 ? { type: 'wrong', wrong: problems } : value(rules)
}

function readRule(raw: unknown, path: string, problems: Wrong[]): AlarmRule {
  const given: Readonly<Record<string, unknown>> = isObject(raw) ? raw : {}
  const no = (name: string, expected: string, got: unknown, hint?: string): void => {
    const where = name === '' ? path : `${path}.${name}`
    problems.push({ path: where, expected, got: shown(got), ...(hint === undefined ? {} : { hint }) })
  }
  if (!isObject(raw)) no('', 'an object with name, field, above or below, forS and says', raw)
  for (const name of Object.keys(given)) if (!members.includes(name)) no(name, `one of ${members.join(', ')}`, name)
  const text = (name: string): string => {
    const found = given[name]
    const isText = typeof found === 'string' && found !== '' && found.length <= textMax
    if (!isText) no(name, `text of 1 to ${textMax} characters`, found)
    return isText ? found : ''
  }
  const number = (name: string): number => {
    const found = given[name]
    const isCount = typeof found === 'number' && Number.isSafeInteger(found) && found >= 0
    if (!isCount) no(name, 'a whole number', found)
    return isCount ? found : 0
  }
  const fieldIn = (name: string): string => {
    const field = text(name)
    if (field !== '' && !feedFields.includes(field)) {
      const near = didYouMean(field, feedFields)
      no(name, 'a field of the feed', field, near === undefined ? undefined : `did you mean ${near}?`)
    }
    return field
  }
  const field = fieldIn('field')
  const hasOf = given['of'] !== undefined || given['ofAtLeast'] !== undefined
  if (!hasOf && percentiles.test(field)) no('of', 'a field that counts the answers, and ofAtLeast: how many', undefined)
  const hasAbove = given['above'] !== undefined
  const hasBelow = given['below'] !== undefined
  if (!hasAbove && !hasBelow) no('above', 'a threshold, above or below', undefined)
  return {
    name: text('name'),
    field,
    above: hasAbove ? number('above') : never,
    ...(hasBelow ? { below: number('below') } : {}),
    forS: number('forS'),
    ...(hasOf ? { of: fieldIn('of'), ofAtLeast: number('ofAtLeast') } : {}),
    says: text('says'),
  }
}

function parsedJson(written: string): unknown {
  try {
    return JSON.parse(written)
  } catch {
    return written
  }
}

function isList(raw: unknown): raw is readonly unknown[] {
  return Array.isArray(raw)
}

function isObject(raw: unknown): raw is Readonly<Record<string, unknown>> {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw)
}
