import { describe, expect, it } from 'vitest'
import { sourceFiles } from './source-files.ts'

const ofDebian = 'a program of scripts/debian-packages, which make test installs as root'
const ofLinux = 'what only Linux has'
const ofRoot = 'to mount a disk, which root may'

/** What each test that may be skipped needs. Nothing that a machine lacks only because it is not ours: no folder beside the clone. */
const needs: Readonly<Record<string, string>> = {
  'benchmarks/peers/peers.test.ts': ofDebian,
  'cli/terminal/output.test.ts': 'script of util-linux, for a terminal',
  'crypto/primitives/system-random.test.ts': ofLinux,
  'operators/attacks.test.ts': ofLinux,
  'operators/passkeys.test.ts': ofLinux,
  'server/figures/meters.test.ts': ofLinux,
  'server/log/stderr-lines.test.ts': ofLinux,
  'store/files/private-folder.test.ts': ofRoot,
  'store/view/view-check.test.ts': ofLinux,
  'store/view/view-lock.test.ts': ofLinux,
  'test/browser/browser.ts': ofDebian,
  'test/end-to-end/full-disk.test.ts': ofRoot,
  'test/end-to-end/private-data.test.ts': ofLinux,
  'test/end-to-end/receipts.test.ts': ofDebian,
  'test/end-to-end/top.test.ts': ofDebian,
  'test/ops/alerts.test.ts': ofDebian,
  'test/ops/prometheus.test.ts': ofDebian,
  'test/power/full-disk.test.ts': ofRoot,
  'test/power/view-power-cut.test.ts': ofDebian,
  'test/tidy/dependencies.test.ts': 'glibc on x64, where the listener is native',
  'transport/conformance-upgrade.test.ts': 'glibc on x64, where the listener is native',
  'transport/pinned-builds.test.ts': 'glibc on x64, where the listener is native',
}

const skips = /\b(?:skipIf|runIf)\(|\b(?:it|test|describe)\.(?:skip|only|todo)\b|\(\{ skip \}\)/
const tests = sourceFiles.filter(({ path }) => path.endsWith('.test.ts') || path.startsWith('test/'))
const skipping = tests.filter(({ path, code }) => path !== 'test/tidy/skips.test.ts' && skips.test(code))

describe('a test that may be skipped', () => {
  it('is one of these, and says what it needs', () => {
    expect(skipping.map(({ path }) => path)).toEqual(Object.keys(needs).toSorted())
  })

  it('needs nothing that lies beside the clone', () => {
    const leaving = tests.filter(
      ({ path, code }) => path !== 'test/tidy/skips.test.ts' && /\.\.\/shared|_DIR'\]/.test(code),
    )
    expect(leaving.map(({ path }) => path)).toEqual([])
  })
})
