import { describe, expect, it } from 'vitest'
import { ascii } from '../../base/bytes.ts'
import { BandFlash, crc32 } from './flash.ts'

const root = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)

describe('a band’s flash', () => {
  it('checks with the CRC-32 everyone uses', () => {
    // The check value of CRC-32/ISO-HDLC in the catalogue of parametrised CRC algorithms.
    expect(crc32(ascii('123456789'))).toBe(0xcbf43926)
  })

  it('has no root before it is given one, nor after its binding is erased', () => {
    const flash = new BandFlash([])
    expect(flash.root).toBeUndefined()
    flash.writeRoot(0, root(1))
    expect(flash.root).toEqual({ n: 0, root: root(1) })
    flash.eraseBinding()
    expect(flash.root).toBeUndefined()
  })

  it('keeps the old root until the new one is whole, and then only the new one', () => {
    const flash = new BandFlash([])
    flash.writeRoot(0, root(1))
    flash.beforeWrite = () => {
      throw new Error('power cut')
    }
    expect(() => flash.writeRoot(1, root(2))).toThrow('power cut')
    expect(flash.root).toEqual({ n: 0, root: root(1) })
    flash.beforeWrite = undefined
    flash.writeRoot(1, root(2))
    expect(flash.root?.n).toBe(1)
    flash.eraseOlderRoots()
    flash.writeRoot(2, root(3))
    expect(flash.root).toEqual({ n: 2, root: root(3) })
  })

  it('copied, is a second band in the same state that goes its own way', () => {
    const flash = new BandFlash([])
    flash.writeRoot(4, root(1))
    flash.writeWearEpoch(9)
    const copy = flash.copy()
    flash.writeRoot(5, root(2))
    expect(copy.root?.n).toBe(4)
    expect(copy.wearEpoch).toBe(9)
  })
})
