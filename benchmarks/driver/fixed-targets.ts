// Targets with pre-shared links, which both ends derive from a seed: the echoes and the peers. Opens the sockets and tells a peer
// which bands speak through each.

import type { Lane, Target } from './driver.ts'
import { fixedLink, fleetBands, fleetPartner } from './fleet.ts'
import { RawSocket } from './raw-socket.ts'
import { frameWire, jsonWire } from './requests.ts'

/** How a fleet is spread: every target gets as many sockets and bands. */
export type FleetShape = {
  readonly seed: string
  readonly sockets: number
  readonly bandsPerSocket: number
}

/** Connects a fleet to a server that listens on `port`. `linkEpoch` as in `fixedLink`. */
export async function connectFixed(
  name: string,
  kind: 'echo' | 'peer',
  port: number,
  fleet: FleetShape,
  linkEpoch = 1,
): Promise<Target & { readonly close: () => void }> {
  const bands = fleetBands(fleet.seed, fleet.sockets * fleet.bandsPerSocket)
  const lanes: Lane[] = []
  for (let at = 0; at < bands.length; at += fleet.bandsPerSocket) {
    const socket = await RawSocket.open({
      port,
      path: '/hub',
      ...(kind === 'echo' ? { subprotocol: 'bandpass.v1' } : {}),
    })
    const own = bands.slice(at, at + fleet.bandsPerSocket)
    lanes.push({ socket, bands: own.map((band) => ({ band, link: fixedLink(fleet.seed, band, linkEpoch) })) })
    if (kind === 'peer') await attachAll(socket, own)
  }
  return {
    name,
    wire: kind === 'echo' ? frameWire : jsonWire,
    partner: fleetPartner(fleet.seed),
    lanes,
    refresh: () => Promise.resolve(),
    isStateless: kind === 'echo',
    close: () => {
      for (const { socket } of lanes) socket.close()
    },
  }
}

function attachAll(socket: RawSocket, bands: Lane['bands'][number]['band'][]): Promise<void> {
  let missing = bands.length
  return new Promise((resolve, reject) => {
    socket.onMessage = (bytes, from, to) => {
      const text = bytes.toString('utf8', from, to)
      if (!text.startsWith('{"attached"')) reject(new Error(`not attached: ${text}`))
      missing -= 1
      if (missing === 0) resolve()
    }
    socket.onTurn = () => {
      if (socket.ended !== undefined) reject(new Error(`attaching: ${socket.ended}`))
    }
    for (const { slot, bid } of bands) socket.send(JSON.stringify({ attach: slot, bid }))
  })
}
