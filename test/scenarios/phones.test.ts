// The phones of an account: each can be named, a new one can be stopped, one with rights can be removed, and of two phones neither
// can silence the other.

import { describe, expect, it } from 'vitest'
import { decodeRecord } from '../../engine/ports/records.ts'
import { errorCodes } from '../../protocol/errors.ts'
import { alertKinds, beginners, changes } from '../../protocol/messages/frames.ts'
import { idBytes, parsePhoneId } from '../../protocol/ids.ts'
import { phoneUnusedMs, phonesPerAccountMax } from '../../protocol/limits.ts'
import { JournalAuditor } from '../support/journal-auditor.ts'
import { RawPhone } from '../support/raw-phone.ts'
import { World, armedBand } from '../support/world.ts'

const hourMs = 3_600_000

function idOf(phone: Pick<RawPhone, 'phoneId'>): Uint8Array<ArrayBuffer> {
  return idBytes(parsePhoneId(phone.phoneId))
}

async function started(): Promise<World> {
  const world = new World()
  await world.start()
  return world
}

function again(world: World, { keys, phoneId }: RawPhone, account = 'alice'): Promise<RawPhone> {
  return RawPhone.connect(world, account, { keys, phoneId })
}

/** Two phones with all rights, and a web session that signed in just now. */
async function twoPhones() {
  const world = await started()
  const first = await RawPhone.connect(world, 'alice')
  const enrolled = await RawPhone.connect(world, 'alice')
  await world.time.advance(hourMs + 1_000)
  const second = await again(world, enrolled)
  const web = await RawPhone.connect(world, 'alice', { scopes: ['web'] })
  return { world, first, second, web }
}

async function remove(asker: RawPhone, target: RawPhone, isVerified = true) {
  const frame = { type: 'removePhone', phoneId: idOf(target) } as const
  return asker.ask(isVerified ? await asker.verified(frame) : { ...frame, uv: null })
}

async function listed(phone: RawPhone) {
  const answer = await phone.ask({ type: 'phones' })
  if (answer?.type !== 'phonesPage') throw new Error(`a list expected, got ${answer?.type}`)
  return answer.entries.map(([phoneId, , , , isLive, pendingUntilMs, suspendedAtMs, removeAtMs]) => {
    return { phoneId: Buffer.from(phoneId).toString('hex'), isLive, pendingUntilMs, suspendedAtMs, removeAtMs }
  })
}

async function waiting(phone: RawPhone) {
  const answer = await phone.ask({ type: 'changes', cursor: 0, count: 32 })
  if (answer?.type !== 'changesPage') throw new Error(`a list expected, got ${answer?.type}`)
  return answer.entries
}

function violationsOf(world: World): readonly string[] {
  const auditor = new JournalAuditor(world.config.limits)
  for (const [at, body] of world.disk.records.entries()) auditor.take({ lsn: at + 1, record: decodeRecord(body) })
  return auditor.violations
}

/** A token by the engine's clock, which a test has set ahead. */
function signedInNow(world: World) {
  const authTimeMs = world.time.nowMs() + world.wallSkewMs
  return { authTimeMs, expiresAtMs: authTimeMs + 86_400_000 }
}

/** A long time later, without living through it: the engine was off meanwhile. */
async function laterBy(world: World, ms: number): Promise<void> {
  await world.crash()
  world.wallSkewMs += ms
  await world.start()
}

