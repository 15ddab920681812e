import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { chooseListener } from './choose-listener.ts'
import { type BuildFiles, buildHere, checkPinned, installedBuild } from './pinned-builds.ts'
import { type UwsPackage, loadUws, pinnedBuilds, uwsPackages } from './uws.ts'

const pinnedHere = uwsPackages.filter((name) => pinnedBuilds[name][buildHere] !== undefined)

/** A copy of the installed build that a test may spoil. */
function copied(name: UwsPackage): BuildFiles {
  const folder = mkdtempSync(join(tmpdir(), 'bandpass-build-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const { door, native } = installedBuild(name)
  const copy = { door: join(folder, 'index.js'), native: join(folder, 'uws.node') }
  copyFileSync(door, copy.door)
  copyFileSync(native, copy.native)
  return copy
}

describe.runIf(pinnedHere.length > 0).each(pinnedHere)('the native build of %s', (name) => {
  it('is loaded as it is pinned', () => {
    expect(() => checkPinned(pinnedBuilds[name], buildHere, installedBuild(name))).not.toThrow()
    expect(() => checkPinned(pinnedBuilds[name], buildHere, copied(name))).not.toThrow()
  })

  it('is not loaded with one bit of it turned', () => {
    const build = copied(name)
    const bytes = readFileSync(build.native)
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
    writeFileSync(build.native, bytes)
    expect(() => checkPinned(pinnedBuilds[name], buildHere, build)).toThrow(
      /is not the pinned build: SHA-256 [0-9a-f]{64}/,
    )
  })

  it('is not loaded through a door that is another, whatever lies beside it', () => {
    const build = copied(name)
    writeFileSync(build.door, `${readFileSync(build.door, 'utf8')};require('./more.js')`)
    expect(() => checkPinned(pinnedBuilds[name], buildHere, build)).toThrow(/index\.js is not the pinned build/)
  })

  it('is not loaded for a machine for which none is pinned, nor as that of the other package', () => {
    for (const build of ['linux-arm64-22', 'darwin-arm64-22', 'win32-x64-22', 'linux-x64-99', 'constructor']) {
      expect(() => checkPinned(pinnedBuilds[name], build, copied(name))).toThrow(/no build for .* is pinned/)
    }
    const other = uwsPackages.find((one) => one !== name && pinnedBuilds[one][buildHere] !== undefined)
    if (other !== undefined)
      expect(() => checkPinned(pinnedBuilds[other], buildHere, copied(name))).toThrow(/is not the pinned build/)
  })
})

describe('a listener whose native builds are not those that are pinned', () => {
  it('is ws, with a warning that says so', async () => {
    const choice = await chooseListener('auto', (name) =>
      loadUws(name, () => {
        throw new Error(`/somewhere/uws.node is not the pinned build of ${name}`)
      }),
    )
    expect(choice.name).toBe('ws')
    for (const name of uwsPackages) expect(choice.warning).toContain(`is not the pinned build of ${name}`)
  })
})
