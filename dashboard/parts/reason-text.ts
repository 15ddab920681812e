// Validation of an act's reason: one line of 1 to 200 bytes, as the journal takes it.

export const reasonBytesMax = 200

/** Whether the journal would take it, but for spaces around it. */
export function isReason(text: string): boolean {
  const bytes = new TextEncoder().encode(text.trim()).length
  return bytes >= 1 && bytes <= reasonBytesMax && text.isWellFormed() && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text)
}
