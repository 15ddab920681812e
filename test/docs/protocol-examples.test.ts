// Every example of docs/protocol.md, decoded: the bytes say what stands beside them, field by field, and nothing else.

import { describe, expect, it } from 'vitest'
import { decodeBandCert } from '../../protocol/band-cert.ts'
import { type Bytes, concatBytes, fromHex, toHex } from '../../base/bytes.ts'
import { decodeEvidence } from '../../protocol/evidence.ts'
import { Reassembler, fragment } from '../../protocol/fragments.ts'
import { decodeEngineFrame, decodeHubRecords, decodePhoneFrame } from '../../protocol/messages/frame-codec.ts'
import { engineFrames, phoneFrames } from '../../protocol/messages/frames.ts'
import { phoneFrameBytesMax } from '../../protocol/limits.ts'
import { type Unpacked, isMalformed, unpackArray } from '../../protocol/messages/msgpack-reader.ts'
import { decodeOffer } from '../../protocol/offer.ts'
import { decodeDownOp, decodeUpOp, opCodes } from '../../protocol/ops.ts'
import { decodeRecord, recordTypes } from '../../protocol/records.ts'
import { tableOf } from './documents.ts'
import {
  type Block,
  type ExampleLine,
  blocksOf,
  exampleLines,
  protocolDocument,
  transcriptLines,
} from './protocol-blocks.ts'

const blocks = blocksOf()

/** How each kind of fixed layout is decoded, and what of the result is only another view of the same bytes. */
const layouts: Readonly<Record<string, { decode: (bytes: Bytes) => object; views: readonly string[] }>> = {
  record: { decode: decodeRecord, views: ['type', 'maced', 'signed', 'header', 'bytes'] },
  op: {
    decode: (bytes) => {
      const up = decodeUpOp(bytes)
      return up.type === 'malformed' ? decodeDownOp(bytes) : up
    },
    views: ['type', 'proved', 'signed'],
  },
  cert: { decode: decodeBandCert, views: ['type', 'signed'] },
  offer: {
    decode: (bytes) => {
      const offer = decodeOffer(bytes)
      return offer.type === 'malformed' ? offer : { ...offer, ...offer.terms }
    },
    views: ['type', 'terms', 'canon', 'labelBytes', 'maced'],
  },
  evidence: { decode: decodeEvidence, views: [] },
}

const fixed = blocks.filter(({ kind }) => kind in layouts)
const frames = blocks.filter(({ kind }) => kind === 'phone-frame' || kind === 'engine-frame')
const title = ({ kind, about }: Block) => `${kind} ${about}`.trim()

describe('the layouts of records, ops, certs and offers', () => {
  it.for(fixed.map((block) => [title(block), block] as const))(
    '%s has in its bytes what stands beside them',
    ([, block]) => {
      const layout = layouts[block.kind]
      const lines = exampleLines(block)
      const decoded = layout?.decode(concatBytes(...lines.map((line) => line.bytes))) ?? {}
      expect(decoded).not.toMatchObject({ type: 'malformed' })
      if (block.about !== '') expect(decoded).toMatchObject({ type: block.about })
      for (const line of lines) checkLine(line, decoded)
      expect(namesIn(lines)).toEqual(fieldsOf(decoded, layout?.views ?? []))
    },
  )

  it.for([
    ['record', ['type', 'name', 'way', 'bytes', 'what it is']],
    ['op', ['op', 'name', 'way', 'bytes', 'what it says']],
  ] as const)('%s have the lengths that their table says', ([kind, columns]) => {
    const lengths = tableOf(protocolDocument, columns).filter(([, , , bytes]) => /^\d+$/.test(bytes ?? ''))
    expect(lengths.length).toBeGreaterThan(10)
    for (const [number = '', name, , bytes] of lengths) {
      const block = fixed.find(
        (one) => one.kind === kind && (exampleLines(one)[0]?.bytes[0] ?? 0) === Number.parseInt(number, 16),
      )
      const length = block === undefined ? 0 : concatBytes(...exampleLines(block).map((line) => line.bytes)).length
      expect({ name, length }).toEqual({ name, length: Number(bytes) })
    }
  })

  it('show every record and every op there is, once', () => {
    const shown = (kind: string) => fixed.filter((block) => block.kind === kind).map((block) => block.about)
    expect(shown('record').toSorted()).toEqual(Object.keys(recordTypes).toSorted())
    expect(shown('op').toSorted()).toEqual(Object.keys(opCodes).toSorted())
    for (const kind of ['cert', 'offer', 'evidence']) expect(shown(kind)).toHaveLength(1)
  })
})

