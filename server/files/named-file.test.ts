import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openNamed, readNamedText } from './named-file.ts'
import { testFolder } from '../log/test-folder.ts'

const inFolder = (name: string) => join(testFolder(onTestFinished), name)

function pipe(): string {
  const path = inFolder('pipe')
  execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', path])
  return path
}

/** Writes into a pipe after a while, in two parts, as programs do. */
function writer(path: string): void {
  const script = 'exec 3>"$1"; sleep 0.2; printf one- >&3; sleep 0.2; printf two >&3'
  const child = spawn('sh', ['-c', script, 'sh', path], { stdio: 'ignore' })
  onTestFinished(() => void child.kill('SIGKILL'))
}

describe('a text from a file that a person names', () => {
  it('is read from a file without its byte order mark, and from a pipe when its writer is done', () => {
    const [file, from] = [inFolder('file'), pipe()]
    writeFileSync(file, '\uFEFFtext')
    expect(readNamedText(file)).toBe('text')
    writer(from)
    expect(readNamedText(from)).toBe('one-two')
    expect(readNamedText('/dev/null')).toBe('')
  })

  it('is not waited for without end: a pipe that is silent is told as that, with and without a writer', () => {
    const silent = /a text expected, nothing came for 0.1 s; is there a program that writes into it\?/
    const [none, held] = [pipe(), pipe()]
    expect(() => readNamedText(none, { silenceMaxMs: 100 })).toThrow(silent)
    const child = spawn('sh', ['-c', 'exec 3<>"$1"; printf x >&3; exec sleep 60', 'sh', held], { stdio: 'ignore' })
    onTestFinished(() => void child.kill('SIGKILL'))
    expect(() => readNamedText(held, { silenceMaxMs: 100 })).toThrow(silent)
  })

  it('may have as many bytes as it may, and not one more; a device without an end has more', () => {
    const [file, device] = [inFolder('file'), inFolder('device')]
    writeFileSync(file, 'x'.repeat(1_000))
    symlinkSync('/dev/zero', device)
    expect(readNamedText(file, { bytesMax: 1_000 }).length).toBe(1_000)
    for (const path of [file, device])
      expect(() => readNamedText(path, { bytesMax: 999 })).toThrow('a file of at most 999 bytes expected, it has more')
  })

  it('is told to be a folder where it is one, and to be missing where nothing is', () => {
    const folder = inFolder('folder')
    mkdirSync(folder)
    for (const read of [readNamedText, openNamed]) {
      expect(() => read(folder)).toThrow('a file expected, it is a folder')
      expect(() => read(join(folder, 'none'))).toThrow(/ENOENT/)
    }
  })
})

describe('the bytes of a file that a person names', () => {
  it('come from a file, and from a pipe whose writer comes later', async () => {
    const [file, from] = [inFolder('file'), pipe()]
    writeFileSync(file, 'text')
    expect(await text(openNamed(file))).toBe('text')
    const opened = openNamed(from)
    writer(from)
    expect(await text(opened)).toBe('one-two')
  })

  it('are waited for without holding anything: what waits at a pipe is ended at once', async () => {
    const opened = openNamed(pipe())
    opened.resume()
    opened.destroy()
    await once(opened, 'close')
  })
})
