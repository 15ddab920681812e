import { describe, expect, it } from 'vitest'
import { ascii } from '../../base/bytes.ts'
import { nodePrimitives as primitives } from '../primitives/node-primitives.ts'
import { createHandshake } from './noise.ts'
import { everyFlip, filled } from '../primitives/test-bytes.ts'

const bandSecret = filled(32, 1)
const engineSecret = filled(32, 2)
const psk = filled(32, 3)
const prologue = ascii('prologue')
const nothing = new Uint8Array(0)

/** Both ends; the changes are for the tests that give wrong or missing keys. */
function pair(changes: { readonly band?: object; readonly engine?: object } = {}) {
  return {
    band: createHandshake(primitives, {
      pattern: 'XKpsk3',
      role: 'initiator',
      prologue,
      staticSecret: bandSecret,
      remoteStatic: primitives.x25519PublicKey(engineSecret),
      psk,
      ...changes.band,
    }),
    engine: createHandshake(primitives, {
      pattern: 'XKpsk3',
      role: 'responder',
      prologue,
      staticSecret: engineSecret,
      psk,
      ...changes.engine,
    }),
  }
}

describe('a handshake', () => {
  it('ends with both sides holding the same four secrets, different ones each time', () => {
    const roots = new Set<string>()
    for (let i = 0; i < 3; i++) {
      const { band, engine } = pair()
      expect(engine.read(band.write(ascii('one')))).toEqual(ascii('one'))
      expect(band.read(engine.write(ascii('two')))).toEqual(ascii('two'))
      expect(engine.remoteStatic).toBeUndefined()
      expect(engine.read(band.write(ascii('three')))).toEqual(ascii('three'))
      expect(engine.remoteStatic).toEqual(primitives.x25519PublicKey(bandSecret))
      expect(engine.split()).toEqual(band.split())
      const { toResponder, toInitiator, ask, handshakeHash } = band.split()
      for (const secret of [toResponder, toInitiator, ask, handshakeHash]) roots.add(secret.join())
    }
    expect(roots.size).toBe(12)
  })

  it('refuses each message with any bit changed and still takes the true one afterwards', () => {
    const { band, engine } = pair()
    const sides = [
      [band, engine],
      [engine, band],
      [band, engine],
    ] as const
    for (const [writer, reader] of sides) {
      const message = writer.write(filled(4, 9))
      for (const forged of everyFlip(message)) {
        // The highest bit of an X25519 key is ignored by the curve but not by the transcript.
        expect(reader.read(forged)).toBeUndefined()
      }
      for (let length = 0; length < message.length; length++) {
        expect(reader.read(message.subarray(0, length))).toBeUndefined()
      }
      expect(reader.read(message)).toEqual(filled(4, 9))
    }
    expect(engine.split()).toEqual(band.split())
  })

  it('fails where the two sides differ: prologue, psk or the pinned key', () => {
    const first = (sides: ReturnType<typeof pair>) => sides.engine.read(sides.band.write(nothing))
    expect(first(pair())).toBeDefined()
    expect(first(pair({ band: { prologue: ascii('another') } }))).toBeUndefined()
    expect(first(pair({ band: { remoteStatic: primitives.x25519PublicKey(filled(32, 7)) } }))).toBeUndefined()

    const { band, engine } = pair({ band: { psk: filled(32, 8) } })
    expect(engine.read(band.write(nothing))).toBeDefined()
    expect(band.read(engine.write(nothing))).toBeDefined()
    expect(engine.read(band.write(nothing))).toBeUndefined()
    expect(() => engine.split()).toThrow('the handshake is not over')
  })

  it('refuses an ephemeral key of low order instead of agreeing on a known secret', () => {
    const { engine } = pair()
    expect(engine.read(filled(48, 0))).toBeUndefined()
  })

  it('speaks only in turn and ends with its last message', () => {
    const { band, engine } = pair()
    expect(() => engine.write(nothing)).toThrow('it is not this side’s turn to write')
    expect(() => band.read(filled(48, 1))).toThrow('it is not this side’s turn to read')
    engine.read(band.write(nothing))
    expect(() => band.write(nothing)).toThrow('it is not this side’s turn to write')
    band.read(engine.write(nothing))
    engine.read(band.write(nothing))
    expect(() => engine.write(nothing)).toThrow('the handshake is over')
    expect(() => engine.read(nothing)).toThrow('the handshake is over')
  })

  it.each([
    { message: 'XKpsk3 needs the responder’s static key', change: { remoteStatic: undefined } },
    { message: 'a static public key is 32 bytes, got 31', change: { remoteStatic: filled(31, 1) } },
    { message: 'a static secret is 32 bytes, got 33', change: { staticSecret: filled(33, 1) } },
    { message: 'a psk is 32 bytes, got 16', change: { psk: filled(16, 1) } },
    { message: 'XKpsk3 needs a psk', change: { psk: undefined } },
    { message: 'XK has no psk', change: { pattern: 'XK' } },
  ])('does not start without the right keys: $message', ({ message, change }) => {
    expect(() => pair({ band: change })).toThrow(new RangeError(message))
  })

  it('does not let an engine name a band’s key that only the handshake may reveal', () => {
    expect(() => pair({ engine: { remoteStatic: filled(32, 9) } })).toThrow(
      'XKpsk3 does not know the initiator’s static key',
    )
  })

  it('does not run with a pinned key of low order', () => {
    const { band } = pair({ band: { remoteStatic: new Uint8Array(32) } })
    expect(() => band.write(nothing)).toThrow('the remote static key is of low order')
  })

  it('leaves the caller’s static secret alone when it is wiped', () => {
    const mine = filled(32, 1)
    const { band } = pair({ band: { staticSecret: mine } })
    band.write(nothing)
    band.wipe()
    expect(mine).toEqual(filled(32, 1))
  })
})
