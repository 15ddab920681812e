// What an app gives the phone client, at its worst: token sources, keys, radios and listeners that throw, reject, hang or lie. They cost
// what they are needed for, and nothing else.

import { describe, expect, it } from 'vitest'
import type { BandRadio } from '../../sdk/phone/radio-writer.ts'
import type { PhoneClientOptions } from '../../sdk/phone-client.ts'
import { PhoneError } from '../../sdk/phone/phone-errors.ts'
import { createSoftwareKeys } from '../../sdk/phone/phone-keys.ts'
import { defaultTimeouts, waitMaxMs } from '../../sdk/phone/phone-timeouts.ts'
import { parseBid } from '../../protocol/ids.ts'
import { mtuMax, mtuMin, tokenBytesMax } from '../../protocol/limits.ts'
import { armedOn, phoneOn } from '../support/faulty-network.ts'
import type { World } from '../support/world.ts'

const hangs = (): Promise<never> => new Promise(() => undefined)
/** What a callback may do instead of its work. */
const misbehaviours: readonly (readonly [name: string, instead: () => unknown])[] = [
  [
    'throws',
    () => {
      throw new Error('GATT Server is disconnected')
    },
  ],
  [
    'throws nothing',
    () => {
      // oxlint-disable-next-line typescript/only-throw-error -- apps do
      throw undefined
    },
  ],
  ['rejects', () => Promise.reject(new TypeError('fetch failed'))],
  ['rejects with an error of ours', () => Promise.reject(new PhoneError('fenced'))],
  ['hangs', hangs],
  ['gives undefined', () => undefined],
  ['gives nothing', () => ''],
  ['gives a number', () => 42],
  ['gives an object that cannot be a text', () => Object.create(null)],
  ['gives a thenable that calls back twice and throws', () => ({ then: thenTwice })],
]
function thenTwice(resolve: (value: unknown) => void, reject: (error: unknown) => void): never {
  reject(new Error('first'))
  resolve(2)
  throw new Error('third')
}

/** An option whose misbehaviour can be switched on. */
function switchable<Args extends readonly unknown[], Value>(good: (...args: Args) => Value) {
  const at: { instead: (() => unknown) | undefined } = { instead: undefined }
  const call = (...args: Args): Value => (at.instead === undefined ? good(...args) : (at.instead() as Value))
  return { at, call }
}

function tokenSource(world: World) {
  return switchable(() => world.token({ account: 'alice' }))
}

describe('A token source that', () => {
  it.for([...misbehaviours, ['gives too much', () => 'x'.repeat(tokenBytesMax + 1)] as const])(
    '%s is waited for as for a network that is down',
    async ([, instead]) => {
      const source: { at?: { instead: (() => unknown) | undefined } } = {}
      const { world, phone, heard, uncaught, band } = await armedOn((of) => {
        const { at, call } = tokenSource(of)
        source.at = at
        return { token: call }
      })
      if (source.at === undefined) throw new Error('no token source')
      source.at.instead = instead
      world.cutSockets()
      await world.time.advance(10 * 60_000)
      expect(phone.isLive).toBe(false)
      expect(heard).toEqual(['disconnected: offline'])
      source.at.instead = undefined
      await world.time.advance(defaultTimeouts.tokenMs + 31_000)
      expect(phone.isLive).toBe(true)
      expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
      await uncaught.settled()
      expect(uncaught.errors).toEqual([])
    },
  )

  it.for(misbehaviours)('%s when connecting first makes that fail, with a PhoneError', async ([, instead]) => {
    const { world, connect, network, uncaught } = await phoneOn(() => ({ token: instead as () => string }))
    const failing = connect().catch((error: unknown) => error)
    await world.time.advance(defaultTimeouts.tokenMs)
    expect(await failing).toBeInstanceOf(PhoneError)
    expect(network.openedCount).toBe(0)
    await uncaught.settled()
    expect(uncaught.errors).toEqual([])
  })

  it('closes the phone while it is asked opens no further connection', async () => {
    const also: { close?: () => void } = {}
    const { world, phone, network, heard } = await armedOn((of) => ({
      token: () => {
        also.close?.()
        return of.token({ account: 'alice' })
      },
    }))
    also.close = () => phone.close()
    world.cutSockets()
    await world.time.advance(60_000)
    expect(heard).toEqual(['disconnected: offline', 'ended: closed'])
    expect(network.openedCount).toBe(1)
  })

  it('gives what the engine refuses ends the session at the second no, not at the first', async () => {
    const given: string[] = []
    const { world, phone, heard } = await armedOn((of) => ({
      token: ({ refused }) => {
        given.push(refused?.code ?? 'none')
        if (given.length === 2) return 'null'
        if (given.length === 3) throw new TypeError('fetch failed')
        return given.length > 6 ? 'null' : of.token({ account: 'alice' })
      },
    }))
    world.cutSockets()
    await world.time.advance(60_000)
    expect(phone.isLive).toBe(true)
    expect(given).toEqual(['none', 'none', 'token-invalid', 'token-invalid'])
    given.push('x', 'x')
    world.cutSockets()
    await world.time.advance(60_000)
    expect(heard.at(-1)).toBe('ended: token-invalid')
    expect(given.slice(6)).toEqual(['none', 'token-invalid'])
  })
})

