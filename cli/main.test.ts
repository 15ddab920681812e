import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { listedNameBytesMax } from './command/command.ts'
import { version } from '../server/machine/version.ts'
import { bandpass, bandpassIn, testFolder } from './test-engine.ts'

const main = fileURLToPath(new URL('./main.ts', import.meta.url))

describe('the command line', () => {
  it('lists its commands, and says its version', () => {
    const { status, stdout } = bandpass('--help')
    expect([status, bandpass().stdout, bandpass('--version').stdout]).toEqual([0, stdout, `${version}\n`])
    for (const name of ['serve', 'demo', 'token', 'partner add', 'audit verify', 'backup'])
      expect(stdout).toContain(`  ${name} `)
  })

  it('says what was probably meant by an unknown command, and fails with 2', () => {
    expect(bandpass('serv')).toMatchObject({ status: 2, stderr: expect.stringContaining('did you mean serve?') })
    expect(bandpass('partner', 'ad')).toMatchObject({ status: 2, stderr: expect.stringContaining('partner add') })
    expect(bandpass('vendor').status).toBe(2)
    expect(bandpass('vendor', '--help').status).toBe(0)
  })

  it('fails with 2 on a configuration that is wrong, with every mistake', () => {
    const path = join(testFolder(onTestFinished), 'config.json')
    writeFileSync(path, JSON.stringify({ port: -1, lisener: 'ws' }))
    const { status, stderr, stdout } = bandpass('serve', '--config', path, '--durability', 'never', '--prot', '1')
    expect([status, stdout]).toEqual([2, ''])
    for (const part of ['4 mistakes', 'port (', 'did you mean listener?', 'durability (flag', 'did you mean --port?']) {
      expect(stderr).toContain(part)
    }
  })

  it('judges no setting that a command does not need', () => {
    const data = testFolder(onTestFinished)
    expect(bandpass('partner', 'add', '--name', 'Corner shop', '--data', data).status).toBe(0)
    const wrong = {
      BANDPASS_PORT: 'x',
      BANDPASS_NO_SETTING: '1',
      BANDPASS_SERVICE_HOST: '10.96.0.7',
      BANDPASS_DATA: `${data}\n`,
    }
    for (const command of [['partner', 'list'], ['operator', 'list'], ['keys'], ['audit', 'verify']]) {
      const { status, stderr } = bandpassIn(wrong, ...command)
      expect([status, stderr], command.join(' ')).toEqual([0, ''])
    }
    expect(bandpassIn(wrong, 'serve').status).toBe(2)
    const id = /[0-9a-f]{32}/.exec(bandpass('partner', 'list', '--data', data).stdout)?.[0] ?? ''
    expect(bandpass('partner', 'remove', '--id', ` ${id.toUpperCase()}`, '--data', data).status).toBe(0)
  })

  it('fails with 1 and no stack on what the world did wrong', () => {
    const { status, stderr } = bandpass('partner', 'list', '--data', join(testFolder(onTestFinished), 'none'))
    expect([status, stderr.split('\n').length]).toEqual([1, 2])
    expect(stderr).toContain('no engine has been started in')
  })
})

describe('a data folder that a command made', () => {
  it.for([
    ['operator', 'add', 'ada', '--role', 'admin'],
    ['partner', 'add', '--name', 'Corner shop'],
    ['keys', '--json'],
  ])('is told by %s: the folder of an engine that runs may have been meant', (command) => {
    const data = testFolder(onTestFinished)
    const run = () => bandpass(...command, '--data', data)
    const first = run()
    expect(first).toMatchObject({ status: 0, stderr: expect.stringContaining(`made a new data folder, ${data};`) })
    expect(() => JSON.parse(first.stdout)).not.toThrow()
    expect(run().stderr).not.toContain('new data folder')
  })
})

