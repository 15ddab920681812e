// node and noble are one interface: whatever goes in, both say the same, refusals included.
import { ed25519 } from '@noble/curves/ed25519.js'
import { bytesToNumberLE, numberToBytesLE } from '@noble/curves/utils.js'
import { sha512 } from '@noble/hashes/sha2.js'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Bytes, ascii, concatBytes, fromHex, toHex } from '../../base/bytes.ts'
import { noblePrimitives } from './noble-primitives.ts'
import { nodePrimitives } from './node-primitives.ts'
import { type Primitives, randomBytesMax } from './primitives.ts'
import { filled, flipped } from './test-bytes.ts'

const both = [nodePrimitives, noblePrimitives] as const

/** What a call comes to: its value, or the message of the RangeError; any other exception fails the test. */
function outcome(call: () => Bytes | boolean | undefined): string {
  try {
    const value = call()
    return value instanceof Uint8Array ? toHex(value) : String(value)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return `RangeError: ${error.message}`
  }
}

function expectAgreement(call: (primitives: Primitives) => Bytes | boolean | undefined): string {
  const [ofNode, ofNoble] = both.map((primitives) => outcome(() => call(primitives)))
  expect(ofNode).toBe(ofNoble)
  return String(ofNode)
}

const anyBytes = (maxLength: number) => fc.uint8Array({ maxLength })
const exactly = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
/** Mostly the right length, sometimes another. */
const about = (length: number) =>
  fc.oneof(
    { weight: 4, arbitrary: exactly(length) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 2 * length + 2 }) },
  )

