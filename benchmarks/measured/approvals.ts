// Benchmark of end-to-end approval latency, durable, open loop: arrivals at a fixed rate whatever the answers do, latency counted
// from the intended start. Engine and load are two processes that share this machine's cores; both sides' figures are shown.

import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import WebSocket from 'ws'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { fromHex, toHex } from '../../base/bytes.ts'
import { makeBand } from '../../band-sim/band/package.ts'
import { Radio } from '../../band-sim/radio.ts'
import { seededRandom } from '../../band-sim/virtual/seeded-random.ts'
import { Wearer } from '../../band-sim/band/wearer.ts'
import { type Partner, createPartner } from '../../sdk/offers.ts'
import type { PhoneBand } from '../../sdk/phone/phone-band.ts'
import { PhoneClient } from '../../sdk/phone-client.ts'
import { createSoftwareKeys } from '../../sdk/phone/phone-keys.ts'
import { Latencies, type LatencySummary, median } from '../figures/latencies.ts'

export type ApprovalsOptions = {
  readonly bands: number
  readonly perSecond: number
  readonly seconds: number
  readonly rounds: number
  readonly listener: 'auto' | 'ws'
  readonly durability: 'disk' | 'process'
}

type EngineFigures = {
  readonly engine: LatencySummary
  readonly cpuShare: number
  readonly loopDelayP99Ms: number
  readonly rssMb: number
}
type Ready = {
  readonly url: string
  readonly listener: string
  readonly partner: { readonly id: string; readonly key: string }
  readonly vendorSeed: string
  readonly engineKey: string
  readonly releaseKey: string
}

export type ApprovalsRound = {
  readonly client: LatencySummary
  readonly approved: number
  readonly other: number
} & EngineFigures

/** Runs the rounds against one fresh engine and returns each round's figures. */
export async function measureApprovals(
  options: ApprovalsOptions,
): Promise<{ readonly listener: string; readonly rounds: readonly ApprovalsRound[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'bandpass-bench-'))
  const child = fork(
    join(import.meta.dirname, '..', 'targets', 'engine-process.ts'),
    [folder, options.listener, options.durability],
    {
      execArgv: ['--disable-sigusr1', '--disable-warning=ExperimentalWarning'],
    },
  )
  const answers: ((message: { readonly type: string }) => void)[] = []
  child.on('message', (message: { readonly type: string }) => answers.shift()?.(message))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own child process, answering in order
  const next = <Answer>() => new Promise<Answer>((resolve) => answers.push((message) => resolve(message as Answer)))
  const ask = <Answer>(message: string) => {
    const answer = next<Answer>()
    child.send(message)
    return answer
  }
  try {
    const ready = await next<Ready>()
    const partner = createPartner({ id: ready.partner.id, kid: 1, key: fromHex(ready.partner.key) }, nodePrimitives)
    const bands = await armedBands(ready, options.bands)
    const rounds: ApprovalsRound[] = []
    await oneRound(bands, partner, { ...options, seconds: Math.min(3, options.seconds) })
    for (let round = 0; round < options.rounds; round++) {
      await ask('reset')
      const client = await oneRound(bands, partner, options)
      rounds.push({ ...client, ...(await ask<EngineFigures>('figures')) })
    }
    return { listener: ready.listener, rounds }
  } finally {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
}

