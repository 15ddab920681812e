// The lists of docs/protocol.md against the code, in both directions: a new reason without a line in the document fails, and
// so does a line without a reason.

import { describe, expect, it } from 'vitest'
import { decide } from '../../policy/decide.ts'
import { type Spoilt, sampleFacts, sampleNowMs, tableWith, usedToday } from '../../policy/test-facts.ts'
import { actions } from '../../protocol/actions.ts'
import { conformanceBits, signatureTypes } from '../../protocol/band-cert.ts'
import { closeCodes, errorCodes } from '../../protocol/errors.ts'
import { rangingBits } from '../../protocol/evidence.ts'
import { alertKinds, changes, engineFrames, phoneFrames } from '../../protocol/messages/frames.ts'
import * as limits from '../../protocol/limits.ts'
import { gestures, opCodes, patterns, verdicts, wears } from '../../protocol/ops.ts'
import { type DenialReason, obligations, parseReason, reasons } from '../../protocol/reasons.ts'
import { dataFlags, recordTypes } from '../../protocol/records.ts'
import { bandStates, holdBits } from '../../protocol/states.ts'
import { gattUuids, subprotocol } from '../../protocol/versions.ts'
import { readText, sourceFiles } from '../tidy/source-files.ts'
import { quoted, tableOf } from './documents.ts'
import { protocolDocument, transcriptLines } from './protocol-blocks.ts'

/** A table whose first column is a number and whose second a name: name → number. */
function numbersOf(columns: readonly string[], radix = 10): Readonly<Record<string, number>> {
  const rows = tableOf(protocolDocument, columns)
  const numbers = Object.fromEntries(
    rows.map(([number = '', name = '']) => [quoted(name)[0] ?? name, Number.parseInt(number, radix)]),
  )
  expect(Object.keys(numbers)).toHaveLength(rows.length)
  return numbers
}

/** `ratchetAck` as the document spells ops: `RATCHET_ACK`. */
function shouted(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()
}

function mapKeys<Value>(
  table: Readonly<Record<string, Value>>,
  change: (name: string) => string,
): Readonly<Record<string, Value>> {
  return Object.fromEntries(Object.entries(table).map(([name, value]) => [change(name), value]))
}

function frameNumbers(table: Readonly<Record<string, { readonly number: number }>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(table).map(([name, { number }]) => [name, number]))
}

describe('the numbers of the document', () => {
  it.for([
    ['reasons', ['number', 'reason', 'obligation', 'final', 'meaning'], reasons],
    ['errors', ['code', 'name', 'when', 'what the phone should do'], errorCodes],
    ['alerts', ['kind', 'name', 'the wearer should know'], alertKinds],
    ['obligations', ['obligation', 'name', 'what helps'], obligations],
    ['changes', ['change', 'name', 'waits (configured)', 'target of a veto'], changes],
    ['states', ['state', 'name', 'meaning'], bandStates],
    ['holds', ['hold bit', 'name', 'who sets it', 'who lifts it'], holdBits],
    ['actions', ['action', 'name', 'meaning'], actions],
    ['verdicts', ['verdict', 'name', 'the band saw that its wearer'], verdicts],
    ['wear', ['wear', 'name', 'meaning'], wears],
    ['gestures', ['gesture', 'name', 'meaning'], gestures],
    ['patterns', ['pattern', 'name', 'light and vibration'], patterns],
    ['conformance bits', ['conformance bit', 'name', 'the hardware'], conformanceBits],
    ['ranging bits', ['ranging bit', 'name', 'meaning'], rangingBits],
    ['signature types', ['signature type', 'name'], signatureTypes],
    ['frames of the phone', ['type', 'name', 'answer', 'what it does'], frameNumbers(phoneFrames)],
    ['frames of the engine', ['type', 'name', 'when'], frameNumbers(engineFrames)],
  ] as const)('of %s are those of the code, all of them and no others', ([, columns, table]) => {
    expect(numbersOf(columns)).toEqual(table)
  })

  it('of records are those of the code', () => {
    const documented = numbersOf(['type', 'name', 'way', 'bytes', 'what it is'], 16)
    expect(mapKeys(documented, (name) => name.toLowerCase())).toEqual(recordTypes)
  })

  it('of ops are those of the code', () => {
    expect(numbersOf(['op', 'name', 'way', 'bytes', 'what it says'], 16)).toEqual(mapKeys(opCodes, shouted))
  })

  it('of DATA flags are those of the code, beside the key phase and the reserved bits', () => {
    const documented = numbersOf(['flag', 'name', 'meaning'], 16)
    expect(documented).toEqual({ ...dataFlags, phase: 0x70, '': 0x03 })
  })

  it('of close codes are those of the code, with what a phone does on each', () => {
    const rows = tableOf(protocolDocument, ['code', 'name', 'then', 'when'])
    const documented = rows.map(([code = '', name = '', then = '']) => [
      quoted(name)[0],
      { number: Number(code), then },
    ])
    expect(Object.fromEntries(documented)).toEqual(closeCodes)
  })

  it('of limits are those of the code, all of them and no others', () => {
    const rows = tableOf(protocolDocument, ['limit', 'value', 'what it bounds'])
    const documented = rows.map(([name = '', value = '']) => [quoted(name)[0], Number(value.replaceAll(',', ''))])
    expect(Object.fromEntries(documented)).toEqual({ ...limits })
  })

  it('of the answers to frames are those that the engine gives', () => {
    const rows = tableOf(protocolDocument, ['type', 'name', 'answer', 'what it does'])
    for (const [type = '', , answer = ''] of rows) expect(answer.split(',')[0]).toBe(String(Number(type) + 100))
  })
})

