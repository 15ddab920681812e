import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const bin = fileURLToPath(new URL('../../bin/bandpass', import.meta.url))

describe('bandpass demo', () => {
  it('pairs every band over real sockets, pays with them, and tells honestly what was denied and how long it took', () => {
    // Each band pays about five times a second: whatever its pauses, it pays while it is off, which is a second of this day.
    const day = ['--bands', '20', '--seconds', '3', '--rate', '100']
    const run = spawnSync(bin, ['demo', ...day, '--json'], { encoding: 'utf8' })
    const lines = run.stdout.trim().split('\n')
    expect(lines, run.stderr).toHaveLength(1)
    const result = JSON.parse(lines[0] ?? '')
    expect(Object.keys(result)).toEqual([
      'paired',
      'approved',
      'denied',
      'deniedByReason',
      'p50Ms',
      'p99Ms',
      'p999Ms',
      'durability',
      'listener',
    ])
    expect(result).toMatchObject({ paired: 20, durability: 'disk' })
    expect(result.listener).toMatch(/^(uws-|ws)/)
    expect(result.approved).toBeGreaterThan(0)
    // The day has a band taken off and one frozen.
    expect(result.deniedByReason).toMatchObject({
      'band-off-wrist': expect.any(Number),
      'owner-freeze': expect.any(Number),
    })
    const counts: unknown[] = Object.values(result.deniedByReason)
    expect(counts.reduce((sum: number, count) => sum + Number(count), 0)).toBe(result.denied)
    expect(result.p50Ms).toBeGreaterThan(0)
    expect(result.p99Ms).toBeGreaterThanOrEqual(result.p50Ms)
    expect(result.p999Ms).toBeGreaterThanOrEqual(result.p99Ms)
    expect(run.status, run.stderr).toBe(0)
  })

  it('that is interrupted tells how long was truly paid, and ends with 130', async () => {
    const child = spawn(bin, ['demo', '--bands', '4', '--seconds', '3600', '--json'])
    const said = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => {
      said.stderr += chunk.toString()
      if (/^paying: [1-9]/m.test(said.stderr)) child.kill('SIGTERM')
    })
    const code = await new Promise((resolve) => child.once('close', resolve))
    expect([code, said.stderr]).toEqual([
      130,
      expect.stringMatching(/paid for \d+(\.\d)? s of 3600 s: it was interrupted/),
    ])
    const result = JSON.parse(said.stdout)
    expect(result).toMatchObject({ interrupted: true, paired: 4 })
    expect(result.seconds).toBeLessThan(120)
  })

  it('fails with 2 on what does not fit', () => {
    const run = spawnSync(bin, ['demo', '--bands', '0', '--json'], { encoding: 'utf8' })
    expect([run.status, run.stdout]).toEqual([2, ''])
    expect(run.stderr).toContain('--bands: a whole number from 1 to')
  })
})
