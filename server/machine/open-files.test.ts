import { describe, expect, it } from 'vitest'
import { readConfig } from '../settings/config.ts'
import { checkAddressSpace, fitOpenFiles, openFilesAllowed, openFilesMin, openFilesOwn } from './open-files.ts'

const config = readConfig({ flags: {} })

describe('limits of the listener', () => {
  it.each([openFilesMin, 256, 1_024, 4_096, 20_000, 100_000])(
    'fit %i open files together, with room for the engine itself',
    (allowed) => {
      const { config: fitted, operatorsConnectionsMax, lowered } = fitOpenFiles(config, allowed)
      const { connectionsMax, socketsMax, address } = fitted.network
      expect(connectionsMax + socketsMax + operatorsConnectionsMax).toBeLessThanOrEqual(allowed - openFilesOwn)
      expect(Math.min(connectionsMax, operatorsConnectionsMax)).toBeGreaterThanOrEqual(8)
      expect(socketsMax).toBeGreaterThanOrEqual(32)
      expect(address.socketsMax).toBeLessThanOrEqual(socketsMax)
      expect(lowered['network.socketsMax']).toEqual({ wanted: 100_000, is: socketsMax })
    },
  )

  it.each([1_048_576, Infinity])('stay what they are with %d open files', (allowed) => {
    const fitted = fitOpenFiles(config, allowed)
    expect([fitted.config, fitted.lowered]).toEqual([config, {}])
  })

  it('are not lowered where they are low already', () => {
    const low = readConfig({ flags: { 'network-connections-max': '20', 'network-sockets-max': '40' } })
    expect(fitOpenFiles(low, openFilesMin).config.network).toMatchObject({ connectionsMax: 14, socketsMax: 40 })
    expect(fitOpenFiles(low, 256).config.network).toMatchObject({ connectionsMax: 20, socketsMax: 40 })
  })

  it('with fewer open files than that nothing starts, and it is said what to do', () => {
    expect(() => fitOpenFiles(config, openFilesMin - 1)).toThrow(
      /at least 192 open files are needed, 191 are allowed: raise the limit/,
    )
  })

  it('are asked of the system', () => {
    expect(openFilesAllowed()).toBeGreaterThan(100)
  })
})

describe('the map of the view', () => {
  const limited = (bytes: number) =>
    `Limit   Soft Limit   Hard Limit   Units\nMax address space         ${bytes}     ${bytes}     bytes\n`

  it('that does not fit the address space is refused with what to do, not by a crash', () => {
    const gib = 1024 ** 3
    expect(() => checkAddressSpace(64 * gib, limited(192 * gib))).not.toThrow()
    expect(() => checkAddressSpace(64 * gib, limited(192 * gib - 1))).toThrow(
      /view.mapBytes 68719476736 needs .* lower it, or raise/,
    )
    expect(() => checkAddressSpace(64 * gib, 'Max address space   unlimited   unlimited   bytes')).not.toThrow()
  })
})
