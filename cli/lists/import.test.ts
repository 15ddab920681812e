import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { sampleLine } from '../../server/http/test-import.ts'
import { bandpassProcess, testEngine, testFolder } from '../test-engine.ts'

function line(index: number, change: Record<string, unknown> = {}): string {
  return JSON.stringify(sampleLine(index, change))
}

async function engineWith(...lines: readonly string[]) {
  const data = testFolder(onTestFinished)
  const { server } = await testEngine(onTestFinished, data)
  const file = join(data, 'bands.ndjson')
  writeFileSync(file, lines.join('\n'))
  const token = join(data, 'admin-token')
  const run = (change: { readonly file?: string; readonly token?: string; readonly url?: string } = {}) => {
    const { url = server.url } = change
    const options = ['--url', url, '--admin-token', change.token ?? token]
    return bandpassProcess(onTestFinished, 'import', change.file ?? file, ...options).ended
  }
  return { server, data, file, run }
}

describe('bandpass import', () => {
  it('takes a file into a running engine, and takes it again', async () => {
    const { server, run } = await engineWith(line(1), '', line(2), line(3))
    const first = await run()
    expect([first.status, first.stderr, JSON.parse(first.stdout)]).toEqual([
      0,
      '',
      { read: 3, imported: 3, refused: 0 },
    ])
    expect(server.status().bands.offWrist).toBe(3)
    const again = await run({ url: `http://127.0.0.1:${server.port}` })
    expect([again.status, JSON.parse(again.stdout)]).toEqual([0, { read: 3, imported: 3, refused: 0 }])
    expect(server.status().bands.offWrist).toBe(3)
  })

  it('takes a file with byte order marks and line ends of another system, and says what UTF-16 is', async () => {
    const { file, run } = await engineWith(line(1))
    writeFileSync(file, `\uFEFF${line(1)}\r\n\uFEFF${line(2)}\r\n`)
    const marked = await run()
    expect([marked.status, JSON.parse(marked.stdout)]).toEqual([0, { read: 2, imported: 2, refused: 0 }])
    writeFileSync(file, Buffer.from(`\uFEFF${line(1)}\n`, 'utf16le'))
    const wide = await run()
    expect([wide.status, wide.stderr]).toEqual([2, expect.stringContaining('this is UTF-16; save it as UTF-8')])
  })

  it('tells each refused line with its number and reason, takes the others, and ends with 1', async () => {
    const { server, run } = await engineWith(line(1), line(1, { account: 'other' }), line(2, { k: -1 }), line(3))
    const { status, stderr, stdout } = await run()
    expect(status).toBe(1)
    expect(stderr.trim().split('\n').toSorted()).toEqual([
      'line 2: band-elsewhere',
      'line 3: k: a whole number expected, got a number',
    ])
    expect(JSON.parse(stdout)).toEqual({ read: 4, imported: 2, refused: 2 })
    expect(server.status().bands.offWrist).toBe(2)
  })

  it('says what is wrong with what was typed, or with the engine', async () => {
    const { data, run } = await engineWith(line(1))
    const missing = await run({ file: join(data, 'none') })
    expect([missing.status, missing.stderr]).toEqual([2, expect.stringContaining('ENOENT')])
    const address = await run({ url: 'localhost' })
    expect([address.status, address.stderr]).toEqual([2, expect.stringContaining('http://localhost:8484 expected')])
    const nobody = await run({ url: 'http://127.0.0.1:1' })
    expect([nobody.status, nobody.stderr]).toEqual([1, expect.stringContaining('cannot be reached')])
    const other = join(data, 'other-token')
    writeFileSync(other, 'x'.repeat(40), { mode: 0o600 })
    const refused = await run({ token: other })
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('answered 401')])
    chmodSync(other, 0o644)
    const open = await run({ token: other })
    expect([open.status, open.stderr]).toEqual([1, expect.stringContaining('chmod 600')])
    const nothing = await bandpassProcess(onTestFinished, 'import', '--url', 'http://x').ended
    expect([nothing.status, nothing.stderr]).toEqual([2, expect.stringContaining('FILE is missing')])
  })
})
