import { describe, expect, it } from 'vitest'
import type { ImportBindings, ImportResult } from '../../engine/operators/import.ts'
import { encodeImport } from '../../protocol/messages/imported-binding.ts'
import { packArray } from '../../protocol/messages/msgpack-writer.ts'
import { importBody } from './admin-import.ts'

const answers =
  (result: ImportResult): ImportBindings =>
  async () =>
    result

describe('the answer to an import', () => {
  it.each([
    ['busy', 429, '1'],
    ['storage-full', 503, '5'],
    ['unavailable', 503, '1'],
  ] as const)('that the engine stopped as %s is %i, with when to ask again', async (error, status, retryAfter) => {
    const answer = await importBody(answers({ type: 'stopped', error }), encodeImport([]))
    expect(answer).toMatchObject({ status, headers: { 'retry-after': retryAfter } })
    expect(JSON.parse(answer.body)).toMatchObject({ error, message: expect.any(String) })
  })

  it('says what was taken and what was not', async () => {
    const refused = [{ index: 2, reason: 'bid-known' }] as const
    const answer = await importBody(answers({ type: 'done', imported: 2, refused }), encodeImport([]))
    expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { imported: 2, refused }])
  })

  it('leaves nothing of the request in memory, whatever became of it', async () => {
    const failing: ImportBindings = () => Promise.reject(new Error('a bug'))
    const bodies = [encodeImport([]), packArray([2]), packArray([1, new Uint8Array([1, 2, 3])])]
    for (const body of bodies) {
      await importBody(answers({ type: 'stopped', error: 'busy' }), body)
      expect(body.every((byte) => byte === 0)).toBe(true)
    }
    const body = encodeImport([])
    await expect(importBody(failing, body)).rejects.toThrow('a bug')
    expect(body.every((byte) => byte === 0)).toBe(true)
  })
})
