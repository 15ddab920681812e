// What operators do: the second operator, the reason, the order of journal and deed.
import { describe, expect, it, onTestFinished } from 'vitest'
import { operatorReasonBytesMax } from '../../engine/ports/rows.ts'
import { operatorPaths } from '../../protocol/operator-api.ts'
import { operatorLimits } from '../ports/limits.ts'
import { type Browser, knownBand, testSite } from '../test-site.ts'

const freeze = { act: 'freeze-band', bandId: knownBand }
const unfreeze = { act: 'unfreeze-band', bandId: knownBand }
const revoke = { act: 'revoke-vendor', vendor: 7, model: 2 }

function acts(browser: Browser, act: object, reason: unknown = 'a drill') {
  return browser.post(operatorPaths.acts, { ...act, reason })
}

function agrees(browser: Browser, id: string) {
  return browser.post(operatorPaths.agree.replace(':id', id), {})
}

async function proposed(browser: Browser, act: object): Promise<string> {
  const { body } = await acts(browser, act)
  expect(body.type).toBe('proposed')
  return body.proposal.id
}

describe('an act', () => {
  it('is done in the name of who asks, with the reason that was given', async () => {
    const site = await testSite(onTestFinished)
    const { status, body } = await acts(await site.signedIn('otto'), freeze, '  lost in the tram ')
    expect([status, body.type, body.outcome.says]).toEqual([200, 'done', 'Did freeze-band.'])
    expect(site.engine.performed).toEqual([{ act: freeze, who: { by: 'operator:otto', reason: 'lost in the tram' } }])
    expect(site.logged.at(-1)).toMatchObject({
      event: 'operator.acted',
      fields: { by: 'operator:otto', lsn: body.lsn },
    })
  })

  it.for([
    ['none', null],
    ['one of spaces', '   '],
    ['two lines', 'one\ntwo'],
    ['what commands a terminal', '\u001b[2J'],
    ['what turns the line around', '\u202e'],
    ['nothing to be seen', '\u3164'],
    ['what has no width', 'a\u200bb'],
    ['half a character', '\ud800'],
    ['too long a one', 'x'.repeat(operatorReasonBytesMax + 1)],
    ['a number', 7],
  ] as const)('is not done for a reason that is %s', async ([, reason]) => {
    const site = await testSite(onTestFinished)
    const otto = await site.signedIn('otto')
    expect((await acts(otto, freeze, reason)).status).toBe(400)
    expect(site.engine.performed).toEqual([])
    expect((await acts(otto, freeze, 'x'.repeat(operatorReasonBytesMax))).status).toBe(200)
  })

  it.for([
    ['nothing', {}],
    ['an act that there is not', { act: 'pay' }],
    ['a band that is none', { act: 'freeze-band', bandId: '<img src=x onerror=alert(1)>' }],
    ['no band', { act: 'freeze-band' }],
    ['a member too many', { ...freeze, alsoDelete: true }],
    ['a vendor for a band', { ...freeze, vendor: 7 }],
    ['a band for the engine', { act: 'drain', bandId: knownBand }],
    ['no phone to remove', { act: 'remove-phone', bandId: knownBand }],
    ['a phone that is none', { act: 'remove-phone', bandId: knownBand, phoneId: 'ab' }],
    ['a phone for a band', { act: 'freeze-band', bandId: knownBand, phoneId: 'ab'.repeat(16) }],
    ['a vendor beyond all', { act: 'revoke-vendor', vendor: 65_536 }],
  ] as const)('is not guessed at from %s', async ([, act]) => {
    const site = await testSite(onTestFinished)
    const { status, body } = await acts(await site.signedIn('adam'), act)
    expect([status, body.error]).toEqual([400, 'malformed'])
    expect(site.engine.performed).toEqual([])
  })

  it('that the disk has no room for is told as that', async () => {
    const site = await testSite(onTestFinished)
    site.engine.refuses = 'storage-full'
    const { status, body, headers } = await acts(await site.signedIn('otto'), freeze)
    expect([status, body.error, headers.get('retry-after')]).toEqual([503, 'storage-full', '2'])
  })

  it('shows what it will touch before, and does nothing by that', async () => {
    const site = await testSite(onTestFinished)
    const { status, body } = await (await site.signedIn('otto')).post(operatorPaths.preview, unfreeze)
    expect([status, body.blocked, body.needsSecond, body.touches.bands]).toEqual([200, null, true, 1])
    expect(site.engine.performed).toEqual([])
  })
})

