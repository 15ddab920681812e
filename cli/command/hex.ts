// Hex encoding of bytes on the command line.

import { UsageError } from './command.ts'

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** The bytes of an option's hex digits; throws a UsageError that names it. */
export function bytesOf(option: string, hex: string): Uint8Array {
  // As certificates and debuggers write them: 0x before, colons or spaces between.
  const digits = hex.replace(/^0x/i, '').replaceAll(/[:\s]/g, '')
  if (!/^([0-9a-fA-F]{2})+$/.test(digits)) {
    throw new UsageError(`--${option}: pairs of hex digits expected, got ${JSON.stringify(hex.slice(0, 80))}`)
  }
  return new Uint8Array(Buffer.from(digits, 'hex'))
}
