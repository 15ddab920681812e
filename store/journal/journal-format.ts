// On-disk format of the journal. The bytes of the journal. A segment is one sector of header, then groups, each starting on a sector of its
// own, then zeros. Sectors matter: a disk writes one whole or not at all, so no write ever touches bytes that were acknowledged, and a torn
// group is told from a damaged one (journal-scan.ts). Integers are big-endian. Field offsets are forever.

import { hash } from 'node:crypto'
import { u64 } from '../../base/bytes.ts'
import { crc32c } from '../files/crc32c.ts'

/** The unit a disk writes whole or not at all. */
export const sectorBytes = 512
/** Longest record body: rows are far below; a longer one is a bug of the caller. */
export const recordBytesMax = 65_536
/** A group is closed when it would grow past this. */
export const groupBytesMax = 1_048_576
/** A segment must hold its header and a group of one longest record. */
export const segmentBytesMin = 131_072

export const chainBytes = 32
export const groupHeaderBytes = 80
export const recordHeaderBytes = 4

const segmentMagic = 0x42505347 // BPSG
const groupMagic = 0x42504752 // BPGR
const formatVersion = 1
const segmentHeaderUsedBytes = 68

export type SegmentHeader = {
  /** Lsn of the first record in the segment; also its name. */
  readonly firstLsn: number
  readonly epoch: number
  readonly segmentBytes: number
  /** Chain hash of the last group before the segment. */
  readonly chain: Uint8Array
}

export type GroupHeader = {
  readonly epoch: number
  /** First lsn of the segment it was written to. */
  readonly segmentLsn: number
  readonly firstLsn: number
  /** 0 in the group that only marks a new epoch. */
  readonly recordCount: number
  /** Length of the records with their length fields. */
  readonly bodyBytes: number
  /** Sectors after the first that are all zero in the group as written: more of them on disk means a torn write. */
  readonly zeroSectors: number
  /** Chain hash of the group before. */
  readonly previous: Uint8Array
  readonly bodyCrc: number
}

/** What the first group of all follows. */
export const genesisChain: Uint8Array = hash('sha256', 'bandpass journal 1', 'buffer')

export function sectorsUp(bytes: number): number {
  return Math.ceil(bytes / sectorBytes) * sectorBytes
}

/** Bytes on disk of a group whose records take `bodyBytes`. */
export function groupBytesOnDisk(bodyBytes: number): number {
  return sectorsUp(groupHeaderBytes + bodyBytes + chainBytes)
}

export function segmentName(firstLsn: number): string {
  return `${firstLsn.toString(16).padStart(14, '0')}.segment`
}

/** First lsn of a segment's name; undefined when it is no segment's. */
export function lsnOfSegmentName(name: string): number | undefined {
  return /^[0-9a-f]{14}\.segment$/.test(name) ? Number.parseInt(name.slice(0, 14), 16) : undefined
}

export function encodeSegmentHeader(header: SegmentHeader): Buffer<ArrayBuffer> {
  const bytes = Buffer.alloc(sectorBytes)
  bytes.writeUInt32BE(segmentMagic, 0)
  bytes.writeUInt16BE(formatVersion, 4)
  bytes.set(u64(header.firstLsn), 8)
  bytes.set(u64(header.epoch), 16)
  bytes.set(u64(header.segmentBytes), 24)
  bytes.set(header.chain, 32)
  bytes.writeUInt32BE(crc32c(bytes, 0, 64), 64)
  return bytes
}

/** The header in a segment's first sector, or what is wrong with it. */
export function decodeSegmentHeader(sector: Buffer): SegmentHeader | string {
  if (sector.length < sectorBytes) return `a header of ${sectorBytes} bytes expected, got ${sector.length}`
  if (sector.readUInt32BE(0) !== segmentMagic) return 'a segment header expected, got other bytes'
  const version = sector.readUInt16BE(4)
  const stored = sector.readUInt32BE(64)
  const crc = crc32c(sector, 0, 64)
  if (stored !== crc) return `header checksum ${hex(crc)} expected, got ${hex(stored)}`
  if (version !== formatVersion) return `journal format ${formatVersion} expected, got ${version}: run a newer version`
  if (!isZero(sector, segmentHeaderUsedBytes, sectorBytes)) return 'zeros expected after the header'
  return {
    firstLsn: Number(sector.readBigUInt64BE(8)),
    epoch: Number(sector.readBigUInt64BE(16)),
    segmentBytes: Number(sector.readBigUInt64BE(24)),
    chain: Uint8Array.from(sector.subarray(32, 64)),
  }
}

