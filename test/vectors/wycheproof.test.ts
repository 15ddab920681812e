// Source: C2SP/wycheproof at dac1dd47, testvectors_v1, Apache-2.0. Every case of every file, on both implementations.
import { describe, expect } from 'vitest'
import { xchachaOpen, xchachaSeal } from '../../crypto/primitives/sodium-aead.ts'
import { noblePrimitives } from '../../crypto/primitives/noble-primitives.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { type Bytes, concatBytes, fromHex, toHex } from '../../base/bytes.ts'
import { testVectors } from './outside-vectors.ts'

type Case = { readonly tcId: number; readonly result: 'valid' | 'invalid' | 'acceptable'; readonly comment: string }
type Suite<Group, Fields> = {
  readonly numberOfTests: number
  readonly testGroups: readonly (Group & { readonly tests: readonly (Case & Fields)[] })[]
}

/** Runs `agrees` on every case and expects no exception to the rule, and no case left out. */
function expectAll<Group, Fields>(
  suite: Suite<Group, Fields>,
  agrees: (one: Case & Fields, group: Group) => boolean,
): void {
  let cases = 0
  const wrong: string[] = []
  for (const group of suite.testGroups) {
    for (const one of group.tests) {
      cases += 1
      if (!agrees(one, group)) wrong.push(`${one.tcId} (${one.result}): ${one.comment}`)
    }
  }
  expect(wrong).toEqual([])
  expect(cases).toBe(suite.numberOfTests)
  expect(cases).toBeGreaterThan(0)
}

type Aead = {
  readonly key: string
  readonly iv: string
  readonly aad: string
  readonly msg: string
  readonly ct: string
  readonly tag: string
}
type Seal = (key: Bytes, nonce: Bytes, aad: Bytes, plaintext: Bytes) => Bytes
type Open = (key: Bytes, nonce: Bytes, aad: Bytes, sealed: Bytes) => Bytes | undefined

function aeadAgrees(one: Case & Aead, nonceBytes: number, seal: Seal, open: Open): boolean {
  const [key, nonce, aad, plaintext] = [fromHex(one.key), fromHex(one.iv), fromHex(one.aad), fromHex(one.msg)]
  const sealed = concatBytes(fromHex(one.ct), fromHex(one.tag))
  if (nonce.length !== nonceBytes) {
    return one.result === 'invalid' && refuses(() => seal(key, nonce, aad, plaintext)) && refuses(() => open(key, nonce, aad, sealed)) // prettier-ignore
  }
  const opened = open(key, nonce, aad, sealed)
  if (one.result === 'invalid') return opened === undefined
  return opened !== undefined && toHex(opened) === one.msg && toHex(seal(key, nonce, aad, plaintext)) === toHex(sealed)
}

function refuses(work: () => unknown): boolean {
  try {
    work()
    return false
  } catch (error) {
    return error instanceof RangeError
  }
}

describe.each([nodePrimitives, noblePrimitives])('Wycheproof on $name', (primitives) => {
  testVectors(
    'ChaCha20-Poly1305 seals as published and opens nothing altered',
    'wycheproof/chacha20_poly1305.json',
    (vectors) => {
      expectAll(vectors as Suite<unknown, Aead>, (one) => aeadAgrees(one, 12, primitives.aeadSeal, primitives.aeadOpen))
    },
  )

  testVectors(
    'X25519 gives the published secrets and none for points of low order',
    'wycheproof/x25519.json',
    (vectors) => {
      type Fields = { readonly public: string; readonly private: string; readonly shared: string; readonly flags: readonly string[] } // prettier-ignore
      expectAll(vectors as Suite<unknown, Fields>, (one) => {
        const shared = primitives.x25519(fromHex(one.private), fromHex(one.public))
        return one.flags.includes('ZeroSharedSecret')
          ? shared === undefined
          : shared !== undefined && toHex(shared) === one.shared
      })
    },
  )

  testVectors('Ed25519 takes valid signatures and no others', 'wycheproof/ed25519.json', (vectors) => {
    type Fields = { readonly msg: string; readonly sig: string }
    type Group = { readonly publicKey: { readonly pk: string } }
    expectAll(vectors as Suite<Group, Fields>, (one, { publicKey }) => {
      const taken = primitives.ed25519Verify(fromHex(publicKey.pk), fromHex(one.msg), fromHex(one.sig))
      return taken === (one.result === 'valid')
    })
  })

  testVectors(
    'ECDSA P-256 takes valid signatures r‖s and no others',
    'wycheproof/ecdsa_secp256r1_sha256_p1363.json',
    (vectors) => {
      type Fields = { readonly msg: string; readonly sig: string }
      type Group = { readonly publicKey: { readonly uncompressed: string } }
      expectAll(vectors as Suite<Group, Fields>, (one, { publicKey }) => {
        const key = compressed(fromHex(publicKey.uncompressed))
        return primitives.p256Verify(key, fromHex(one.msg), fromHex(one.sig)) === (one.result === 'valid')
      })
    },
  )

  testVectors('HKDF expands as published and not beyond 255 blocks', 'wycheproof/hkdf_sha256.json', (vectors) => {
    type Fields = { readonly ikm: string; readonly salt: string; readonly info: string; readonly size: number; readonly okm: string } // prettier-ignore
    expectAll(vectors as Suite<unknown, Fields>, (one) => {
      const prk = primitives.hmac(fromHex(one.salt), fromHex(one.ikm))
      const expand = () => primitives.expand(prk, fromHex(one.info), one.size)
      return one.result === 'invalid' ? refuses(expand) : toHex(expand()) === one.okm
    })
  })

  testVectors('HMAC-SHA256 gives the published tags', 'wycheproof/hmac_sha256.json', (vectors) => {
    type Fields = { readonly key: string; readonly msg: string; readonly tag: string }
    expectAll(vectors as Suite<{ readonly tagSize: number }, Fields>, (one, { tagSize }) => {
      const tag = primitives.hmac(fromHex(one.key), fromHex(one.msg)).subarray(0, tagSize / 8)
      const short = primitives.tag(fromHex(one.key), fromHex(one.msg))
      if (!toHex(tag).startsWith(toHex(short.subarray(0, tagSize / 8)))) return false
      return (toHex(tag) === one.tag) === (one.result === 'valid')
    })
  })
})

testVectors(
  'XChaCha20-Poly1305 seals as published and opens nothing altered',
  'wycheproof/xchacha20_poly1305.json',
  (vectors) => {
    expectAll(vectors as Suite<unknown, Aead>, (one) => aeadAgrees(one, 24, xchachaSeal, xchachaOpen))
  },
)

/** SEC1 §2.3.3: 04 ‖ x ‖ y as 02 or 03 (the parity of y) ‖ x. */
function compressed(key: Bytes): Bytes {
  return concatBytes(Uint8Array.of(2 + ((key[64] ?? 0) & 1)), key.subarray(1, 33))
}
