// IP address of a peer: one spelling, whichever listener read it, and the bucket under which limits per address are kept. All that
// is bounded by address is bounded by this bucket, so that a limit holds for one subscriber whatever addresses it has.

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
 * What limits per address count by: the address for IPv4, its /64 for IPv6, where one subscriber has them all (RFC 6177), and the
 * IPv4 address that an IPv6 address was translated from, where one /64 has them all. Takes a canonical address.
 */
export function addressKey(canonical: string): string {
  if (!canonical.includes(':')) return canonical
  const groups = groupsOf(canonical)
  const embedded = embeddings.find(({ prefix }) => prefix.every((group, index) => groups[index] === group))
  if (embedded !== undefined) return ipv4Of(groups, embedded.at)
  if (localTranslated.every((group, index) => groups[index] === group)) return localKey(canonical, groups)
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`
}

/** Where an IPv6 address holds an IPv4 address: behind which prefix, and at which of its eight groups. */
const embeddings: readonly { readonly prefix: readonly number[]; readonly at: number }[] = [
  // Mapped (RFC 4291 §2.5.5.2); canonical addresses are IPv4 by then.
  { prefix: [0, 0, 0, 0, 0, 0xffff], at: 6 },
  // Translated (RFC 2765 §2.1).
  { prefix: [0, 0, 0, 0, 0xffff, 0], at: 6 },
  // NAT64, the well-known prefix (RFC 6052 §2.1).
  { prefix: [0x64, 0xff9b, 0, 0, 0, 0], at: 6 },
  // 6to4 (RFC 3056 §2): each IPv4 address has a /48.
  { prefix: [0x2002], at: 1 },
]

/** NAT64 for local use (RFC 8215). */
const localTranslated: readonly number[] = [0x64, 0xff9b, 1]

/**
 * With a prefix of 96 bits the IPv4 address is the end. With a shorter one (RFC 6052 §2.2) the last 24 bits are zero, which is no
 * end of a host's address: then a translator gives each IPv4 address just one IPv6 address, which therefore is the key.
 */
function localKey(canonical: string, groups: readonly number[]): string {
  const [last = 0, middle = 0] = [groups[7], groups[6]]
  const isShorter = last === 0 && (middle & 0xff) === 0
  return isShorter ? canonical : ipv4Of(groups, 6)
}

function ipv4Of(groups: readonly number[], at: number): string {
  return [groups[at] ?? 0, groups[at + 1] ?? 0].flatMap((group) => [group >> 8, group & 0xff]).join('.')
}

/** The eight groups of an IPv6 address; its zone is none of them. */
function groupsOf(canonical: string): readonly number[] {
  const [head = '', tail] = canonical.replace(/%.*$/, '').split('::')
  const front = numbersOf(head)
  const back = numbersOf(tail ?? '')
  return [...front, ...Array<number>(Math.max(0, 8 - front.length - back.length)).fill(0), ...back]
}

function numbersOf(part: string): readonly number[] {
  if (part === '') return []
  return part.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)]
    // The last two groups, written as IPv4.
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number)
    return [a * 256 + b, c * 256 + d]
  })
}