/**
 * Completes a group in place: its records stand at `groupHeaderBytes`; header, padding and chain hash are written around
 * them. The chain hash ends the last sector, so it is never torn and that sector is never all zero.
 */
export function sealGroup(bytes: Buffer, header: Omit<GroupHeader, 'bodyCrc' | 'zeroSectors'>): Uint8Array {
  const bodyEnd = groupHeaderBytes + header.bodyBytes
  const chainAt = groupBytesOnDisk(header.bodyBytes) - chainBytes
  bytes.writeUInt32BE(groupMagic, 0)
  bytes.writeUInt16BE(formatVersion, 4)
  bytes.fill(0, bodyEnd, chainAt)
  bytes.writeUInt16BE(zeroSectorsIn(bytes, sectorBytes, chainAt + chainBytes - sectorBytes), 6)
  writeU64(bytes, header.epoch, 8)
  writeU64(bytes, header.segmentLsn, 16)
  writeU64(bytes, header.firstLsn, 24)
  bytes.writeUInt32BE(header.recordCount, 32)
  bytes.writeUInt32BE(header.bodyBytes, 36)
  bytes.set(header.previous, 40)
  bytes.writeUInt32BE(crc32c(bytes, groupHeaderBytes, bodyEnd), 72)
  bytes.writeUInt32BE(crc32c(bytes, 0, 76), 76)
  const chain = chainHash(header.previous, bytes.subarray(0, chainAt))
  bytes.set(chain, chainAt)
  return chain
}

/** SHA-256 of the previous chain hash and the group up to its own. */
export function chainHash(previous: Uint8Array, group: Uint8Array): Uint8Array {
  scratch =
    scratch.length >= chainBytes + group.length ? scratch : Buffer.allocUnsafeSlow(2 * group.length + chainBytes)
  scratch.set(previous, 0)
  scratch.set(group, chainBytes)
  return hash('sha256', scratch.subarray(0, chainBytes + group.length), 'buffer')
}
/** `crypto.hash` takes one buffer and costs half of what `createHash` does. */
let scratch: Buffer = Buffer.allocUnsafeSlow(16_384)

/** The group header at `at`, or undefined when the bytes there are not one of this format, or are damaged. */
export function decodeGroupHeader(bytes: Buffer, at: number): GroupHeader | undefined {
  if (at + groupHeaderBytes > bytes.length || bytes.readUInt32BE(at) !== groupMagic) return undefined
  if (bytes.readUInt16BE(at + 4) !== formatVersion) return undefined
  if (bytes.readUInt32BE(at + 76) !== crc32c(bytes, at, at + 76)) return undefined
  return {
    zeroSectors: bytes.readUInt16BE(at + 6),
    epoch: Number(bytes.readBigUInt64BE(at + 8)),
    segmentLsn: Number(bytes.readBigUInt64BE(at + 16)),
    firstLsn: Number(bytes.readBigUInt64BE(at + 24)),
    recordCount: bytes.readUInt32BE(at + 32),
    bodyBytes: bytes.readUInt32BE(at + 36),
    previous: bytes.subarray(at + 40, at + 72),
    bodyCrc: bytes.readUInt32BE(at + 72),
  }
}

/** Are `bytes[from..to)` all zero? Bytes past the end count as zero. */
export function isZero(bytes: Buffer, from: number, to: number): boolean {
  const end = Math.min(to, bytes.length)
  let at = from
  // Almost every answer is "no" at the first byte; the rest is compared in large steps.
  for (; at < end && at < from + 16; at++) if (bytes[at] !== 0) return false
  for (; at < end; at += zeros.length) {
    const step = Math.min(zeros.length, end - at)
    if (bytes.compare(zeros, 0, step, at, at + step) !== 0) return false
  }
  return true
}
const zeros = Buffer.alloc(65_536)

/** How many of the sectors that start in `[from, to)` are all zero. */
export function zeroSectorsIn(bytes: Buffer, from: number, to: number): number {
  let count = 0
  for (let at = from; at < to; at += sectorBytes) if (isZero(bytes, at, at + sectorBytes)) count++
  return count
}

function writeU64(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at)
  bytes.writeUInt32BE(value % 0x1_0000_0000, at + 4)
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0')
}