async function armedBands(ready: Ready, count: number): Promise<readonly PhoneBand[]> {
  const scheduler = {
    nowMs: () => performance.now(),
    after: (afterMs: number, work: () => void) => {
      const timer = setTimeout(work, afterMs)
      return () => clearTimeout(timer)
    },
  }
  const pins = {
    engineKeys: [{ id: 1, publicKey: fromHex(ready.engineKey) }],
    releaseKeys: [{ id: 1, publicKey: fromHex(ready.releaseKey) }],
  }
  const vendor = { vendor: 1, model: 1, batch: 1, issuer: 1, seed: fromHex(ready.vendorSeed) }
  const arm = async (index: number): Promise<PhoneBand> => {
    const wearer = new Wearer({ device: makeBand(nodePrimitives, vendor, pins), scheduler, primitives: nodePrimitives })
    const radio = new Radio(wearer.band, { scheduler, random: seededRandom(nodePrimitives, `air ${index}`) })
    const phone = await PhoneClient.connect({
      url: ready.url,
      token: () => `account-${index}`,
      phoneId: toHex(nodePrimitives.randomBytes(16)),
      keys: createSoftwareKeys(nodePrimitives),
      webSocket: WebSocket,
      primitives: nodePrimitives,
    })
    wearer.taps()
    const band = await phone.pair(radio.phone, { packageSecret: wearer.band.device.packageSecret })
    wearer.putsOn()
    for (let wait = 0; wait < 100 && band.status.state !== 'disarmed'; wait++)
      await new Promise((resolve) => setTimeout(resolve, 50))
    await band.arm()
    return band
  }
  const bands: PhoneBand[] = []
  for (let at = 0; at < count; at += 20) {
    bands.push(...(await Promise.all(Array.from({ length: Math.min(20, count - at) }, (_, index) => arm(at + index)))))
  }
  return bands
}

const nap = new Int32Array(new SharedArrayBuffer(4))
const napMs = 0.05

async function oneRound(
  bands: readonly PhoneBand[],
  partner: Partner,
  options: ApprovalsOptions,
): Promise<{ readonly client: LatencySummary; readonly approved: number; readonly other: number }> {
  const latencies = new Latencies()
  const total = options.perSecond * options.seconds
  const gapMs = 1_000 / options.perSecond
  const startMs = performance.now() + 10
  let approved = 0
  let other = 0
  let sent = 0
  const waiting: Promise<void>[] = []
  const send = (index: number): void => {
    const band = bands[index % bands.length]
    if (band === undefined) return
    const intendedMs = startMs + index * gapMs
    const { bytes } = partner.offer({
      action: 'pay',
      resource: '00'.repeat(16),
      amountMinor: 1,
      currency: 978,
      label: 'bench',
      expiresAtMs: Date.now() + 60_000,
    })
    waiting.push(
      band.pay(bytes).then(
        (decision) => {
          latencies.add(performance.now() - intendedMs)
          if (decision.approved) approved++
          else other++
        },
        () => {
          other++
        },
      ),
    )
  }
  await new Promise<void>((resolve) => {
    const turn = (): void => {
      const nowMs = performance.now()
      while (sent < total && startMs + sent * gapMs <= nowMs) send(sent++)
      if (sent >= total) return resolve()
      // A load that spins takes the core that the engine's helper threads need.
      Atomics.wait(nap, 0, 0, napMs)
      setImmediate(turn)
    }
    turn()
  })
  await Promise.all(waiting)
  return { client: latencies.summary(), approved, other }
}

/** The rounds as lines of a table, the medians last. */
export function approvalsTable(rounds: readonly ApprovalsRound[]): string {
  const line = (name: string, one: Omit<ApprovalsRound, 'approved' | 'other'>) =>
    `| ${name} | ${one.engine.p50Ms.toFixed(3)} | ${one.engine.p99Ms.toFixed(3)} | ${one.engine.p999Ms.toFixed(3)} | ${one.client.p50Ms.toFixed(3)} | ${one.client.p99Ms.toFixed(3)} | ${one.client.p999Ms.toFixed(3)} | ${(100 * one.cpuShare).toFixed(0)} % |`
  const middle = (pick: (round: ApprovalsRound) => number) => median(rounds.map(pick))
  const summary = (side: 'engine' | 'client'): LatencySummary => ({
    count: 0,
    p50Ms: middle((round) => round[side].p50Ms),
    p99Ms: middle((round) => round[side].p99Ms),
    p999Ms: middle((round) => round[side].p999Ms),
    maxMs: middle((round) => round[side].maxMs),
  })
  return [
    '| round | engine p50 ms | engine p99 ms | engine p99.9 ms | phone p50 ms | phone p99 ms | phone p99.9 ms | engine CPU |',
    '|---|---|---|---|---|---|---|---|',
    ...rounds.map((round, index) => line(`${index + 1}`, round)),
    line('median', {
      engine: summary('engine'),
      client: summary('client'),
      cpuShare: middle((round) => round.cpuShare),
      loopDelayP99Ms: 0,
      rssMb: 0,
    }),
  ].join('\n')
}
