// Two engines, one data folder, containers of their own: whatever the host is called and whichever process ids they have, only one writes.

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Contained } from '../support/container.ts'
import { ServingEngine } from '../support/serving-engine.ts'

const launcher = join(import.meta.dirname, '..', '..', 'bin', 'bandpass')

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bandpass-one-engine-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'data')
}

function engine(hostname: string, data: string, pid: 'first' | 'later'): Contained {
  const flags = ['--demo', '--port', '0', '--operators-port', 'off', '--journal-segment-bytes', '1048576']
  const contained = new Contained(hostname, ['serve', '--data', data, ...flags], pid)
  onTestFinished(() => void contained.child.kill('SIGKILL'))
  return contained
}

const bandpass = (...args: string[]) => spawnSync(launcher, args, { encoding: 'utf8' })

describe('one data folder in two containers', () => {
  it('is opened by one engine: the other is refused, though host name and process ids say nothing', async () => {
    const data = newFolder()
    const first = engine('web', data, 'first')
    await first.ready()
    for (const pid of ['first', 'later'] as const) {
      const second = engine('web', data, pid)
      expect(await second.ended).toBe(1)
      expect(second.said.stderr).toMatch(/^bandpass: .*\/lock is held by process \d+ on web\. Stop that engine first/m)
      expect(second.said.stderr).not.toContain('    at ')
    }
    expect(bandpass('keys', 'rotate-master', '--data', data)).toMatchObject({ status: 1 })
    expect(bandpass('audit', 'verify', '--data', data).stdout).toMatch(/journal +whole[^]*not compared: an engine runs/)
    first.signal('SIGTERM')
    expect(await first.ended).toBe(0)
    expect(bandpass('audit', 'verify', '--data', data)).toMatchObject({ status: 0 })
  })

  it('is free again when its engine was killed, whatever the next container is called', async () => {
    const data = newFolder()
    const first = engine('box-1', data, 'first')
    await first.ready()
    first.signal('SIGKILL')
    await first.ended
    const second = engine('box-2', data, 'first')
    await second.ready()
    expect(readFileSync(join(data, 'lock'), 'utf8')).toContain('on box-2')
    second.signal('SIGTERM')
    expect(await second.ended).toBe(0)
  })
})

describe('a data folder that is moved away under a running engine', () => {
  it('ends that engine at once, which writes nothing into what stands there now', async () => {
    const data = newFolder()
    const serving = new ServingEngine(data, ['--operators-port', 'off', '--journal-segment-bytes', '1048576'])
    await serving.start()
    onTestFinished(() => serving.kill())
    const ended = serving.ended()
    renameSync(data, `${data}-away`)
    mkdirSync(data)
    expect(await ended).toBe(1)
    expect(serving.log.join('\n')).toContain('"event":"data.lost"')
    expect(spawnSync('ls', ['-A', data], { encoding: 'utf8' }).stdout).toBe('')
    expect(bandpass('audit', 'verify', '--data', `${data}-away`)).toMatchObject({ status: 0 })
  })
})
