// Paged lists of decisions and their streamed export with backpressure. An export is a batch at a time, each looked for when the reader
// has taken the one before: a slow reader holds nothing but its batch, and a reader that goes away ends the search.

import {
  type DecisionEntry,
  type DecisionFilter,
  exportFromHeader,
  exportToHeader,
} from '../../protocol/operator-api.ts'
import { encodeUtf8 } from '../../base/bytes.ts'
import { operatorReasonBytesMax } from '../../engine/ports/rows.ts'
import { type Answered, CutOff, type SignedInAsked, json, refused } from '../http/answers.ts'
import { Attempts } from '../guards/attempts.ts'
import { exportHead, exportRow } from './export-rows.ts'
import { operatorLimits } from '../ports/limits.ts'
import type { Lookups } from './lookups.ts'
import { shortAccount } from '../ports/names.ts'
import type { OperatorPorts } from '../ports/ports.ts'
import { type ExportFormat, readDecisionsQuery, readExportQuery } from '../http/requests.ts'
import { Shares } from '../guards/places.ts'
import type { OperatorSessions } from '../guards/sessions.ts'

type Ports = Pick<OperatorPorts, 'clock' | 'decisions' | 'engine' | 'log' | 'lists'>

export type DecisionAnswers = {
  readonly list: (asked: SignedInAsked) => Promise<Answered>
  readonly export: (asked: SignedInAsked) => Promise<Answered>
}

export function decisionAnswers(
  ports: Ports,
  sessions: Pick<OperatorSessions, 'find'>,
  lookups: Pick<Lookups, 'refused'>,
): DecisionAnswers {
  const searches = new Shares(operatorLimits.searches)
  const exports = new Shares(operatorLimits.exports)
  const exported = new Attempts(operatorLimits.exportsPerOperator)
  return {
    async list({ query, signal, session }) {
      const { filter, limit } = readDecisionsQuery(query)
      const over = searches.take(session.name)
      if (over === undefined) return busy(atOnce('searches'))
      try {
        const { account } = filter
        const no = account === undefined ? undefined : await lookups.refused(account, 'decisions', session)
        if (no !== undefined) return no
        const found = await ports.decisions.search(filter, { limit, signal })
        const names = partnerNames(ports)
        return json({ ...found, decisions: found.decisions.map((one) => shown(names, one)) })
      } finally {
        over()
      }
    },

    async export({ query, signal, session, cookie }) {
      const { filter, format } = readExportQuery(query)
      const over = exports.take(session.name)
      if (over === undefined) return busy(atOnce('exports'))
      if (!exported.take(session.name, ports.clock.monotonicMs())) {
        over()
        return busy(`at most ${operatorLimits.exportsPerOperator.perMinute} exports of one operator a minute`)
      }
      try {
        const reason = reasonOf(format, filter)
        const lsn = await ports.engine.journal('export', 'decisions', { by: `operator:${session.name}`, reason })
        if (typeof lsn !== 'number') {
          over()
          return refused(503, lsn, 'expected a journal that takes who exports what', 5_000)
        }
        ports.log('info', 'operator.exported', { operator: session.name, format, filter: shortened(filter), lsn })
        // The reader left meanwhile: then it is not read to the end, and no signal comes any more.
        if (signal.aborted) over()
        signal.addEventListener('abort', over, { once: true })
        // Taking an export counts as activity of the session; an operator who was signed out meanwhile gets no more of it.
        const isSignedIn = () => sessions.find(cookie, true) === session
        const { oldestLsn, newestLsn } = ports.decisions.span()
        const fromLsn = Math.min(newestLsn, (filter.beforeLsn ?? newestLsn + 1) - 1)
        return {
          type: 'stream',
          contentType:
            format === 'csv' ? 'text/csv; charset=utf-8; header=present' : 'application/jsonl; charset=utf-8',
          headers: {
            'content-disposition': `attachment; filename="decisions.${format}"`,
            [exportFromHeader]: String(Math.max(0, fromLsn)),
            [exportToHeader]: String(oldestLsn),
          },
          chunks: rows(ports, { ...filter, beforeLsn: fromLsn + 1 }, { format, signal, over, isSignedIn }),
        }
      } catch (error) {
        over()
        throw error
      }
    },
  }
}

async function* rows(
  ports: Ports,
  filter: DecisionFilter,
  how: {
    readonly format: ExportFormat
    readonly signal: AbortSignal
    readonly over: () => void
    readonly isSignedIn: () => boolean
  },
): AsyncGenerator<Uint8Array> {
  const { format, signal, over, isSignedIn } = how
  try {
    const head = exportHead(format)
    if (head !== '') yield encodeUtf8(head)
    const names = partnerNames(ports)
    for await (const batch of ports.decisions.all(filter, signal)) {
      if (!isSignedIn()) throw new CutOff('who takes an export was signed out')
      const text = batch.map((one) => exportRow(format, shown(names, one))).join('')
      if (text !== '') yield encodeUtf8(text)
    }
  } finally {
    over()
  }
}

type Names = ReadonlyMap<string, string>

function partnerNames({ lists }: Ports): Names {
  return new Map(lists.partners().partners.map(({ id, name }) => [id, name]))
}

function shown(names: Names, decision: DecisionEntry): DecisionEntry {
  const partnerName = names.get(decision.partner) ?? decision.partnerName
  return { ...decision, account: shortAccount(decision.account), partnerName }
}

function atOnce(what: 'searches' | 'exports'): string {
  const { max, perOwnerMax } = operatorLimits[what]
  return `at most ${perOwnerMax} ${what} of one operator at once, and ${max} of all`
}

function busy(expected: string): Answered {
  return refused(429, 'busy', `expected ${expected}`, 2_000)
}

/** Audit reason of an export: what was taken, as the journal keeps it; there is no other reason. */
function reasonOf(format: ExportFormat, filter: DecisionFilter): string {
  const parts = Object.entries(shortened(filter)).map(([name, value]) => `${name}=${String(value)}`)
  const reason = `${format} of ${parts.length === 0 ? 'all' : parts.join(' ')}`
  return reason.length <= operatorReasonBytesMax ? reason : `${reason.slice(0, operatorReasonBytesMax - 3)}...`
}

function shortened(filter: DecisionFilter): DecisionFilter {
  return filter.account === undefined
    ? filter
    : { ...filter, account: shortAccount(filter.account).replace('…', '...') }
}
