// base64url without padding (RFC 4648 §5), as JWS wants it; works where Node's Buffer does not exist.

import type { Bytes } from './bytes.ts'

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

export function base64url(bytes: Bytes): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    const count = Math.min(bytes.length - i, 3) + 1
    for (let digit = 0; digit < count; digit++) text += digits[(group >>> (18 - 6 * digit)) & 63]
  }
  return text
}
