// Hosts by which phones come to this engine: which Host header of an upgrade is ours. A phone signs the host that it connects to,
// so that what it says to one engine is worth nothing at another; that holds only where the other refuses hosts that are not its own.

import { isIPv4, isIPv6 } from 'node:net'
import { canonicalAddress } from '../engine/ports/address.ts'

/** Whether a host is one of ours; `malformed` is what no host header may be (RFC 9110 §7.2). */
export type HostVerdict = 'ours' | 'foreign' | 'malformed'

type Authority = {
  /** Lower case, without the dot of the root; an IPv6 address is the canonical one, without brackets. */
  readonly name: string
  readonly port: number | undefined
}

/** A host longer than a name of the DNS and a port is none (RFC 1035 §2.3.4). */
const hostLengthMax = 260
const authorityShape = /^(?:\[(?<six>[0-9a-f:.]+)\]|(?<name>[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?)(?::(?<port>\d{1,5}))?$/i
const portMax = 65_535
/** What a URL leaves out: ports of ws and wss (RFC 6455 §3). */
const defaultPorts: ReadonlySet<number> = new Set([80, 443])

/**
 * Judges hosts by a list as phones write them in URLs: a name or an address, and the port unless it is the default one. An empty
 * list stands for this machine alone, at any port.
 */
export function ownHosts(listed: readonly string[]): (host: string) => HostVerdict {
  const ours = new Set(
    listed.map((one) => {
      const authority = authorityOf(one)
      if (authority === undefined) throw new RangeError(`${ownHostExpected} expected, got ${JSON.stringify(one)}`)
      return spelled(authority)
    }),
  )
  return (host) => {
    const authority = authorityOf(host)
    if (authority === undefined) return 'malformed'
    const isOurs = ours.size === 0 ? isThisMachine(authority.name) : ours.has(spelled(authority))
    return isOurs ? 'ours' : 'foreign'
  }
}

/** Whether a text may stand in the list. */
export function isOwnHost(text: string): boolean {
  return authorityOf(text) !== undefined
}

export const ownHostExpected = 'a host name or address, with its port unless that is 443 or 80'

/** Whether a name or address without a port is that of this machine, for itself alone. */
export function isThisMachine(name: string): boolean {
  if (name.toLowerCase() === 'localhost') return true
  const address = canonicalAddress(name)
  return address === '::1' || (isIPv4(address) && address.startsWith('127.'))
}

function authorityOf(host: string): Authority | undefined {
  if (host.length > hostLengthMax) return undefined
  const { six, name, port } = authorityShape.exec(host)?.groups ?? {}
  const number = port === undefined ? undefined : Number(port)
  if (number !== undefined && (number < 1 || number > portMax)) return undefined
  if (six !== undefined) return isIPv6(six) ? { name: canonicalAddress(six), port: number } : undefined
  return name === undefined ? undefined : { name: name.toLowerCase(), port: number }
}

function spelled({ name, port }: Authority): string {
  return port === undefined || defaultPorts.has(port) ? name : `${name} ${port}`
}
