import { describe, expect, it } from 'vitest'
import { nodePrimitives } from '../crypto/node-primitives.ts'
import { seededRandom } from '../band-sim/seeded-random.ts'
import { FastAead } from './fast-aead.ts'
import { FixedExpand, FixedHmac, sha256Into } from './fast-hash.ts'

const random = seededRandom(nodePrimitives, 'fast crypto')
const nonceOf = (ctr: number) => {
  const nonce = new Uint8Array(12)
  new DataView(nonce.buffer).setUint32(4, ctr, true)
  return nonce
}

describe('the load tester’s own cryptography', () => {
  it('seals and opens exactly as OpenSSL does, for every length a record may have', () => {
    const aead = new FastAead()
    for (let round = 0; round < 600; round++) {
      const keys = random.bytes(96)
      const [aad, plaintext] = [random.bytes(round % 97), random.bytes((7 * round) % 300)]
      const ctr = random.integer(0xffff_ffff)
      const expected = nodePrimitives.aeadSeal(keys.subarray(32, 64), nonceOf(ctr), aad, plaintext)
      const data = new Uint8Array(plaintext.length + 21)
      data.set(plaintext, 5)
      aead.seal({ keys, keyAt: 32 }, ctr, aad, data, 5, plaintext.length)
      expect(data.subarray(5)).toEqual(expected)
      expect(aead.open({ keys, keyAt: 32 }, ctr, aad, data, 5, plaintext.length)).toBe(true)
      expect(data.subarray(5, 5 + plaintext.length)).toEqual(plaintext)
    }
  })

  it('agrees with OpenSSL where Poly1305 wraps around its prime', () => {
    const aead = new FastAead()
    // Long runs of ones make the largest chunks and carries there can be.
    for (const fill of [0x00, 0xff]) {
      for (let key = 0; key < 200; key++) {
        const keys = random.bytes(32)
        const aad = new Uint8Array(64).fill(fill)
        const sealed = new Uint8Array(128 + 16).fill(fill)
        const expected = nodePrimitives.aeadSeal(keys, nonceOf(key), aad, sealed.slice(0, 128))
        aead.seal({ keys, keyAt: 0 }, key, aad, sealed, 0, 128)
        expect(sealed).toEqual(expected)
      }
    }
  })

  it('opens nothing in which a bit was changed, and leaves it as it came', () => {
    const aead = new FastAead()
    const keys = random.bytes(32)
    const aad = random.bytes(53)
    const sealed = nodePrimitives.aeadSeal(keys, nonceOf(9), aad, random.bytes(51))
    for (let bit = 0; bit < 8 * sealed.length; bit++) {
      const changed = sealed.slice()
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const before = changed.slice()
      expect(aead.open({ keys, keyAt: 0 }, 9, aad, changed, 0, 51)).toBe(false)
      expect(changed).toEqual(before)
    }
  })

  it('hashes, macs and expands as the primitives of the engine do', () => {
    for (let round = 0; round < 50; round++) {
      const keys = random.bytes(64)
      const message = random.bytes(1 + 3 * round)
      const output = new Uint8Array(40)
      sha256Into(message, output, 3)
      expect(output.slice(3, 35)).toEqual(nodePrimitives.sha256(message))
      const hmac = new FixedHmac(message.length)
      hmac.message.set(message)
      hmac.mac({ keys, keyAt: 8, keyBytes: 32 }, output, 8, 32)
      expect(output.slice(8)).toEqual(nodePrimitives.hmac(keys.subarray(8, 40), message))
      const expand = new FixedExpand('bnd1 arm', 12)
      expand.info.set(message.subarray(0, 12))
      const info = new Uint8Array(20)
      info.set(Buffer.from('bnd1 arm'))
      info.set(message.subarray(0, 12), 8)
      expand.expand({ keys, keyAt: 0, keyBytes: 16 }, output, 0)
      expect(output.slice(0, 32)).toEqual(nodePrimitives.expand(keys.subarray(0, 16), info))
    }
  })
})
