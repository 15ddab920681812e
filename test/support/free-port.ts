// Allocation of free TCP ports across test processes: a port for a program that must be told one, and that may lose it for a
// while: an engine is killed and comes back to where its page looks for it. The system gives ports of its ephemeral range to
// whatever connects next, so these lie below that range; and two test files never get the same one, since each claims its own for
// as long as its process lives.

import { type Socket, createSocket } from 'node:dgram'
import { createServer } from 'node:net'

/** Linux gives 32768 to 60999 to connections (ip_local_port_range), others 49152 and up (RFC 6335 §6). */
const from = 10_240
const below = 32_768
const triesMax = 200
const host = '127.0.0.1'

/** A port that is free now, as is the one after it: an engine's page for operators listens there. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < triesMax; tries++) {
    const port = from + 2 * Math.floor((Math.random() * (below - from)) / 2)
    const claim = await claimed(port)
    if (claim === undefined) continue
    if ((await canListen(port)) && (await canListen(port + 1))) return port
    claim.close()
  }
  throw new Error(`no free port between ${from} and ${below} in ${triesMax} tries`)
}

/** The same number as a UDP port, which nothing here uses: held until the process ends, and then dropped by the kernel. */
function claimed(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4').unref()
    socket.once('error', () => {
      socket.close()
      resolve(undefined)
    })
    socket.bind({ address: host, port, exclusive: true }, () => resolve(socket))
  })
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, host, () => probe.close(() => resolve(true)))
  })
}
