// Output sanitization of untrusted text against Unicode spoofing (Unicode Technical Report 36): labels, names and reasons come from
// partners, wearers and operators, and a bidirectional control in one of them would turn around what stands beside it. Page, exports,
// log and command line share this list.

/** Replacement character, for one that is not shown. */
const mark = '\ufffd'
/** More marks than this on one letter are a flood: no language stacks as many. */
const combiningMax = 4

/**
 * What is not seen, or moves or hides what is beside it: controls, formats (bidirectional ones, zero width), lone surrogates, private
 * and unassigned characters, line and paragraph separators, fillers that look like nothing.
 */
const unseen =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u115f\u1160\u2800\u3164\uffa0]|[\u17b4\u17b5\u180b-\u180d]|\u034f/gu
/** Variation selectors: they choose between two looks of the character before; without them it looks as usual. */
const variations = /[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/gu
const flood = new RegExp(`(\\p{M}{${combiningMax}})\\p{M}+`, 'gu')
/** Combining marks at the beginning: without a letter they would sit on what stands before the text. */
const loose = /^\p{M}+/u

/** Sanitizes text to be shown beside others: what cannot be shown is replaced by `instead`, U+FFFD unless given. */
export function printable(text: string, instead: string = mark): string {
  return text
    .replaceAll(variations, '')
    .replaceAll(unseen, instead)
    .replace(loose, instead)
    .replaceAll(flood, `$1${instead}`)
}

/**
 * The first character that cannot be shown beside others, as people look it up (`U+202E`); undefined when the text can be shown as it
 * is written. For names and reasons whose author is still there to write them otherwise.
 */
export function hiddenIn(text: string): string | undefined {
  const seen = text.replaceAll(variations, '')
  const at = [unseen, loose, flood].map((pattern) => seen.search(pattern)).filter((index) => index >= 0)
  // Nothing but choices between two looks is nothing to see.
  const code = seen === '' ? text.codePointAt(0) : seen.codePointAt(at.length === 0 ? seen.length : Math.min(...at))
  if (code === undefined) return undefined
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
}

/** As `printable`, but keeps tabs and line breaks: for where they are harmless, because they are escaped. */
export function printableLines(text: string): string {
  return text
    .split(/([\t\n\r])/)
    .map((part, at) => (at % 2 === 1 ? part : printable(part)))
    .join('')
}

/** JSON with invisible characters escaped, so that no terminal and no reader is misled, and nothing is lost. */
export function printableJson(value: unknown, space?: number): string {
  return JSON.stringify(value, undefined, space).replaceAll(/[^\n\P{C}]|[\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from(character.split(''), (half) => `\\u${half.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''),
  )
}
