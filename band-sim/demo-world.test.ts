import { createHash, createPublicKey, verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { base64url } from '../base/base64url.ts'
import { verifyBandCert } from '../crypto/signed/band-certs.ts'
import { nodePrimitives } from '../crypto/primitives/node-primitives.ts'
import { decodeBandCert } from '../protocol/band-cert.ts'
import { fromHex, toHex } from '../base/bytes.ts'
import { thumbprint } from './demo-tokens.ts'
import { type DemoFile, demoWorld } from './demo-world.ts'

const seed = (byte: number): string => toHex(new Uint8Array(32).fill(byte))
const file: DemoFile = {
  url: 'ws://127.0.0.1:1/phone',
  tokens: { iss: 'https://demo.test', aud: 'bandpass', kid: 't1', seed: seed(1) },
  partner: { id: '0a'.repeat(16), kid: 1, key: seed(2) },
  receipts: { issuer: 'bandpass', keySet: 'http://localhost:1/.well-known/jwks.json' },
  engine: { ekid: 1, key: seed(3), rkid: 2, releaseKey: seed(4) },
  vendor: { vendor: 7, model: 8, batch: 9, issuer: 10, seed: seed(5) },
}
const publicKeyOf = (hex: string): Uint8Array => nodePrimitives.ed25519PublicKey(fromHex(hex))

describe('the world of a demo engine', () => {
  it('makes bands that its engine trusts, each another one', () => {
    const world = demoWorld(JSON.stringify(file))
    const devices = [world.newBand(), world.newBand()].map(({ wearer }) => wearer.band.device)
    expect(devices[0]?.bandId).not.toBe(devices[1]?.bandId)
    for (const device of devices) {
      const cert = decodeBandCert(device.cert)
      if (cert.type !== 'bandCert') throw new Error(cert.expected)
      expect(cert).toMatchObject({ vendor: 7, model: 8, batch: 9, issuer: 10 })
      const root = { signatureType: 'ed25519', publicKey: publicKeyOf(file.vendor.seed) } as const
      expect(verifyBandCert(nodePrimitives, root, cert)).toBe(true)
      expect(device.engineKeys).toEqual([{ id: 1, publicKey: fromHex(file.engine.key) }])
    }
  })

  it('signs its phones in with tokens that are bound to their own keys', async () => {
    const phone = demoWorld(JSON.stringify(file)).phone('alice')
    const token = await phone.token({ refused: null })
    const [header, body, signature] = token.split('.').map((part) => Buffer.from(part, 'base64url'))
    if (header === undefined || body === undefined || signature === undefined) throw new Error('no JWS')
    expect(JSON.parse(header.toString())).toEqual({ alg: 'EdDSA', typ: 'JWT', kid: 't1' })
    const x = base64url(publicKeyOf(file.tokens.seed))
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    expect(verify(null, Buffer.from(token.slice(0, token.lastIndexOf('.'))), key, signature)).toBe(true)
    const jwk = `{"crv":"Ed25519","kty":"OKP","x":"${base64url(phone.keys.session.publicKey)}"}`
    const jkt = createHash('sha256').update(jwk).digest('base64url')
    expect(JSON.parse(body.toString())).toMatchObject({
      iss: 'https://demo.test',
      aud: 'bandpass',
      sub: 'alice',
      cnf: { jkt },
    })
  })

  it('names the thumbprint that RFC 8037 prints', () => {
    // RFC 8037 appendix A.3, the key of appendix A.2.
    const publicKey = Buffer.from('11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo', 'base64url')
    expect(thumbprint(nodePrimitives, publicKey)).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
  })

  it('says what is missing in its file', () => {
    expect(() => demoWorld('{}')).toThrow('partner')
    expect(() => demoWorld(JSON.stringify({ ...file, vendor: { ...file.vendor, batch: 'x' } }))).toThrow('batch')
    expect(() => demoWorld('null')).toThrow('demo.json')
  })
})
