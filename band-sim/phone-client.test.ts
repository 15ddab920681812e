import { describe, expect, it } from 'vitest'
import { parseBid } from '../protocol/ids.ts'
import type { PhoneClient, PhoneEvents } from '../sdk/phone-client.ts'
import { PhoneError } from '../sdk/phone/phone-errors.ts'
import { createSoftwareKeys, createSoftwareP256Keys } from '../sdk/phone/phone-keys.ts'
import { Bench } from './bench/bench.ts'
import { agrees } from './band/wearer.ts'

/** Every event of a client, by name, in order. */
function listen(phone: PhoneClient): string[] {
  const heard: string[] = []
  const names: readonly (keyof PhoneEvents)[] = ['disconnected', 'reconnected', 'band-left', 'session-ended']
  for (const name of names)
    phone.on(name, (event) => heard.push(event instanceof PhoneError ? `${name}: ${event.code}` : name))
  return heard
}

describe('connecting', () => {
  it('says at once when there is no engine, and what to do about it', async () => {
    const bench = new Bench()
    bench.engine.isUp = false
    await expect(bench.connect()).rejects.toMatchObject({ code: 'offline', then: 'retry' })
  })

  it('asks for a new token when the engine refuses the old one, and gives up when that is refused too', async () => {
    const bench = new Bench()
    bench.engine.refuseTokens.add('stale')
    const whys: (string | undefined)[] = []
    const token = ({ refused }: { readonly refused: PhoneError | null }): string => {
      whys.push(refused?.code)
      return refused === null ? 'stale' : 'alice'
    }
    const phone = await bench.connect({ token })
    expect(phone.isLive).toBe(true)
    expect(whys).toEqual([undefined, 'token-invalid'])
    await expect(bench.connect({ token: () => 'stale' })).rejects.toMatchObject({ then: 're-authenticate' })
  })

  it('works with keys of either kind that secure hardware makes', async () => {
    const bench = new Bench()
    const phone = await bench.connect({ keys: createSoftwareP256Keys(bench.primitives) })
    const band = await bench.pair(phone)
    expect(band.isLinked).toBe(true)
  })

  it('fails typed when the app has no token or the key does not sign', async () => {
    const bench = new Bench()
    const noToken = (): string => {
      throw new Error('signed out')
    }
    await expect(bench.connect({ token: noToken })).rejects.toMatchObject({ code: 'token-invalid' })
    const keys = createSoftwareKeys(bench.primitives)
    const locked = { ...keys, session: { ...keys.session, sign: () => Promise.reject(new Error('locked')) } }
    await expect(bench.connect({ keys: locked })).rejects.toBeInstanceOf(PhoneError)
  })
})

describe('a lost connection', () => {
  it('is restored by itself, with the band, and paying goes on', async () => {
    const bench = new Bench()
    const { phone, band } = await bench.armed()
    const heard = listen(phone)
    bench.engine.closeAll('lost')
    await bench.time.advance(10_000)
    expect(heard).toEqual(['disconnected: offline', 'reconnected'])
    expect(band.isLinked).toBe(true)
    expect((await bench.during(band.pay(bench.offer().bytes))).approved).toBe(true)
  })

  it('of ten minutes is borne too, with fewer and fewer attempts', async () => {
    const bench = new Bench()
    const { phone, band } = await bench.armed()
    bench.engine.isUp = false
    bench.engine.restart()
    await bench.time.advance(600_000)
    expect(phone.isLive).toBe(false)
    bench.engine.isUp = true
    await bench.time.advance(40_000)
    expect(phone.isLive).toBe(true)
    expect(band.isLinked).toBe(true)
  })

  it('by the engine’s leave is retried, and after a fence never', async () => {
    const bench = new Bench()
    const options = bench.phoneOptions()
    const phone = await bench.connect(options)
    const heard = listen(phone)
    for (const code of ['draining', 'slow-reader', 'rate-limited', 'unavailable'] as const) {
      bench.engine.closeAll(code)
      await bench.time.advance(60_000)
      expect(phone.isLive, code).toBe(true)
    }
    heard.length = 0
    const newer = await bench.connect(options)
    await bench.time.advance(3_600_000)
    expect(heard).toEqual(['disconnected: fenced', 'session-ended: fenced'])
    expect(newer.isLive).toBe(true)
    await expect(phone.freeze()).rejects.toMatchObject({ code: 'fenced', then: 'stop' })
  })

  it('never loses a payment: asked again, the same decision, taken once', async () => {
    const bench = new Bench()
    const { band } = await bench.armed()
    bench.engine.loseNext.add('decision')
    const decision = await bench.during(band.pay(bench.offer().bytes))
    expect(decision).toMatchObject({ approved: true, lsn: 1 })
    expect(bench.engine.proofs.filter((proof) => proof.outcome === 'approved').length).toBe(1)
  })

  it('that comes back a hundred times ends with the same band linked, once', async () => {
    const bench = new Bench()
    const { phone, band } = await bench.armed()
    for (let loss = 0; loss < 100; loss++) {
      bench.engine.closeAll('lost')
      await bench.time.advance(100 * loss)
    }
    await bench.time.advance(60_000)
    expect(phone.isLive).toBe(true)
    expect(band.isLinked).toBe(true)
    expect(bench.engine.sessions.size).toBe(1)
  })
})

