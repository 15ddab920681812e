// What a phone signs is bound to all that it brings and to the engine it means: whoever sits where TLS ends changes nothing of it.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { errorCodes } from '../../protocol/errors.ts'
import { encodePhoneFrame } from '../../protocol/messages/frame-codec.ts'
import type { PhoneFrameOf } from '../../protocol/messages/frames.ts'
import { idBytes } from '../../protocol/ids.ts'
import { isMalformed, unpackArray } from '../../protocol/messages/msgpack-reader.ts'
import { packArray } from '../../protocol/messages/msgpack-writer.ts'
import { createSoftwareKeys } from '../../sdk/phone/phone-keys.ts'
import { RawPhone } from '../support/raw-phone.ts'
import { World, armedBand } from '../support/world.ts'

type Hello = PhoneFrameOf<'hello'>

async function started(): Promise<World> {
  const world = new World()
  await world.start()
  return world
}

const bytesOf = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Uint8Array.from(bytes))
const key = fc.oneof(bytesOf(32), bytesOf(33))
/** Another value for each thing that a hello brings. */
const changes: Readonly<Record<keyof Omit<Hello, 'type' | 'id'>, fc.Arbitrary<Partial<Hello>>>> = {
  version: fc.integer({ min: 2, max: 255 }).map((version) => ({ version })),
  // As good a token, of another life.
  token: fc.integer({ min: 1, max: 29 }).map((days) => {
    const world = new World()
    return { token: world.token({ account: 'alice', expiresAtMs: world.time.nowMs() + days * 86_400_000 }) }
  }),
  phoneId: bytesOf(16).map((phoneId) => ({ phoneId })),
  sessionKey: key.map((sessionKey) => ({ sessionKey })),
  verifyKey: key.map((verifyKey) => ({ verifyKey })),
  signature: bytesOf(64).map((signature) => ({ signature })),
  resumeToken: bytesOf(32).map((resumeToken) => ({ resumeToken })),
}

describe('A hello that was changed on its way', () => {
  it('enrols no one: not with a verify key that someone else put in', async () => {
    const world = await started()
    const theirs = createSoftwareKeys(world.primitives).verify.publicKey
    const phone = await RawPhone.connect(world, 'alice', { tamper: (hello) => ({ ...hello, verifyKey: theirs }) })
    expect(phone.last('error')?.code).toBe(errorCodes['hello-proof-invalid'])
    expect(phone.closeCode).toBe(4002)
    expect(world.engine.status().sessions.live).toBe(0)
  })

  it.each(Object.entries(changes))('is refused with another %s', async (_, change) => {
    const world = await started()
    await fc.assert(
      fc.asyncProperty(change, async (changed) => {
        const phone = await RawPhone.connect(world, 'alice', { tamper: (hello) => ({ ...hello, ...changed }) })
        expect(phone.last('helloAnswer')).toBeUndefined()
        expect([4002, 4009]).toContain(phone.closeCode)
      }),
      { numRuns: 20 },
    )
  })

  it('is refused with a field more, also one that only a later version knows', async () => {
    const world = await started()
    const phone = await RawPhone.connect(world, 'alice', {
      tamper: (hello) => {
        const items = unpackArray(encodePhoneFrame(hello))
        return packArray(isMalformed(items) ? [] : [...items, 1])
      },
    })
    expect(phone.last('error')?.code).toBe(errorCodes['hello-proof-invalid'])
  })

  it('is taken with another id, which says nothing, and as its phone signed it', async () => {
    const world = await started()
    const renumbered = await RawPhone.connect(world, 'alice', { tamper: (hello) => ({ ...hello, id: 7 }) })
    expect(renumbered.last('helloAnswer')).toMatchObject({ id: 7 })
    const untouched = await RawPhone.connect(world, 'alice')
    expect(untouched.last('helloAnswer')).toBeDefined()
  })
})

describe('A user verification', () => {
  it('that was signed for another engine is worth nothing here, whatever challenge it was given', async () => {
    const world = await started()
    const { band, phone: owner } = await armedBand(world)
    const phone = await RawPhone.connect(world, 'alice', { keys: owner.keys, phoneId: owner.phoneId })
    const deactivate = { type: 'deactivate', bid: idBytes(band.bid) } as const
    const elsewhere = await phone.verified(deactivate, 'evil.example')
    expect(RawPhone.errorOf(await phone.ask(elsewhere))).toBe(errorCodes['verification-invalid'])
    expect(await phone.ask(await phone.verified(deactivate))).toMatchObject({ type: 'deactivateAnswer' })
  })
})
