// Parser of the fenced blocks of docs/protocol.md: layouts with a hex example, and the lines of the worked transcript.

import { type Bytes, fromHex } from '../../base/bytes.ts'
import { readText } from '../tidy/source-files.ts'

export const protocolDocument = 'docs/protocol.md'

export type Block = {
  /** The first word after the fence, such as `record`. */
  readonly kind: string
  /** What follows it, such as `chal`. */
  readonly about: string
  readonly lines: readonly string[]
}

/** Every fenced block with a kind, in order. */
export function blocksOf(document: string = protocolDocument): readonly Block[] {
  return [...readText(document).matchAll(/^```([a-z-]+) ?(.*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    kind: match[1] ?? '',
    about: (match[2] ?? '').trim(),
    lines: (match[3] ?? '').split('\n').filter((line) => line.trim() !== ''),
  }))
}

/** One line of an example: its bytes, and what it says of them. */
export type ExampleLine = {
  readonly bytes: Bytes
  /** `name = value` pairs: value is JSON. */
  readonly stated: readonly { readonly name: string; readonly value: unknown }[]
  /** A name alone: the bytes are that field. */
  readonly named: string | undefined
}

/**
 * The lines of an example: hex, two spaces, then `name = value, …`, or a field's name alone, or a remark in parentheses.
 * An entry of a page is `entry = [value, …]`, byte strings in hex.
 * A line of hex alone goes on with the one before.
 */
export function exampleLines({ lines, about }: Block): readonly ExampleLine[] {
  const merged: { hex: string; text: string }[] = []
  for (const line of lines) {
    const [, hex = '', text = ''] = /^([0-9a-f ]*?[0-9a-f])(?: {2,}(\S.*))?$/.exec(line) ?? []
    if (hex === '') throw new Error(`an example line of ${about} starts with hex, got: ${line}`)
    const last = merged.at(-1)
    if (text === '' && last !== undefined) last.hex += hex
    else merged.push({ hex, text })
  }
  return merged.map(({ hex, text }) => {
    const bytes = fromHex(hex.replaceAll(' ', ''))
    const plain = text.replace(/\([^)]*\)/g, '').trim()
    const list = /^(\w+) = (\[.*\])$/.exec(plain)
    if (list !== null)
      return { bytes, stated: [{ name: list[1] ?? '', value: JSON.parse(list[2] ?? '') as unknown }], named: undefined }
    const stated = [...plain.matchAll(/(\w+) = ("[^"]*"|[^,]+)/g)].map((match) => {
      return { name: match[1] ?? '', value: JSON.parse(match[2] ?? '') as unknown }
    })
    return { bytes, stated, named: stated.length === 0 && plain !== '' ? plain : undefined }
  })
}

/** A line of the transcript. */
export type TranscriptLine = {
  readonly kind: 'given' | 'computed'
  readonly name: string
  readonly value: Bytes | string
}

/** Every line of the `given` and `computed` blocks: `name = hex` or `name = "text"`; indented lines go on. */
export function transcriptLines(): readonly TranscriptLine[] {
  return blocksOf().flatMap(({ kind, lines }) => {
    if (kind !== 'given' && kind !== 'computed') return []
    const merged: string[] = []
    for (const line of lines) {
      if (line.startsWith(' ')) merged[merged.length - 1] += line.trim()
      else merged.push(line)
    }
    return merged.map((line): TranscriptLine => {
      const [, name = '', value = ''] = /^(.*?) += (.*)$/.exec(line) ?? []
      if (name === '') throw new Error(`a transcript line is "name = value", got: ${line}`)
      return { kind, name, value: value.startsWith('"') ? value.slice(1, -1) : fromHex(value) }
    })
  })
}