describe('an act that needs a second operator', () => {
  it('is done when another agrees, with both names', async () => {
    const site = await testSite(onTestFinished)
    const [otto, olga] = [await site.signedIn('otto'), await site.signedIn('olga')]
    const id = await proposed(otto, unfreeze)
    expect(site.engine.performed).toEqual([])
    expect((await olga.get(operatorPaths.proposals)).body.proposals).toMatchObject([
      { id, by: 'otto', reason: 'a drill' },
    ])
    expect((await agrees(olga, id)).body.type).toBe('done')
    const who = { by: 'operator:otto', also: 'operator:olga', reason: 'a drill' }
    expect(site.engine.performed).toEqual([{ act: unfreeze, who }])
    expect((await olga.get(operatorPaths.proposals)).body.proposals).toEqual([])
  })

  it('is not done when the same one agrees, in whatever session', async () => {
    const site = await testSite(onTestFinished)
    const id = await proposed(await site.signedIn('otto'), unfreeze)
    const { status, body } = await agrees(await site.signedIn('otto'), id)
    expect([status, body.error]).toEqual([403, 'same-operator'])
    expect(site.engine.performed).toEqual([])
  })

  it('is not done when one agrees who may not do it', async () => {
    const site = await testSite(onTestFinished)
    const id = await proposed(await site.signedIn('adam'), revoke)
    const { status, body } = await agrees(await site.signedIn('otto'), id)
    expect([status, body.error]).toEqual([403, 'role'])
    expect((await agrees(await site.signedIn('vera'), id)).status).toBe(403)
    expect(site.vendorActs).toEqual([])
    expect((await agrees(await site.signedIn('anna'), id)).status).toBe(200)
  })

  it('is not done when who proposed it was removed, or may not do it any more', async () => {
    const site = await testSite(onTestFinished)
    const olga = await site.signedIn('olga')
    const id = await proposed(await site.signedIn('otto'), unfreeze)
    site.operators.change('otto', (one) => ({ ...one, role: 'viewer' }))
    expect((await agrees(olga, id)).body.error).toBe('proposer-gone')
    site.operators.change('otto', () => undefined)
    expect((await agrees(olga, id)).body.error).toBe('proposer-gone')
    expect(site.engine.performed).toEqual([])
  })

  it('is not done when who proposed it got a new token since: the old one may have been stolen', async () => {
    const site = await testSite(onTestFinished)
    const olga = await site.signedIn('olga')
    const id = await proposed(await site.signedIn('otto'), unfreeze)
    site.operators.newToken('otto', 'new')
    expect((await agrees(olga, id)).body.error).toBe('proposer-gone')
    expect(site.engine.performed).toEqual([])
  })

  it('is not done when it would reach others than when it was proposed, and must be proposed again', async () => {
    const site = await testSite(onTestFinished)
    const [otto, olga] = [await site.signedIn('otto'), await site.signedIn('olga')]
    const id = await proposed(otto, unfreeze)
    site.engine.aim = 'bob'
    const { status, body } = await agrees(olga, id)
    expect([status, body.error]).toEqual([409, 'changed-since'])
    expect(site.engine.performed).toEqual([])
    expect((await agrees(olga, id)).status).toBe(404)
    expect((await agrees(olga, await proposed(otto, unfreeze))).body.type).toBe('done')
  })

  it('is done once, although two agree at the same moment', async () => {
    const site = await testSite(onTestFinished)
    const [adam, olga] = [await site.signedIn('adam'), await site.signedIn('olga')]
    const id = await proposed(await site.signedIn('otto'), unfreeze)
    const told = await Promise.all([agrees(adam, id), agrees(olga, id)])
    expect(new Set(told.map(({ status }) => status))).toEqual(new Set([200, 404]))
    expect(site.engine.performed.length).toBe(1)
  })

  it('waits an hour, and not a moment longer', async () => {
    const hour = { sessionTimes: { idleMs: 86_400_000, absoluteMs: 86_400_000 } }
    const site = await testSite(onTestFinished, hour)
    const [otto, olga] = [await site.signedIn('otto'), await site.signedIn('olga')]
    const id = await proposed(otto, unfreeze)
    site.clock.pass(operatorLimits.proposalLifeMs - 1)
    expect((await olga.get(operatorPaths.proposals)).body.proposals.length).toBe(1)
    site.clock.pass(1)
    expect((await agrees(olga, id)).body.error).toBe('unknown-proposal')
    expect(site.engine.performed).toEqual([])
  })

  it('waits once: who asks for it again is told that it waits', async () => {
    const site = await testSite(onTestFinished)
    await proposed(await site.signedIn('otto'), unfreeze)
    const { status, body } = await acts(await site.signedIn('olga'), unfreeze)
    expect([status, body.error]).toEqual([409, 'proposed-already'])
  })

  it('can be withdrawn by whoever may do it, and is then not done', async () => {
    const site = await testSite(onTestFinished)
    const olga = await site.signedIn('olga')
    const id = await proposed(await site.signedIn('otto'), unfreeze)
    expect((await olga.post(operatorPaths.withdraw.replace(':id', id), {})).status).toBe(200)
    expect((await agrees(olga, id)).status).toBe(404)
  })

  it('waits on when the disk was full as the second agreed', async () => {
    const site = await testSite(onTestFinished)
    const olga = await site.signedIn('olga')
    const id = await proposed(await site.signedIn('otto'), unfreeze)
    site.engine.refuses = 'storage-full'
    expect((await agrees(olga, id)).status).toBe(503)
    site.engine.refuses = undefined
    expect((await agrees(olga, id)).status).toBe(200)
  })

  it('that cannot be done now is not proposed', async () => {
    const site = await testSite(onTestFinished)
    const { status, body } = await acts(await site.signedIn('otto'), { act: 'unfreeze-band', bandId: '00'.repeat(16) })
    expect([status, body.message]).toEqual([409, 'no such band'])
  })

  it(`waits with ${operatorLimits.proposalsPerOperatorMax} of the same operator at most: others propose as before`, async () => {
    const site = await testSite(onTestFinished)
    const [adam, anna] = [await site.signedIn('adam'), await site.signedIn('anna')]
    for (let model = 0; model < operatorLimits.proposalsPerOperatorMax; model++) {
      await proposed(adam, { act: 'revoke-vendor', vendor: 7, model })
    }
    const { status, body } = await acts(adam, { act: 'revoke-vendor', vendor: 7, model: 1_000 })
    expect([status, body.error]).toEqual([429, 'too-many-proposals'])
    await proposed(anna, { act: 'revoke-vendor', vendor: 7, model: 1_000 })
  })

  it('keeps its place while it is done: one that comes back is not one too many, and not there twice', async () => {
    const site = await testSite(onTestFinished)
    const [adam, anna] = [await site.signedIn('adam'), await site.signedIn('anna')]
    const modelOf = (model: number) => ({ act: 'revoke-vendor', vendor: 7, model }) as const
    const { proposalsPerOperatorMax } = operatorLimits
    const first = await proposed(adam, modelOf(0))
    for (let model = 1; model < proposalsPerOperatorMax; model++) await proposed(adam, modelOf(model))
    const journaled = Promise.withResolvers<void>()
    site.engine.waitsFor = journaled.promise
    site.faults.vendorList = new Error('a bug')
    const told = agrees(anna, first)
    await expect.poll(() => site.engine.journaled.length).toBe(1)
    const waiting = async () => (await anna.get(operatorPaths.proposals)).body.proposals.length
    expect(await waiting()).toBe(proposalsPerOperatorMax - 1)
    expect((await acts(adam, modelOf(1_000))).body.error).toBe('too-many-proposals')
    expect((await acts(anna, modelOf(0))).body.error).toBe('proposed-already')
    journaled.resolve()
    expect((await told).status).toBe(500)
    expect(await waiting()).toBe(proposalsPerOperatorMax)
    site.faults.vendorList = undefined
    expect((await agrees(anna, first)).status).toBe(200)
    await proposed(adam, modelOf(1_000))
  })

  it(`waits with ${operatorLimits.proposalsMax} others at most`, async () => {
    const site = await testSite(onTestFinished)
    const { proposalsMax, proposalsPerOperatorMax } = operatorLimits
    const admin = (name: string): Promise<Browser> => {
      site.operators.add(name, 'admin')
      return site.signedIn(name)
    }
    for (let model = 0; model < proposalsMax;) {
      const browser = await admin(`admin-${model}`)
      for (let own = 0; own < proposalsPerOperatorMax; own++) {
        await proposed(browser, { act: 'revoke-vendor', vendor: 7, model: model++ })
      }
    }
    const { status, body } = await acts(await admin('late'), { act: 'revoke-vendor', vendor: 7, model: proposalsMax })
    expect([status, body.error]).toEqual([429, 'too-many-proposals'])
  })
})