describe('the frames', () => {
  it.for(frames.map((block) => [title(block), block] as const))(
    '%s has in its bytes what stands beside them',
    ([, block]) => {
      const lines = exampleLines(block)
      const bytes = concatBytes(...lines.map((line) => line.bytes))
      const items = unpackArray(bytes)
      if (isMalformed(items)) throw new Error(items.expected)
      const decode = block.kind === 'phone-frame' ? decodeAsPhone : decodeEngineFrame
      const frame = new Map<string, unknown>(Object.entries(decode(bytes)))
      expect(frame.get('type')).toBe(block.about)
      const [head, type, ...fields] = lines
      expect(toHex(head?.bytes ?? fromHex(''))).toBe((0x90 | items.length).toString(16))
      expect(itemOf(type)).toBe(items[0])
      expect(fields).toHaveLength(items.length - 1)
      for (const [index, line] of fields.entries()) {
        const item = itemOf(line)
        expect(item, `line ${index + 3}`).toEqual(items[index + 1])
        for (const { name, value } of line.stated) {
          expect({ [name]: plain(item) }).toEqual({ [name]: value })
          if (name !== 'entry') expect(frame.get(name), name).toEqual(item)
        }
        if (line.named !== undefined) expect(frame.get(line.named), line.named).toEqual(item)
      }
      const expected = [...frame.keys()].filter((name) => name !== 'type' && name !== 'entries')
      // A field that came later is not there when it is nil.
      const named = namesIn(fields).filter((name) => name !== 'entry')
      expect(named).toEqual(expected.filter((name) => named.includes(name) || frame.get(name) !== null).toSorted())
    },
  )

  it('show every frame there is, once', () => {
    const shown = (kind: string) => frames.filter((block) => block.kind === kind).map((block) => block.about)
    expect(shown('phone-frame').toSorted()).toEqual(Object.keys(phoneFrames).toSorted())
    expect(shown('engine-frame').toSorted()).toEqual(Object.keys(engineFrames).toSorted())
  })

  it('of a hub carry many records', () => {
    const lines = exampleLines(blockOf('hub-frame'))
    const records = decodeHubRecords(concatBytes(...lines.map((line) => line.bytes)))
    if ('type' in records) throw new Error(records.expected)
    const slots = lines.flatMap((line) => line.stated.map(({ value }) => value))
    expect(records.map((record) => record.slot)).toEqual(slots)
    const bytes = lines.filter((line) => line.named === 'bytes').map(itemOf)
    expect(records.map((record) => record.bytes)).toEqual(bytes)
  })
})

describe('what an example shows without saying its value', () => {
  const transcript = transcriptLines()
    .map(({ value }) => (typeof value === 'string' ? '' : toHex(value)))
    .join('|')
  const isExample = ({ kind }: Block) => kind in layouts || kind.endsWith('-frame')

  it.for(blocks.filter(isExample).map((block) => [title(block), block] as const))(
    'is, in %s, out of the transcript',
    ([, block]) => {
      for (const line of exampleLines(block).filter(({ named }) => named !== undefined)) {
        const value = block.kind.endsWith('-frame') ? itemOf(line) : line.bytes
        expect(transcript, line.named).toContain(value instanceof Uint8Array ? toHex(value) : 'bytes')
      }
    },
  )
})

describe('the fragments', () => {
  it('are those of the record they are said to be, at that MTU', () => {
    const { about, lines } = blockOf('fragments')
    const [name = '', mtu = ''] = about.split(' ')
    const record = exampleLines(blockOf('record', name)).map((line) => line.bytes)
    const message = concatBytes(...record)
    expect(lines).toEqual(fragment(message, Number(mtu)).map(toHex))
    const reassembler = new Reassembler()
    const whole = lines.map((line) => reassembler.push(fromHex(line), 0)).find((one) => one !== undefined)
    expect(whole).toEqual(message)
  })
})

function blockOf(kind: string, about?: string): Block {
  const block = blocks.find((one) => one.kind === kind && (about === undefined || one.about === about))
  if (block === undefined) throw new Error(`the document has no block ${kind} ${about ?? ''}`)
  return block
}

/** The one MessagePack item of a line. */
function itemOf(line: ExampleLine | undefined): Unpacked {
  const items = unpackArray(concatBytes(Uint8Array.of(0x91), line?.bytes ?? fromHex('')), 3)
  if (isMalformed(items)) throw new Error(`one item on each line: ${items.expected}`)
  return items[0] ?? null
}

const decodeAsPhone = (bytes: Bytes) => decodePhoneFrame(bytes, phoneFrameBytesMax)

/** As an entry of a page is stated: byte strings as hex. */
function plain(item: Unpacked): unknown {
  if (item instanceof Uint8Array) return toHex(item)
  return Array.isArray(item) ? item.map(plain) : item
}

function checkLine(line: ExampleLine, decoded: object): void {
  const values = new Map<string, unknown>(Object.entries(decoded))
  for (const { name, value } of line.stated) {
    expect({ [name]: values.get(name) }).toEqual({ [name]: value })
    const isWholeLine = line.stated.length === 1 && typeof value === 'number'
    if (isWholeLine) expect(numberIn(line.bytes, value < 0), name).toBe(BigInt(value))
  }
  if (line.named === undefined) return
  const bytes = values.get(line.named)
  expect(bytes instanceof Uint8Array ? toHex(bytes) : undefined, line.named).toBe(toHex(line.bytes))
}

function numberIn(bytes: Bytes, isSigned: boolean): bigint {
  const number = BigInt(`0x${toHex(bytes)}`)
  return isSigned ? BigInt.asIntN(8 * bytes.length, number) : number
}

/** Every field a block names, sorted. */
function namesIn(lines: readonly ExampleLine[]): readonly string[] {
  const names = lines.flatMap((line) => [
    ...line.stated.map(({ name }) => name),
    ...(line.named === undefined ? [] : [line.named]),
  ])
  return names.toSorted()
}

function fieldsOf(decoded: object, views: readonly string[]): readonly string[] {
  return Object.keys(decoded)
    .filter((name) => !views.includes(name))
    .toSorted()
}
