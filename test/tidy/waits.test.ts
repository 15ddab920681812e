import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { root, sourceFiles } from './source-files.ts'
import { staleUsesOf } from './waits.ts'

/** Folders whose code reads rows, waits, and acts. */
const guardedFolders = ['engine', 'operators']

/** What was read before a wait and may be used behind it all the same, and why. */
const allowed: Readonly<Record<string, string>> = {
  'engine/ledger/alarms.ts later alarm': 'names a row that is looked up again when its time has come',
  'engine/frames/arm.ts arm ownerEpoch': 'is compared with what the row says then',
  'engine/decisions/authorize.ts answerStored stored':
    'is used only if the row still has the same position, and then says the same',
  'engine/frames/holds.ts unfreeze band': 'only its id is used, which does not change',
  'engine/frames/holds.ts setHold band': 'only its id is used, which does not change',
  'engine/operators/inspect-band.ts bandInspector account': 'is told as it was when the journal had that it was opened',
  'engine/operators/acts.ts performAct target': 'names what the act did when its record was appended',
  'engine/operators/timeline.ts bandTimeline account': 'is what the page was asked for',
}

const stale = sourceFiles
  .filter((file) => !file.isTest && guardedFolders.includes(file.folder))
  .flatMap(({ path }) => {
    return staleUsesOf(readFileSync(`${root}/${path}`, 'utf8')).map(
      ({ name, variable }) => `${path} ${name} ${variable}`,
    )
  })

describe('what was read before a wait', () => {
  it('is read again after it, but for what is listed with a reason', () => {
    expect(stale.toSorted()).toEqual(Object.keys(allowed).toSorted())
  })
})

describe('a use of something stale is found', () => {
  const before = 'const row = core.ledger.get("phone", key)'
  const wait = 'await core.ledger.durable(lsn)'

  it.for([
    ['after the wait', `async function f() { ${before}; ${wait}; return row }`],
    ['through a pattern', `async function f() { const { holds } = accountRow(core, account); ${wait}; return holds }`],
    ['in a callback of the wait', `function f() { ${before}; core.ledger.whenDurable(lsn, () => use(row)) }`],
    ['in a timer', `function f() { ${before}; clock.after(10, () => use(row)) }`],
    ['in a loop that waits', `async function f() { ${before}; for await (const page of pages) use(row, page) }`],
    ['from what a band was told', `async function f() { const { row } = told.row; ${wait}; return row }`],
    ['when it came in as a parameter', `async function f(row: PhoneRow) { ${wait}; return row }`],
    ['in a method', `class C { async f() { ${before}; ${wait}; return row.removed } }`],
    ['in an arrow function', `const f = async () => { ${before}; ${wait}; return row }`],
  ])('%s', ([, code]) => {
    expect(staleUsesOf(code ?? '')).toHaveLength(1)
  })

  it.for([
    ['before the wait', `async function f() { ${before}; use(row); ${wait} }`],
    [
      'read again',
      `async function f() { let row = ledger.get("a", k); ${wait}; row = ledger.get("a", k); return row }`,
    ],
    ['read after it', `async function f() { ${wait}; ${before}; return row }`],
    ['of what is no row', `async function f() { const at = clock.nowMs(); ${wait}; return at }`],
    ['under the same name in a row', `async function f() { ${before}; use(row); ${wait}; return { row: 1 } }`],
  ])('and none where there is none: %s', ([, code]) => {
    expect(staleUsesOf(code ?? '')).toEqual([])
  })
})
