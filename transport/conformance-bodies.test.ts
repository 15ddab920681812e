// Conformance, fourth part: bodies of requests, on the paths that take them, within their limits.
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Rigs, listenersHere } from './test-conformance.ts'
import { defaultLimits } from './limits.ts'
import type { HttpAnswer, PostHandler } from './listener.ts'

const names = await listenersHere()
const rigs = new Rigs()

afterEach(() => rigs.close())

const said = (status: number, body: string): HttpAnswer => ({ status, contentType: 'text/plain', body })

/** Takes bodies at /import for those with a key, and says what it read. */
const importer: PostHandler = ({ path, header }) => {
  if (path !== '/import') return undefined
  if (header('authorization') !== 'key') return said(401, 'no key')
  return async (body) => said(200, `${body.length} ${body.reduce((sum, byte) => sum + byte, 0)}`)
}
const key = { headers: { authorization: 'key' } }
const part = (length: number) => new Uint8Array(length).fill(1)

describe.each(names)('%s and the body of a POST', (name) => {
  const start = rigs.posted(name)

  it('hands it whole to who takes it, in however many parts it came', async () => {
    const rig = await start(importer)
    const answer = await rig.post('/import', [part(100_000), part(1), part(70_000)], key)
    expect(answer).toMatchObject({ status: 200, body: '170001 170001' })
    expect(await rig.post('/import', [], key)).toMatchObject({ status: 200, body: '0 0' })
  })

  it('takes one that does not say its length', async () => {
    const rig = await start(importer)
    const answer = await rig.post('/import', [part(70_000), part(70_000)], { ...key, isChunked: true })
    expect(answer).toMatchObject({ status: 200, body: '140000 140000' })
  })

  it('takes none on another path, and knows no other method', async () => {
    const rig = await start(importer)
    expect(await rig.ask('/health', 'POST')).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
    expect(await rig.ask('/import', 'PUT')).toMatchObject({ status: 405 })
    expect(await rig.ask('/phone', 'POST')).toMatchObject({ status: 426 })
  })

  it('refuses by the head alone, and the peer hears why although it sent a body', async () => {
    const take = vi.fn<PostHandler>(importer)
    const rig = await start(take)
    expect(await rig.post('/import', [part(200_000)])).toMatchObject({ status: 401, body: 'no key' })
    expect(take).toHaveBeenCalledTimes(1)
  })

  it.for([
    ['of a declared length', key],
    ['in chunks', { ...key, isChunked: true }],
  ] as const)('takes one %s of the largest size, and answers 413 to one byte more', async ([, how]) => {
    const rig = await start(importer, { bodyBytesMax: 100_000 })
    expect(await rig.post('/import', [part(60_000), part(40_000)], how)).toMatchObject({ body: '100000 100000' })
    expect(rig.refusals).toEqual([])
    expect(await rig.post('/import', [part(60_000), part(40_001)], how)).toMatchObject({ status: 413 })
    expect(rig.refusals).toEqual(['bodyBytesMax'])
  })

  it('has a megabyte as its largest size unless told', async () => {
    expect(defaultLimits.bodyBytesMax).toBe(1_048_576)
    const rig = await start(importer)
    expect(await rig.post('/import', [part(1_048_576)], key)).toMatchObject({ body: '1048576 1048576' })
    expect(await rig.post('/import', [part(1_048_577)], key)).toMatchObject({ status: 413 })
  })

  it('waits for its end as long as a request may take, not longer', async () => {
    const rig = await start(importer, { requestTimeoutMs: 4_000 })
    const answer = rig.post('/import', [part(10)], { ...key, isUnfinished: true })
    await vi.waitFor(
      () => {
        rig.clock.advance(1_000)
        expect(rig.refusals).toEqual(['requestTimeoutMs'])
      },
      // On a busy machine the head takes a while to come.
      { timeout: 10_000 },
    )
    expect(await answer).toMatchObject({ status: 408 })
  })

  it('bears with as many at once as there may be, answers 503 to one more, and has its place again afterwards', async () => {
    const waiting: (() => void)[] = []
    const rig = await start(() => () => new Promise((resolve) => waiting.push(() => resolve(said(200, 'taken')))), {
      bodiesMax: 2,
    })
    const first = rig.post('/import', [part(1)])
    const second = rig.post('/import', [part(1)])
    await vi.waitFor(() => expect(waiting).toHaveLength(2))
    expect(await rig.post('/import', [part(1)])).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
    expect(rig.refusals).toEqual(['bodiesMax'])
    for (const go of waiting) go()
    expect(await first).toMatchObject({ status: 200, body: 'taken' })
    expect(await second).toMatchObject({ status: 200 })
    const third = rig.post('/import', [part(1)])
    await vi.waitFor(() => expect(waiting).toHaveLength(3))
    waiting[2]?.()
    expect(await third).toMatchObject({ status: 200 })
  })

  it('answers 500 without a reason when its taker fails or throws, reports it, and lives on', async () => {
    const rig = await start(({ path }) => {
      if (path === '/throws') throw new Error('a secret detail')
      return () => Promise.reject(new Error('another secret detail'))
    })
    expect(await rig.post('/throws', [part(1)])).toMatchObject({ status: 500, body: 'unavailable\n' })
    expect(await rig.post('/fails', [part(1)])).toMatchObject({ status: 500, body: 'unavailable\n' })
    expect(rig.failures.map(({ error }) => error)).toEqual([
      new Error('a secret detail'),
      new Error('another secret detail'),
    ])
    await rig.open()
  })

  it('goes on when a listener closes under an answer that is still being made', async () => {
    const waiting: (() => void)[] = []
    const rig = await start(() => () => new Promise((resolve) => waiting.push(() => resolve(said(200, 'late')))))
    const answer = rig.post('/import', [part(1)])
    await vi.waitFor(() => expect(waiting).toHaveLength(1))
    await rig.listener.close()
    waiting[0]?.()
    expect(await answer).toBe(undefined)
    expect(rig.failures).toEqual([])
  })
})
