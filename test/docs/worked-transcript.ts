// Test vectors: the worked transcript of docs/protocol.md, computed again from what the document gives: a phone says hello, pairs
// a band, resumes its link, arms it, pays and rekeys. Every line with its name, in the order of the document.

import { base64url } from '../../base/base64url.ts'
import { signBandCert } from '../../crypto/signed/band-certs.ts'
import { signKeyset } from '../../crypto/signed/keyset.ts'
import { pairingBinding, sealData } from '../../crypto/links/link-seal.ts'
import { sidOf } from '../../crypto/links/link-keys.ts'
import { noblePrimitives } from '../../crypto/primitives/noble-primitives.ts'
import { makeOffer } from '../../crypto/signed/offers.ts'
import {
  acctTagOf,
  pairingCode,
  pairingIdOf,
  pairingRoot,
  pskOf,
  startPairingAsBand,
  startPairingAsEngine,
} from '../../crypto/links/pairing.ts'
import { helloMessage, uvMessage } from '../../crypto/signed/phone-auth.ts'
import type { Primitives } from '../../crypto/primitives/primitives.ts'
import { armKey, proofTag, requestDigest } from '../../crypto/signed/proof.ts'
import { pairwiseSubject, signReceipt } from '../../crypto/signed/receipts.ts'
import { rekeyMac, rekeyRoot, startRekeyAsBand, startRekeyAsEngine } from '../../crypto/links/rekey.ts'
import { signRelease } from '../../crypto/signed/release.ts'
import { nextRoot, resumeKeys, resumeMac } from '../../crypto/links/resume.ts'
import { receiptId } from '../../engine/decisions/receipts.ts'
import { type Bytes, ascii, concatBytes, toHex, u16 } from '../../base/bytes.ts'
import { encodeEvidence } from '../../protocol/evidence.ts'
import {
  encodeEngineFrame,
  encodePhoneFrame,
  fieldsBeforeUv,
  helloToSign,
} from '../../protocol/messages/frame-codec.ts'
import { type EngineFrame, type PhoneFrame, type PhoneFrameOf, phoneFrames } from '../../protocol/messages/frames.ts'
import {
  idBytes,
  parseAccountId,
  parseBandId,
  parseBid,
  parsePartnerId,
  parsePhoneId,
  parseResourceId,
  parseRid,
} from '../../protocol/ids.ts'
import { decodeOffer } from '../../protocol/offer.ts'
import { type DownOp, encodeAuthProofProved, encodeDownOp, encodeUpOp } from '../../protocol/ops.ts'
import {
  encodeChal,
  encodeOfferRecord,
  encodePair0,
  encodeRekey1Maced,
  encodeResumeMaced,
} from '../../protocol/records.ts'
import { bandStates } from '../../protocol/states.ts'

/** A named value: bytes, or text. `→` and `←` before the name are messages of the phone and of the engine. */
export type Line = { readonly name: string; readonly value: Bytes | string }

/** What the document gives: `bytes` and `text` throw on a name that it does not. */
export type Given = {
  readonly bytes: (name: string) => Bytes
  readonly text: (name: string) => string
  /** The clock after its nth setting, ms. */
  readonly clockMs: (nth: number) => number
}

/** What the example engine is set to; the limits decide what is left after the payment. */
export const example = {
  engineVersion: '1.0',
  issuer: 'https://engine.example',
  receiptLifeS: 86_400,
  heartbeatS: 30,
  framesPerSecond: 50,
  amountMinor: 1_250,
  currency: 978,
  label: 'Coffee',
  perUseMinor: 10_000,
  perDayMinor: 20_000,
} as const

const ekid = 1
const rkid = 1
const slot = 0

