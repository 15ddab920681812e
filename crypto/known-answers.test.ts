// Answers printed in the standards, typed in from them: they hold whether or not the outside vectors are at hand.
import { describe, expect, it } from 'vitest'
import { ascii, fromHex, toHex } from '../base/bytes.ts'
import { noblePrimitives } from './primitives/noble-primitives.ts'
import { nodePrimitives } from './primitives/node-primitives.ts'
import { filled } from './primitives/test-bytes.ts'

describe.each([nodePrimitives, noblePrimitives])('the $name primitives give the printed answers', (primitives) => {
  it('of FIPS 180-4 for SHA-256 of nothing and of "abc"', () => {
    expect(toHex(primitives.sha256(ascii('')))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
    expect(toHex(primitives.sha256(ascii('abc')))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    )
  })

  it.each([
    {
      section: '§4.2',
      key: filled(20, 0x0b),
      message: ascii('Hi There'),
      mac: 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    },
    {
      section: '§4.3',
      key: ascii('Jefe'),
      message: ascii('what do ya want for nothing?'),
      mac: '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    },
    {
      section: '§4.4',
      key: filled(20, 0xaa),
      message: filled(50, 0xdd),
      mac: '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe',
    },
    {
      section: '§4.5',
      key: fromHex('0102030405060708090a0b0c0d0e0f10111213141516171819'),
      message: filled(50, 0xcd),
      mac: '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b',
    },
    {
      section: '§4.7',
      key: filled(131, 0xaa),
      message: ascii('Test Using Larger Than Block-Size Key - Hash Key First'),
      mac: '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    },
    {
      section: '§4.8',
      key: filled(131, 0xaa),
      message: ascii(
        'This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.',
      ),
      mac: '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
    },
  ])('of RFC 4231 $section for HMAC-SHA256', ({ key, message, mac }) => {
    expect(toHex(primitives.hmac(key, message))).toBe(mac)
  })

  it.each([
    {
      section: 'A.1',
      ikm: filled(22, 0x0b),
      salt: fromHex('000102030405060708090a0b0c'),
      info: fromHex('f0f1f2f3f4f5f6f7f8f9'),
      prk: '077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5',
      okm: '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    },
    {
      section: 'A.2',
      ikm: Uint8Array.from({ length: 80 }, (_, i) => i),
      salt: Uint8Array.from({ length: 80 }, (_, i) => 0x60 + i),
      info: Uint8Array.from({ length: 80 }, (_, i) => 0xb0 + i),
      prk: '06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244',
      okm: 'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87',
    },
    {
      section: 'A.3',
      ikm: filled(22, 0x0b),
      salt: new Uint8Array(0),
      info: new Uint8Array(0),
      prk: '19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04',
      okm: '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
    },
  ])('of RFC 5869 $section for HKDF', ({ ikm, salt, info, prk, okm }) => {
    const extracted = primitives.hmac(salt, ikm)
    expect(toHex(extracted)).toBe(prk)
    expect(toHex(primitives.expand(extracted, info, okm.length / 2))).toBe(okm)
    expect(toHex(primitives.expand(extracted, info))).toBe(okm.slice(0, 64))
  })

  it('of RFC 8439 §2.8.2 for ChaCha20-Poly1305', () => {
    const key = Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i)
    const nonce = fromHex('070000004041424344454647')
    const aad = fromHex('50515253c0c1c2c3c4c5c6c7')
    const plaintext = ascii(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
    )
    const sealed = primitives.aeadSeal(key, nonce, aad, plaintext)
    expect(toHex(sealed)).toBe(
      'd31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b' +
        '1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc' +
        '3ff4def08e4b7a9de576d26586cec64b6116' +
        '1ae10b594f09e26a7e902ecbd0600691',
    )
    expect(primitives.aeadOpen(key, nonce, aad, sealed)).toEqual(plaintext)
  })

  it.each([
    {
      scalar: 'a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4',
      u: 'e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c',
      result: 'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552',
    },
    {
      scalar: '4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d',
      u: 'e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493',
      result: '95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957',
    },
  ])('of RFC 7748 §5.2 for X25519 of $u', ({ scalar, u, result }) => {
    expect(primitives.x25519(fromHex(scalar), fromHex(u))).toEqual(fromHex(result))
  })

  it('of RFC 7748 §5.2 for X25519 applied a thousand times to itself', () => {
    let scalar = fromHex('0900000000000000000000000000000000000000000000000000000000000000')
    let u = scalar
    for (let times = 1; times <= 1_000; times++) {
      const result = primitives.x25519(scalar, u)
      if (result === undefined) throw new Error('no shared secret')
      u = scalar
      scalar = result
      if (times === 1) expect(toHex(scalar)).toBe('422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079')
    }
    expect(toHex(scalar)).toBe('684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51')
  })

  it('of RFC 7748 §6.1 for Alice and Bob', () => {
    const alice = fromHex('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a')
    const bob = fromHex('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb')
    const alicePublic = primitives.x25519PublicKey(alice)
    const bobPublic = primitives.x25519PublicKey(bob)
    expect(toHex(alicePublic)).toBe('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a')
    expect(toHex(bobPublic)).toBe('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f')
    const shared = fromHex('4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742')
    expect(primitives.x25519(alice, bobPublic)).toEqual(shared)
    expect(primitives.x25519(bob, alicePublic)).toEqual(shared)
  })

  it.each([
    {
      test: 1,
      seed: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
      publicKey: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      message: '',
      signature:
        'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    },
    {
      test: 2,
      seed: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
      publicKey: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      message: '72',
      signature:
        '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    },
    {
      test: 3,
      seed: 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
      publicKey: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
      message: 'af82',
      signature:
        '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
    },
  ])('of RFC 8032 §7.1 test $test for Ed25519', ({ seed, publicKey, message, signature }) => {
    expect(toHex(primitives.ed25519PublicKey(fromHex(seed)))).toBe(publicKey)
    expect(toHex(primitives.ed25519Sign(fromHex(seed), fromHex(message)))).toBe(signature)
    expect(primitives.ed25519Verify(fromHex(publicKey), fromHex(message), fromHex(signature))).toBe(true)
  })

  it('of RFC 6979 A.2.5 for ECDSA P-256 with SHA-256', () => {
    const secret = fromHex('c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721')
    const publicKey = '0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6'
    const signature =
      'efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716' +
      'f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8'
    expect(toHex(primitives.p256PublicKey(secret))).toBe(publicKey)
    expect(primitives.p256Verify(fromHex(publicKey), ascii('sample'), fromHex(signature))).toBe(true)
    expect(primitives.p256Verify(fromHex(publicKey), ascii('simple'), fromHex(signature))).toBe(false)
  })
})
