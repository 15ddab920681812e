// Echo servers as baselines (the floors under an answer on this machine), in a process of their own. `bare`: uWebSockets sends
// back what came, nothing else. `sealed`: the cryptography of an authorization and its frames, and nothing of what an engine is:
// no session, no state, no decision, no journal. Frame 5 in: offer MAC, `rd`, record opened, proof checked; frames 105 and 120
// out, sealed.

import { openData, sealData } from '../../crypto/links/link-seal.ts'
import { nodePrimitives as p } from '../../crypto/primitives/node-primitives.ts'
import { verifyOffer } from '../../crypto/signed/offers.ts'
import { proofTag, requestDigest } from '../../crypto/signed/proof.ts'
import { equalSecret } from '../../crypto/primitives/secret.ts'
import { decodePhoneFrame, encodeEngineFrame, encodeHubRecords } from '../../protocol/messages/frame-codec.ts'
import { hubFrameBytesMax } from '../../protocol/limits.ts'
import { decodeOffer } from '../../protocol/offer.ts'
import { decodeUpOp, encodeDownOp, patterns } from '../../protocol/ops.ts'
import { decodeData } from '../../protocol/records.ts'
import { type Uws, type UwsSocket, loadUws, uwsPackages } from '../../transport/uws.ts'
import { fixedLink, fleetBands, fleetPartner } from '../driver/fleet.ts'

const [kind, seed = '', bandsCount = '0'] = process.argv.slice(2)
if (kind !== 'bare' && kind !== 'sealed') throw new Error('echo-server.ts bare|sealed SEED BANDS')

const partnerKey = fleetPartner(seed).key
const links = kind === 'sealed' ? fleetBands(seed, Number(bandsCount)).map((band) => fixedLink(seed, band)) : []
const noContext = new Uint8Array(0)
let downCtr = 0
let lsn = 0

const uws = await loaded()
uws
  .App()
  .ws('/hub', {
    maxPayloadLength: hubFrameBytesMax,
    closeOnBackpressureLimit: false,
    maxBackpressure: 16 * 1024 * 1024,
    maxLifetime: 0,
    idleTimeout: 0,
    sendPingsAutomatically: false,
    compression: uws.DISABLED,
    upgrade: (response, request, context) =>
      response.upgrade({}, request.getHeader('sec-websocket-key'), 'bandpass.v1', '', context),
    open: () => {},
    message: kind === 'bare' ? echo : answerSealed,
    ping: () => {},
    pong: () => {},
    close: () => {},
  })
  .listen('127.0.0.1', 0, 0, (socket) => {
    if (socket === false) throw new Error('no port to listen on')
    process.send?.({ type: 'ready', port: uws.us_socket_local_port(socket) })
  })
// Ends with the benchmark, however that ends.
process.on('disconnect', () => process.exit(0))

function echo(socket: UwsSocket, message: ArrayBuffer): void {
  socket.send(new Uint8Array(message), true, false)
}

function answerSealed(socket: UwsSocket, message: ArrayBuffer): void {
  const frame = decodePhoneFrame(new Uint8Array(message), hubFrameBytesMax)
  if (frame.type !== 'authorize') throw new Error(`frame 5 expected, got ${frame.type}`)
  const offer = decodeOffer(frame.offer)
  const record = decodeData(frame.record)
  const link = links[frame.slot]
  if (offer.type !== 'offer' || record.type !== 'data' || link === undefined) throw new Error('no request')
  if (!verifyOffer(p, partnerKey, offer)) throw new Error('an offer that is not authentic')
  const rd = requestDigest(p, offer.canon, offer.labelBytes)
  const opened = openData(p, link.up, record, link, rd)
  const op = opened === undefined ? undefined : decodeUpOp(opened)
  if (op?.type !== 'authProof') throw new Error('a record that does not open')
  const tag = proofTag(p, link.armKey, { rd, sid: record.sid, ctr: record.ctr, proved: op.proved })
  if (!equalSecret(tag, op.p)) throw new Error('a proof that proves nothing')
  const decision = encodeEngineFrame({
    type: 'decision',
    id: frame.id,
    approved: true,
    reason: 0,
    obligation: null,
    receipt: null,
    useLeftMinor: 999_999,
    dayLeftMinor: 999_999,
    lsn: ++lsn,
  })
  const header = { down: true, phase: 0, ratcheted: false, proof: false, sid: link.sid, ctr: ++downCtr }
  const result = encodeDownOp({ type: 'authResult', rid: op.rid, outcome: 1, pattern: patterns.approved })
  const sealed = sealData(p, link.down, header, link, noContext, result)
  socket.cork(() => {
    socket.send(decision, true, false)
    socket.send(encodeHubRecords('engine', [{ slot: frame.slot, bytes: sealed }]), true, false)
  })
}

/** The one the engine's listener would take. */
async function loaded(): Promise<Uws> {
  for (const name of uwsPackages) {
    try {
      return await loadUws(name)
    } catch {
      continue
    }
  }
  throw new Error('no uWebSockets.js loads on this machine')
}