describe('a payment', () => {
  it('whose user is asked for a while still goes through, though the band went on talking', async () => {
    const bench = new Bench({ heartbeatS: 1, needs: () => 'verify-user' })
    const keys = createSoftwareKeys(bench.primitives)
    let verificationsCount = 0
    const slow = {
      ...keys,
      verify: {
        ...keys.verify,
        sign: async (message: Uint8Array) => {
          verificationsCount += 1
          await new Promise<void>((resolve) => bench.time.after(5_000, resolve))
          return keys.verify.sign(message)
        },
      },
    }
    const phone = await bench.connect({ keys: slow })
    const band = await bench.pair(phone)
    bench.wearer.putsOn()
    await bench.time.advance(1_000)
    await bench.arm(band)
    const decision = await bench.during(band.pay(bench.offer().bytes, { verifyUser: true }))
    expect(decision.approved).toBe(true)
    expect(verificationsCount).toBe(3)
  })

  it('waits for the one before it on the same band', async () => {
    const bench = new Bench()
    const { band } = await bench.armed()
    bench.wearer.habit = () => ({ verdict: 'worn', afterMs: 2_000 })
    const decisions = await bench.during(
      Promise.all([1, 2, 3].map((amountMinor) => band.pay(bench.offer({ amountMinor }).bytes))),
    )
    expect(decisions.map((decision) => decision.approved)).toEqual([true, true, true])
    const asked = bench.wearer.events.flatMap((event) => (event.type === 'asked' ? [event.terms.amountMinor] : []))
    expect(asked).toEqual([1, 2, 3])
  })

  it('arms the band first when that is what is missing, and the user agrees', async () => {
    const bench = new Bench()
    const phone = await bench.connect()
    const band = await bench.pair(phone)
    bench.wearer.putsOn()
    await bench.during(band.whenWorn())
    const offer = bench.offer()
    expect(await bench.during(band.pay(offer.bytes))).toMatchObject({ approved: false, obligation: 'verify-user' })
    expect(await bench.during(band.pay(offer.bytes, { verifyUser: true }))).toMatchObject({ approved: true })
  })

  it('gets the tap the engine asks the band for, also when the wearer was faster than the answer', async () => {
    for (const afterMs of [0, 3_000]) {
      const bench = new Bench({ needs: () => 'tap' })
      const { band } = await bench.armed()
      bench.wearer.habit = (terms, by) => (by === 'phone' ? agrees(terms, by) : { verdict: 'tap', afterMs })
      const paying = band.pay(bench.offer().bytes, { tapWithinMs: 10_000 })
      expect(await bench.during(paying)).toMatchObject({ approved: true })
    }
  })

  it('says that the band is silent when its wearer does nothing', async () => {
    const bench = new Bench()
    const { band } = await bench.armed()
    bench.wearer.habit = () => undefined
    const paying = band.pay(bench.offer().bytes, { wearerTimeoutMs: 5_000 })
    await expect(bench.during(paying)).rejects.toMatchObject({ code: 'band-silent', then: 'retry' })
    bench.wearer.habit = agrees
    expect((await bench.during(band.pay(bench.offer().bytes))).approved).toBe(true)
  })

  it('that a partner asks for through the engine is shown with its band and its terms', async () => {
    const bench = new Bench()
    const { phone } = await bench.armed()
    const heard: PhoneEvents['asked'][] = []
    phone.on('asked', (event) => heard.push(event))
    bench.engine.ask(bench.engine.band, bench.offer({ label: 'Room 12' }).bytes)
    await bench.time.settle()
    const [asked] = heard
    if (asked === undefined) throw new Error('nothing was asked')
    expect(asked.terms.label).toBe('Room 12')
    expect((await bench.during(asked.band.pay(asked.offer))).approved).toBe(true)
  })
})

