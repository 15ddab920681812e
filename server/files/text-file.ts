// Text decoding. UTF-8 text as other programs write it: a byte order mark (RFC 3629 §6) in front of it is no part of it, and UTF-16, which
// some editors call Unicode, is told as what it is instead of as a mistake of whatever is read from it.

/** A text that is not UTF-8: the message says what it is and what to do. */
class TextError extends Error {
  override readonly name = 'TextError'
}

const mark = '\uFEFF'

/** The text of bytes, without its mark. Throws a TextError that names `from` when they are UTF-16. */
export function utf8Of(bytes: Uint8Array, from: string): string {
  if (isUtf16(bytes)) throw new TextError(`${from}: ${notUtf16}`)
  return withoutMark(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'))
}

/** A text that was decoded elsewhere, such as a line of a stream, without the mark in front of it. */
export function withoutMark(text: string): string {
  return text.startsWith(mark) ? text.slice(mark.length) : text
}

/** Whether the beginning of a text that was decoded as UTF-8 shows that its bytes were UTF-16. */
export function looksUtf16(text: string): boolean {
  return text.startsWith('\uFFFD\uFFFD') || text.slice(0, 4).includes('\0')
}

export const notUtf16 = 'text in UTF-8 expected, this is UTF-16; save it as UTF-8'

/** By its mark, or because every second byte of what begins in ASCII is zero. */
function isUtf16([first, second, third, fourth]: Uint8Array): boolean {
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return true
  return (first === 0 && second !== 0 && third === 0) || (second === 0 && first !== 0 && fourth === 0)
}
