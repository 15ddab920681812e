// Codec of proximity evidence, the 16 bytes inside an AUTH_PROOF (PROTOCOL §5): what the band measured, to be graded by policy/.

import { type Bytes, concatBytes, readU16, u16, u8 } from '../base/bytes.ts'

/** `distanceCm` when nothing was measured. */
export const distanceNone = 0xffff
/** Bits of `rangingFlags`: channel sounding ran; round-trip time and phase agree. */
export const rangingBits = { sounded: 1, agrees: 2 } as const

export type Evidence = {
  /** Signal strength at the band, dBm. */
  readonly rssiDbm: number
  /** Signal strength at the phone, dBm, as the phone told the band: never worth more than level 1. */
  readonly rssiPhoneDbm: number
  /** Round-trip time in units of 10 µs; 0 = not measured. */
  readonly rtt10Us: number
  readonly distanceCm: number
  readonly rangingFlags: number
  /** Time from the reader's nonce to the band's echo by the reader's clock, ms; 0 = no echo. */
  readonly intervalMs: number
  readonly readerNonce: Bytes
}

/** Decodes 16 bytes of evidence, whose length the caller has checked; `readerNonce` is a view of `bytes` (borrowed). */
export function decodeEvidence(bytes: Bytes): Evidence {
  return {
    rssiDbm: signed(bytes[0] ?? 0),
    rssiPhoneDbm: signed(bytes[1] ?? 0),
    rtt10Us: readU16(bytes, 2),
    distanceCm: readU16(bytes, 4),
    rangingFlags: bytes[6] ?? 0,
    intervalMs: bytes[7] ?? 0,
    readerNonce: bytes.subarray(8, 16),
  }
}

export function encodeEvidence(evidence: Evidence): Uint8Array<ArrayBuffer> {
  return concatBytes(
    u8(evidence.rssiDbm),
    u8(evidence.rssiPhoneDbm),
    u16(evidence.rtt10Us),
    u16(evidence.distanceCm),
    u8(evidence.rangingFlags),
    u8(evidence.intervalMs),
    evidence.readerNonce,
  )
}

function signed(byte: number): number {
  return byte > 127 ? byte - 256 : byte
}
