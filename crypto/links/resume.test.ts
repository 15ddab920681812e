import { createHmac } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ascii, concatBytes, readU16, u8 } from '../../base/bytes.ts'
import { parseBid } from '../../protocol/ids.ts'
import { encodeResumeMaced } from '../../protocol/records.ts'
import { noblePrimitives } from '../primitives/noble-primitives.ts'
import { nodePrimitives } from '../primitives/node-primitives.ts'
import { nextRoot, resumeKeys, resumeMac, resumeMacKey, resumeMacWith } from './resume.ts'
import { everyFlip, filled } from '../primitives/test-bytes.ts'

const root = filled(32, 1)
const maced = encodeResumeMaced(parseBid('0102030405060708'), 5, filled(16, 2))
const engineNonce = filled(16, 3)

const hmac = (key: Uint8Array, ...parts: readonly Uint8Array[]) =>
  new Uint8Array(
    createHmac('sha256', key)
      .update(concatBytes(...parts))
      .digest(),
  )
/** HKDF-Expand for one block, spelled out. */
const expand = (key: Uint8Array, label: string) => hmac(key, ascii(label), u8(1))

describe('a resume', () => {
  it('has the mac, keys and next root that PROTOCOL §4 spells, in band and engine', () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
    fc.assert(
      fc.property(bytes(32), bytes(30), bytes(16), (anyRoot, anyMaced, anyNonce) => {
        const prk = hmac(anyRoot, anyMaced, anyNonce)
        for (const primitives of [nodePrimitives, noblePrimitives]) {
          expect(resumeMac(primitives, anyRoot, anyMaced, anyNonce)).toEqual(
            hmac(expand(anyRoot, 'bnd1 mac'), anyMaced, anyNonce).slice(0, 16),
          )
          expect(resumeKeys(primitives, anyRoot, anyMaced, anyNonce)).toEqual({
            up: expand(prk, 'bnd1 b2e'),
            down: expand(prk, 'bnd1 e2b'),
            sid: readU16(expand(prk, 'bnd1 sid'), 0),
          })
          expect(nextRoot(primitives, anyRoot)).toEqual(expand(anyRoot, 'bnd1 ratchet'))
        }
      }),
    )
  })

  it('has another mac and other keys when any bit of record, nonce or root differs', () => {
    const mac = resumeMac(nodePrimitives, root, maced, engineNonce)
    const keys = resumeKeys(nodePrimitives, root, maced, engineNonce)
    const others = [
      ...everyFlip(maced).map((other) => [root, other, engineNonce] as const),
      ...everyFlip(engineNonce).map((other) => [root, maced, other] as const),
      ...everyFlip(root).map((other) => [other, maced, engineNonce] as const),
    ]
    for (const [otherRoot, otherMaced, otherNonce] of others) {
      expect(resumeMac(nodePrimitives, otherRoot, otherMaced, otherNonce)).not.toEqual(mac)
      const other = resumeKeys(nodePrimitives, otherRoot, otherMaced, otherNonce)
      expect(other.up).not.toEqual(keys.up)
      expect(other.down).not.toEqual(keys.down)
    }
  })

  it('is recognized by the mac key of a dropped root, which opens no link', () => {
    const kept = resumeMacKey(nodePrimitives, root)
    expect(resumeMacWith(nodePrimitives, kept, maced, engineNonce)).toEqual(
      resumeMac(nodePrimitives, root, maced, engineNonce),
    )
    expect(resumeKeys(nodePrimitives, kept, maced, engineNonce).up).not.toEqual(
      resumeKeys(nodePrimitives, root, maced, engineNonce).up,
    )
    expect(nextRoot(nodePrimitives, kept)).not.toEqual(nextRoot(nodePrimitives, root))
  })

  it('leaves the caller’s root as it was', () => {
    const mine = root.slice()
    resumeMac(nodePrimitives, mine, maced, engineNonce)
    resumeKeys(nodePrimitives, mine, maced, engineNonce)
    nextRoot(nodePrimitives, mine)
    expect(mine).toEqual(root)
  })
})
