// sdk/README.md against the code: what it lists is there, what is there it lists.
import { describe, expect, it } from 'vitest'
import { PhoneBand } from '../../sdk/phone/phone-band.ts'
import { PhoneClient } from '../../sdk/phone-client.ts'
import { defaultTimeouts } from '../../sdk/phone/phone-timeouts.ts'
import { readText } from '../tidy/source-files.ts'
import { quoted, tableOf } from './documents.ts'

const readme = 'sdk/README.md'
/** Of a band, what the client calls, not the app. */
const forTheClient = ['fromEngine', 'refused', 'told', 'attachAgain', 'leave']

function membersOf(one: typeof PhoneClient | typeof PhoneBand): readonly string[] {
  const own = Object.getOwnPropertyNames(one.prototype)
  const ofClass = Object.getOwnPropertyNames(one)
  return [...own, ...ofClass].filter(
    (name) => !['constructor', 'prototype', 'length', 'name', ...forTheClient].includes(name),
  )
}

describe('sdk/README.md', () => {
  it('lists every method of a phone and of a band, and none that is not', () => {
    const listed = new Map(tableOf(readme, ['of', 'methods']).map(([of, names]) => [quoted(of ?? '')[0], names ?? '']))
    expect(quoted(listed.get('PhoneClient') ?? '').toSorted()).toEqual(membersOf(PhoneClient).toSorted())
    expect(quoted(listed.get('PhoneBand') ?? '').toSorted()).toEqual(membersOf(PhoneBand).toSorted())
  })

  it('calls nothing in its words that is not there', () => {
    const called = [...readText(readme).matchAll(/\b(phone|band)\.(\w+)\(/g)]
    expect(called.length).toBeGreaterThan(5)
    const has = { phone: membersOf(PhoneClient), band: membersOf(PhoneBand) }
    const missing = called.filter(([, of, name]) => !has[of === 'phone' ? 'phone' : 'band'].includes(name ?? ''))
    expect(missing.map(([text]) => text)).toEqual([])
  })

  it('lists the events that a phone tells, and none that no engine of this version sends', () => {
    const source = readText('sdk/phone-client.ts')
    const [, type] = /export type PhoneEvents = \{\n([\s\S]*?)\n\}\n/.exec(source) ?? []
    const names = [...(type ?? '').matchAll(/^ {2}readonly '?([\w-]+)'?:/gm)].map((match) => match[1] ?? '')
    const later = tableOf('docs/protocol.md', ['type', 'name', 'when']).flatMap(([, name, says]) =>
      says?.includes('not sent by this version') === true ? quoted(name ?? '') : [],
    )
    expect(later).toContain('asked')
    const listed = tableOf(readme, ['event', 'says']).map(([name]) => quoted(name ?? '')[0] ?? '')
    expect(listed.toSorted()).toEqual(names.filter((name) => !later.includes(name ?? '')).toSorted())
    const emitted = [...source.matchAll(/\.emit\('([\w-]+)'/g)].map((match) => match[1] ?? '')
    expect([...new Set(emitted)].toSorted()).toEqual(names.toSorted())
  })

  it('gives the waits as they are', () => {
    const rows = tableOf(readme, ['name', 'default', 'what it bounds'])
    const given = Object.fromEntries(rows.map(([name, ms]) => [quoted(name ?? '')[0], Number(ms)]))
    expect(given).toEqual(defaultTimeouts)
  })
})