describe('A new phone', () => {
  it('is named in the alert, in the list of phones and in that of changes', async () => {
    const world = await started()
    const first = await RawPhone.connect(world, 'alice')
    const intruder = await RawPhone.connect(world, 'alice')
    expect(first.last('alert')).toMatchObject({ kind: alertKinds['phone-pending'], bid: null, phoneId: idOf(intruder) })
    const [own, other] = await listed(first)
    expect(own).toMatchObject({ phoneId: first.phoneId, isLive: true, pendingUntilMs: 0 })
    expect(other).toMatchObject({ phoneId: intruder.phoneId, isLive: true })
    expect(other?.pendingUntilMs).toBeGreaterThan(world.time.nowMs())
    expect(await waiting(first)).toEqual([
      [changes.phone, idOf(intruder), other?.pendingUntilMs, beginners.phone, idOf(intruder), true],
    ])
  })

  it('is told to an owner who comes back later, and vetoed by what was told', async () => {
    const world = await started()
    const first = await RawPhone.connect(world, 'alice')
    first.socket.close()
    const intruder = await RawPhone.connect(world, 'alice')
    await world.time.advance(600_000)
    const back = await again(world, first)
    const told = back.last('changesPage')?.entries[0]
    expect(told?.slice(0, 2)).toEqual([changes.phone, idOf(intruder)])
    expect(await back.ask({ type: 'veto', change: changes.phone, target: told?.[1]?.slice() ?? null })).toMatchObject({
      type: 'vetoAnswer',
    })
    expect(intruder.closeCode).toBe(4002)
    expect((await again(world, first)).last('changesPage')).toBeUndefined()
  })

  it('is vetoed without being named: nil means all that are pending, from the phone and from the web', async () => {
    for (const scopes of [[], ['web']]) {
      const world = await started()
      const first = await RawPhone.connect(world, 'alice')
      const intruders = [await RawPhone.connect(world, 'alice'), await RawPhone.connect(world, 'alice')]
      const owner = scopes.length === 0 ? first : await RawPhone.connect(world, 'alice', { scopes })
      expect(await owner.ask({ type: 'veto', change: changes.phone, target: null }, 300)).toMatchObject({
        type: 'vetoAnswer',
      })
      for (const intruder of intruders) expect(intruder.closeCode).toBe(4002)
      expect(await listed(first)).toHaveLength(1)
      expect(violationsOf(world)).toEqual([])
    }
  })

  it('stops no other, reads all the same, and removes itself at once', async () => {
    const world = await started()
    const first = await RawPhone.connect(world, 'alice')
    const pending = await RawPhone.connect(world, 'alice')
    expect(await listed(pending)).toHaveLength(2)
    expect((await waiting(pending)).map(([, , , , , mayVeto]) => mayVeto)).toEqual([false])
    expect(RawPhone.errorOf(await remove(pending, first))).toBe(errorCodes['phone-pending'])
    expect(await remove(pending, pending, false)).toMatchObject({ type: 'removePhoneAnswer' })
    await world.time.advance(100)
    expect(pending.closeCode).toBe(4002)
  })

  it('has all rights after the delay, and the owner hears of it', async () => {
    const world = await started()
    const first = await RawPhone.connect(world, 'alice')
    const second = await RawPhone.connect(world, 'alice')
    await world.time.advance(hourMs + 1_000)
    expect(first.last('alert')).toMatchObject({ kind: alertKinds['phone-admitted'], phoneId: idOf(second) })
    expect(await waiting(first)).toEqual([])
  })

  it('of an account that ever had one is never the first again', async () => {
    const { world, first, second, web } = await twoPhones()
    await remove(first, first, false)
    await remove(web, second, false)
    await world.time.advance(200)
    const third = await RawPhone.connect(world, 'alice')
    expect(third.last('helloAnswer')?.pendingUntilMs).toBeGreaterThan(world.time.nowMs())
    expect(violationsOf(world)).toEqual([])
  })
})

