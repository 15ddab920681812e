import { describe, expect, it } from 'vitest'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { operatorLimits } from '../ports/limits.ts'
import { Tickets } from './tickets.ts'

const random = (length: number): Uint8Array<ArrayBuffer> => nodePrimitives.randomBytes(length)

describe('a ticket', () => {
  it('is taken once, within its time', () => {
    const tickets = new Tickets(random)
    const [one, two] = [tickets.issue('sign-in', 0), tickets.issue('sign-in', 0.5)]
    expect(tickets.take(one, 'sign-in', operatorLimits.waitingMs - 1)).toBe(true)
    expect(tickets.take(one, 'sign-in', operatorLimits.waitingMs - 1)).toBe(false)
    expect(tickets.take(two, 'sign-in', operatorLimits.waitingMs)).toBe(false)
  })

  it('is for what it was made for, by whom it was made', () => {
    const tickets = new Tickets(random)
    const ticket = tickets.issue('new-passkey otto', 0)
    for (const context of ['sign-in', 'new-passkey olga', 'new-passkey ott', '']) {
      expect(tickets.take(ticket, context, 1)).toBe(false)
    }
    expect(new Tickets(random).take(ticket, 'new-passkey otto', 1)).toBe(false)
    expect(tickets.take(ticket, 'new-passkey otto', 1)).toBe(true)
  })

  it('is no other with any one bit turned, cut, or written another way', () => {
    const tickets = new Tickets(random)
    const ticket = tickets.issue('sign-in', 0)
    const bytes = Buffer.from(ticket, 'base64url')
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const altered = Buffer.from(bytes)
      altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(tickets.take(altered.toString('base64url'), 'sign-in', 1)).toBe(false)
    }
    for (const other of ['', ticket.slice(1), `${ticket}A`, `${ticket}=`, ` ${ticket}`, bytes.toString('hex')]) {
      expect(tickets.take(other, 'sign-in', 1)).toBe(false)
    }
    expect(tickets.take(ticket, 'sign-in', 1)).toBe(true)
  })

  it('has secrets that differ by ticket and by name, and stay the same', () => {
    const tickets = new Tickets(random)
    const [one, two] = [tickets.issue('oidc', 0), tickets.issue('oidc', 0)]
    const secrets = [one, two].flatMap((ticket) => ['nonce', 'verifier'].map((what) => tickets.secretOf(ticket, what)))
    expect(new Set(secrets).size).toBe(4)
    expect(tickets.secretOf(one, 'nonce')).toBe(secrets[0])
    for (const secret of secrets) expect(secret).toMatch(/^[\w-]{43}$/)
  })

  it(`is remembered when it was taken, with ${operatorLimits.ticketsSpentMax} others, the oldest forgotten first`, () => {
    const tickets = new Tickets(random)
    const all = Array.from({ length: operatorLimits.ticketsSpentMax + 1 }, () => tickets.issue('sign-in', 0))
    for (const ticket of all.slice(0, -1)) expect(tickets.take(ticket, 'sign-in', 0)).toBe(true)
    expect(tickets.take(all[0] ?? '', 'sign-in', 0)).toBe(false)
    expect(tickets.take(all.at(-1) ?? '', 'sign-in', 0)).toBe(true)
    expect(tickets.take(all[1] ?? '', 'sign-in', 0)).toBe(false)
  })
})
