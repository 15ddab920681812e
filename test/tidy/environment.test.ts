// What the process starts must not have its environment: an operator's secrets are in it, ours until they are read, others for good.
import { describe, expect, it } from 'vitest'
import { sourceFiles } from './source-files.ts'

/** Tools of development, which start what a developer starts, and the demo's engine, which is one. */
const isExempt = (path: string): boolean =>
  /^(benchmarks|scripts|dashboard\/build)\/|\/test-[a-z-]+\.ts$/.test(path) || path === 'cli/engine/engine-process.ts'

const starts = /\bnew Worker\(|\b(?:execFile|execFileSync|spawn|spawnSync|fork)\(/g
const ours = sourceFiles.filter(({ path, isTest }) => !isTest && !path.startsWith('test/') && !isExempt(path))
const started = ours
  .flatMap(({ path, code }) =>
    Array.from(code.matchAll(starts), ({ index }) => [path, code.slice(index, index + 400)] as const),
  )
  .filter(([, code]) => code.startsWith('new Worker(') || code.includes('process.execPath'))

describe('a thread or process that the engine starts', () => {
  it('is one of these', () => {
    expect([...new Set(started.map(([path]) => path))].toSorted()).toEqual([
      'loadtest/driver/load-threads.ts',
      'loadtest/fleet/provision.ts',
      'operators/sign-in/webauthn.ts',
      'server/machine/watchdog.ts',
      'store/search/decision-search.ts',
      'store/view/view-check.ts',
      'store/view/view-writer.ts',
    ])
  })

  it('gets an environment of its own', () => {
    for (const [path, code] of started) expect(code, path).toMatch(/\benv: (\{\}|childEnvironment\()/)
  })

  it('and nothing of the engine or its commands spreads or reads what is secret from process.env', () => {
    const reading = ours
      .filter(({ path }) => path !== 'server/settings/secret-environment.ts')
      .filter(({ code }) => /\.\.\.process\.env|process\.env\['BANDPASS_MASTER/.test(code))
    expect(reading.map(({ path }) => path)).toEqual([])
  })
})
