import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AddressTable } from './address-table.ts'
import type { AddressUse } from './address-table.ts'
import { defaultLimits } from './limits.ts'
import type { ListenLimits } from './limits.ts'

const table = (limits: Partial<ListenLimits>): AddressTable => new AddressTable({ ...defaultLimits, ...limits })
const admitted = (use: AddressUse | string): AddressUse => {
  if (typeof use === 'string') throw new Error(`expected a place, not ${use}`)
  return use
}

describe('the limits per address', () => {
  it('let an address have as many sockets as it may, and not one more until one is gone', () => {
    const addresses = table({ socketsPerAddressMax: 2 })
    const first = admitted(addresses.admitSocket('192.0.2.1', 0))
    admitted(addresses.admitSocket('192.0.2.1', 0))
    expect(addresses.admitSocket('192.0.2.1', 0)).toBe('socketsPerAddressMax')
    admitted(addresses.admitSocket('192.0.2.2', 0))
    addresses.releaseSocket(first)
    admitted(addresses.admitSocket('192.0.2.1', 0))
  })

  it('let all addresses together have as many sockets as there may be, and not one more', () => {
    const addresses = table({ socketsMax: 2 })
    admitted(addresses.admitSocket('192.0.2.1', 0))
    const second = admitted(addresses.admitSocket('192.0.2.2', 0))
    expect(addresses.admitSocket('192.0.2.3', 0)).toBe('socketsMax')
    addresses.releaseSocket(second)
    admitted(addresses.admitSocket('192.0.2.3', 0))
  })

  it('do not forget what an address has used while they have room for it', () => {
    const addresses = table({ idleAddressesMax: 2, requestsPerAddress: { perSecond: 1, burst: 1 } })
    expect(addresses.admitRequest('192.0.2.1', 0)).toBe(true)
    expect(addresses.admitRequest('192.0.2.2', 0)).toBe(true)
    expect(addresses.admitRequest('192.0.2.1', 0)).toBe(false)
  })

  it('forget the address that was not seen for longest when there are too many', () => {
    const addresses = table({ idleAddressesMax: 2, requestsPerAddress: { perSecond: 1, burst: 1 } })
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.1', '192.0.2.3']) addresses.admitRequest(address, 0)
    expect(addresses.admitRequest('192.0.2.1', 0)).toBe(false)
    expect(addresses.admitRequest('192.0.2.2', 0)).toBe(true)
  })

  it('never forget an address that has a socket, whoever else knocks', () => {
    const addresses = table({ idleAddressesMax: 3, socketsPerAddressMax: 1 })
    admitted(addresses.admitSocket('192.0.2.1', 0))
    expect(addresses.size).toBe(1)
    for (let host = 0; host < 100; host += 1) addresses.admitConnection(`198.51.100.${host}`, 0)
    expect(addresses.admitSocket('192.0.2.1', 0)).toBe('socketsPerAddressMax')
  })

  it('need bounded memory and count every socket once, whatever comes and goes', () => {
    const step = fc.record({
      host: fc.integer({ min: 0, max: 20 }),
      what: fc.constantFrom('connection', 'request', 'socket', 'release'),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const addresses = table({ idleAddressesMax: 4, socketsMax: 6, socketsPerAddressMax: 2 })
        const open: AddressUse[] = []
        for (const [atMs, { host, what }] of steps.entries()) {
          const address = `192.0.2.${host}`
          if (what === 'connection') addresses.admitConnection(address, atMs)
          else if (what === 'request') addresses.admitRequest(address, atMs)
          else if (what === 'socket') {
            const use = addresses.admitSocket(address, atMs)
            if (typeof use !== 'string') open.push(use)
          } else {
            const use = open.splice(host % (open.length + 1), 1)[0]
            if (use !== undefined) addresses.releaseSocket(use)
          }
          expect(addresses.socketsCount).toBe(open.length)
          expect(addresses.size).toBeLessThanOrEqual(4 + 6)
        }
      }),
    )
  })
})