describe('the lists, by command', () => {
  it('give a partner its key once, at the start and when it is rotated', () => {
    const data = testFolder(onTestFinished)
    const added = JSON.parse(bandpass('partner', 'add', '--name', 'Corner shop', '--data', data).stdout)
    expect(added).toMatchObject({ name: 'Corner shop', kid: 1, key: expect.stringMatching(/^[0-9a-f]{64}$/) })
    const listed = bandpass('partner', 'list', '--data', data).stdout
    expect(listed).toContain(added.id)
    expect(listed).not.toContain(added.key)
    const rotated = JSON.parse(bandpass('partner', 'rotate', '--id', added.id, '--data', data).stdout)
    expect(rotated).toMatchObject({ id: added.id, kid: 2 })
    expect(bandpass('partner', 'remove', '--id', 'x', '--data', data)).toMatchObject({ status: 2 })
  })

  it.for([
    ['partner', 'add'],
    ['vendor', 'add', '--vendor', '7', '--root', 'ab'.repeat(32)],
  ])('take no name that is not shown as it is written, and none that is too long: %s %s', (command) => {
    const data = testFolder(onTestFinished)
    const named = (name: string) => bandpass(...command, '--name', name, '--data', data)
    expect(named('Coffee \u202eerf')).toMatchObject({ status: 2, stderr: expect.stringContaining('got U+202E, which') })
    expect(named('Sh\u200bop')).toMatchObject({ status: 2, stderr: expect.stringContaining('got U+200B') })
    expect(named('a\u001b[2J')).toMatchObject({ status: 2, stderr: expect.stringContaining('got U+001B') })
    expect(named(' ')).toMatchObject({ status: 2, stderr: expect.stringContaining('got 0 bytes') })
    expect(named('ä'.repeat(listedNameBytesMax / 2)).status).toBe(0)
    expect(named(`${'ä'.repeat(listedNameBytesMax / 2)}x`)).toMatchObject({ status: 2 })
  })

  it('list and revoke vendors', () => {
    const vendor = (...args: string[]) => bandpass('vendor', ...args, '--data', data)
    const data = testFolder(onTestFinished)
    expect(vendor('add', '--vendor', '7', '--name', 'Works', '--root', 'ab'.repeat(32)).stdout).toContain('ed25519')
    expect(vendor('add', '--vendor', '7', '--name', 'Works', '--root', 'ab'.repeat(31)).status).toBe(2)
    const revoked = vendor('revoke', '--vendor', '7', '--model', '2', '--batch', '41').stdout
    expect(revoked).toContain('revoked: model 2 batch 41')
    expect(vendor('revoke', '--vendor', '8').status).toBe(1)
  })
})

describe('keys, by command', () => {
  it('are shown by their public halves only, and rotated', () => {
    const data = testFolder(onTestFinished)
    const before = JSON.parse(bandpass('keys', '--json', '--data', data).stdout)
    expect(before.engine).toHaveLength(2)
    const after = bandpass('keys', 'rotate', 'receipt', '--data', data).stdout
    expect(after).toMatch(new RegExp(`receipt  ${before.receipt[0].kid}  published`))
    expect(bandpass('keys', 'rotate', 'reciept', '--data', data)).toMatchObject({ status: 2 })
  })

  it('make tokens only for what is an account and a key', () => {
    const data = testFolder(onTestFinished)
    bandpass('keys', '--data', data)
    const token = (...args: string[]) => bandpass('token', '--data', data, ...args)
    const key = 'ab'.repeat(32)
    expect(token('--account', 'alice', '--key', key).stdout.trim().split('.')).toHaveLength(3)
    expect(token('--account', 'a/b', '--key', key).status).toBe(2)
    expect(token('--account', 'alice', '--key', 'xyz').status).toBe(2)
    const listed = token(
      '--account',
      'h',
      '--key',
      `0x${key.toUpperCase()}`,
      '--scope',
      ' hub ',
      '--accounts',
      'a, b,,',
    ).stdout
    const claims = JSON.parse(Buffer.from(listed.split('.')[1] ?? '', 'base64url').toString('utf8'))
    expect(claims).toMatchObject({ scope: 'hub', accounts: ['a', 'b'] })
  })
})

describe('the help', () => {
  it.for(['--help', '--version', 'vendor --help'])('by %s loads neither the engine nor its libraries', (args) => {
    // Node tells of each module that it loads.
    const { stderr, status } = spawnSync(process.execPath, ['--disable-sigusr1', main, ...args.split(' ')], {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
      env: { ...process.env, NODE_DEBUG: 'esm' },
    })
    expect(status).toBe(0)
    const loaded = [...new Set(stderr.match(/file:\/\/[^ ',]+/g))]
    expect(loaded.some((url) => url.endsWith('cli/command-index.ts'))).toBe(true)
    const heavy = /node_modules|\/(?:store|transport|machines|operators)\/|engine\/engine\.ts|server\/settings\.ts/
    expect(loaded.filter((url) => heavy.test(url))).toEqual([])
  })
})