describe('what the server does itself', () => {
  it('is in the journal first: a vendor whose revocation cannot be written down is not revoked', async () => {
    const site = await testSite(onTestFinished)
    const anna = await site.signedIn('anna')
    const id = await proposed(await site.signedIn('adam'), revoke)
    site.engine.refuses = 'storage-full'
    expect((await agrees(anna, id)).status).toBe(503)
    expect(site.vendorActs).toEqual([])
    site.engine.refuses = undefined
    expect((await agrees(anna, id)).status).toBe(200)
    const who = { by: 'operator:adam', also: 'operator:anna', reason: 'a drill' }
    expect(site.engine.journaled).toEqual([{ act: 'revoke-vendor', subject: 'vendor 7 model 2', who }])
    expect(site.vendorActs).toEqual([revoke])
  })

  it('waits on when it could be written down and not be carried out', async () => {
    const site = await testSite(onTestFinished)
    const anna = await site.signedIn('anna')
    const id = await proposed(await site.signedIn('adam'), revoke)
    site.faults.vendorList = new Error('a bug')
    expect((await agrees(anna, id)).status).toBe(500)
    site.faults.vendorList = undefined
    expect((await agrees(anna, id)).status).toBe(200)
    expect(site.vendorActs).toEqual([revoke])
  })

  it('is not begun for a vendor that is not listed', async () => {
    const site = await testSite(onTestFinished)
    const { status, body } = await acts(await site.signedIn('adam'), { act: 'revoke-vendor', vendor: 8 })
    expect([status, body.message]).toEqual([409, 'no vendor 8'])
  })

  it('drains once, and says that it drains already', async () => {
    const site = await testSite(onTestFinished)
    const adam = await site.signedIn('adam')
    expect((await acts(adam, { act: 'drain' })).body.type).toBe('done')
    expect(site.isDraining()).toBe(true)
    expect((await acts(adam, { act: 'drain' })).status).toBe(409)
    expect((await adam.post(operatorPaths.preview, { act: 'drain' })).body.blocked).toMatch(/already/)
    expect(site.engine.journaled.length).toBe(1)
  })
})
