import { describe, expect, it } from 'vitest'
import { RadioWriter, recordsWaitingMax } from './radio-writer.ts'

/** A radio of one write at a time, and a clock in the hand. */
function onTheTable() {
  const sent: number[] = []
  const doings: (() => void)[] = []
  const timers = new Set<() => void>()
  const writer = new RadioWriter({
    radio: {
      mtu: 23,
      send: (bytes) => {
        sent.push(bytes[1] ?? 0)
        return new Promise((resolve) => doings.push(resolve))
      },
      onFragment: () => () => undefined,
    },
    clock: {
      nowMs: () => 0,
      after: (_afterMs, work) => {
        timers.add(work)
        return () => timers.delete(work)
      },
    },
  })
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  }
  const passTime = async (): Promise<void> => {
    for (const work of timers) work()
    await settle()
  }
  const finish = async (): Promise<void> => {
    for (const done of doings.splice(0)) done()
    await settle()
  }
  return { writer, sent, passTime, finish }
}

describe('records for a slow radio', () => {
  it('wait in their order, as many as may, and one past that is lost on the air', async () => {
    const { writer, sent, finish } = onTheTable()
    for (let record = 0; record <= recordsWaitingMax + 1; record++) writer.write(Uint8Array.of(record))
    for (let turn = 0; turn <= recordsWaitingMax + 1; turn++) await finish()
    expect(sent).toEqual(Array.from({ length: recordsWaitingMax + 1 }, (_, record) => record))
  })

  it('go on with the next when a write hangs', async () => {
    const { writer, sent, passTime } = onTheTable()
    writer.write(Uint8Array.of(1))
    writer.write(Uint8Array.of(2))
    await passTime()
    expect(sent).toEqual([1, 2])
  })

  it('are forgotten when the band is left', async () => {
    const { writer, sent, finish } = onTheTable()
    writer.write(Uint8Array.of(1))
    writer.write(Uint8Array.of(2))
    writer.close()
    writer.write(Uint8Array.of(3))
    await finish()
    expect(sent).toEqual([1])
  })
})

describe('a record', () => {
  it('that a radio asks for while it is handed another comes behind it, whole', () => {
    const sent: number[] = []
    const writer: RadioWriter = new RadioWriter({
      radio: {
        mtu: 23,
        send: (bytes) => {
          sent.push(bytes[0] ?? 0)
          if (sent.length === 1) writer.write(new Uint8Array(1))
        },
        onFragment: () => () => undefined,
      },
      clock: { nowMs: () => 0, after: () => () => undefined },
    })
    writer.write(new Uint8Array(30))
    // Start, end, and then the one that is both.
    expect(sent).toEqual([0x80, 0x41, 0xc0])
  })
})
