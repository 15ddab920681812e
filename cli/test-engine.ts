// For tests: a server in this process on a folder of its own, a band that is paired, worn and armed, and the command line as
// a process.

import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type DemoWorld, demoWorld } from '../band-sim/demo-world.ts'
import { type Partner, createPartner } from '../sdk/offers.ts'
import type { PhoneBand } from '../sdk/phone/phone-band.ts'
import { PhoneClient } from '../sdk/phone-client.ts'
import { type ServerConfig, namedSettings } from '../server/settings/settings.ts'
import { readConfig } from '../server/settings/config.ts'
import type { Log } from '../server/log/log.ts'
import { type RunningServer, startServer } from '../server/start-server.ts'

const main = fileURLToPath(new URL('./main.ts', import.meta.url))
const nodeFlags = ['--disable-sigusr1', '--disable-proto=delete', '--disable-warning=ExperimentalWarning']

/** vitest's onTestFinished: each of these takes back what it did. */
type AfterTest = (work: () => void | Promise<void>) => void

export function testFolder(afterTest: AfterTest): string {
  const path = mkdtempSync(join(tmpdir(), 'bandpass-cli-'))
  afterTest(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Runs a command to its end. No setting comes from the environment of the tests. */
export function bandpass(...args: readonly string[]) {
  return bandpassIn({}, ...args)
}

/** The same with variables in its environment. */
export function bandpassIn(variables: Readonly<Record<string, string>>, ...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...nodeFlags, main, ...args], {
    encoding: 'utf8',
    env: { ...cleanEnvironment(), ...variables },
  })
  return { status, stdout, stderr }
}

/** Starts a command that goes on. */
export function bandpassProcess(afterTest: AfterTest, ...args: readonly string[]) {
  const child = spawn(process.execPath, [...nodeFlags, main, ...args], {
    env: cleanEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  afterTest(() => {
    child.kill('SIGKILL')
  })
  const said = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text))
  const ended = new Promise<{ status: number | null; signal: string | null; stdout: string; stderr: string }>(
    (resolve) => {
      child.once('close', (status, signal) => resolve({ status, signal, ...said }))
    },
  )
  const firstLine = new Promise<string>((resolve) => {
    child.stdout.on('data', () => {
      if (said.stdout.includes('\n')) resolve(said.stdout.split('\n')[0] ?? '')
    })
  })
  return { child, ended, firstLine }
}

function cleanEnvironment(): NodeJS.ProcessEnv {
  const ours = new Set(namedSettings.map((one) => one.environment))
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.has(name)))
}

export type TestEngine = {
  readonly server: RunningServer
  readonly config: ServerConfig
  readonly world: DemoWorld
  readonly partner: Partner
  readonly logged: string[]
}

/** A demo engine in this process. */
export async function testEngine(
  afterTest: AfterTest,
  data: string,
  environment: Record<string, string> = {},
): Promise<TestEngine> {
  const flags = {
    data,
    port: '0',
    demo: 'true',
    'journal-segment-bytes': '1048576',
    'watchdog-hang-ms': '0',
    'view-flush-ms': '100',
  }
  const logged: string[] = []
  const log: Log = (level, event) => void logged.push(`${level} ${event}`)
  const config = readConfig({ flags })
  const server = await startServer(config, { environment, log })
  afterTest(() => server.stop())
  const world = demoWorld(readFileSync(join(data, 'demo.json'), 'utf8'))
  return { server, config, world, partner: createPartner(world.partner), logged }
}

/** A band that its wearer has paired, put on and armed, and its phone. */
export async function armedBand(afterTest: AfterTest, { world }: Pick<TestEngine, 'world'>, account?: string) {
  const options = world.phone(account)
  const client = await PhoneClient.connect(options)
  const { wearer, radio } = world.newBand()
  afterTest(() => {
    client.close()
    wearer.band.powerOff()
  })
  wearer.taps()
  const band = await client.pair(radio.phone, { packageSecret: wearer.band.device.packageSecret })
  wearer.putsOn()
  await band.whenWorn()
  await band.arm()
  return { client, options, wearer, radio, band }
}

/** Pays with a band. */
export function pays({ partner }: Pick<TestEngine, 'partner'>, band: PhoneBand, amountMinor = 450) {
  const resource = '0b'.repeat(16)
  const order = { action: 'pay', resource, amountMinor, currency: 978, label: 'Coffee' } as const
  return band.pay(partner.offer({ ...order, expiresAtMs: Date.now() + 60_000 }).bytes)
}
