// Lenient parser of a search term that names a band, as people copy it: an id in capitals or with spaces, its beginning as a table
// shows it with an ellipsis behind, `phone:` before it, or an account. One reading for the page, the admin API and the command line.

/** Shortest prefix of an id: fewer digits are the beginning of too many ids. */
export const idDigitsMin = 4
/** As many as every table shows of an id: the beginning of one, and hardly an account. */
const idDigitsShown = 8
const idDigitsMax = 32

export type WrittenName = {
  /** Lower-case hex digits of an id, or of its beginning; undefined when it can be none. */
  readonly digits: string | undefined
  /** It can hardly be anything but an id. */
  readonly isSurelyId: boolean
  /** The account that it can be, or its beginning; undefined when it can be none. */
  readonly account: string | undefined
  /** It is the beginning of a name, cut by an ellipsis. */
  readonly isCut: boolean
}

/** Parses what was typed or pasted. Never throws. */
export function writtenName(text: string): WrittenName {
  const seen = text
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, '')
    .trim()
    .replace(/^(["'`])(.*)\1$/u, '$2')
    .trim()
  const stem = seen.replace(/(…|\.{3})$/u, '').trimEnd()
  const isCut = stem !== seen
  const packed = stem
    .replace(/^(phone|band|bid):/i, '')
    .replaceAll(/[\s:-]/g, '')
    .toLowerCase()
  const isHex = /^[0-9a-f]+$/.test(packed) && packed.length >= idDigitsMin && packed.length <= idDigitsMax
  return {
    digits: isHex ? packed : undefined,
    isSurelyId: isHex && (isCut || packed.length >= idDigitsShown),
    account: /^[A-Za-z0-9._:-]{1,64}$/.test(stem) ? stem : undefined,
    isCut,
  }
}