describe('A session key that', () => {
  it.for(misbehaviours)('%s instead of signing is tried again as after any loss', async ([, instead]) => {
    const source: { at?: { instead: (() => unknown) | undefined } } = {}
    const { world, phone, heard, uncaught } = await armedOn((of) => {
      const keys = createSoftwareKeys(of.primitives)
      const { at, call } = switchable(keys.session.sign)
      source.at = at
      return { keys: { ...keys, session: { ...keys.session, sign: call } } }
    })
    if (source.at === undefined) throw new Error('no key')
    source.at.instead = instead
    world.cutSockets()
    await world.time.advance(10 * 60_000)
    expect(phone.isLive).toBe(false)
    expect(heard).toEqual(['disconnected: offline'])
    source.at.instead = undefined
    await world.time.advance(60_000)
    expect(phone.isLive).toBe(true)
    await uncaught.settled()
    expect(uncaught.errors).toEqual([])
  })
})

describe('A verify key that', () => {
  it.for(misbehaviours)('%s says that the user was not verified, and the next time may do', async ([, instead]) => {
    const source: { at?: { instead: (() => unknown) | undefined } } = {}
    const { world, phone, band, heard, uncaught } = await armedOn((of) => {
      const keys = createSoftwareKeys(of.primitives)
      const { at, call } = switchable(keys.verify.sign)
      source.at = at
      return { keys: { ...keys, verify: { ...keys.verify, sign: call } } }
    })
    if (source.at === undefined) throw new Error('no key')
    source.at.instead = instead
    for (const ask of [() => band.arm(), () => band.unfreeze(), () => phone.deactivate(band.bid)]) {
      const failed = await world.run(ask().catch((error: unknown) => error))
      expect(failed).toBeInstanceOf(PhoneError)
    }
    source.at.instead = undefined
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    expect(heard).toEqual([])
    await uncaught.settled()
    expect(uncaught.errors).toEqual([])
  })
})

