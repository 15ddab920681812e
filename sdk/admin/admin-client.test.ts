import { type Server, createServer } from 'node:http'
import { expect, it, onTestFinished } from 'vitest'
import { AdminClient } from './admin-client.ts'

/** An engine's address where connections are taken and nothing is ever answered. */
async function silentEngine(): Promise<string> {
  const server: Server = createServer(() => undefined)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return `http://127.0.0.1:${address.port}`
}

it('An operator’s tool is told in time that an engine takes its question and does not answer', async () => {
  const url = await silentEngine()
  const admin = new AdminClient(url, 'token', { timeoutMs: 100 })
  await expect(admin.info()).rejects.toMatchObject({ name: 'AdminError', status: 0 })
  await expect(admin.meters()).rejects.toThrow('cannot be reached')
})
