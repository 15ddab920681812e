// For tests: bindings to import that no band has, as an engine takes them and as a line of a file.

import { parseAccountId, parseBandId, parseBid } from '../../protocol/ids.ts'
import type { ImportedBinding } from '../../protocol/messages/imported-binding.ts'

const bandIdOf = (index: number) => index.toString(16).padStart(32, '0')
const bidOf = (index: number) => index.toString(16).padStart(16, '0')
const accountOf = (index: number) => `account-${index}`

/** One of a number's own; `change` says what is different. */
export function sampleBinding(index: number, change: Partial<ImportedBinding> = {}): ImportedBinding {
  return {
    bandId: parseBandId(bandIdOf(index)),
    bid: parseBid(bidOf(index)),
    account: parseAccountId(accountOf(index)),
    generation: 1,
    vendor: 1,
    model: 1,
    batch: 1,
    conformance: 1,
    bandKey: new Uint8Array(32).fill(1),
    acctTag: new Uint8Array(8).fill(2),
    name: '',
    root: new Uint8Array(32).fill(3),
    k: 0,
    armed: null,
    ...change,
  }
}

/** A line's object with the least that it needs. */
export function sampleLine(index: number, change: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    bandId: bandIdOf(index),
    bid: bidOf(index),
    account: accountOf(index),
    generation: 1,
    vendor: 7,
    model: 1,
    batch: 1,
    conformance: 31,
    bandKey: 'b1'.repeat(32),
    acctTag: 'ac'.repeat(8),
    root: '5e'.repeat(32),
    k: 0,
    ...change,
  }
}