describe('A radio', () => {
  const silent = misbehaviours.filter(([name]) => !name.startsWith('gives'))

  it.for(silent)('whose send %s has lost what it was to send, and all goes on when it works again', async (one) => {
    const [, instead] = one
    const { world, phone, band, does, good, heard, uncaught } = await armedOn()
    does.send = instead
    const failed = await world.run(band.pay(world.offer().bytes).catch((error: unknown) => error))
    expect(failed).toBeInstanceOf(PhoneError)
    expect(failed).toMatchObject({ code: 'band-silent', then: 'retry' })
    expect(await world.run(phone.freeze(band.bid))).toEqual(['owner-freeze'])
    expect(await world.run(phone.unfreeze(band.bid))).toEqual([])
    const again = [band.pay(world.offer().bytes), band.pay(world.offer().bytes)].map((paying) =>
      paying.catch((error: unknown) => error),
    )
    await world.time.advance(120_000)
    for (const end of await world.run(Promise.all(again))) expect(end).toBeInstanceOf(PhoneError)
    does.send = good.send
    await world.time.advance(120_000)
    await world.run(band.whenLinked(30_000))
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    expect(heard).toEqual([])
    await uncaught.settled()
    expect(uncaught.errors).toEqual([])
  })

  it('that gives something for each write is as good as one that gives nothing', async () => {
    const { world, band, does, good } = await armedOn()
    for (const value of [42, '', null, {}, Promise.resolve(7)]) {
      does.send = (bytes) => {
        good.send(bytes)
        return value
      }
      expect(await world.run(band.pay(world.offer({ amountMinor: 100 }).bytes))).toMatchObject({ approved: true })
    }
  })

  it.for([mtuMin - 1, 0, -1, Number.NaN, Number.POSITIVE_INFINITY, undefined, '247'])(
    'with an mtu of %s is refused at once, and says so',
    async (mtu) => {
      const { world, phone, band, wearer, does, good, radio } = await armedOn()
      does.mtu = () => mtu
      const secret = { packageSecret: wearer.band.device.packageSecret }
      for (const ask of [() => phone.attach(radio, band.bid), () => phone.pair(radio, secret)]) {
        const failed = await world.run(ask().catch((error: unknown) => error))
        expect(failed).toBeInstanceOf(PhoneError)
        expect(failed).toMatchObject({ code: 'out-of-range' })
        expect(String(failed)).toContain(`mtu: ${mtuMin} to ${mtuMax} expected`)
      }
      // While a payment is under way it is a radio that lost its connection.
      const paying = band.pay(world.offer().bytes).catch((error: unknown) => error)
      expect(await world.run(paying)).toMatchObject({ code: 'band-silent' })
      does.mtu = good.mtu
      await world.time.advance(60_000)
      expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    },
  )

  it.for([
    [mtuMin, mtuMin - 3],
    [mtuMin + 0.5, mtuMin - 3],
    [mtuMax, 512],
    [mtuMax + 1, 512],
    [527, 512],
  ] as const)('with an mtu of %d carries fragments of at most %d bytes', async ([mtu, bytesMax]) => {
    const { world, band, does, good } = await armedOn()
    does.mtu = () => mtu
    const sizes: number[] = []
    does.send = (bytes) => {
      sizes.push(bytes.length)
      return good.send(bytes)
    }
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    expect(Math.max(...sizes)).toBeLessThanOrEqual(bytesMax)
    if (bytesMax < 119) expect(Math.max(...sizes)).toBe(bytesMax)
  })

  it('that cannot be listened to is out of reach, and leaves its slot free', async () => {
    const { world, phone, wearer, radio, uncaught } = await armedOn()
    const onFragment = (): never => {
      throw new Error('GATT Server is disconnected')
    }
    const secret = { packageSecret: wearer.band.device.packageSecret }
    const deaf = phone.pair({ mtu: 247, send: radio.send, onFragment }, secret).catch((error: unknown) => error)
    expect(await world.run(deaf)).toMatchObject({ code: 'band-unreachable' })
    for (const none of [undefined, null, {}, 'radio', { mtu: 247 }, { mtu: 247, send: () => undefined }]) {
      const failed = await phone
        .attach(none as unknown as BandRadio, parseBid('00'.repeat(8)))
        .catch((error: unknown) => error)
      expect(failed).toMatchObject({ code: 'out-of-range' })
    }
    await uncaught.settled()
    expect(uncaught.errors).toEqual([])
  })

  it.for(misbehaviours)('whose listening ends with one that %s is left all the same', async ([, instead]) => {
    const { world, phone, band, radio, uncaught } = await armedOn()
    await world.run(band.detach())
    const heard: ((bytes: Uint8Array) => void)[] = []
    const other: BandRadio = {
      mtu: 247,
      send: radio.send,
      onFragment: (listener) => {
        heard.push(listener)
        radio.onFragment(listener)
        return instead
      },
    }
    const again = await world.run(phone.attach(other, band.bid))
    await world.run(again.detach())
    for (const listener of heard) {
      for (const value of [undefined, null, 'text', 7, {}, new DataView(new ArrayBuffer(3)), new ArrayBuffer(2)]) {
        listener(value as Uint8Array)
      }
      listener(new Uint8Array(600))
    }
    await world.time.advance(60_000)
    expect(phone.isLive).toBe(true)
    await uncaught.settled()
    expect(uncaught.errors).toEqual([])
  })

  it('that brings anything but bytes brings nothing', async () => {
    const { world, phone, band, radio, uncaught } = await armedOn()
    await world.run(band.detach())
    const heard: ((bytes: Uint8Array) => void)[] = []
    const onFragment: BandRadio['onFragment'] = (listener) => {
      heard.push(listener)
      return radio.onFragment(listener)
    }
    const again = await world.run(phone.attach({ mtu: 247, send: radio.send, onFragment }, band.bid))
    for (const value of [undefined, null, 'text', 7, {}, [1, 2]]) heard[0]?.(value as Uint8Array)
    expect(await world.run(again.pay(world.offer().bytes))).toMatchObject({ approved: true })
    await uncaught.settled()
    expect(uncaught.errors).toEqual([])
  })
})