describe('node and noble agree', () => {
  it('on hashes and MACs of anything, with keys of any length', () => {
    fc.assert(
      fc.property(anyBytes(300), anyBytes(300), (key, message) => {
        expectAgreement((primitives) => primitives.sha256(message))
        expectAgreement((primitives) => primitives.hmac(key, message))
      }),
    )
  })

  it('on expanding, also from a PRK shorter than RFC 5869 asks for, as the arm secret is', () => {
    const length = fc.oneof(fc.integer({ min: -1, max: 300 }), fc.constantFrom(8_160, 8_161, 1.5, Number.NaN))
    fc.assert(
      fc.property(anyBytes(80), anyBytes(80), length, (prk, info, bytes) => {
        expectAgreement((primitives) => primitives.expand(prk, info, bytes))
      }),
    )
    expect(outcome(() => nodePrimitives.expand(filled(32, 1), new Uint8Array(0), 8_160))).toHaveLength(2 * 8_160)
    for (const bytes of [0, 8_161, 1.5]) {
      expect(expectAgreement((primitives) => primitives.expand(filled(32, 1), new Uint8Array(0), bytes))).toMatch(
        'RangeError: HKDF-Expand gives 1 to 8160 bytes',
      )
    }
  })

  it('on sealing, with keys and nonces of any length', () => {
    fc.assert(
      fc.property(about(32), about(12), anyBytes(80), anyBytes(300), (key, nonce, aad, plaintext) => {
        expectAgreement((primitives) => primitives.aeadSeal(key, nonce, aad, plaintext))
      }),
    )
  })

  it('on opening what the other sealed, and on refusing it with one bit changed anywhere', () => {
    fc.assert(
      fc.property(exactly(32), exactly(12), anyBytes(60), anyBytes(200), fc.nat(), (key, nonce, aad, plaintext, at) => {
        for (const [sealer, opener] of [both, [noblePrimitives, nodePrimitives]] as const) {
          const sealed = sealer.aeadSeal(key, nonce, aad, plaintext)
          expect(opener.aeadOpen(key, nonce, aad, sealed)).toEqual(plaintext)
          expect(opener.aeadOpen(key, nonce, aad, flipped(sealed, at % (sealed.length * 8)))).toBeUndefined()
          expect(opener.aeadOpen(flipped(key, at % 256), nonce, aad, sealed)).toBeUndefined()
          expect(opener.aeadOpen(key, flipped(nonce, at % 96), aad, sealed)).toBeUndefined()
          if (aad.length > 0) {
            expect(opener.aeadOpen(key, nonce, flipped(aad, at % (aad.length * 8)), sealed)).toBeUndefined()
          }
        }
      }),
    )
  })

  it('on opening bytes that nobody sealed, however short', () => {
    fc.assert(
      fc.property(about(32), about(12), anyBytes(40), anyBytes(60), (key, nonce, aad, sealed) => {
        expectAgreement((primitives) => primitives.aeadOpen(key, nonce, aad, sealed))
      }),
    )
    for (let length = 0; length < 16; length++) {
      const said = expectAgreement((primitives) =>
        primitives.aeadOpen(filled(32, 1), filled(12, 2), new Uint8Array(0), filled(length, 3)),
      )
      expect(said).toBe('undefined')
    }
  })

  it('on X25519 of any key, canonical or not', () => {
    const canonicalOrNot = fc.oneof(
      about(32),
      fc.constantFrom(...lowOrderPoints).map((hex) => fromHex(hex)),
      exactly(1).map((low) => concatBytes(low, filled(30, 0xff), Uint8Array.of(0x7f))),
    )
    fc.assert(
      fc.property(about(32), canonicalOrNot, (secret, publicKey) => {
        expectAgreement((primitives) => primitives.x25519PublicKey(secret))
        expectAgreement((primitives) => primitives.x25519(secret, publicKey))
      }),
      { numRuns: 60 },
    )
  })

  it.each(lowOrderPointsForTable())('that the point $u of low order gives no shared secret', ({ u }) => {
    expect(expectAgreement((primitives) => primitives.x25519(filled(32, 0x55), fromHex(u)))).toBe('undefined')
  })

  it('on Ed25519 keys and signatures, and each takes the other’s', () => {
    fc.assert(
      fc.property(about(32), anyBytes(100), fc.nat(511), (seed, message, bit) => {
        const publicKey = expectAgreement((primitives) => primitives.ed25519PublicKey(seed))
        const signature = expectAgreement((primitives) => primitives.ed25519Sign(seed, message))
        if (seed.length !== 32) return
        const [key, signed] = [fromHex(publicKey), fromHex(signature)]
        expect(expectAgreement((primitives) => primitives.ed25519Verify(key, message, signed))).toBe('true')
        expect(expectAgreement((primitives) => primitives.ed25519Verify(key, message, flipped(signed, bit)))).toBe('false') // prettier-ignore
        expect(expectAgreement((primitives) => primitives.ed25519Verify(flipped(key, bit >> 1), message, signed))).toBe('false') // prettier-ignore
        expect(expectAgreement((primitives) => primitives.ed25519Verify(key, concatBytes(message, key), signed))).toBe('false') // prettier-ignore
      }),
      { numRuns: 40 },
    )
  })

  it('on verifying bytes that are neither keys nor signatures', () => {
    fc.assert(
      fc.property(about(32), about(33), about(64), anyBytes(20), (ed25519Key, p256Key, signature, message) => {
        expectAgreement((primitives) => primitives.ed25519Verify(ed25519Key, message, signature))
        expectAgreement((primitives) => primitives.p256Verify(p256Key, message, signature))
      }),
      { numRuns: 60 },
    )
  })

  it('on P-256 keys, and each takes the other’s signatures', () => {
    fc.assert(
      fc.property(about(32), anyBytes(100), fc.nat(511), (secret, message, bit) => {
        const publicKey = expectAgreement((primitives) => primitives.p256PublicKey(secret))
        if (publicKey.startsWith('RangeError')) {
          expectAgreement((primitives) => primitives.p256Sign(secret, message))
          return
        }
        const key = fromHex(publicKey)
        for (const signer of both) {
          const signed = signer.p256Sign(secret, message)
          expect(expectAgreement((primitives) => primitives.p256Verify(key, message, signed))).toBe('true')
          expect(expectAgreement((primitives) => primitives.p256Verify(key, message, flipped(signed, bit)))).toBe('false') // prettier-ignore
          expect(expectAgreement((primitives) => primitives.p256Verify(key, concatBytes(message, key), signed))).toBe('false') // prettier-ignore
        }
      }),
      { numRuns: 20 },
    )
  })

  it('that a P-256 signature with a high s is as good as its low twin', () => {
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
    const secret = filled(32, 7)
    const key = nodePrimitives.p256PublicKey(secret)
    const signed = noblePrimitives.p256Sign(secret, ascii('a request'))
    const s = BigInt(`0x${toHex(signed.subarray(32))}`)
    const twin = concatBytes(signed.subarray(0, 32), fromHex((order - s).toString(16).padStart(64, '0')))
    expect(twin).not.toEqual(signed)
    expect(expectAgreement((primitives) => primitives.p256Verify(key, ascii('a request'), twin))).toBe('true')
  })

  it.each([
    { what: 'zero', secret: '00'.repeat(32) },
    { what: 'the group order', secret: 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551' },
    { what: 'above the group order', secret: 'ff'.repeat(32) },
  ])('that $what is no P-256 secret', ({ secret }) => {
    const message = 'RangeError: a P-256 secret is 1 to the group order less one'
    expect(expectAgreement((primitives) => primitives.p256PublicKey(fromHex(secret)))).toBe(message)
    expect(expectAgreement((primitives) => primitives.p256Sign(fromHex(secret), ascii('a')))).toBe(message)
  })

  it('that the group order less one is a P-256 secret, whose key is the base point reflected', () => {
    const secret = fromHex('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550')
    expect(expectAgreement((primitives) => primitives.p256PublicKey(secret))).toBe(
      '026b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296',
    )
  })

  it.each(['02', '03', '04', '06', '00'])('on a P-256 key that starts with %s', (prefix) => {
    const x = nodePrimitives.p256PublicKey(filled(32, 9)).subarray(1)
    const signed = nodePrimitives.p256Sign(filled(32, 9), ascii('a'))
    expectAgreement((primitives) => primitives.p256Verify(concatBytes(fromHex(prefix), x), ascii('a'), signed))
  })
})

describe('Ed25519 signatures that fit more than they should', () => {
  const seed = filled(32, 3)
  const message = ascii('release the band')
  const order = ed25519.Point.Fn.ORDER

  it('are refused when S was raised by the group order, though the equation holds', () => {
    const publicKey = nodePrimitives.ed25519PublicKey(seed)
    const signature = nodePrimitives.ed25519Sign(seed, message)
    const raised = numberToBytesLE(bytesToNumberLE(signature.subarray(32)) + order, 32)
    const malleable = concatBytes(signature.subarray(0, 32), raised)
    expect(expectAgreement((primitives) => primitives.ed25519Verify(publicKey, message, malleable))).toBe('false')
  })

  it('are refused under each key of small order, where one signature would fit every message', () => {
    // With A of small order, R = [S]B - [k]A is one of eight points: this R and S = 0 fit every eighth message.
    const seen = new Set<string>()
    for (const point of smallOrderPoints()) {
      const key = point.toBytes()
      seen.add(toHex(key))
      const signature = concatBytes(ed25519.Point.ZERO.toBytes(), new Uint8Array(32))
      for (let i = 0; i < 32; i++) {
        expect(expectAgreement((primitives) => primitives.ed25519Verify(key, Uint8Array.of(i), signature))).toBe(
          'false',
        )
      }
    }
    expect(seen.size).toBe(8)
    // The attack itself: the equation without the rule about keys holds for the neutral key.
    expect(ed25519.verify(concatBytes(ed25519.Point.ZERO.toBytes(), new Uint8Array(32)), message, ed25519.Point.ZERO.toBytes(), { zip215: true })).toBe(true) // prettier-ignore
  })

  it.each(Array.from({ length: 19 }, (_, i) => ({ y: `2^255 - 19 + ${i}`, low: 0xed + i })))(
    'are refused under the second spelling y = $y of a key',
    ({ low }) => {
      for (const top of [0x7f, 0xff]) {
        const key = concatBytes(Uint8Array.of(low), filled(30, 0xff), Uint8Array.of(top))
        const signature = concatBytes(ed25519.Point.ZERO.toBytes(), new Uint8Array(32))
        expect(expectAgreement((primitives) => primitives.ed25519Verify(key, message, signature))).toBe('false')
      }
    },
  )

  it('are judged alike when the signer hid a point of small order in its key', () => {
    // A = [a]B + T with T of order 8. The equation with the cofactor holds always, the one without it every eighth time.
    const torsion = smallOrderPoints().find((point) => !point.double().double().is0())
    if (torsion === undefined) throw new Error('no point of order 8')
    const a = 0x1234_5678n
    const key = ed25519.Point.BASE.multiply(a).add(torsion).toBytes()
    const verdicts = new Set<string>()
    let cofactored = 0
    for (let i = 0; i < 40; i++) {
      const text = Uint8Array.of(i)
      const r = BigInt(i + 1)
      const bigR = ed25519.Point.BASE.multiply(r).toBytes()
      const k = ed25519.Point.Fn.create(bytesToNumberLE(sha512(concatBytes(bigR, key, text))))
      const signature = concatBytes(bigR, numberToBytesLE(ed25519.Point.Fn.create(r + k * a), 32))
      if (ed25519.verify(signature, text, key, { zip215: false })) cofactored += 1
      verdicts.add(expectAgreement((primitives) => primitives.ed25519Verify(key, text, signature)))
    }
    expect(cofactored).toBe(40)
    expect([...verdicts].sort()).toEqual(['false', 'true'])
  })
})

describe.each(both)('the $name primitives', (primitives) => {
  it('draw as many random bytes as asked, within the quota, and not the same twice', () => {
    for (const length of [0, 1, 16, 32, randomBytesMax]) expect(primitives.randomBytes(length)).toHaveLength(length)
    expect(primitives.randomBytes(32)).not.toEqual(primitives.randomBytes(32))
    for (const length of [-1, 1.5, randomBytesMax + 1]) expect(() => primitives.randomBytes(length)).toThrow(RangeError)
  })

  it('give plain arrays of their own: a slice is a copy, and changing the result changes nothing else', () => {
    const secret = filled(32, 5)
    const makers: readonly (() => Uint8Array | undefined)[] = [
      () => primitives.sha256(secret),
      () => primitives.hmac(secret, secret),
      () => primitives.expand(secret, secret),
      () => primitives.aeadSeal(secret, filled(12, 1), secret, secret),
      () => primitives.x25519PublicKey(secret),
      () => primitives.x25519(secret, primitives.x25519PublicKey(filled(32, 6))),
      () => primitives.ed25519PublicKey(secret),
      () => primitives.ed25519Sign(secret, secret),
      () => primitives.p256PublicKey(secret),
    ]
    for (const make of makers) {
      const first = make()
      if (first === undefined) throw new Error('no result')
      expect(Object.getPrototypeOf(first)).toBe(Uint8Array.prototype)
      const before = first.slice()
      first.fill(0)
      expect(make()).toEqual(before)
    }
  })

  it('work on parts of larger arrays and leave their arguments as they were', () => {
    const large = Uint8Array.from({ length: 200 }, (_, i) => i)
    const before = large.slice()
    const [key, nonce, aad, plaintext] = [large.subarray(3, 35), large.subarray(40, 52), large.subarray(60, 80), large.subarray(90, 150)] // prettier-ignore
    const sealed = concatBytes(filled(5, 0), primitives.aeadSeal(key, nonce, aad, plaintext))
    expect(primitives.aeadOpen(key, nonce, aad, sealed.subarray(5))).toEqual(plaintext.slice())
    expect(primitives.hmac(key, plaintext)).toEqual(primitives.hmac(key.slice(), plaintext.slice()))
    expect(primitives.ed25519Sign(key, plaintext)).toEqual(primitives.ed25519Sign(key.slice(), plaintext.slice()))
    expect(primitives.x25519PublicKey(key)).toEqual(primitives.x25519PublicKey(key.slice()))
    expect(large).toEqual(before)
  })

  it('use the key that an array holds now, not the one it held before it was wiped', () => {
    const seed = filled(32, 8)
    const message = ascii('a receipt')
    const before = primitives.ed25519Sign(seed, message)
    seed.fill(0)
    expect(primitives.ed25519Sign(seed, message)).toEqual(primitives.ed25519Sign(new Uint8Array(32), message))
    expect(primitives.ed25519Sign(seed, message)).not.toEqual(before)
    // One array under two schemes is two keys.
    expect(primitives.x25519PublicKey(seed)).not.toEqual(primitives.ed25519PublicKey(seed))
    expect(primitives.x25519PublicKey(seed)).toEqual(primitives.x25519PublicKey(new Uint8Array(32)))
  })
})

/** RFC 7748 §6.1 and §7 leave these to the zero check: u of order 1, 2, 4 and 8, and their second spellings. */
const lowOrderPoints = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
] as const

function lowOrderPointsForTable(): readonly { readonly u: string }[] {
  return lowOrderPoints.map((u) => ({ u }))
}

/** The eight points whose order divides the cofactor: multiples of one of order 8. */
function smallOrderPoints(): readonly InstanceType<typeof ed25519.Point>[] {
  const generator = ed25519.Point.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05')
  const points = [ed25519.Point.ZERO]
  for (let i = 1; i < 8; i++) points.push((points[i - 1] ?? ed25519.Point.ZERO).add(generator))
  return points
}
