// A token opens the kind of session that its scope names and no other, and a web session is not the phone whose id it brings.

import { describe, expect, it } from 'vitest'
import { errorCodes } from '../../protocol/errors.ts'
import { idBytes } from '../../protocol/ids.ts'
import { createSoftwareKeys } from '../../sdk/phone/phone-keys.ts'
import { RawPhone } from '../support/raw-phone.ts'
import { World, armedBand } from '../support/world.ts'

async function started(): Promise<World> {
  const world = new World()
  await world.start()
  return world
}

describe('A token', () => {
  const hubAccounts = ['alice']
  const refused: readonly (readonly [string, string, readonly string[]])[] = [
    ['of a hub', '/phone', ['hub']],
    ['of a hub and the web', '/phone', ['hub', 'web']],
    ['of a hub and the web', '/hub', ['hub', 'web']],
    ['of a phone', '/hub', []],
    ['of the web', '/hub', ['web']],
    ['of a scope that is not ours', '/hub', ['openid']],
  ]

  it.each(refused)('%s is not taken at %s', async (_, path, scopes) => {
    const world = await started()
    const peer = await RawPhone.connect(world, 'alice', { path, scopes, hubAccounts })
    expect(peer.last('helloAnswer')).toBeUndefined()
    expect(peer.last('error')?.code).toBe(errorCodes['token-invalid'])
    expect(peer.closeCode).toBe(4002)
    // Nothing was enrolled: the account's first phone comes now, with all rights.
    const first = await RawPhone.connect(world, 'alice')
    expect(first.last('helloAnswer')).toMatchObject({ pendingUntilMs: 0 })
  })

  it('may name scopes of others beside ours, as issuers do', async () => {
    const world = await started()
    const scopes = ['openid', 'profile', 'a.scope:of-others']
    expect((await RawPhone.connect(world, 'alice', { scopes })).last('helloAnswer')).toBeDefined()
    const hub = await RawPhone.connect(world, 'hub-1', { path: '/hub', scopes: [...scopes, 'hub'], hubAccounts })
    expect(hub.last('helloAnswer')).toBeDefined()
    const web = await RawPhone.connect(world, 'alice', { scopes: [...scopes, 'web'] })
    expect(web.last('helloAnswer')).toMatchObject({ pendingUntilMs: 0 })
  })
})

describe('A web session with the id of a phone', () => {
  it('neither ends the phone’s session nor takes its slots, and the phone does not end it', async () => {
    const world = await started()
    const { band, phone: owner } = await armedBand(world)
    const { keys, phoneId } = owner
    const phone = await RawPhone.connect(world, 'alice', { keys, phoneId })
    const bid = idBytes(band.bid)
    expect(await phone.ask({ type: 'attach', slot: 0, bid, account: null })).toMatchObject({ type: 'attachAnswer' })
    const resumeToken = phone.last('helloAnswer')?.resumeToken.slice() ?? new Uint8Array(32)

    const web = await RawPhone.connect(world, 'alice', { phoneId, scopes: ['web'], resumeToken })
    expect(web.last('helloAnswer')).toMatchObject({ resumed: false })
    expect(phone.closeCode).toBeUndefined()
    expect(await phone.ask({ type: 'bands', cursor: 0, count: 10 })).toMatchObject({ type: 'bandsPage' })

    // The other way round: the phone comes back while the web session lives.
    const again = await RawPhone.connect(world, 'alice', { keys, phoneId, resumeToken })
    expect(again.last('helloAnswer')).toMatchObject({ resumed: true })
    expect(phone.closeCode).toBe(4003)
    expect(web.closeCode).toBeUndefined()
    expect(await web.ask({ type: 'freeze', bid: null })).toMatchObject({ type: 'frozen' })
  })

  it('is not the web session of another page either, but is that of its own', async () => {
    const world = await started()
    const keys = createSoftwareKeys(world.primitives)
    const one = await RawPhone.connect(world, 'alice', { keys, scopes: ['web'] })
    const resumeToken = one.last('helloAnswer')?.resumeToken.slice() ?? new Uint8Array(32)
    const { phoneId } = one
    const other = await RawPhone.connect(world, 'alice', { phoneId, scopes: ['web'] })
    expect(other.last('helloAnswer')).toBeDefined()
    expect(one.closeCode).toBeUndefined()
    const again = await RawPhone.connect(world, 'alice', { keys, phoneId, scopes: ['web'], resumeToken })
    expect(again.last('helloAnswer')).toBeDefined()
    expect(one.closeCode).toBe(4003)
    expect(other.closeCode).toBeUndefined()
  })

  it('is not closed by the veto of that phone', async () => {
    const world = await started()
    const owner = await RawPhone.connect(world, 'alice')
    const intruder = await RawPhone.connect(world, 'alice')
    const web = await RawPhone.connect(world, 'alice', { phoneId: intruder.phoneId, scopes: ['web'] })
    const target = Uint8Array.from(Buffer.from(intruder.phoneId, 'hex'))
    expect(await owner.ask({ type: 'veto', change: 4, target })).toMatchObject({ type: 'vetoAnswer' })
    expect(intruder.closeCode).toBe(4002)
    expect(web.closeCode).toBeUndefined()
  })
})
