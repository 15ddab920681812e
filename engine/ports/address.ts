// One spelling for a peer's address, whichever listener read it, and the key under which its limits are kept.

import { SocketAddress, isIPv4, isIPv6 } from 'node:net'

const mappedPrefix = '::ffff:'

/** The address as IPv4 dotted or shortest lower-case IPv6; IPv4 mapped into IPv6 is IPv4. Unreadable text is 'unknown'. */
export function canonicalAddress(text: string): string {
  if (isIPv4(text)) return text
  if (!isIPv6(text)) return 'unknown'
  const address = new SocketAddress({ family: 'ipv6', address: text }).address
  const mapped = address.slice(mappedPrefix.length)
  return address.startsWith(mappedPrefix) && isIPv4(mapped) ? mapped : address
}

/**
 * What limits per address count by: the address for IPv4, its /64 for IPv6, where one subscriber has them all
 * (RFC 6177). Takes a canonical address.
 */
export function addressKey(canonical: string): string {
  if (!canonical.includes(':')) return canonical
  const [head = '', tail] = canonical.replace(/%.*$/, '').split('::')
  const front = head === '' ? [] : head.split(':')
  // The part after '::' stands at the end of the eight groups; only what reaches into the first four matters.
  const back = tail === undefined || tail === '' ? [] : tail.split(':')
  const groups = [...front, ...Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0'), ...back]
  return `${groups.slice(0, 4).join(':')}::/64`
}