describe('the names of the document', () => {
  const text = readText(protocolDocument)

  it('include the subprotocol and the GATT service with its characteristics', () => {
    expect(text).toContain(`\`${subprotocol}\``)
    const rows = tableOf(protocolDocument, ['characteristic', 'UUID', ''])
    expect(Object.fromEntries(rows.map(([name = '', uuid = '']) => [name.toLowerCase(), quoted(uuid)[0]]))).toEqual(
      gattUuids,
    )
  })

  it('of the labels that separate the uses of keys are those of the code', () => {
    const labels = (from: string) => [
      ...new Set([...from.matchAll(/["'](bnd1 [a-z0-9]+)["']/g)].map((match) => match[1] ?? '')),
    ]
    // Keys of rows at rest never leave the engine.
    const isOfWire = (path: string) => path.startsWith('crypto/') && path !== 'crypto/at-rest.ts'
    const code = sourceFiles.filter((file) => isOfWire(file.path) && !file.isTest).map((file) => file.code)
    expect(labels(text).toSorted()).toEqual(labels(code.join()).toSorted())
  })

  it('cite nothing that is not there: sections that comments in the code name exist', () => {
    const sections = new Set([...text.matchAll(/^## (\d+)\. /gm)].map((match) => match[1] ?? ''))
    const cited = sourceFiles.flatMap(({ path }) =>
      [...readText(path).matchAll(/\bPROTOCOL §(\d+)/g)].map((match) => ({ path, section: match[1] ?? '' })),
    )
    expect(cited.length).toBeGreaterThan(20)
    expect(cited.filter(({ section }) => !sections.has(section))).toEqual([])
    for (const [, section] of text.matchAll(/§(\d+)\b(?!\.)/g)) expect(sections).toContain(section)
  })
})

describe('what the document says of receipts', () => {
  const receipt = transcriptLines().find(({ name }) => name === 'receipt')?.value
  const [header = {}, claims = {}] = String(receipt)
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as object)

  it('names every claim there is, in the order of the receipt in the transcript', () => {
    const named = tableOf(protocolDocument, ['claim', 'meaning']).flatMap(([claim = '']) => quoted(claim))
    expect(named).toEqual(Object.keys(claims))
  })

  it('shows its header', () => {
    const text = JSON.stringify({ ...header, kid: '…' }).replace('"…"', '…')
    expect(readText(protocolDocument)).toContain(`\`${text}\``)
  })
})

describe('what the document says of denials', () => {
  /** What spoils the sample request so that the policy gives this reason. The other reasons come before the policy is asked. */
  const spoils: Readonly<Partial<Record<DenialReason, Spoilt>>> = {
    'unsupported-action': { terms: { action: actions.unlock } },
    'band-not-bound': { band: { state: 'unbound' } },
    'band-off-wrist': { band: { state: 'offWrist' } },
    'band-not-armed': { band: { state: 'disarmed' } },
    'band-deactivating': { band: { state: 'deactivating' } },
    'owner-freeze': { band: { holds: holdBits['owner-freeze'] } },
    'operator-freeze': { band: { holds: holdBits['operator-freeze'] } },
    'risk-freeze': { band: { holds: holdBits['risk-freeze'] } },
    'band-lost': { band: { holds: holdBits.lost } },
    'not-present': { present: false },
    'proof-invalid': { proof: { valid: false } },
    'refused-by-wearer': { proof: { verdict: 'refused' } },
    'verification-stale': { terms: { amountMinor: 6_000 } },
    'proximity-too-low': { terms: { amountMinor: 1_900 }, level: 1 },
    'over-use-limit': { terms: { amountMinor: 10_001 } },
    'over-day-limit': usedToday({ payMinor: 29_500, byLevelMinor: [0, 0, 29_500, 0, 0] }),
    'over-class-limit': usedToday({ payMinor: 27_500, byLevelMinor: [0, 0, 27_500, 0, 0] }),
    'over-evidence-limit': tableWith({ perLevelUseMinor: [0, 0, 0, 0, 0] }),
    'currency-not-allowed': { terms: { currency: 1 } },
    'amount-invalid': { terms: { amountMinor: 0 } },
    'offer-expired': { terms: { expiresAtMs: sampleNowMs } },
    'epoch-raised': { ownerEpoch: 6 },
    'clock-uncertain': { clockCertain: false },
    'arm-expired': { band: { armedUntilMs: sampleNowMs } },
    'phone-pending': { phonePending: true },
    'over-arming-limit': { arming: [{ currency: 978, byLevelMinor: [0, 0, 28_000, 0, 0] }] },
    'offer-too-long-lived': { terms: { expiresAtMs: sampleNowMs + limits.offerLifeMaxMs + 1 } },
  }
  const beforePolicy = ['offer-not-authentic', 'reference-conflict']
  const rows = tableOf(protocolDocument, ['number', 'reason', 'obligation', 'final', 'meaning']).slice(1)

  it.for(rows.map((row) => [quoted(row[1] ?? '')[0] ?? '', row] as const))(
    '%s: its obligation and whether it is final',
    ([reason, row]) => {
      const [number = '', , obligation = '', final = ''] = row
      const known = parseReason(Number(number))
      expect(known).toBe(reason)
      if (beforePolicy.includes(reason)) return expect([obligation, final]).toEqual(['', 'lsn 0'])
      const spoilt = known === undefined || known === 'approved' ? undefined : spoils[known]
      const decision = decide(sampleFacts(spoilt ?? {}))
      if (decision.approved) throw new Error(`nothing here makes the policy say ${reason}`)
      expect(decision.reason).toBe(reason)
      expect(quoted(obligation)[0] ?? null).toBe(decision.obligation)
      expect(final).toBe(decision.obligation === null ? 'yes' : 'no')
    },
  )
})
