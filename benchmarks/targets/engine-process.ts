// Child process that runs the engine under measurement: real journal and view, the listener a server would take. Talks to its
// parent over IPC: what the parent needs to connect, then figures whenever asked.

import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { createKeyring } from '../../crypto/at-rest.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { createEngine } from '../../engine/engine.ts'
import { Chores } from '../../engine/ports/chores.ts'
import { defaultDelays } from '../../policy/delays.ts'
import { toHex } from '../../base/bytes.ts'
import { parseAccountId, parsePartnerId } from '../../protocol/ids.ts'
import { realClock } from '../../server/machine/real-clock.ts'
import { openJournal } from '../../store/journal/journal.ts'
import { openView } from '../../store/view/view.ts'
import { chooseListener } from '../../transport/choose-listener.ts'
import { defaultLimits } from '../../transport/limits.ts'
import { Latencies } from '../figures/latencies.ts'

const folder = process.argv[2]
if (folder === undefined) throw new Error('engine-process.ts FOLDER')
const wanted = process.argv[3] === 'ws' ? 'ws' : 'auto'
const durability = process.argv[4] === 'process' ? 'process' : 'disk'

const random = (length: number) => nodePrimitives.randomBytes(length)
const keyring = createKeyring(nodePrimitives, [{ id: 1, key: random(32) }])
const view = await openView({ folder: `${folder}/view`, keyring, monotonicMs: realClock.monotonicMs })
const journal = await openJournal({
  folder: `${folder}/journal`,
  durability,
  after: realClock.after,
  appliedLsn: view.appliedLsn,
})
const [engineSecret, releaseSeed, vendorSeed, partnerKey] = [random(32), random(32), random(32), random(32)]
const partnerId = parsePartnerId('aa'.repeat(16))
const vendorKey = { signatureType: 'ed25519', publicKey: nodePrimitives.ed25519PublicKey(vendorSeed) } as const
const wide = 1_000_000_000

const engine = await createEngine(
  {
    heartbeatS: 600,
    resumeWindowMs: 60_000,
    authDeadlineMs: 60_000,
    awakeBandsMax: 100_000,
    awakeIdleMs: 600_000,
    linksMax: 1_100_000,
    sessionsMax: 100_000,
    pairingWindowsMax: 1_000,
    pairingFailuresPerAccount: 5,
    pairingFailuresPerAddress: 50,
    accountFramesPerSecond: 100_000,
    accountFramesBurst: 200_000,
    accountRecordsPerSecond: 100_000,
    accountRecordsBurst: 200_000,
    gateDepthMax: 20_000,
    gateWaitMaxMs: 10_000,
    hellosMax: 1_000,
    armedMs: 24 * 3_600_000,
    delays: defaultDelays,
    limits: new Map([
      [
        978,
        {
          perUseMinor: wide,
          perDayMinor: wide,
          perClassDayMinor: { pay: wide, receive: wide },
          perLevelUseMinor: [wide, wide, wide, wide, wide],
          perLevelDayMinor: [wide, wide, wide, wide, wide],
          verification: [],
          restrictedPerUseMinor: 1,
          tapAboveMinor: wide,
        },
      ],
    ]),
    viewFlushMs: 5_000,
    viewFlushRecords: 25_000,
    approveBeforeProven: false,
    issuer: 'https://bench.invalid',
    receiptLifeS: 3_600,
    engineVersion: 'bench',
    clockAheadMaxMs: Infinity,
    clockAcceptBehindLsn: 0,
    framesPerSecond: 50,
  },
  {
    clock: realClock,
    random,
    primitives: nodePrimitives,
    journal,
    view,
    keys: {
      ekid: 1,
      engineSecrets: new Map([[1, engineSecret]]),
      keyset: undefined,
      rkid: 1,
      releaseSeed,
      receipt: { kid: 'bench', seed: random(32) },
      pepper: random(32),
      keyring,
    },
    tokens: {
      verify: async (token) => ({
        account: parseAccountId(token),
        authTimeMs: Date.now(),
        expiresAtMs: Date.now() + 86_400_000,
        scopes: [],
        boundToKey: true,
        hubAccounts: [],
      }),
    },
    partners: {
      find: (id) => (id === partnerId ? { id, name: 'bench', offerKeys: new Map([[1, partnerKey]]) } : undefined),
    },
    vendors: { status: () => 'active', rootKey: () => vendorKey },
    failed: (error) => process.stderr.write(`${String(error)}\n`),
  },
)

const limits = {
  ...defaultLimits,
  kinds: {
    phone: {
      ...defaultLimits.kinds.phone,
      frames: { perSecond: 100_000, burst: 100_000 },
      bytes: { perSecond: 100_000_000, burst: 100_000_000 },
    },
    hub: defaultLimits.kinds.hub,
  },
  framesPerAddress: { perSecond: 1_000_000, burst: 1_000_000 },
  connectionsPerAddress: { perSecond: 100_000, burst: 100_000 },
  requestsPerAddress: { perSecond: 100_000, burst: 100_000 },
  socketsPerAddressMax: 100_000,
}
const choice = await chooseListener(wanted)
const listener = await choice.listen({
  host: '127.0.0.1',
  port: 0,
  hosts: [],
  accept: engine.accept,
  http: () => ({ status: 404, contentType: 'text/plain', body: '' }),
  limits,
  clock: realClock,
  chores: new Chores({ clock: realClock, told: () => undefined }),
  observe: {
    failed: (_during, error) => process.stderr.write(`${String(error)}\n`),
    refused: (by) => process.stderr.write(`${by}\n`),
  },
})

const took = new Latencies()
engine.watch((event) => {
  if (event.type === 'decided') took.add(event.tookMs)
})
const loop = monitorEventLoopDelay({ resolution: 1 })
loop.enable()
let cpu = process.cpuUsage()
let since = performance.now()

process.on('message', (message) => {
  if (message === 'reset') {
    took.clear()
    loop.reset()
    cpu = process.cpuUsage()
    since = performance.now()
    process.send?.({ type: 'reset' })
  }
  if (message === 'figures') {
    const used = process.cpuUsage(cpu)
    process.send?.({
      type: 'figures',
      engine: took.summary(),
      cpuShare: (used.user + used.system) / 1_000 / (performance.now() - since),
      loopDelayP99Ms: loop.percentile(99) / 1e6,
      rssMb: process.memoryUsage().rss / 1_048_576,
      status: engine.status(),
    })
  }
  if (message === 'stop')
    void engine
      .stop(1_000)
      .then(() => listener.close())
      .then(() => process.exit(0))
})
process.send?.({
  type: 'ready',
  url: `ws://127.0.0.1:${listener.port}/phone`,
  listener: listener.name,
  partner: { id: partnerId, key: toHex(partnerKey) },
  vendorSeed: toHex(vendorSeed),
  engineKey: toHex(nodePrimitives.x25519PublicKey(engineSecret)),
  releaseKey: toHex(nodePrimitives.ed25519PublicKey(releaseSeed)),
})