describe('a band behind a phone', () => {
  it('out of reach while attaching is reported, and its slot is free again', async () => {
    const bench = new Bench()
    const phone = await bench.connect()
    const band = await bench.pair(phone)
    await bench.during(band.detach())
    bench.radio.disconnect()
    const failed = phone.attach(bench.radio.phone, band.bid)
    await expect(bench.during(failed)).rejects.toMatchObject({ code: 'band-unreachable', then: 'ask-user' })
    bench.radio.connect()
    const again = await bench.during(phone.attach(bench.radio.phone, band.bid))
    expect(again.slot).toBe(band.slot)
  })

  it('that walks off and comes back is linked again without anybody’s doing', async () => {
    const bench = new Bench()
    const { band } = await bench.armed()
    bench.radio.disconnect()
    await bench.time.advance(300_000)
    expect(band.isLinked).toBe(false)
    bench.radio.connect()
    await bench.time.advance(10_000)
    expect(band.isLinked).toBe(true)
    expect((await bench.during(band.pay(bench.offer().bytes))).approved).toBe(true)
  })

  it('of another account cannot be carried', async () => {
    const bench = new Bench()
    const phone = await bench.connect()
    const band = await bench.pair(phone)
    const mallory = await bench.connect(bench.phoneOptions('mallory'))
    await expect(bench.during(mallory.attach(bench.radio.phone, band.bid))).rejects.toMatchObject({
      code: 'unknown-band',
    })
    const nobody = parseBid('00'.repeat(8))
    await expect(bench.during(phone.attach(bench.radio.phone, nobody))).rejects.toMatchObject({ code: 'unknown-band' })
  })

  it('that is bound already is refused to anybody else, who does not learn why', async () => {
    const bench = new Bench()
    const phone = await bench.connect()
    await bench.pair(phone)
    bench.wearer.band.flash.eraseBinding()
    const mallory = await bench.connect(bench.phoneOptions('mallory'))
    await expect(bench.pair(mallory)).rejects.toMatchObject({ code: 'pair-refused' })
  })

  it('is paired although it was touched only after the phone began, and although its wearer takes a while', async () => {
    const bench = new Bench()
    const phone = await bench.connect()
    bench.wearer.confirmsPairing = false
    const { packageSecret } = bench.wearer.band.device
    const pairing = phone.pair(bench.radio.phone, { packageSecret })
    await bench.time.advance(20_000)
    bench.wearer.taps()
    await bench.time.advance(40_000)
    bench.wearer.taps()
    expect((await bench.during(pairing)).isLinked).toBe(true)
  })
})

describe('a session that is closed', () => {
  it('answers everything that waited, and comes back only when the app connects anew', async () => {
    const bench = new Bench()
    const { phone, band } = await bench.armed()
    bench.wearer.habit = () => undefined
    const paying = band.pay(bench.offer().bytes)
    paying.catch(() => undefined)
    await bench.time.advance(1_000)
    phone.close()
    await expect(bench.during(paying)).rejects.toMatchObject({ code: 'closed' })
    await expect(bench.during(band.whenLinked(1_000))).rejects.toMatchObject({ code: 'closed' })
    await bench.time.advance(3_600_000)
    expect(phone.isLive).toBe(false)
  })

  it('leaves nothing to do behind, live or while reconnecting, nor does a band that is switched off', async () => {
    for (const isUp of [true, false]) {
      const bench = new Bench()
      const { phone } = await bench.armed()
      bench.engine.isUp = isUp
      if (!isUp) bench.engine.restart()
      await bench.time.advance(5_000)
      phone.close()
      bench.wearer.band.powerOff()
      await bench.time.settle()
      expect(bench.time.waitingCount).toBe(0)
    }
  })
})

describe('a listener', () => {
  it('hears until it is taken off, and alerts reach it as they are', async () => {
    const bench = new Bench()
    const { phone } = await bench.armed()
    const states: string[] = []
    const stop = phone.on('state', (status) => states.push(status.state))
    bench.wearer.takesOff()
    await bench.time.advance(1_000)
    stop()
    bench.wearer.putsOn()
    await bench.time.advance(1_000)
    expect(states).toEqual(['offWrist'])
  })
})
