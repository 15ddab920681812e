import { describe, expect, it, onTestFinished } from 'vitest'
import { createPartner } from '../../sdk/offers.ts'
import { armedBand, bandpass, bandpassProcess, pays, testEngine, testFolder } from '../test-engine.ts'

const root = '3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29'

/** Runs a command beside an engine of this process, which has to go on meanwhile. */
function beside(...args: readonly string[]) {
  return bandpassProcess(onTestFinished, ...args).ended
}

describe('a command that changes a list, beside a running engine,', () => {
  it('ends when the partner may ask: an offer made right after is approved', async () => {
    const data = testFolder(onTestFinished)
    const engine = await testEngine(onTestFinished, data)
    const { band } = await armedBand(onTestFinished, engine)
    for (const name of ['Corner shop', 'Cinema', 'Hotel']) {
      const { status, stdout, stderr } = await beside('partner', 'add', '--name', name, '--data', data)
      const added = JSON.parse(stdout) as { readonly id: string; readonly kid: number; readonly key: string }
      const partner = createPartner({ ...added, key: Buffer.from(added.key, 'hex') })
      expect(await pays({ partner }, band, 100)).toMatchObject({ approved: true })
      expect([status, stderr]).toEqual([0, 'bandpass: the running engine knows\n'])
    }
  })

  it('waits for every list, whichever the command', { timeout: 120_000 }, async () => {
    const data = testFolder(onTestFinished)
    await testEngine(onTestFinished, data)
    const added = await beside('partner', 'add', '--name', 'Corner shop', '--data', data)
    const { id } = JSON.parse(added.stdout) as { readonly id: string }
    const commands = [
      ['partner', 'rotate', '--id', id],
      ['vendor', 'add', '--vendor', '7', '--name', 'Band Works', '--root', root],
      ['vendor', 'revoke', '--vendor', '7'],
      ['operator', 'add', 'alice', '--role', 'admin'],
      ['operator', 'remove', 'alice'],
      ['keys', 'rotate', 'receipt'],
    ]
    for (const command of commands) {
      const { status, stderr } = await beside(...command, '--data', data)
      expect([status, stderr], command.join(' ')).toEqual([0, 'bandpass: the running engine knows\n'])
    }
  })
})

describe('a command that changes a list, without a running engine,', () => {
  it('does not wait, and says so, also after one that ran there', async () => {
    const data = testFolder(onTestFinished)
    const { server } = await testEngine(onTestFinished, data)
    await server.stop()
    const { status, stderr } = bandpass('partner', 'add', '--name', 'Corner shop', '--data', data)
    expect([status, stderr]).toEqual([0, `bandpass: no engine runs on ${data}; the next one reads it at its start\n`])
  })

  it('that makes the folder says both', () => {
    const data = `${testFolder(onTestFinished)}/new`
    const { status, stderr } = bandpass('partner', 'add', '--name', 'Corner shop', '--data', data)
    expect(status).toBe(0)
    expect(stderr).toContain('made a new data folder')
    expect(stderr).toContain('no engine runs on')
  })
})
