// scripts/install-debian.sh is run from a copy, with an apt-get and a dpkg that the test wrote: the real ones are shared.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readText, root } from './source-files.ts'

let home = ''
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'bandpass debian '))
  mkdirSync(join(home, 'scripts'))
  mkdirSync(join(home, 'bin'))
  mkdirSync(join(home, 'installed'))
  cpSync(join(root, 'scripts/install-debian.sh'), join(home, 'scripts/install-debian.sh'))
  writeFileSync(
    join(home, 'scripts/debian-packages'),
    [
      '# suite package check',
      'one   first   [ -e installed/first ]',
      'one   second  [ -e installed/second ]',
      'two   third   [ -e installed/third ]',
      '',
    ].join('\n'),
  )
  program('id', 'echo 0')
  program('dpkg', 'echo "dpkg $*" >>calls')
  program('apt-get', aptThat(''))
})
afterEach(() => rmSync(home, { recursive: true }))

describe('the installation of Debian’s packages', () => {
  it('asks once for all that is missing of the suites that are named, and for nothing else', () => {
    writeFileSync(join(home, 'installed/first'), '')
    expect(install('one', 'two')).toMatchObject({ status: 0 })
    expect(installs()).toEqual(['install -y --no-remove --no-install-recommends second third'])
    rmSync(join(home, 'calls'))
    expect(install('all')).toMatchObject({ status: 0, said: '' })
    expect(existsSync(join(home, 'calls'))).toBe(false)
  })

  it('waits until another program that installs is done', () => {
    const busy = 'E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 1 (apt-get)'
    const lists = 'E: Could not get lock /var/lib/apt/lists/lock - open (11: Resource temporarily unavailable)'
    program(
      'apt-get',
      aptThat(`[ -e tried$1 ] || { : >tried$1; [ "$1" = update ] && echo '${lists}' || echo '${busy}'; exit 100; }`),
    )
    expect(install('two')).toMatchObject({ status: 0 })
    expect(existsSync(join(home, 'installed/third'))).toBe(true)
  })

  it('finishes first what was cut off', () => {
    const cut = 'E: dpkg was interrupted, you must manually run dpkg --configure -a to correct the problem.'
    program('apt-get', aptThat(`grep -q 'dpkg --configure -a' calls || { echo '${cut}'; exit 100; }`))
    expect(install('two')).toMatchObject({ status: 0 })
    expect(existsSync(join(home, 'installed/third'))).toBe(true)
  })

  it('brings the others where one cannot be had, and says which', () => {
    program(
      'apt-get',
      aptThat(`case " $* " in *" first "*) echo 'E: Unable to locate package first'; exit 100 ;; esac`),
    )
    const { status, said } = install('one')
    expect(status).toBe(0)
    expect(existsSync(join(home, 'installed/second'))).toBe(true)
    expect(said).toContain('could not install first (what needs them is left out)')
  })

  it('lets nothing start while it installs, and takes that back, also what a killed one left', () => {
    program('apt-get', aptThat('cat policy >>seen'))
    expect(install('one')).toMatchObject({ status: 0 })
    const policy = readFileSync(join(home, 'seen'), 'utf8').split('\n').slice(0, 3)
    expect(policy.at(-1)).toBe('exit 101')
    expect(existsSync(join(home, 'policy'))).toBe(false)

    writeFileSync(join(home, 'policy'), `${policy.join('\n')}\n`)
    expect(install('two')).toMatchObject({ status: 0 })
    expect(existsSync(join(home, 'policy'))).toBe(false)
  })

  it('leaves a policy of the machine’s own as it is', () => {
    writeFileSync(join(home, 'policy'), '#!/bin/sh\nexit 0\n')
    expect(install('one')).toMatchObject({ status: 0 })
    expect(readFileSync(join(home, 'policy'), 'utf8')).toBe('#!/bin/sh\nexit 0\n')
  })

  it('says what to run to who is not root, and installs nothing', () => {
    program('id', 'echo 1000')
    const { status, said } = install('all')
    expect(status).toBe(0)
    expect(said).toContain('run: sudo apt-get install --no-install-recommends first second third')
    expect(existsSync(join(home, 'calls'))).toBe(false)
  })

  it('refuses a suite that the list does not have', () => {
    expect(install('three')).toMatchObject({
      status: 2,
      said: 'install-debian: no suite three in scripts/debian-packages\n',
    })
  })
})

describe('the list of Debian’s packages', () => {
  const lines = readText('scripts/debian-packages')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))

  it('has a suite, a package and a check on every line, in order', () => {
    for (const line of lines) expect(line).toMatch(/^[a-z]+ +[a-z0-9-]+ +\S/)
    expect(lines.toSorted()).toEqual(lines)
  })

  it('has every suite that the Makefile and the scripts name', () => {
    const suites = new Set(lines.map((line) => line.split(' ', 1)[0]))
    const texts = ['Makefile', 'scripts/test.sh', 'CONTRIBUTING.md'].map(readText).join('\n')
    const named = [...texts.matchAll(/install-debian\.sh ([a-z ]+)/g)].flatMap(([, names = '']) =>
      names.trim().split(' '),
    )
    expect(named).toContain('all')
    for (const name of named) if (name !== 'all') expect(suites).toContain(name)
  })
})

function program(name: string, text: string): void {
  writeFileSync(join(home, 'bin', name), `#!/bin/sh\n${text}\n`)
  chmodSync(join(home, 'bin', name), 0o755)
}

/** An apt-get that notes its calls without options, does `first`, and then installs. */
function aptThat(first: string): string {
  const withoutOptions = 'while :; do case $1 in -o) shift 2 ;; -q) shift ;; *) break ;; esac; done'
  const names = 'for name in "$@"; do case $name in -* | install) ;; *) : >"installed/$name" ;; esac; done'
  return `${withoutOptions}\necho "$*" >>calls\n${first}\n[ "$1" != install ] || { ${names}; }`
}

function install(...suites: readonly string[]): { readonly status: number | null; readonly said: string } {
  const run = spawnSync('sh', [join(home, 'scripts/install-debian.sh'), ...suites], {
    cwd: home,
    encoding: 'utf8',
    env: { PATH: `${join(home, 'bin')}:/usr/bin:/bin`, POLICY_RC_D: join(home, 'policy') },
  })
  return { status: run.status, said: run.stderr }
}

function installs(): readonly string[] {
  return readFileSync(join(home, 'calls'), 'utf8')
    .split('\n')
    .filter((call) => call.startsWith('install'))
}
