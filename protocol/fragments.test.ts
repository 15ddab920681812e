import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Bytes, concatBytes, fromHex, readU16, toHex } from '../base/bytes.ts'
import { Reassembler, fragment } from './fragments.ts'
import { fragmentDataBytesMax, fragmentSilenceMs, mtuMax, mtuMin, recordBytesMax } from './limits.ts'

/** The slow, obvious way: keep every fragment since the last start, and judge them all again at each new one. */
class ObviousReassembler {
  #run: { readonly bytes: Bytes; readonly atMs: number }[] = []

  push(bytes: Bytes, nowMs: number): Bytes | undefined {
    const head = bytes[0] ?? 0
    const isStart = (head & 0x80) !== 0
    if (bytes.length === 0 || bytes.length > 513 || (!isStart && this.#run.length === 0)) {
      this.#run = []
      return undefined
    }
    this.#run = [...(isStart ? [] : this.#run), { bytes: bytes.slice(), atMs: nowMs }]
    const verdict = this.#judge()
    if (verdict !== 'goes on') this.#run = []
    return verdict instanceof Uint8Array ? verdict : undefined
  }

  #judge(): Bytes | 'goes on' | 'broken' {
    const [first] = this.#run
    const last = this.#run.at(-1)
    if (first === undefined || last === undefined) return 'broken'
    for (const [index, { bytes, atMs }] of this.#run.entries()) {
      if (((bytes[0] ?? 0) & 0x3f) !== index % 64) return 'broken'
      const before = this.#run[index - 1]
      if (before !== undefined && atMs - before.atMs > 5_000) return 'broken'
    }
    const isWhole = (b: Bytes) => ((b[0] ?? 0) & 0xc0) === 0xc0
    const headBytes = isWhole(first.bytes) ? 1 : 3
    if (first.bytes.length <= headBytes) return 'broken'
    const total = isWhole(first.bytes) ? first.bytes.length - 1 : readU16(first.bytes, 1)
    const data = concatBytes(...this.#run.map(({ bytes }, index) => bytes.subarray(index === 0 ? headBytes : 1)))
    const isLast = ((last.bytes[0] ?? 0) & 0x40) !== 0
    if (total > 1_024 || data.length > total || isLast !== (data.length === total)) return 'broken'
    return isLast ? data : 'goes on'
  }
}

const message = fc.uint8Array({ minLength: 1, maxLength: recordBytesMax })
const mtu = fc.oneof(fc.integer({ min: mtuMin, max: mtuMax }), fc.constantFrom(mtuMin, 24, 514, 515, 516, mtuMax))

function reassemble(fragments: readonly Bytes[], reassembler = new Reassembler()): readonly string[] {
  return fragments.flatMap((one) => {
    const whole = reassembler.push(one, 0)
    return whole === undefined ? [] : [toHex(whole)]
  })
}

describe('fragments', () => {
  it('of any message at any MTU make that message, once, with the last of them', () => {
    fc.assert(
      fc.property(message, mtu, (sent, mtu) => {
        const fragments = fragment(sent, mtu)
        expect(reassemble(fragments)).toEqual([toHex(sent)])
        expect(reassemble(fragments.slice(0, -1))).toEqual([])
      }),
    )
  })

  it.for([mtuMin, mtuMax])(
    'fit a write of an MTU of %i, their header included, and an attribute of 512 bytes',
    (mtu) => {
      for (const length of [1, mtu - 4, mtu - 3, 510, 511, 512, recordBytesMax]) {
        const fragments = fragment(new Uint8Array(length), mtu)
        expect(Math.max(...fragments.map((one) => one.length))).toBeLessThanOrEqual(Math.min(mtu - 3, 512))
      }
    },
  )

  it.for([mtuMin - 1, mtuMax + 1, 0, Number.NaN, 23.5])('are not made for an MTU of %i', (mtu) => {
    expect(() => fragment(new Uint8Array(10), mtu)).toThrow(RangeError)
  })

  it('carry 1,024 bytes and not 1,025, and never nothing', () => {
    const largest = new Uint8Array(recordBytesMax).fill(7)
    expect(reassemble(fragment(largest, 517))).toEqual([toHex(largest)])
    expect(reassemble(fragment(largest, 23))).toEqual([toHex(largest)])
    expect(() => fragment(new Uint8Array(recordBytesMax + 1), 517)).toThrow(RangeError)
    expect(() => fragment(new Uint8Array(0), 517)).toThrow(RangeError)
  })

  it('are laid out as the protocol says', () => {
    expect(fragment(fromHex('010203'), 23).map(toHex)).toEqual(['c0010203'])
    const two = fragment(
      Uint8Array.from({ length: 20 }, (_, index) => index),
      23,
    )
    expect(two.map(toHex)).toEqual(['800014000102030405060708090a0b0c0d0e0f10', '41111213'])
  })

  it('number themselves 0 to 63 and then 0 again', () => {
    const fragments = fragment(new Uint8Array(recordBytesMax), mtuMin)
    expect(fragments.map((one) => (one[0] ?? 0) & 0x3f)).toEqual(fragments.map((_, index) => index % 64))
    const long = Array.from({ length: 130 }, (_, index) => Uint8Array.of(index === 129 ? 0x40 | 1 : index % 64, 1))
    expect(reassemble([fromHex('80008301'), ...long.slice(1), Uint8Array.of(0x42, 1)])).toEqual([])
    expect(reassemble([fromHex('80008201'), ...long.slice(1)])).toEqual([`01${'01'.repeat(129)}`])
  })
})

describe('a message', () => {
  const sent = Uint8Array.from({ length: 100 }, (_, index) => index)
  const fragments = fragment(sent, mtuMin)

  it.for([
    ['one of its fragments is lost', fragments.filter((_, index) => index !== 2)],
    ['one comes twice', fragments.flatMap((one, index) => (index === 2 ? [one, one] : [one]))],
    ['two change places', [fragments[0], fragments[2], fragments[1], ...fragments.slice(3)]],
    ['its first is lost', fragments.slice(1)],
    ['its first states a byte too few', [spoilt(0, 2, 99), ...fragments.slice(1)]],
    ['its first states a byte too many', [spoilt(0, 2, 101), ...fragments.slice(1)]],
    ['its first states more than 1,024 bytes', [spoilt(0, 1, 0x04), ...fragments.slice(1)]],
    ['its last one does not say so', [...fragments.slice(0, -1), spoilt(fragments.length - 1, 0, 5)]],
    ['its first does not count from 0', [spoilt(0, 0, 0x81), ...fragments.slice(1)]],
    ['an empty fragment comes between', [...fragments.slice(0, 3), new Uint8Array(0), ...fragments.slice(3)]],
    ['one of 514 bytes comes between', [...fragments.slice(0, 3), new Uint8Array(514), ...fragments.slice(3)]],
  ] as const)('is dropped when %s, and the next one arrives', ([, given]) => {
    const reassembler = new Reassembler()
    expect(
      reassemble(
        given.filter((one) => one !== undefined),
        reassembler,
      ),
    ).toEqual([])
    expect(reassemble(fragments, reassembler)).toEqual([toHex(sent)])
  })

  it('gives way to the next one when that starts before it ended', () => {
    expect(reassemble([...fragments.slice(0, 3), ...fragments])).toEqual([toHex(sent)])
  })

  it('bears five seconds of silence, and not a millisecond more', () => {
    const after = (silenceMs: number) => {
      const reassembler = new Reassembler()
      const [first, ...rest] = fragments
      reassembler.push(first ?? new Uint8Array(0), 1_000)
      return rest.map((one) => reassembler.push(one, 1_000 + silenceMs)).some((whole) => whole !== undefined)
    }
    expect(after(fragmentSilenceMs)).toBe(true)
    expect(after(fragmentSilenceMs + 1)).toBe(false)
  })

  it('in one fragment has 512 bytes at most, of a sender that does not count the header', () => {
    const whole = (length: number) => concatBytes(Uint8Array.of(0xc0), new Uint8Array(length))
    expect(reassemble([whole(fragmentDataBytesMax)])).toHaveLength(1)
    expect(reassemble([whole(fragmentDataBytesMax + 1)])).toEqual([])
  })

  it('of 1,025 bytes is dropped, however honestly it is announced', () => {
    const announced = (total: number) => {
      const first = concatBytes(Uint8Array.of(0x80, total >> 8, total), new Uint8Array(500))
      const rest = total - 1_000
      const second = concatBytes(Uint8Array.of(0x01), new Uint8Array(500))
      return reassemble([first, second, concatBytes(Uint8Array.of(0x42), new Uint8Array(rest))])
    }
    expect(announced(recordBytesMax)).toHaveLength(1)
    expect(announced(recordBytesMax + 1)).toEqual([])
  })

  it('starts with some of its data, or it does not start', () => {
    expect(reassemble([fromHex('800002'), fromHex('0107'), fromHex('4208')])).toEqual([])
    expect(reassemble([fromHex('80000207'), fromHex('4108')])).toEqual(['0708'])
    expect(reassemble([fromHex('c0')])).toEqual([])
  })

  it('belongs to who asked for it: later fragments do not change it', () => {
    const reassembler = new Reassembler()
    const [first] = fragments.map((one) => reassembler.push(one, 0)).filter((whole) => whole !== undefined)
    for (const one of fragment(new Uint8Array(100), mtuMin)) reassembler.push(one, 0)
    expect(first).toEqual(sent)
  })

  function spoilt(index: number, at: number, byte: number): Bytes {
    const copy = Uint8Array.from(fragments[index] ?? [])
    copy[at] = byte
    return copy
  }
})

describe('a lossy radio', () => {
  type Fate = 'arrives' | 'is lost' | 'twice' | 'late' | 'spoilt'
  const fate: fc.Arbitrary<Fate> = fc.oneof(
    { weight: 12, arbitrary: fc.constant<Fate>('arrives') },
    { weight: 1, arbitrary: fc.constantFrom<Fate>('is lost', 'twice', 'late', 'spoilt') },
  )
  const pause = fc.oneof(
    { weight: 12, arbitrary: fc.nat(50) },
    { weight: 1, arbitrary: fc.constantFrom(fragmentSilenceMs - 1, fragmentSilenceMs, fragmentSilenceMs + 1) },
  )
  const air = fc.infiniteStream(fc.tuple(fate, pause, fc.nat(600), fc.nat(0xff)))
  const noise = fc.uint8Array({ maxLength: 6 })

  it('makes the fast reassembler and the obvious one give the same messages at the same moments', () => {
    const small = fc.uint8Array({ minLength: 1, maxLength: 120 })
    const traffic = fc.array(fc.oneof(fc.tuple(small, mtu), fc.tuple(message, mtu), noise), {
      minLength: 1,
      maxLength: 6,
    })
    fc.assert(
      fc.property(traffic, air, (traffic, air) => {
        const sent = traffic.flatMap((one) => (Array.isArray(one) ? fragment(...one) : [one]))
        const fast = new Reassembler()
        const obvious = new ObviousReassembler()
        let nowMs = 0
        for (const bytes of through(sent, air)) {
          nowMs += bytes.pauseMs
          expect(fast.push(bytes.bytes, nowMs)).toEqual(obvious.push(bytes.bytes, nowMs))
        }
      }),
      { numRuns: 600 },
    )
  })

  it('made of noise alone does so too', () => {
    const heads = fc.constantFrom(0x80, 0xc0, 0x81, 0x00, 0x01, 0x02, 0x41, 0x42, 0x43)
    const noisy = fc.array(fc.tuple(heads, fc.uint8Array({ maxLength: 5, max: 6 })))
    fc.assert(
      fc.property(noisy, (fragments) => {
        const fast = new Reassembler()
        const obvious = new ObviousReassembler()
        for (const [head, rest] of fragments) {
          const bytes = concatBytes(Uint8Array.of(head), rest)
          expect(fast.push(bytes, 0)).toEqual(obvious.push(bytes, 0))
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('never stops the next whole message', () => {
    fc.assert(
      fc.property(fc.array(noise), message, mtu, (noise, sent, mtu) => {
        const reassembler = new Reassembler()
        for (const bytes of noise) reassembler.push(bytes, 0)
        expect(reassemble(fragment(sent, mtu), reassembler)).toEqual([toHex(sent)])
      }),
    )
  })

  function through(sent: readonly Bytes[], air: Iterator<readonly [Fate, number, number, number]>) {
    const heard: { readonly bytes: Bytes; readonly pauseMs: number }[] = []
    let late: Bytes | undefined
    for (const bytes of sent) {
      const [fate, pauseMs, at, byte] = air.next().value as readonly [Fate, number, number, number]
      const spoilt = Uint8Array.from(bytes)
      if (fate === 'spoilt') spoilt[at % Math.max(1, bytes.length)] = byte
      if (fate === 'late' && late === undefined) late = bytes
      else if (fate !== 'is lost') heard.push({ bytes: spoilt, pauseMs })
      if (fate === 'twice') heard.push({ bytes: spoilt, pauseMs: 0 })
      if (fate !== 'late' && late !== undefined) {
        heard.push({ bytes: late, pauseMs: 0 })
        late = undefined
      }
    }
    return heard
  }
})