describe('A phone with rights', () => {
  it('is removed by the web at once: its session ends, its key is worth nothing, its bands stay bound', async () => {
    const world = await started()
    const { phone, band, wearer } = await armedBand(world)
    const web = await RawPhone.connect(world, 'alice', { scopes: ['web'] })
    const lost: unknown[] = []
    phone.client.on('disconnected', (error) => lost.push(error))
    const target = { phoneId: phone.phoneId }
    const removed = await web.ask({ type: 'removePhone', phoneId: idOf(target), uv: null })
    expect(removed).toMatchObject({ type: 'removePhoneAnswer' })
    await world.time.advance(60_000)
    expect(lost).toHaveLength(1)
    // It may sign in anew, as a phone that waits.
    for (const { pendingUntilMs } of await listed(web)) expect(pendingUntilMs).toBeGreaterThan(world.time.nowMs())
    expect(world.engine.status().links).toBe(0)
    const bands = await web.ask({ type: 'bands', cursor: 0, count: 10 })
    expect(bands).toMatchObject({ type: 'bandsPage', entries: [expect.anything()] })
    expect(wearer.band.isPaired).toBe(true)
    expect(band.isLinked).toBe(false)
    expect(violationsOf(world)).toEqual([])
  })

  it('is suspended at once by another, and removed after the delay', async () => {
    const { world, first, second } = await twoPhones()
    const answer = await remove(first, second)
    expect(answer).toMatchObject({ type: 'removePhoneAnswer', effectiveAtMs: world.time.nowMs() + hourMs - 100 })
    expect(second.last('alert')).toMatchObject({ kind: alertKinds['phone-suspended'], phoneId: idOf(second) })
    expect(await second.ask({ type: 'freeze', bid: null })).toMatchObject({ type: 'frozen' })
    expect(await listed(second)).toHaveLength(2)
    const unfreeze = await second.verified({ type: 'unfreeze', bid: null })
    expect(RawPhone.errorOf(await second.ask(unfreeze))).toBe(errorCodes['phone-suspended'])
    expect(RawPhone.errorOf(await remove(second, first))).toBe(errorCodes['phone-suspended'])
    await world.time.advance(hourMs)
    expect(second.closeCode).toBe(4002)
    expect(await listed(await again(world, first))).toHaveLength(1)
    expect(violationsOf(world)).toEqual([])
  })

  it('is suspended across a crash, and removed by the next engine when its time has come', async () => {
    const { world, first, second } = await twoPhones()
    await remove(first, second)
    await world.crash()
    await world.start()
    const back = await again(world, second)
    const unfreeze = await back.verified({ type: 'unfreeze', bid: null })
    expect(RawPhone.errorOf(await back.ask(unfreeze))).toBe(errorCodes['phone-suspended'])
    await world.time.advance(hourMs)
    expect(back.closeCode).toBe(4002)
    expect((await again(world, second)).last('helloAnswer')?.pendingUntilMs).toBeGreaterThan(world.time.nowMs())
  })

  it('is not removed by another without a verification of its user', async () => {
    const { first, second } = await twoPhones()
    expect(RawPhone.errorOf(await remove(first, second, false))).toBe(errorCodes['verification-invalid'])
  })

  it('does not veto its own removal; who asked, a third phone and the web do', async () => {
    for (const who of ['asker', 'third', 'web'] as const) {
      const { world, first, second, web } = await twoPhones()
      const enrolled = await RawPhone.connect(world, 'alice')
      await world.time.advance(hourMs + 1_000)
      const third = await again(world, enrolled)
      await remove(first, second)
      const target = idOf(second)
      const own = await second.ask({ type: 'veto', change: changes.phoneRemoval, target })
      expect(RawPhone.errorOf(own)).toBe(errorCodes['phone-suspended'])
      const vetoing = { asker: first, third, web }[who]
      expect(await vetoing.ask({ type: 'veto', change: changes.phoneRemoval, target })).toMatchObject({
        type: 'vetoAnswer',
      })
      expect(await second.ask({ type: 'challenge' })).toMatchObject({ type: 'challengeAnswer' })
      const unfreeze = await second.verified({ type: 'unfreeze', bid: null })
      expect(RawPhone.errorOf(await second.ask(unfreeze))).toBe(errorCodes['unknown-band'])
      await world.time.advance(hourMs)
      expect(second.closeCode).toBeUndefined()
      expect(violationsOf(world)).toEqual([])
    }
  })

  it('that is suspended may still stop a new phone, which its remover may have brought', async () => {
    const { world, first, second } = await twoPhones()
    await remove(first, second)
    const intruder = await RawPhone.connect(world, 'alice')
    expect(await second.ask({ type: 'veto', change: changes.phone, target: null }, 200)).toMatchObject({
      type: 'vetoAnswer',
    })
    expect(intruder.closeCode).toBe(4002)
  })

  it('of another account is not known', async () => {
    const { world, first } = await twoPhones()
    const mallory = await RawPhone.connect(world, 'mallory')
    expect(RawPhone.errorOf(await remove(mallory, first))).toBe(errorCodes['phone-unknown'])
  })

  it('is not removed by a web session that signed in long ago', async () => {
    const { world, first, web } = await twoPhones()
    await world.time.advance(6 * 60_000)
    expect(RawPhone.errorOf(await remove(web, first, false))).toBe(errorCodes['verification-invalid'])
  })
})

describe(`An account with ${phonesPerAccountMax} phones`, () => {
  async function full(isAdmitted: boolean) {
    const world = await started()
    const phones: RawPhone[] = []
    for (let count = 0; count < phonesPerAccountMax; count++) {
      phones.push(await RawPhone.connect(world, 'alice'))
      await world.time.advance(1_000)
    }
    if (isAdmitted) await world.time.advance(hourMs)
    return { world, phones }
  }

  it('takes one more in the place of the one that is pending longest', async () => {
    const { world, phones } = await full(false)
    const next = await RawPhone.connect(world, 'alice')
    expect(next.last('helloAnswer')?.pendingUntilMs).toBeGreaterThan(0)
    await world.time.advance(200)
    expect(phones.map(({ closeCode }) => closeCode)).toEqual([undefined, 4002, ...Array(14).fill(undefined)])
    expect(violationsOf(world)).toEqual([])
  })

  it('refuses one more with an error of its own when all have rights and are used', async () => {
    const { world } = await full(true)
    const next = await RawPhone.connect(world, 'alice')
    expect(next.last('error')?.code).toBe(errorCodes['phones-full'])
    expect(next.closeCode).toBe(4002)
  })

  it('takes one more in the place of one that was not seen for half a year, and of none that was', async () => {
    const { world, phones } = await full(true)
    await laterBy(world, phoneUnusedMs - 10 * 86_400_000)
    for (const { keys, phoneId } of phones.slice(1))
      (await RawPhone.connect(world, 'alice', { keys, phoneId, ...signedInNow(world) })).socket.close()
    await laterBy(world, 9 * 86_400_000)
    const early = await RawPhone.connect(world, 'alice', signedInNow(world))
    expect(early.last('error')?.code).toBe(errorCodes['phones-full'])
    await laterBy(world, 86_400_000)
    const next = await RawPhone.connect(world, 'alice', signedInNow(world))
    expect(next.last('helloAnswer')?.pendingUntilMs).toBeGreaterThan(0)
    const left = (await listed(next)).map(({ phoneId }) => phoneId)
    expect(left).toContain(next.phoneId)
    expect(left).not.toContain(phones[0]?.phoneId)
    expect(left).toHaveLength(phonesPerAccountMax)
  })
})
