// CSPRNG of the kernel (/dev/urandom), at each draw anew. OpenSSL, and so node:crypto, stretches a seed that lies in the memory of the
// process for minutes (strace: 20,000 draws of randomFillSync, not one getrandom): a virtual machine that is resumed twice from
// one snapshot would draw the same keys, challenges and nonces twice. The kernel draws anew when the hypervisor tells it of a
// resume (VM generation id, Linux 5.18), else within a minute. Reading 32 bytes costs 1.0 µs, OpenSSL 1.7, a pool 0.1.

import { randomFillSync } from 'node:crypto'
import { fstatSync, openSync, readSync } from 'node:fs'

const device = '/dev/urandom'
let descriptor: number | undefined

/** `length` bytes of their own. Throws when the system gives none. */
export function systemRandom(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  // Windows has no such device; there it is OpenSSL's word that counts.
  if (process.platform === 'win32') return randomFillSync(bytes)
  descriptor ??= openDevice()
  for (let at = 0; at < length;) {
    const count = readSync(descriptor, bytes, at, length - at, null)
    if (count === 0) throw new Error(`random bytes expected of ${device}, got its end`)
    at += count
  }
  return bytes
}

// Open for as long as the process lives: opening costs more than reading, and may fail when descriptors run out.
function openDevice(): number {
  // The device answers before the kernel has gathered enough at boot; what seeds OpenSSL waits for that.
  randomFillSync(new Uint8Array(1))
  const fd = openSync(device, 'r')
  if (!fstatSync(fd).isCharacterDevice())
    throw new Error(`a character device expected at ${device}, got something else`)
  return fd
}
