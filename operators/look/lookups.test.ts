// Who may ask for what an account has here: a guess that is right tells whose band it is.
import { describe, expect, it, onTestFinished } from 'vitest'
import { operatorPaths } from '../../protocol/operator-api.ts'
import { operatorLimits } from '../ports/limits.ts'
import { entryOf, knownBand, testSite } from '../test-site.ts'

const account = 'alice-of-the-hills'
/** Every way to ask by account. */
const asks = [`${operatorPaths.bands}?name=${account}`, `${operatorPaths.decisions}?account=${account}`] as const
const exported = `${operatorPaths.export}?format=csv&account=${account}`

describe('a viewer', () => {
  it.for(asks)('finds nothing by an account, is told why, and learns nothing from it: %s', async (path) => {
    const site = await testSite(onTestFinished)
    site.decisions.push(entryOf(7))
    const vera = await site.signedIn('vera')
    for (const guess of [path, path.replace(account, 'bob'), path.replace(account, 'alice-of-the-hillz')]) {
      const { status, body } = await vera.get(guess)
      expect([status, body.error]).toEqual([403, 'role'])
      expect(body.message).toContain('expected the role operator')
    }
    expect([site.searches, site.engine.journaled]).toEqual([[], []])
    expect(site.engine.sought.filter(({ by }) => by !== 'id')).toEqual([])
  })

  it('finds bands by their ids as before, and no account that only looks like one', async () => {
    const site = await testSite(onTestFinished)
    const vera = await site.signedIn('vera')
    expect((await vera.get(`${operatorPaths.bands}?name=${knownBand}`)).body.bands).toHaveLength(1)
    for (const name of ['ab'.repeat(8), 'AB'.repeat(16)]) {
      expect((await vera.get(`${operatorPaths.bands}?name=${name}`)).body.bands).toEqual([])
    }
    expect(site.engine.sought.map(({ by }) => by)).toEqual(['id', 'id', 'id'])
    expect(site.engine.journaled).toEqual([])
  })
})

describe('an operator', () => {
  it.for(asks)('asks by an account, and the journal has it before it is answered: %s', async (path) => {
    const site = await testSite(onTestFinished)
    site.decisions.push(entryOf(7))
    const otto = await site.signedIn('otto')
    // Also when there is nothing: who guesses is seen to guess.
    for (const guess of [account, 'nobody']) {
      expect((await otto.get(path.replace(account, guess))).status).toBe(200)
    }
    expect(site.engine.journaled.map(({ act, who }) => [act, who.by, who.reason])).toEqual([
      ['seek-account', 'operator:otto', expect.stringMatching(/ of account alic\.\.\.$/)],
      ['seek-account', 'operator:otto', expect.stringMatching(/ of account nobo\.\.\.$/)],
    ])
    site.engine.refuses = 'storage-full'
    const { status, body } = await otto.get(path)
    expect([status, body.error]).toEqual([503, 'storage-full'])
  })

  it('finds a band as tables show it without a record, and asks by the beginning of an account with one', async () => {
    const site = await testSite(onTestFinished)
    const otto = await site.signedIn('otto')
    const shown = encodeURIComponent(`${knownBand.slice(0, 8).toUpperCase()}…`)
    expect((await otto.get(`${operatorPaths.bands}?name=${shown}`)).body.bands).toHaveLength(1)
    expect(site.engine.journaled).toEqual([])
    await otto.get(`${operatorPaths.bands}?name=${encodeURIComponent('alic…')}`)
    expect(site.engine.journaled.map(({ who }) => who.reason)).toEqual(['bands of account alic...'])
    const vera = await site.signedIn('vera')
    expect((await vera.get(`${operatorPaths.bands}?name=${encodeURIComponent('alic…')}`)).status).toBe(403)
  })

  it('finds a band by its id without a record', async () => {
    const site = await testSite(onTestFinished)
    const otto = await site.signedIn('otto')
    expect((await otto.get(`${operatorPaths.bands}?name=${knownBand}`)).body.bands).toHaveLength(1)
    expect(site.engine.journaled).toEqual([])
    // What no band has may be an account that looks so.
    await otto.get(`${operatorPaths.bands}?name=${'ab'.repeat(16)}`)
    expect(site.engine.journaled).toHaveLength(1)
  })

  it(`asks by accounts ${operatorLimits.lookupsPerOperator.burst} times at once and not once more, whichever way`, async () => {
    const site = await testSite(onTestFinished)
    const { burst, perMinute } = operatorLimits.lookupsPerOperator
    const otto = await site.signedIn('otto')
    for (let at = 0; at < burst; at++) expect((await otto.get(asks[at % 2] ?? '')).status).toBe(200)
    for (const path of asks) expect((await otto.get(path)).body.error).toBe('too-many-lookups')
    expect((await (await site.signedIn('olga')).get(asks[0])).status).toBe(200)
    site.clock.pass(60_000 / perMinute)
    expect((await otto.get(asks[1])).status).toBe(200)
    expect(site.engine.journaled.length).toBe(burst + 2)
  })

  it('exports by an account as by anything else: the export is in the journal by itself', async () => {
    const site = await testSite(onTestFinished)
    expect((await (await site.signedIn('otto')).get(exported)).status).toBe(200)
    expect((await (await site.signedIn('vera')).get(exported)).status).toBe(403)
    expect(site.engine.journaled.map(({ act }) => act)).toEqual(['export'])
  })
})