describe('A listener that', () => {
  it.for(misbehaviours)('%s ends no session, and is told to the app', async ([, instead]) => {
    const failed: unknown[] = []
    const { world, phone, band, heard, uncaught } = await armedOn(() => ({
      listenerFailed: (error) => {
        failed.push(error)
        throw new Error('even this')
      },
    }))
    for (const name of ['state', 'alert', 'disconnected', 'reconnected', 'band-left', 'session-ended'] as const) {
      phone.on(name, instead)
    }
    world.cutSockets()
    await world.time.advance(30_000)
    expect(heard).toEqual(['disconnected: offline', 'reconnected: resumed'])
    await world.run(phone.freeze())
    await world.run(phone.unfreeze())
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    phone.close()
    await uncaught.settled()
    expect(uncaught.errors).toEqual([])
  })

  it('throws is on the console where the app gives no other place', async () => {
    const said: unknown[] = []
    const { error } = console
    console.error = (...words: readonly unknown[]) => said.push(words)
    try {
      const { phone, world } = await armedOn()
      const bad = new Error('of the app')
      phone.on('disconnected', () => {
        throw bad
      })
      world.cutSockets()
      await world.time.advance(1_000)
      expect(said).toEqual([['a listener of the phone client failed', bad]])
    } finally {
      console.error = error
    }
  })

  it('closes the phone when it is told of a loss is obeyed: nothing is tried again', async () => {
    const { world, phone, network, heard } = await armedOn()
    phone.on('disconnected', () => phone.close())
    world.cutSockets()
    await world.time.advance(600_000)
    expect(heard).toEqual(['disconnected: offline', 'ended: closed'])
    expect(network.openedCount).toBe(1)
  })
})

describe('Whatever an app asks with', () => {
  const nonsense: readonly unknown[] = [
    undefined,
    null,
    '',
    'zz',
    7,
    Number.NaN,
    {},
    [],
    new Uint8Array(3),
    () => undefined,
  ]

  it('a PhoneError is all that comes back, and the session is none the worse', async () => {
    const { world, phone, band, radio, uncaught } = await armedOn()
    type Loose = Record<string, (...args: readonly unknown[]) => unknown>
    const client = phone as unknown as Loose
    const carried = band as unknown as Loose
    const offers = nonsense.filter((value) => value !== undefined)
    for (const value of offers) {
      const asks: readonly (() => unknown)[] = [
        () => client['attach']?.(radio, value),
        () => client['attach']?.(value, band.bid),
        () => client['pair']?.(radio, value),
        () => client['pair']?.(radio, { packageSecret: value }),
        () => client['lost']?.(value),
        () => client['found']?.(value),
        () => client['deactivate']?.(value),
        () => client['veto']?.(value),
        () => client['veto']?.('phone', value ?? 'x'),
        () => client['limits']?.(value),
        () => client['removePhone']?.(value),
        () => carried['pay']?.(value),
        () => carried['pay']?.(world.offer().bytes, { wearerTimeoutMs: value === 7 ? 0 : value }),
        () => carried['whenLinked']?.(value === 7 ? waitMaxMs + 1 : value),
        () => carried['whenWorn']?.(value === 7 ? 0.5 : value),
      ]
      for (const ask of asks) {
        const end = await world.run(Promise.resolve(ask()).catch((error: unknown) => error))
        expect(end, `${ask.toString()} with ${JSON.stringify(value)}`).toBeInstanceOf(PhoneError)
      }
    }
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    await uncaught.settled()
    expect(uncaught.errors).toEqual([])
  })

  it('once it is over, every question says so', async () => {
    const { world, phone, band, radio } = await armedOn()
    phone.close()
    const asks = [
      phone.bands(),
      phone.phones(),
      phone.attach(radio, band.bid),
      phone.freeze(),
      phone.changes().next(),
      phone.history().next(),
      band.pay(world.offer().bytes),
      band.arm(),
      band.attach(),
      band.detach(),
      band.whenLinked(1),
      band.whenWorn(),
    ]
    for (const ask of asks) await expect(ask).rejects.toMatchObject({ name: 'PhoneError', code: 'closed' })
  })

  it.for<[string, Partial<Record<keyof PhoneClientOptions, unknown>>]>([
    ['no address', { url: 'engine' }],
    ['an address of a page', { url: 'https://engine.test/phone' }],
    ['a phone id that is none', { phoneId: 'phone' }],
    ['no keys', { keys: undefined }],
    ['a key that is none', { keys: { session: { publicKey: new Uint8Array(31), sign: () => undefined } } }],
    ['no token source', { token: 'a.token' }],
    ['no WebSocket', { webSocket: {} }],
    ['a wait of no time', { timeouts: { answerMs: 0 } }],
    ['a wait past what timers count', { timeouts: { helloMs: waitMaxMs + 1 } }],
    ['a wait that is no number', { timeouts: { pingAfterMs: Number.NaN } }],
  ])('connecting with %s is refused at once', async ([, set]) => {
    const { connect } = await phoneOn(() => set as Partial<PhoneClientOptions>)
    const failed = await connect().catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(PhoneError)
    expect(failed).toMatchObject({ code: 'out-of-range' })
  })

  it('the longest wait is one that timers can count', async () => {
    const { world, connect } = await phoneOn(() => ({ timeouts: { pingAfterMs: waitMaxMs } }))
    expect((await world.run(connect())).isLive).toBe(true)
  })
})
