import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, it, onTestFinished } from 'vitest'
import { testFolder } from '../../server/log/test-folder.ts'
import { freePort } from '../support/free-port.ts'

const launcher = join(import.meta.dirname, '..', '..', 'bin', 'bandpass')

/** An engine that may have so many files open; `said` are its lines on stderr, `ready` rejects with its exit code. */
async function started(openFiles: number, listener: string) {
  const port = await freePort()
  const args = [
    'serve',
    '--data',
    testFolder(onTestFinished),
    '--port',
    `${port}`,
    '--operators-port',
    'off',
    '--listener',
    listener,
  ]
  const child = spawn('sh', ['-c', `ulimit -n ${openFiles}; exec "$@"`, 'sh', launcher, ...args])
  onTestFinished(() => void child.kill('SIGKILL'))
  const said: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => said.push(line))
  const code = new Promise<number | null>((resolve) => child.once('close', resolve))
  const ready = new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', () => resolve())
    void code.then((ended) => reject(new Error(`it ended with ${ended}: ${said.join(' ')}`)))
  })
  ready.catch(() => undefined)
  return { port, said, ready, code, isRunning: () => child.exitCode === null }
}

/** Sockets that send an upgrade and nothing more. */
function flood(port: number, count: number): void {
  const head = `GET /phone HTTP/1.1\r\nHost: localhost:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n`
  const rest = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: bandpass.v1\r\n\r\n'
  for (let at = 0; at < count; at++) {
    const socket = connect(port, '127.0.0.1', () => socket.write(head + rest))
    socket.on('error', () => socket.destroy())
    onTestFinished(() => void socket.destroy())
  }
}

describe('an engine with few open files', () => {
  it('that are too few does not start, and says what to do', async () => {
    const { code, said } = await started(80, 'auto')
    expect(await code).toBe(1)
    expect(said.join('\n')).toMatch(/at least 192 open files are needed, 80 are allowed: raise the limit/)
  }, 60_000)

  it.each(['auto', 'ws'])(
    'answers for its health while more sockets come than it may have (%s)',
    async (listener) => {
      const { port, ready, said, isRunning } = await started(256, listener)
      await ready
      expect(said.join('\n')).toContain('limits.lowered')
      flood(port, 400)
      let answered = 0
      for (let at = 0; at < 10; at++) {
        await new Promise((resolve) => setTimeout(resolve, 200))
        const health = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(2_000) }).catch(
          () => undefined,
        )
        if (health?.status === 200) answered++
      }
      expect(answered).toBeGreaterThan(5)
      const readiness: unknown = await (await fetch(`http://127.0.0.1:${port}/readyz`)).json()
      expect(readiness).toMatchObject({ ready: true })
      expect(isRunning()).toBe(true)
      expect(said.filter((line) => line.includes('"level":"error"'))).toEqual([])
    },
    60_000,
  )
})