/** Computes every line from what is given. */
export function workedTranscript(given: Given): readonly Line[] {
  const lines: Line[] = []
  const say = <Value extends Bytes | string>(name: string, value: Value): Value => {
    lines.push({ name, value })
    return value
  }
  const { bytes, text } = given
  const p = noblePrimitives
  const drawing = (name: string): Primitives => ({ ...p, randomBytes: () => Uint8Array.from(bytes(name)) })
  const asks = (frame: PhoneFrame, about = '') => say(`→ ${frame.type}${about}`, encodePhoneFrame(frame))
  const answers = (frame: EngineFrame, about = '') => say(`← ${frame.type}${about}`, encodeEngineFrame(frame))
  const up = (name: string, record: Bytes) => asks({ type: 'record', id: 0, slot, bytes: record }, ` ${name}`)
  const down = (name: string, record: Bytes) => answers({ type: 'record', id: 0, slot, bytes: record }, ` ${name}`)

  // Keys
  const engineKey = say('S_E', p.x25519PublicKey(bytes('S_E secret')))
  say('V_R', p.ed25519PublicKey(bytes('V_R seed')))
  say('V_E', p.ed25519PublicKey(bytes('V_E seed')))
  const bandKey = say('s_B', p.x25519PublicKey(bytes('s_B secret')))
  const sessionKey = say('session key', p.ed25519PublicKey(bytes('session seed')))
  const verifyKey = say('verify key', p.p256PublicKey(bytes('verify secret')))
  const bandId = parseBandId(bytes('bandId'))
  const cert = say(
    'BandCert',
    signBandCert(p, bytes('vendor seed'), {
      vendor: 1,
      model: 2,
      signatureType: 'ed25519',
      bandId,
      bandKey,
      conformance: 7,
      batch: 3,
      issuer: 1,
    }),
  )

  // Hello
  const jwk = `{"crv":"Ed25519","kty":"OKP","x":"${base64url(sessionKey)}"}`
  say('jkt', base64url(p.sha256(ascii(jwk))))
  answers({
    type: 'greeting',
    id: 0,
    challenge: bytes('challenge'),
    engineVersion: example.engineVersion,
    frameBytesMax: 4_096,
    slotMax: 255,
    framesPerSecond: example.framesPerSecond,
  })
  const phoneId = parsePhoneId(bytes('phoneId'))
  const hello = {
    type: 'hello',
    id: 1,
    version: 1,
    token: text('token'),
    phoneId: idBytes(phoneId),
    sessionKey,
    verifyKey,
    resumeToken: null,
  } as const
  const host = text('host')
  const helloFields = say('hello fields', helloToSign(hello))
  const signed = say('hello message', helloMessage(p, { challenge: bytes('challenge'), fields: helloFields, host }))
  asks({ ...hello, signature: p.ed25519Sign(bytes('session seed'), signed) })
  answers({
    type: 'helloAnswer',
    id: 1,
    sessionNumber: 0x1_0000_0001,
    resumeToken: bytes('resumeToken'),
    pendingUntilMs: 0,
    resumed: false,
    timeMs: given.clockMs(0),
    heartbeatS: example.heartbeatS,
  })

  /** Asks for a challenge and signs the frame with it; `nth` of the verifications. */
  const verified = (nth: number, id: number, frame: PhoneFrameOf<'pairStart' | 'arm'>): Bytes => {
    const challenge = bytes(`uv challenge ${nth}`)
    asks({ type: 'challenge', id }, ` ${nth}`)
    answers({ type: 'challengeAnswer', id, challenge }, ` ${nth}`)
    const fields = say(`uv fields ${nth}`, fieldsBeforeUv(frame))
    const message = say(
      `uv message ${nth}`,
      uvMessage(p, { purpose: phoneFrames[frame.type].number, challenge, fields, host }),
    )
    const signature = p.p256Sign(bytes('verify secret'), message)
    asks({ ...frame, uv: say(`uv ${nth}`, concatBytes(challenge, signature)) })
    return message
  }

  // Pairing
  const uvSigned = verified(1, 2, {
    type: 'pairStart',
    id: 3,
    slot,
    ps: bytes('ps'),
    hint: null,
    uv: new Uint8Array(96),
  })
  const pairingId = pairingIdOf(p, uvSigned)
  say('pairingId', idBytes(pairingId))
  const acctTag = say('acctTag', acctTagOf(p, bytes('pepper'), parseAccountId(text('account')), pairingId))
  const pair0 = encodePair0({ ekid, pairingId: idBytes(pairingId), acctTag })
  down('PAIR0', pair0)
  say('psk', pskOf(p, bytes('ps')))
  const band = startPairingAsBand(drawing('band ephemeral 1'), {
    pair0,
    ps: bytes('ps'),
    engineKey,
    bandSecret: bytes('s_B secret'),
  })
  const engine = startPairingAsEngine(drawing('engine ephemeral 1'), {
    pair0,
    ps: bytes('ps'),
    engineSecret: bytes('S_E secret'),
  })
  const pair1 = band.pair1({ model: 2, conformance: 7, firmware: 0x0001_0004 })
  up('PAIR1', pair1)
  must(engine.readPair1(pair1.subarray(2)))
  const pair2 = engine.pair2({ timeMs: given.clockMs(1), flags: 0 })
  down('PAIR2', pair2)
  must(band.readPair2(pair2.subarray(2)))
  const pair3 = band.pair3(cert, 0)
  up('PAIR3', pair3)
  must(engine.readPair3(pair3.subarray(2)))
  const pairing = engine.finish()
  say('h', pairing.handshakeHash)
  say('up 0', pairing.up)
  say('down 0', pairing.down)
  const ask = say('ask', pairing.ask)
  say('sid 0', u16(sidOf(p, ask)))
  say('code', pairingCode(p, pairing.handshakeHash))
  const generation = 1
  const bid = parseBid(bytes('bid'))
  const stateFrame = (state: keyof typeof bandStates, wearEpoch: number, armedUntilMs = 0): EngineFrame => {
    return { type: 'state', id: 0, bid: idBytes(bid), state: bandStates[state], holds: 0, armedUntilMs, wearEpoch }
  }
  const onPairing = { proof: false, ratcheted: false, phase: 0, sid: pairing.sid, ctr: 1 }
  const commit = encodeDownOp({ type: 'commit', bid, generation, acctTag })
  say('COMMIT', commit)
  answers(stateFrame('pairing', 0), ' pairing')
  down('COMMIT', sealData(p, pairing.down, { ...onPairing, down: true }, pairingBinding, none, commit))
  const commitAck = encodeUpOp({ type: 'commitAck', generation })
  up('COMMIT_ACK', sealData(p, pairing.up, { ...onPairing, down: false }, pairingBinding, none, commitAck))
  const root0 = say('R_0', pairingRoot(p, ask, { bandId, acctTag, generation }))
  answers(stateFrame('offWrist', 0), ' bound')
  answers({ type: 'paired', id: 3, bandId: idBytes(bandId), bid: idBytes(bid), generation })

  // Resume
  asks({ type: 'attach', id: 4, slot, bid: idBytes(bid), account: null })
  answers({ type: 'attachAnswer', id: 4 })
  answers(stateFrame('offWrist', 0), ' attached')
  down('CHAL 1', encodeChal(bytes('Ne 1')))
  const maced = encodeResumeMaced(bid, 0, bytes('Nb'))
  say('RESUME mac', resumeMac(p, root0, maced, bytes('Ne 1')))
  up('RESUME', concatBytes(maced, resumeMac(p, root0, maced, bytes('Ne 1'))))
  const link1 = resumeKeys(p, root0, maced, bytes('Ne 1'))
  say('PRK', p.hmac(root0, concatBytes(maced, bytes('Ne 1'))))
  say('up 1', link1.up)
  say('down 1', link1.down)
  say('sid 1', u16(link1.sid))
  const root1 = say('R_1', nextRoot(p, root0))
  const binding = { bid: idBytes(bid), generation }
  const counters = { up: 0, down: 0 }
  let link = link1
  const sealUp = (
    name: string,
    plaintext: Bytes,
    flags: { readonly ratcheted?: boolean; readonly rd?: Bytes } = {},
  ) => {
    const { ratcheted = false, rd } = flags
    const header = { down: false, phase: 0, ratcheted, proof: rd !== undefined, sid: link.sid, ctr: ++counters.up }
    say(name, plaintext)
    return sealData(p, link.up, header, binding, rd ?? none, plaintext)
  }
  const sealDown = (name: string, op: DownOp) => {
    const header = { down: true, phase: 0, ratcheted: false, proof: false, sid: link.sid, ctr: ++counters.down }
    down(name, sealData(p, link.down, header, binding, none, say(name, encodeDownOp(op))))
  }
  const status = (tick: number, wearEpoch: number) => {
    return encodeUpOp({ type: 'status', tick, wear: 'on', wearEpoch, battery: 90, motion: 5 })
  }
  const state = (tick: number, state: keyof typeof bandStates, armedForS = 0): DownOp => {
    return { type: 'state', tick, state: bandStates[state], holds: 0, armedForS, heartbeatS: example.heartbeatS }
  }
  sealDown('HELLO 1', { type: 'hello' })
  up('STATUS 1', sealUp('STATUS 1', status(0, 1)))
  sealDown('STATE 1', state(1, 'disarmed'))
  sealDown('RATCHET_ACK 1', { type: 'ratchetAck', n: 1 })
  answers(stateFrame('disarmed', 1), ' worn')

  // Arm
  verified(2, 5, { type: 'arm', id: 6, slot, wearEpoch: 1, uv: new Uint8Array(96) })
  const armedUntilMs = given.clockMs(2) + 86_400_000
  const armEpoch = 1
  answers(stateFrame('armed', 1, armedUntilMs), ' armed')
  sealDown('ARM', { type: 'arm', secret: bytes('A'), armEpoch, wearEpoch: 1, ttlS: 86_400 })
  up('ARM_ACK', sealUp('ARM_ACK', encodeUpOp({ type: 'armAck', armEpoch }), { ratcheted: true }))
  answers({ type: 'armed', id: 6, armEpoch, armedUntilMs })

  // Pay
  const offer = say(
    'offer',
    makeOffer(p, bytes('partner key'), {
      partner: parsePartnerId(bytes('partner')),
      resource: parseResourceId(bytes('resource')),
      action: 1,
      amountMinor: example.amountMinor,
      currency: example.currency,
      partnerNonce: bytes('partnerNonce'),
      rid: parseRid(bytes('rid')),
      expiresAtMs: given.clockMs(3) + 60_000,
      label: example.label,
      kid: 1,
    }),
  )
  say('OFFER', encodeOfferRecord(offer))
  const { canon, labelBytes } = mustOffer(offer)
  const rd = say('rd', requestDigest(p, canon, labelBytes))
  const key = say('arm key', armKey(p, bytes('A'), idBytes(bid), armEpoch))
  const evidence = say(
    'evidence',
    encodeEvidence({
      rssiDbm: -48,
      rssiPhoneDbm: -50,
      rtt10Us: 800,
      distanceCm: 0xffff,
      rangingFlags: 0,
      intervalMs: 0,
      readerNonce: new Uint8Array(8),
    }),
  )
  const rid = parseRid(bytes('rid'))
  const proved = encodeAuthProofProved({ rid, verdict: 'tap', wear: 'on', armEpoch, tick: 1, evidence })
  const tag = say('p', proofTag(p, key, { rd, sid: link.sid, ctr: counters.up + 1, proved }))
  const proof = sealUp('AUTH_PROOF', concatBytes(proved, tag), { ratcheted: true, rd })
  asks({ type: 'authorize', id: 7, slot, offer, record: proof, uv: null, wantsReceipt: true })
  const iat = given.clockMs(3) / 1_000
  const partner = parsePartnerId(bytes('partner'))
  const lsn = Number.parseInt(text('lsn'), 10)
  const receipt = say(
    'receipt',
    signReceipt(
      p,
      { kid: text('V_E kid'), seed: bytes('V_E seed') },
      {
        iss: example.issuer,
        aud: partner,
        sub: pairwiseSubject(p, bytes('pepper'), parseAccountId(text('account')), partner),
        iat,
        exp: iat + example.receiptLifeS,
        jti: receiptId({ lsn, atMs: given.clockMs(3) }),
        nonce: toHex(bytes('partnerNonce')),
        rd: toHex(rd),
        action: 1,
        resource: toHex(bytes('resource')),
        amountMinor: example.amountMinor,
        currency: example.currency,
        level: 2,
        ownerEpoch: 0,
      },
    ),
  )
  answers({
    type: 'decision',
    id: 7,
    approved: true,
    reason: 0,
    obligation: null,
    receipt,
    useLeftMinor: example.perUseMinor,
    dayLeftMinor: example.perDayMinor - example.amountMinor,
    lsn,
  })
  sealDown('AUTH_RESULT', { type: 'authResult', rid, outcome: 1, pattern: 1 })

  // Rekey
  asks({ type: 'attach', id: 8, slot, bid: idBytes(bid), account: null }, ' again')
  answers({ type: 'attachAnswer', id: 8 }, ' again')
  answers(stateFrame('armed', 1, armedUntilMs), ' again')
  down('CHAL 2', encodeChal(bytes('Ne 2')))
  const bandRekey = startRekeyAsBand(drawing('band ephemeral 2'), {
    bid,
    generation,
    n: 1,
    root: root1,
    engineNonce: bytes('Ne 2'),
    engineKey,
    bandSecret: bytes('s_B secret'),
  })
  const engineRekey = startRekeyAsEngine(drawing('engine ephemeral 2'), {
    maced: encodeRekey1Maced(bid, 1),
    generation,
    root: root1,
    engineNonce: bytes('Ne 2'),
    engineSecret: bytes('S_E secret'),
    bandKey,
  })
  say('mac1', rekeyMac(p, root1, encodeRekey1Maced(bid, 1), bytes('Ne 2')))
  const rekey1 = bandRekey.rekey1()
  up('REKEY1', rekey1)
  must(engineRekey.readRekey1(rekey1.subarray(30)))
  const rekey2 = engineRekey.rekey2({ timeMs: given.clockMs(4), flags: 0 })
  down('REKEY2', rekey2)
  const { ask: ask2, ...link2 } = engineRekey.finish()
  say('up 2', link2.up)
  say('down 2', link2.down)
  say('ask 2', ask2)
  say('sid 2', u16(link2.sid))
  say('R_2', rekeyRoot(p, ask2, { bid, generation, n: 1 }))
  link = link2
  counters.up = 0
  counters.down = 0
  sealDown('HELLO 2', { type: 'hello' })
  up('STATUS 2', sealUp('STATUS 2', status(0, 1)))
  sealDown('STATE 2', state(1, 'armed', 86_400 - (given.clockMs(4) - given.clockMs(2)) / 1_000))
  sealDown('RATCHET_ACK 2', { type: 'ratchetAck', n: 2 })

  // Words of the release key
  say('RELEASE', signRelease(p, bytes('V_R seed'), { rkid, bandId, generationMax: 1 }))
  const nextKey = { ekid: 2, engineKey: bytes('next S_E'), notBeforeS: 1_800_003_600 }
  say('KEYSET', signKeyset(p, bytes('V_R seed'), nextKey))
  return lines
}

const none = new Uint8Array(0)

function must(read: unknown): void {
  if (read === undefined || read === false) throw new Error('a message of the transcript does not open')
}

function mustOffer(bytes: Bytes) {
  const offer = decodeOffer(bytes)
  if (offer.type === 'malformed') throw new Error(`the transcript's offer: ${offer.expected}`)
  return offer
}
