import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packArray } from './msgpack-writer.ts'
import {
  type FeedMessage,
  decodeFeed,
  decodeFeedAsk,
  encodeFeed,
  feedAskBytesMax,
  feedFields,
} from './operator-feed.ts'

const number = fc.maxSafeNat()
const value = fc.option(number)
const bandId = fc.uint8Array({ minLength: 16, maxLength: 16 })
const step = fc.record({ atMs: number, event: fc.string(), from: fc.string(), to: fc.string() })
const anyMessage: fc.Arbitrary<FeedMessage> = fc.oneof(
  fc.record({ type: fc.constant('whole' as const), atMs: number, values: fc.array(value) }),
  fc.record({ type: fc.constant('changed' as const), atMs: number, changes: fc.array(fc.tuple(number, value)) }),
  fc.record({ type: fc.constant('band' as const), bandId }),
  fc.record({ type: fc.constant('steps' as const), bandId, left: number, steps: fc.array(step) }),
)

describe('a message of the feed', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(decodeFeed(encodeFeed(message))).toEqual(message)
      }),
    )
  })

  it('of any bytes is a message or Malformed, never an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(['whole', 'changed', 'band', 'steps', 'malformed']).toContain(decodeFeed(bytes).type)
        expect(['watch', 'malformed']).toContain(decodeFeedAsk(bytes).type)
      }),
    )
  })

  it('names each field once', () => {
    expect(new Set(feedFields).size).toBe(feedFields.length)
  })
})

describe('what a page asks of the feed', () => {
  it('is to watch one band, or none', () => {
    for (const length of [0, 16]) {
      const ask = { type: 'watch', bandId: new Uint8Array(length).fill(7) } as const
      expect(decodeFeedAsk(encodeFeed(ask))).toEqual(ask)
    }
    expect(decodeFeedAsk(packArray([4, new Uint8Array(15)]))).toMatchObject({ type: 'malformed' })
    expect(decodeFeedAsk(packArray([6, new Uint8Array(16)]))).toMatchObject({ type: 'malformed' })
  })

  it('is refused undecoded one byte past its limit', () => {
    const longest = packArray([4, new Uint8Array(16), new Uint8Array(feedAskBytesMax - 22)])
    expect(longest).toHaveLength(feedAskBytesMax)
    expect(decodeFeedAsk(longest)).toMatchObject({ type: 'watch' })
    expect(decodeFeedAsk(packArray([4, new Uint8Array(16), new Uint8Array(feedAskBytesMax - 21)]))).toMatchObject({
      type: 'malformed',
      at: feedAskBytesMax,
    })
  })
})
