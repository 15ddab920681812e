// The README and the first hour of docs/operating.md as a newcomer types them: every command in order, in one data folder. What is a
// click there, test/browser/ and `make pictures` do; the one that changes what later commands find is done here by its command.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { demoWorld } from '../../band-sim/demo-world.ts'
import { PhoneClient } from '../../sdk/phone-client.ts'
import { freePort } from '../support/free-port.ts'
import { ServingEngine } from '../support/serving-engine.ts'
import { readText } from '../tidy/source-files.ts'

const root = join(import.meta.dirname, '..', '..')
const operating = readText('docs/operating.md')
const firstHour = operating.slice(
  operating.indexOf('## Your first hour'),
  operating.indexOf('## Starting and stopping'),
)

/** The commands of the plain blocks of a document, in order. */
function typedIn(document: string): readonly string[] {
  const lines: string[] = []
  let fence: string | undefined
  for (const line of document.split('\n')) {
    if (line.startsWith('```')) fence = fence === undefined ? line : undefined
    else if (fence === '```') lines.push(line)
  }
  return lines.filter((line) => /^(bin\/|\$\(scripts|make )/.test(line))
}

async function hour() {
  const folder = mkdtempSync(join(tmpdir(), 'bandpass-hour-'))
  const operatorsPort = await freePort()
  const engine = new ServingEngine(folder, ['--operators-port', `${operatorsPort}`])
  onTestFinished(async () => {
    await engine.kill()
    rmSync(folder, { recursive: true, force: true })
  })
  await engine.start()
  const settings = { BANDPASS_DATA: folder, BANDPASS_DEMO_FILE: join(folder, 'demo.json'), NO_COLOR: '1' }
  /** As written, but for the folder, the ports, and how long a load lasts. */
  const type = (command: string) => {
    const here = command
      .replaceAll('.data/', `${folder}/`)
      .replaceAll(':8484', `:${engine.port}`)
      .replace(/--seconds \d+/, '--seconds 3')
    const { status, stdout, stderr } = spawnSync('sh', ['-c', here], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, ...settings },
      timeout: 60_000,
    })
    return { status, said: stdout + stderr }
  }
  return { engine, folder, type }
}

/** A band's name, as a page would show it. */
async function aBand(engine: ServingEngine): Promise<string> {
  const demo = demoWorld(engine.demoFile())
  const { wearer, radio } = demo.newBand()
  const phone = await PhoneClient.connect(demo.phone())
  wearer.taps()
  const { bid } = await phone.pair(radio.phone, { packageSecret: wearer.band.device.packageSecret })
  phone.close()
  wearer.band.powerOff()
  return bid
}

describe('A newcomer', () => {
  it('who types everything in order, in one folder, sees every command succeed', { timeout: 300_000 }, async () => {
    const { engine, type } = await hour()
    const readme = typedIn(readText('README.md')).filter((line) => !/^make |^bin\/bandpass serve/.test(line))
    expect(readme).toHaveLength(3)
    const [pay = '', , load = ''] = readme
    for (const command of readme) {
      const { status, said } = type(command)
      expect([command, status], said).toEqual([command, 0])
      if (command === pay) expect(said).toMatch(/approved: true[\s\S]*The receipt is genuine, and of this offer\./)
      if (command === load) expect(said).toMatch(/approved {4}\d+/)
    }

    const steps = typedIn(firstHour).filter((line) => !/^make |^bin\/bandpass serve/.test(line))
    const looking = steps.filter((line) => /bandpass (top|inspect|operator list|vendor list)/.test(line))
    expect(looking).toHaveLength(4)
    for (const command of steps.filter((line) => !looking.includes(line))) {
      const { status, said } = type(command)
      expect([command, status], said).toEqual([command, 0])
    }

    // Step 12: what the page does by two operators.
    const [restore = ''] = /bin\/bandpass vendor restore [^`]*/.exec(firstHour) ?? []
    const revoked = type(restore.replace('restore', 'revoke'))
    expect(revoked.said).toContain('revoked: model 1')
    const refused = type(load)
    expect(refused.status).not.toBe(0)
    expect(refused.said).toContain('vendor-revoked')
    expect(refused.said).toContain(restore.replace('bin/', ''))
    expect(type(pay).said).toContain('pair-refused')
    expect(type(restore)).toMatchObject({ status: 0 })
    for (const command of [pay, load]) expect(type(command), command).toMatchObject({ status: 0 })

    const band = await aBand(engine)
    for (const command of looking) {
      const { status, said } = type(command.replace('BAND', band))
      expect([command, status], said).toEqual([command, 0])
    }

    // Step 15: Ctrl-C, and the same command again.
    expect(await engine.stop()).toBe(0)
    await engine.start()
    expect(type(pay)).toMatchObject({ status: 0 })
  })

  it.each(['/nowhere', 'README.md', 'docs'])(
    'who names the wrong folder for an example, %s, reads a sentence',
    (place) => {
      const { status, stderr } = spawnSync(process.execPath, ['examples/pay.ts', place], {
        cwd: root,
        encoding: 'utf8',
      })
      expect([status, stderr]).toEqual([
        1,
        expect.stringMatching(new RegExp(`serve --demo\` running, and ${place} its data folder`)),
      ])
      expect(stderr).not.toMatch(/^ +at /m)
    },
  )

  it('who runs every example finds each in README.md', () => {
    for (const example of ['examples/pay.ts', 'examples/verify_receipt.py']) {
      expect(readText('README.md')).toContain(example)
    }
  })
})
