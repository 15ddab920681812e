import { describe, expect, it } from 'vitest'
import { Bench } from './bench/bench.ts'
import { crowdedAir } from './radio.ts'

describe('a band and its phone', () => {
  it('pair, link up, arm and pay', async () => {
    const bench = new Bench()
    const { band } = await bench.armed()
    expect(band.isLinked).toBe(true)
    expect(bench.wearer.band.isArmed).toBe(true)
    const decision = await bench.during(band.pay(bench.offer().bytes))
    expect(decision).toMatchObject({ approved: true, reason: 'approved' })
    expect(bench.engine.proofs).toEqual([{ verdict: 'worn', outcome: 'approved' }])
  })

  it('do the same through a crowded air with the smallest MTU', async () => {
    for (const seed of ['a', 'b', 'c', 'd']) {
      const bench = new Bench({ seed, air: crowdedAir })
      const { band } = await bench.armed()
      const decision = await bench
        .during(band.pay(bench.offer().bytes, { wearerTimeoutMs: 5_000 }))
        .catch(() => undefined)
      expect(band.isLinked).toBe(true)
      expect(decision?.approved ?? true).toBe(true)
    }
  })

  it('pay the amount the wearer saw only after the obligation is met', async () => {
    const bench = new Bench({
      needs: (amount) => (amount > 10_000 ? 'verify-user' : amount > 1_000 ? 'tap' : undefined),
    })
    const { band } = await bench.armed()
    const unverified = await bench.during(band.pay(bench.offer({ amountMinor: 20_000 }).bytes))
    expect(unverified).toMatchObject({ approved: false, reason: 'verification-stale', obligation: 'verify-user' })
    const verified = await bench.during(band.pay(bench.offer({ amountMinor: 20_000 }).bytes, { verifyUser: true }))
    expect(verified.approved).toBe(true)
    const tapped = await bench.during(band.pay(bench.offer({ amountMinor: 2_000 }).bytes, { tapWithinMs: 10_000 }))
    expect(tapped.approved).toBe(true)
    expect(bench.engine.proofs.at(-1)).toEqual({ verdict: 'tap', outcome: 'approved' })
  })
})
