// Pairing: who gets a band, who does not, and that a refused pairing leaves nothing.

import { describe, expect, it } from 'vitest'
import { errorCodes } from '../../protocol/errors.ts'
import { decodeEngineFrame, decodePhoneFrame } from '../../protocol/messages/frame-codec.ts'
import { pairingWindowMs } from '../../protocol/limits.ts'
import type { bandStates } from '../../protocol/states.ts'
import { BandFlash } from '../../band-sim/band/flash.ts'
import { makeBand } from '../../band-sim/band/package.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { World, armedBand } from '../support/world.ts'
import { RawPhone } from '../support/raw-phone.ts'

async function startedWorld(options: ConstructorParameters<typeof World>[0] = {}) {
  const world = new World(options)
  await world.start()
  return world
}

/** Tries to pair; the error code, or `paired`. */
async function tryPair(
  world: World,
  account: string,
  wearer: ReturnType<World['wearer']>,
  as: { readonly packageSecret?: Uint8Array; readonly tap?: boolean; readonly isAnother?: boolean } = {},
): Promise<string> {
  const phone = await world.phone(account, { isAnother: as.isAnother === true })
  const radio = world.radio(wearer)
  if (as.tap !== false) wearer.taps()
  const packageSecret = as.packageSecret ?? wearer.band.device.packageSecret
  const result = await world.run(
    phone.client.pair(radio.phone, { packageSecret }).then(
      () => 'paired',
      (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
    ),
  )
  radio.disconnect()
  phone.client.close()
  return result
}

function pins(world: World) {
  const { engineKeys, releaseKeys } = world.device()
  return { engineKeys, releaseKeys }
}

function bandsIn(world: World, state: keyof typeof bandStates): number {
  return world.engine.status().bands[state]
}

describe('Pairing', () => {
  it('binds a new band to the account that holds its package, once its wearer taps', async () => {
    const world = await startedWorld()
    expect(await tryPair(world, 'alice', world.wearer())).toBe('paired')
    expect(bandsIn(world, 'offWrist')).toBe(1)
    expect(world.failures).toEqual([])
  })

  it('is refused with the wrong package secret, and nothing is left', async () => {
    const world = await startedWorld()
    const wearer = world.wearer()
    expect(await tryPair(world, 'alice', wearer, { packageSecret: new Uint8Array(16) })).toBe('pair-refused')
    expect(wearer.band.isPaired).toBe(false)
    expect(world.engine.status()).toMatchObject({ pairingWindows: 0 })
    expect(Object.values(world.engine.status().bands).every((count) => count === 0)).toBe(true)
  })

  it('with the wrong package secret is one failure of five: the phone hears of it when the window ends', async () => {
    const world = await startedWorld()
    const wearer = world.wearer()
    const startedAtMs = world.time.nowMs()
    expect(await tryPair(world, 'alice', wearer, { packageSecret: new Uint8Array(16) })).toBe('pair-refused')
    expect(world.time.nowMs() - startedAtMs).toBeGreaterThanOrEqual(pairingWindowMs)
  })

  it('is refused when nobody touched the band', async () => {
    const world = await startedWorld()
    expect(await tryPair(world, 'alice', world.wearer(), { tap: false })).toBe('pair-refused')
  })

  it('is refused when the wearer does not confirm on the band, and the band can be paired later', async () => {
    const world = await startedWorld()
    const wearer = world.wearer()
    wearer.confirmsPairing = false
    expect(await tryPair(world, 'alice', wearer)).toBe('pair-refused')
    expect(bandsIn(world, 'unbound')).toBe(1)
    wearer.confirmsPairing = true
    await world.time.advance(200_000)
    expect(await tryPair(world, 'alice', wearer)).toBe('paired')
  })

  it('is refused to a second account, told the same way, and the owner is alerted', async () => {
    const world = await startedWorld()
    const { phone, wearer } = await armedBand(world)
    const alerts: string[] = []
    phone.client.on('alert', (alert) => alerts.push(alert.kind))
    const thief = world.wearer(wearer.band.device, new BandFlash(wearer.band.device.engineKeys))
    expect(await tryPair(world, 'mallory', thief)).toBe('pair-refused')
    expect(alerts).toContain('pairing-tried')
    expect(bandsIn(world, 'armed')).toBe(1)
  })

  it('never binds a stolen band to a thief, whatever the thief does to it', async () => {
    const world = await startedWorld()
    const { wearer, phone, band } = await armedBand(world)
    wearer.takesOff()
    await world.time.advance(3_000)
    const reset = () => world.wearer(wearer.band.device, new BandFlash(wearer.band.device.engineKeys))
    expect(await tryPair(world, 'mallory', reset())).toBe('pair-refused')
    await world.run(phone.client.lost(band.bid))
    expect(await tryPair(world, 'mallory', reset())).toBe('pair-refused')
    await world.run(phone.client.deactivate(band.bid))
    expect(await tryPair(world, 'mallory', reset())).toBe('pair-refused')
    await world.crash()
    await world.start()
    expect(await tryPair(world, 'mallory', reset())).toBe('pair-refused')
    expect(await tryPair(world, 'trent', wearer)).toBe('pair-refused')
  })

  it('is refused to the same account for a band that is already bound, and to a new phone before its delay is over', async () => {
    const world = await startedWorld()
    const { wearer } = await armedBand(world)
    const again = () => world.wearer(wearer.band.device, new BandFlash(wearer.band.device.engineKeys))
    expect(await tryPair(world, 'alice', again(), { isAnother: true })).toBe('phone-pending')
    expect(await tryPair(world, 'alice', again())).toBe('pair-refused')
  })

  it('is refused to a band of an unknown vendor', async () => {
    const world = await startedWorld()
    const stranger = { ...world.vendor, vendor: 99 }
    const device = makeBand(world.primitives, stranger, pins(world))
    expect(await tryPair(world, 'alice', world.wearer(device))).toBe('pair-refused')
  })

  it('is refused to a batch that its vendor revoked, and a bound band of it drops to the lowest limits', async () => {
    const world = await startedWorld()
    const { band } = await armedBand(world)
    world.vendorStatus = 'revoked'
    expect(await tryPair(world, 'bob', world.wearer())).toBe('pair-refused')
    expect(await world.run(band.pay(world.offer({ amountMinor: 501 }).bytes))).toMatchObject({
      reason: 'over-use-limit',
    })
    expect(await world.run(band.pay(world.offer({ amountMinor: 500 }).bytes))).toMatchObject({ approved: true })
  })

  it('is refused to a band with the certificate of another band, or one that a false vendor signed', async () => {
    const world = await startedWorld()
    const [mine, other] = [world.device(), world.device()]
    expect(await tryPair(world, 'alice', world.wearer({ ...mine, cert: other.cert }))).toBe('pair-refused')
    const falsely = makeBand(world.primitives, { ...world.vendor, seed: nodePrimitives.randomBytes(32) }, pins(world))
    expect(await tryPair(world, 'alice', world.wearer(falsely))).toBe('pair-refused')
    expect(bandsIn(world, 'offWrist')).toBe(0)
  })

  it('is refused the sixth time within the hour after five failures, for the account and not for others', async () => {
    const world = await startedWorld()
    for (let attempt = 1; attempt <= 5; attempt++) {
      const stranger = makeBand(world.primitives, { ...world.vendor, vendor: 99 }, pins(world))
      expect(await tryPair(world, 'alice', world.wearer(stranger))).toBe('pair-refused')
    }
    const good = world.wearer()
    expect(await tryPair(world, 'alice', good)).toBe('rate-limited')
    expect(await tryPair(world, 'bob', world.wearer())).toBe('paired')
    await world.time.advance(3_600_000)
    expect(await tryPair(world, 'alice', good)).toBe('paired')
  })

  it('answers a refused phone three seconds after PAIR3, whatever the reason, and the band not at all', async () => {
    const waits: number[] = []
    for (const reason of ['foreign', 'revoked'] as const) {
      const world = await startedWorld()
      const { wearer: owned, band } = await armedBand(world)
      // Else its owner's band would be alerted, which is no answer to the stranger's.
      await world.run(band.detach())
      if (reason === 'revoked') world.vendorStatus = 'revoked'
      const wearer =
        reason === 'revoked'
          ? world.wearer()
          : world.wearer(owned.band.device, new BandFlash(owned.band.device.engineKeys))
      let pair3AtMs = 0
      let downAfter = 0
      world.intercept = (way, bytes) => {
        const frame = way === 'up' ? decodePhoneFrame(bytes, 4_096) : decodeEngineFrame(bytes)
        if (frame.type === 'record' && frame.bytes[0] === 0x1a && pair3AtMs === 0) pair3AtMs = world.time.nowMs()
        else if (way === 'down' && frame.type === 'record' && pair3AtMs > 0) downAfter++
        if (frame.type === 'error' && frame.code === errorCodes['pair-refused'])
          waits.push(world.time.nowMs() - pair3AtMs)
        return bytes
      }
      expect(await tryPair(world, 'mallory', wearer)).toBe('pair-refused')
      expect(downAfter).toBe(0)
    }
    expect(waits).toHaveLength(2)
    expect(waits[0]).toBe(waits[1])
    expect(waits[0]).toBeGreaterThanOrEqual(3_000)
  })

  it('needs the verification of this very request: a missing, foreign or used challenge is refused', async () => {
    const world = await startedWorld()
    const phone = await RawPhone.connect(world, 'alice')
    const frame = { type: 'pairStart', slot: 0, ps: new Uint8Array(16), hint: null } as const
    const forged = await phone.ask({ ...frame, uv: new Uint8Array(96) })
    expect(RawPhone.errorOf(forged)).toBe(errorCodes['verification-invalid'])
    const verified = await phone.verified(frame)
    const altered = await phone.ask({ ...verified, ps: new Uint8Array(16).fill(1) })
    expect(RawPhone.errorOf(altered)).toBe(errorCodes['verification-invalid'])
    const replayed = await phone.ask(verified)
    expect(RawPhone.errorOf(replayed)).toBe(errorCodes['verification-invalid'])
  })

  it.for([
    ['2001:db8::1', '2001:db8::2', 'rate-limited', 'of one /64, which one subscriber has'],
    ['2001:db8:0:1::1', '2001:db8:0:2::1', 'open', 'of two /64s'],
    ['64:ff9b::192.0.2.1', '64:ff9b::192.0.2.2', 'open', 'of two hosts behind one NAT64'],
    ['64:ff9b::192.0.2.1', '192.0.2.1', 'rate-limited', 'of one host, behind a NAT64 and not'],
  ] as const)('that failed from %s counts against %s: %s, %s', async ([address, other, expected]) => {
    const world = await startedWorld({ config: { pairingFailuresPerAddress: 1 } })
    const frame = { type: 'pairStart', slot: 0, ps: new Uint8Array(16), hint: null } as const
    const first = await RawPhone.connect(world, 'mallory', { address })
    const began = await first.verified(frame)
    // Nothing comes of it until the window is over.
    expect(RawPhone.errorOf(await first.ask(began, 200_000))).toBe(errorCodes['pair-refused'])
    const second = await RawPhone.connect(world, 'trudy', { address: other })
    const answer = RawPhone.errorOf(await second.ask(await second.verified(frame)))
    expect(answer).toBe(expected === 'open' ? undefined : errorCodes['rate-limited'])
  })

  it('rolls back to nothing when the phone gives up', async () => {
    const world = await startedWorld()
    const phone = await world.phone('alice')
    const wearer = world.wearer()
    wearer.confirmsPairing = false
    const radio = world.radio(wearer)
    wearer.taps()
    const pairing = phone.client.pair(radio.phone, { packageSecret: wearer.band.device.packageSecret })
    pairing.catch(() => undefined)
    await world.time.advance(2_000)
    await world.run(phone.client.cancelPairing())
    await expect(world.run(pairing)).rejects.toMatchObject({ code: 'pair-cancelled' })
    await world.time.advance(1_000)
    expect(bandsIn(world, 'unbound')).toBe(1)
    expect(bandsIn(world, 'pairing')).toBe(0)
  })

  it('lets a deactivated band be paired by its next owner, and only under a new generation', async () => {
    const world = await startedWorld()
    const { phone, band, wearer, radio } = await armedBand(world)
    await world.run(phone.client.deactivate(band.bid))
    await world.time.advance(3_600_000 + 60_000)
    expect(bandsIn(world, 'unbound')).toBe(1)
    radio.disconnect()
    await world.time.advance(5_000)
    // The band hears RELEASE when its next owner's phone names it.
    const next = await world.phone('bob')
    const nextRadio = world.radio(wearer)
    const { packageSecret, bandId } = wearer.band.device
    wearer.taps()
    const pairing = next.client.pair(nextRadio.phone, { packageSecret, bandId })
    await world.run(pairing)
    const listed = await world.run(next.client.bands())
    expect(listed).toMatchObject([{ bandId, generation: 2 }])
  })
})

describe('A pairing that is interrupted', () => {
  /** Crashes `who` after `messages` records between engine and band; then everybody recovers. */
  async function interrupted(who: 'engine' | 'band' | 'phone', messages: number) {
    const world = await startedWorld({ seed: messages })
    const phone = await world.phone('alice')
    const wearer = world.wearer()
    const radio = world.radio(wearer)
    let seen = 0
    let isDue = false
    world.intercept = (way, bytes) => {
      const frame = way === 'up' ? decodePhoneFrame(bytes, 4_096) : decodeEngineFrame(bytes)
      if (frame.type === 'record' && ++seen === messages) isDue = true
      return bytes
    }
    wearer.taps()
    const pairing = phone.client.pair(radio.phone, { packageSecret: wearer.band.device.packageSecret })
    pairing.catch(() => undefined)
    const untilDue = async (stepsLeft: number): Promise<void> => {
      if (isDue || stepsLeft === 0) return
      await world.time.advance(20)
      return untilDue(stepsLeft - 1)
    }
    await untilDue(400)
    world.intercept = (_way, bytes) => bytes
    if (who === 'engine') {
      await world.crash()
      await world.time.advance(1_000)
      await world.start()
    }
    if (who === 'band') wearer.band.reboot()
    if (who === 'phone') phone.client.close()
    await world.time.advance(240_000)
    return { world, wearer, isDue }
  }

  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'at message %i, by any end, is either whole or nothing, and the band is never lost to its owner',
    async (messages) => {
      for (const who of ['engine', 'band', 'phone'] as const) {
        const { world, wearer, isDue } = await interrupted(who, messages)
        if (!isDue) continue
        const status = world.engine.status().bands
        const isBound = status.offWrist + status.disarmed + status.armed === 1
        expect(status.pairing, `${who} ${messages}`).toBe(0)
        const back = await world.phone('alice', {})
        if (isBound) {
          const [listed] = await world.run(back.client.bands())
          if (listed === undefined) throw new Error('a bound band is not listed')
          const radio = world.radio(wearer)
          const band = await world.run(back.client.attach(radio.phone, listed.bid))
          expect(band.isLinked, `${who} ${messages}`).toBe(true)
        } else {
          expect(wearer.band.isPaired, `${who} ${messages}`).toBe(false)
          expect(await tryPair(world, 'carol', wearer), `${who} ${messages}`).toBe('paired')
        }
        expect(world.failures).toEqual([])
      }
    },
  )
})
