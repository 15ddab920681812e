// Pinned hashes (integrity check) of the native listener's builds. The package that has one comes from a registry and runs in front of the
// internet, beside the master key; so a build is loaded only when its bytes are those that are written down here. For every other one `ws` is
// used.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** SHA-256 of `uws.node` of one version, by platform, processor and major version of Node. */
export type PinnedBuilds = Readonly<Record<string, string>>

export const pinned20690: PinnedBuilds = {
  'linux-x64-22': '34d235864db874fbf3aeafd48b63f6fb80f61fb584a86f1e5f7b0291dbd7a3d4',
  'linux-x64-24': '177efdc682425d754474bd30f9586c487fa6694f790f3406a23885d0e61c07a0',
  'linux-x64-26': '604375741bf77780b34e7e299af9274cb1f56d73732201d19e3d8d8448176795',
}

export const pinned20514: PinnedBuilds = {
  'linux-x64-22': 'f687e7c3666b5cca9d355184bbf07bb0550f5ba0d3ffd453248ccfec552dde6c',
  'linux-x64-23': 'ed86f2297e70febcc89138818c2ca503dad29783bc4bba2aa7cc6d9beba70739',
}

/** SHA-256 of what loads `uws.node`, which lies beside it in each build's package: one line, the same for all. */
const pinnedDoor = '9e8c455f5b6fe80471b8d29b196f21ce1ebe8fd0384bba9604b6b0343c32374f'

/** The build of this machine, as its package names it. */
export const buildHere = `${process.platform}-${process.arch}-${process.versions.node.split('.')[0] ?? ''}`

/** What is loaded for a build: the package's door, and the native code beside it. */
export type BuildFiles = { readonly door: string; readonly native: string }

/** Where the build of this machine is installed, of the package that a name stands for. Throws what Node says when it is not. */
export function installedBuild(library: string): BuildFiles {
  const main = createRequire(import.meta.url).resolve(library)
  const door = createRequire(main).resolve(`@uwsjs/${buildHere}`)
  return { door, native: join(dirname(door), 'uws.node') }
}

/** Throws when a build is not the one that is pinned, or none is. */
export function checkPinned(pins: PinnedBuilds, build: string, { door, native }: BuildFiles): void {
  const pinned = Object.hasOwn(pins, build) ? pins[build] : undefined
  if (pinned === undefined) throw new Error(`no build for ${build} is pinned by its hash, so none is loaded`)
  for (const [file, expected] of [
    [door, pinnedDoor],
    [native, pinned],
  ] as const) {
    const found = createHash('sha256').update(readFileSync(file)).digest('hex')
    if (found !== expected) {
      throw new Error(`${file} is not the pinned build: SHA-256 ${expected} expected, got ${found}`)
    }
  }
}
