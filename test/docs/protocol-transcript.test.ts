// The worked transcript of docs/protocol.md: every byte computed again, and then played against an engine, which must say
// exactly what the document says it says.

import { describe, expect, it } from 'vitest'
import { createKeyring } from '../../crypto/at-rest.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { createEngine } from '../../engine/engine.ts'
import type { Connection } from '../../engine/ports/connection.ts'
import { type Bytes, toHex } from '../../base/bytes.ts'
import { parseAccountId, parsePartnerId } from '../../protocol/ids.ts'
import { VirtualTime } from '../../band-sim/virtual/scheduler.ts'
import { MemoryDisk, MemoryJournal, MemoryView } from '../support/memory-ports.ts'
import { engineConfig, euroLimits } from '../support/world.ts'
import { type TranscriptLine, transcriptLines } from './protocol-blocks.ts'
import { type Given, example, workedTranscript } from './worked-transcript.ts'

const lines = transcriptLines()
const given: Given = {
  bytes: (name) => {
    const value = valueOf(name)
    if (typeof value === 'string') throw new Error(`the transcript gives "${name}" as text, bytes expected`)
    return value
  },
  text: (name) => {
    const value = valueOf(name)
    if (typeof value !== 'string') throw new Error(`the transcript gives "${name}" as bytes, text expected`)
    return value
  },
  clockMs: (nth) => {
    const clock = lines.filter((line) => line.name === 'clock')[nth]
    return typeof clock?.value === 'string' ? Date.parse(clock.value) : Number.NaN
  },
}

/** What the engine draws at random, in the order in which it does. */
const drawn = [
  'challenge',
  'resumeToken',
  'uv challenge 1',
  'engine ephemeral 1',
  'bid',
  'Ne 1',
  'uv challenge 2',
  'A',
  'Ne 2',
  'engine ephemeral 2',
]

describe('the worked transcript', () => {
  it('is, byte for byte, what its keys and seeds lead to', () => {
    const plain = ({ name, value }: Pick<TranscriptLine, 'name' | 'value'>) =>
      `${name} = ${typeof value === 'string' ? `"${value}"` : toHex(value)}`
    const stated = lines.filter((line) => line.kind === 'computed').map(plain)
    expect(stated).toEqual(workedTranscript(given).map(plain))
  })

  it('gives nothing that is not used, and each name once', () => {
    const used = new Set<string>()
    workedTranscript({
      ...given,
      bytes: (name) => given.bytes((used.add(name), name)),
      text: (name) => given.text((used.add(name), name)),
    })
    const names = lines.filter((line) => line.kind === 'given' && line.name !== 'clock').map((line) => line.name)
    expect(names.toSorted()).toEqual([...used].toSorted())
  })

  it('is what an engine says when a phone and a band say their part', async () => {
    const { engineSaid, phoneSays, advanceTo } = await startExample()
    let expected: { readonly name: string; readonly hex: string }[] = []
    // What the engine says in one go may come in another order, but for the records of the band: those keep theirs.
    const compare = () => {
      const said = engineSaid().map(
        (hex) => expected.find((one) => one.hex === hex) ?? { name: 'not in the document', hex },
      )
      const isRecord = ({ hex }: { readonly hex: string }) => hex.startsWith('9478')
      expect(said.filter(isRecord)).toEqual(expected.filter(isRecord))
      expect(said.map(({ name }) => name).toSorted()).toEqual(expected.map(({ name }) => name).toSorted())
      expected = []
    }
    for (const { name, value } of lines) {
      if (typeof value === 'string') {
        if (name === 'clock') await advanceTo(Date.parse(value))
      } else if (name.startsWith('← ')) expected.push({ name, hex: toHex(value) })
      else if (name.startsWith('→ ')) {
        compare()
        await phoneSays(value)
      }
    }
    compare()
    expect(lines.filter(({ name }) => name.startsWith('← ')).length).toBeGreaterThan(20)
  })
})

function valueOf(name: string): Bytes | string {
  const line = lines.find((one) => one.kind === 'given' && one.name === name)
  if (line === undefined) throw new Error(`the transcript does not give "${name}"`)
  return line.value
}

/** The engine of the example, with one socket to it. */
async function startExample() {
  const time = new VirtualTime(given.clockMs(0))
  const said: Bytes[] = []
  const draws = drawn.map((name) => given.bytes(name))
  const draw = (length: number): Uint8Array<ArrayBuffer> => {
    const bytes = draws.shift()
    if (bytes?.length !== length) throw new Error(`${bytes?.length ?? 'no'} bytes are next, ${length} were drawn`)
    return Uint8Array.from(bytes)
  }
  const failures: unknown[] = []
  const disk = new MemoryDisk()
  const partner = parsePartnerId(given.bytes('partner'))
  const vendorKey = {
    signatureType: 'ed25519',
    publicKey: nodePrimitives.ed25519PublicKey(given.bytes('vendor seed')),
  } as const
  const { engineVersion, issuer, receiptLifeS, heartbeatS, framesPerSecond, perUseMinor, perDayMinor } = example
  const euro = { ...euroLimits, perUseMinor, perDayMinor }
  const engine = await createEngine(
    {
      ...engineConfig,
      engineVersion,
      issuer,
      receiptLifeS,
      heartbeatS,
      framesPerSecond,
      limits: new Map([[example.currency, euro]]),
    },
    {
      clock: { nowMs: time.nowMs, monotonicMs: () => time.nowMs() - given.clockMs(0), after: time.after },
      random: draw,
      primitives: { ...nodePrimitives, randomBytes: draw },
      journal: new MemoryJournal(disk),
      view: new MemoryView(disk),
      keys: {
        ekid: 1,
        engineSecrets: new Map([[1, given.bytes('S_E secret')]]),
        keyset: undefined,
        rkid: 1,
        releaseSeed: given.bytes('V_R seed'),
        receipt: { kid: given.text('V_E kid'), seed: given.bytes('V_E seed') },
        pepper: given.bytes('pepper'),
        keyring: createKeyring(nodePrimitives, [{ id: 1, key: new Uint8Array(32) }]),
      },
      tokens: {
        verify: async (token) => {
          if (token !== given.text('token')) return undefined
          return {
            account: parseAccountId(given.text('account')),
            authTimeMs: given.clockMs(0),
            expiresAtMs: given.clockMs(0) + 86_400_000,
            scopes: [],
            boundToKey: true,
            hubAccounts: [],
          }
        },
      },
      partners: {
        find: (id) =>
          id === partner
            ? { id, name: 'The example shop', offerKeys: new Map([[1, given.bytes('partner key')]]) }
            : undefined,
      },
      vendors: { status: () => 'active', rootKey: () => vendorKey },
      failed: (error) => failures.push(error),
    },
  )
  const connection: Connection = {
    kind: 'phone',
    remoteAddress: '192.0.2.1',
    host: given.text('host'),
    isOpen: true,
    send: (bytes) => said.push(bytes.slice()),
    close: (code) => failures.push(new Error(`the engine closed the connection: ${code}`)),
    cork: (work) => work(),
  }
  const { receive } = engine.accept(connection)
  return {
    /** What the engine has said since it was last asked. */
    engineSaid: (): readonly string[] => {
      expect(failures).toEqual([])
      return said.splice(0).map(toHex)
    },
    phoneSays: async (bytes: Bytes) => {
      receive(bytes)
      await time.settle()
    },
    advanceTo: (atMs: number) => time.advance(atMs - time.nowMs()),
  }
}
