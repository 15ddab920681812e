import { describe, expect, it } from 'vitest'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { seededRandom } from '../../band-sim/virtual/seeded-random.ts'
import { FixedExpand, FixedHmac, sha256Into } from './fast-hash.ts'

const random = seededRandom(nodePrimitives, 'fast hash')

describe('the load tester’s hashes on buffers', () => {
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
