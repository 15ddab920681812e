// What goes wrong in a demo's day, so that it shows denials too: a band is taken off and put on again, another is frozen by
// its owner, and now and then an amount is above the limit.

import type { Fleet, FleetMember } from '../../band-sim/fleet.ts'
import type { SeededRandom } from '../../band-sim/virtual/seeded-random.ts'
import type { OfferRequest } from '../../sdk/offers.ts'

/** One payment in so many is above the limit for one use. */
const tooMuchEvery = 40
const tooMuchMinor = 60_000
const euro = 978

const wares = [
  { label: 'Coffee', fromMinor: 250, toMinor: 480 },
  { label: 'Lunch', fromMinor: 780, toMinor: 1_650 },
  { label: 'Bus ticket', fromMinor: 210, toMinor: 340 },
  { label: 'Flowers', fromMinor: 900, toMinor: 2_400 },
] as const

/** A payment of someone's day. */
export function payment(random: SeededRandom): Omit<OfferRequest, 'expiresAtMs'> {
  const at = { action: 'pay', resource: '0b'.repeat(16), currency: euro } as const
  if (random.fraction() < 1 / tooMuchEvery) return { ...at, amountMinor: tooMuchMinor, label: 'Television' }
  const { label, fromMinor, toMinor } = wares[Math.floor(random.fraction() * wares.length)] ?? wares[0]
  return { ...at, amountMinor: fromMinor + Math.floor(random.fraction() * (toMinor - fromMinor)), label }
}

/** Every tenth band is taken off for the middle third of the day, and every tenth is frozen for the last half. */
export function incidents(
  fleet: Fleet,
  dayMs: number,
  after: (afterMs: number, work: () => void) => void,
  failed: (error: unknown) => void,
): void {
  const each = (remainder: number, work: (member: FleetMember) => unknown): void => {
    const chosen = fleet.members.filter((member) => member.index % 10 === remainder)
    for (const member of chosen.length > 0 ? chosen : fleet.members.slice(0, 1)) {
      new Promise((resolve) => resolve(work(member))).catch(failed)
    }
  }
  after(dayMs / 3, () => {
    each(3, ({ wearer }) => wearer.takesOff())
    // From when they were truly taken off: a machine that stood still may not do both in one breath.
    after(dayMs / 3, () => each(3, wearAgain))
  })
  after(dayMs / 2, () => each(7, ({ band }) => band?.freeze()))
}

async function wearAgain({ wearer, band }: FleetMember): Promise<void> {
  wearer.putsOn()
  await band?.whenWorn()
  await band?.arm()
}
